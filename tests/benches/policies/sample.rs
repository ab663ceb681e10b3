//! A policy as its author writes it, with limits that no benchmark reaches.
//!
//! In: what the arguments are held to. Out: YAML.

use std::fmt::Write as _;

/// What is said of the arguments of a tool.
#[derive(Default)]
pub struct Arguments {
    /// Entries of `blocked`, as they stand in YAML.
    pub blocked: &'static [&'static str],
    /// What `schema` says, as it stands in YAML.
    pub schema: Option<&'static str>,
}

/// What the bodies of the benchmarks hold to.
pub const SCHEMA: &str = r#"
        type: object
        required: [query]
        additionalProperties: false
        properties:
          query: { type: string, minLength: 1, maxLength: 2000 }
          limit: { type: integer, minimum: 1, maximum: 100 }
          filters:
            type: object
            additionalProperties: false
            properties:
              team: { type: string, enum: [payments, search, platform] }
              since: { type: string, format: date-time }
              archived: { type: boolean }
              owner: { type: [string, "null"], maxLength: 100 }
          passages:
            type: array
            maxItems: 2000
            items:
              type: object
              required: [id, text]
              additionalProperties: false
              properties:
                id: { type: string, pattern: "^doc-[0-9]{6}$" }
                source: { type: string, maxLength: 200 }
                text: { type: string, maxLength: 10000 }
                score: { type: number, minimum: 0, maximum: 1 }
                tags: { type: array, maxItems: 20, items: { type: string, maxLength: 50 } }
                pinned: { type: boolean }
                parent: { type: [string, "null"] }
                position:
                  type: object
                  properties:
                    line: { type: integer, minimum: 0 }
                    column: { type: integer, minimum: 0 }
          note: { type: string, maxLength: 500 }
"#;

/// A schema and ten patterns.
pub const USUAL: Arguments = Arguments { schema: Some(SCHEMA), ..TEN_PATTERNS };

/// Literals and expressions, each for something that no search asks for.
pub const TEN_PATTERNS: Arguments = Arguments {
    blocked: &[
        "'rm -rf'",
        "DROP TABLE",
        "os.system",
        "BEGIN PRIVATE KEY",
        "'file://'",
        "169.254.169.254",
        r"{regex: '\bAKIA[A-Z2-7]{16}\b'}",
        r"{regex: '\b(?:curl|wget)\s[^\n|]*\|\s*(?:ba|z)?sh\b'}",
        r"{regex: '\bunion\s+(?:all\s+)?select\b'}",
        r"{regex: '(?:^|[\\/])\.\.[\\/]\.\.[\\/]'}",
    ],
    schema: None,
};

/// What every policy of the benchmarks begins with.
pub const HEAD: &str = "\
apiVersion: toolgate.dev/v1
kind: ToolPolicy
identity: { header: x-agent-id }
schema_format: assertion
defaults:
  body_limit: 1MiB
  rate: { limit: 4294967295/minute, burst: 4294967295 }
audit: { redact: [iban, customer_id] }
agents: { research-agent: {}, support-agent: {}, dev-agent: {} }
groups: { readers: [research-agent, support-agent] }
";

/// One policy with four tools, which differ in how their arguments are shown.
pub fn policy(arguments: &Arguments) -> String {
    let mut policy = HEAD.to_owned();
    policy.push_str("tool_groups:\n  web: { tools: [search], quota: 4294967295/day }\ntools:\n");
    for (tool, shown) in
        [("search", "redacted"), ("search-full", "full"), ("search-hashed", "hashed"), ("search-none", "none")]
    {
        // To write into a string cannot fail.
        let _ =
            writeln!(policy, "  {tool}:\n    groups: [readers]\n    audit: {{ arguments: {shown} }}\n    arguments:");
        let _ = writeln!(policy, "      max_string_length: 500");
        for entry in arguments.blocked.iter().take(1) {
            let _ = writeln!(policy, "      blocked:\n      - {entry}");
        }
        for entry in arguments.blocked.iter().skip(1) {
            let _ = writeln!(policy, "      - {entry}");
        }
        if let Some(schema) = arguments.schema {
            let _ = write!(policy, "      schema:{schema}");
        }
    }
    policy
}
