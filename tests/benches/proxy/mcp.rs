//! Calls of a tool of an MCP server: without a filter, with the floor, with what Envoy itself has, and with Toolgate.
//!
//! In: nothing. Out: the Envoys that are compared, and what is sent to them. The server answers in JSON.

use crate::{
    Bench,
    report::Column,
    sample,
    subject::{self, Fate, Subject},
};
use Fate::{Ends, Passes};
use serde_json::{Value, json};
use toolgate_tests::{
    gateway::{self, Headers, pack},
    harness::{client::Call, upstream::Upstream},
};

/// Where a body's `{"arguments":` has its place in a message.
const ENVELOPE: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"search","#;

/// The place of Envoy's own filters among the subjects.
const OWN: usize = 2;

pub fn bench() -> Bench {
    let upstream = Upstream::counting_with(&json!({
        "jsonrpc": "2.0", "id": 7, "result": {"content": [{"type": "text", "text": "nothing was found"}]}
    }));
    // Bad arguments are told as a result, with status 200.
    let judged = [Passes, Ends(403), Ends(403), Ends(200), Ends(400)];
    let granted = [Passes, Ends(403), Ends(403), Passes, Ends(400)];
    let subjects = vec![
        Subject::start(&upstream, "no filter", None, [Passes; 5]),
        Subject::start(&upstream, "floor", [subject::floor()], [Passes, Passes, Passes, Passes, Ends(422)]),
        Subject::start(&upstream, "mcp + rbac", [mcp(), rbac()], granted),
        Subject::start(&upstream, "toolgate, grants", [toolgate(&grants_alone())], granted),
        Subject::start(&upstream, "toolgate", [toolgate(&policy())], judged),
    ];
    Bench {
        upstream,
        subjects,
        proofs: proofs(),
        call: |size| call("research-agent", &message(size)),
        columns: &[
            Column::Ratio("to no filter", 0),
            Column::Ratio("to floor", 1),
            Column::Ratio("to mcp + rbac", OWN),
            Column::Added("added µs"),
            Column::AddedRatio("added, to mcp + rbac", OWN),
        ],
    }
}

/// A call that the policy allows, an agent without a grant, a tool without one, arguments that the schema does not
/// allow, and a body that is no message.
fn proofs() -> Vec<Call> {
    let good = message(2_000);
    let other = String::from_utf8_lossy(&good).replacen("\"search\"", "\"delete\"", 1);
    let bad = String::from_utf8_lossy(&good).replacen("\"limit\":20", "\"limit\":\"x\"", 1);
    vec![
        call("research-agent", &good),
        call("dev-agent", &good),
        call("research-agent", other.as_bytes()),
        call("research-agent", bad.as_bytes()),
        call("research-agent", b"[]"),
    ]
}

/// A message of exactly this size, with the arguments that the other benchmarks send.
fn message(size: usize) -> Vec<u8> {
    let body = toolgate_bodies::body(size.saturating_sub(ENVELOPE.len()));
    let params = body.get(1..).unwrap_or_default();
    [ENVELOPE.as_bytes(), params, b"}"].concat()
}

fn call(agent: &str, message: &[u8]) -> Call {
    Call::new("POST", "/mcp")
        .header("x-agent-id", agent)
        .header("accept", "application/json, text/event-stream")
        .header("content-type", "application/json")
        .header("mcp-protocol-version", "2025-11-25")
        .header("mcp-session-id", "0d7e4c1a-6f0b-4a57-9d52-1f3f0f4f8e21")
        .body(message)
}

fn toolgate(policy: &str) -> Value {
    gateway::filter("toolgate", &pack(policy, Headers::Held), Headers::Held).to_json()
}

/// Grants, a schema of real size, limits that are never spent, and an audit line with redacted arguments.
fn policy() -> String {
    let limits = "tool_groups:\n  web: { tools: [tickets/search], quota: 4294967295/day }\n";
    let schema = sample::SCHEMA.replace('\n', "\n    ");
    format!("{}{limits}{SERVER}\n        arguments:\n          schema:{schema}\n", sample::HEAD)
}

/// No more than what Envoy's own filters judge: no limits, and no arguments checked or shown.
fn grants_alone() -> String {
    let head = "\
apiVersion: toolgate.dev/v1
kind: ToolPolicy
identity: { header: x-agent-id }
defaults: { body_limit: 1MiB }
audit: { arguments: none }
agents: { research-agent: {}, support-agent: {}, dev-agent: {} }
groups: { readers: [research-agent, support-agent] }
";
    format!("{head}{SERVER}\n")
}

/// The tool that is called stands last, for more to be said of it.
const SERVER: &str = "\
servers:
  tickets:
    path: /mcp
    tools:
      fetch: { groups: [readers], agents: [dev-agent] }
      delete: { agents: [dev-agent] }
      search:
        groups: [readers]";

/// Refuses what is no MCP. It reads a body of any size to its end, as Toolgate does.
fn mcp() -> Value {
    json!({
        "name": "envoy.filters.http.mcp",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.mcp.v3.Mcp",
            "traffic_mode": "REJECT_NO_MCP",
            "max_request_body_size": 1_048_576,
        },
    })
}

/// The same grants.
fn rbac() -> Value {
    let readers = ["research-agent", "support-agent"];
    json!({
        "name": "envoy.filters.http.rbac",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            "rules": {"action": "ALLOW", "policies": {
                "delete": grant(&["delete"], &["dev-agent"]),
                "fetch": grant(&["fetch"], &["research-agent", "support-agent", "dev-agent"]),
                "search": grant(&["search"], &readers),
            }},
        },
    })
}

fn grant(tools: &[&str], agents: &[&str]) -> Value {
    let tools: Vec<_> = tools.iter().map(|tool| of_message(&["params", "name"], tool)).collect();
    let agents: Vec<_> = agents
        .iter()
        .map(|agent| json!({"header": {"name": "x-agent-id", "string_match": {"exact": agent}}}))
        .collect();
    json!({
        "permissions": [{"and_rules": {"rules": [
            {"url_path": {"path": {"exact": "/mcp"}}},
            of_message(&["method"], "tools/call"),
            {"or_rules": {"rules": tools}},
        ]}}],
        "principals": [{"or_ids": {"ids": agents}}],
    })
}

/// What the filter `mcp` read there is this.
fn of_message(path: &[&str], is: &str) -> Value {
    let path: Vec<_> = path.iter().map(|key| json!({"key": key})).collect();
    json!({"sourced_metadata": {"metadata_matcher": {
        "filter": "envoy.filters.http.mcp", "path": path, "value": {"string_match": {"exact": is}},
    }}})
}
