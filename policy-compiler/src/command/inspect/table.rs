//! The report for people.
//!
//! In: a [`Report`]. Out: text with a table of agents, one of tools and one of servers.
//! Adds nothing that is not in the report.

use super::{
    automata::{Automaton, List},
    identity::Source,
    report::{Agent, Grant, Limit, Narrowing, Readable, Report, Server, Tool},
    schemas::{Schema, Schemas},
};
use toolgate_engine::mcp::Version;

pub(super) fn render(report: &Report) -> String {
    let Report {
        format,
        name,
        digest,
        hold_headers,
        packed_bytes,
        bundle_bytes,
        object_percent,
        identity,
        redact,
        audit_max_bytes,
        unanswered,
        groups,
        agents,
        tools,
        servers,
        rules,
        schemas,
        automata,
    } = report;
    let Schemas { nodes, patterns, packed_bytes: schema_bytes, most_steps, entries } = schemas;
    let held = if *hold_headers { "held until the body is judged (--hold-headers)" } else { "not held" };
    let redact = if redact.is_empty() { String::new() } else { format!("; also redacts {}", redact.join(", ")) };
    let facts = [
        ("name", name.clone()),
        ("digest", digest.clone()),
        ("format", format.to_string()),
        ("size", format!("{packed_bytes} bytes, {object_percent} % of a Kubernetes object; {bundle_bytes} inflated")),
        ("headers", held.to_owned()),
        ("identity", identity.iter().map(Source::to_string).collect::<Vec<_>>().join(", then ")),
        ("audit", format!("at most {audit_max_bytes} bytes of arguments{redact}")),
        ("holds", format!("{} agents, {} groups, {} tools, {rules} rules", agents.len(), groups.len(), tools.len())),
    ];
    let globally =
        unanswered.map(|what| ("globally", format!("{what} calls for which the rate limit service gives no answer")));
    let facts = facts.into_iter().chain(globally);
    let mut text: String = facts.map(|(key, value)| format!("{key:<8}  {value}\n")).collect();
    text.push('\n');
    let header = ["AGENT", "GROUPS", "LIMITS OVER ALL TOOLS"].map(str::to_owned);
    text.push_str(&table(header, agents.iter().map(agent)));
    text.push('\n');
    let header =
        ["TOOL", "MODE", "BODY", "SCHEMAS", "STRINGS", "BLOCKED", "AUDIT", "LIMITS", "MAY CALL"].map(str::to_owned);
    text.push_str(&table(header, tools.iter().map(tool)));
    if !servers.is_empty() {
        text.push('\n');
        let header = [
            "SERVER",
            "PATH",
            "HOST",
            "VERSIONS",
            "METHODS",
            "CHANGED",
            "SUSPICIOUS",
            "PINS",
            "FIELDS",
            "RESOURCES AND PROMPTS",
        ];
        text.push_str(&table(header.map(str::to_owned), servers.iter().map(|server| self::server(server, tools))));
    }
    if !entries.is_empty() {
        text.push_str(&format!(
            "\nschemas: {nodes} nodes, {patterns} patterns, {schema_bytes} bytes; at most {most_steps} steps a call\n\n"
        ));
        let header = ["SCHEMA", "STEPS FOR EACH VALUE", "TOOLS"].map(str::to_owned);
        text.push_str(&table(header, entries.iter().map(schema)));
    }
    if !automata.is_empty() {
        text.push('\n');
        let header = ["PATTERNS", "STATES", "MEMORY", "PACKED", "TOOLS", "RULES"].map(str::to_owned);
        text.push_str(&table(header, automata.iter().map(automaton)));
    }
    text
}

fn agent(agent: &Agent) -> [String; 3] {
    let Agent { name, groups, limits } = agent;
    [name.clone(), list(groups), list_of(limits, limit)]
}

fn tool(tool: &Tool) -> [String; 9] {
    let Tool {
        name,
        mode,
        body_limit,
        audit_arguments,
        grants,
        limits,
        max_string_length,
        schemas,
        blocked,
        pin: _,
        mirrored: _,
    } = tool;
    [
        name.clone(),
        (*mode).to_owned(),
        body_limit.to_string(),
        schemas.to_string(),
        max_string_length.map_or("-".to_owned(), |length| length.to_string()),
        blocked.to_string(),
        (*audit_arguments).to_owned(),
        list_of(limits, limit),
        if grants.is_empty() { "nobody".to_owned() } else { list_of(grants, grant) },
    ]
}

fn server(server: &Server, tools: &[Tool]) -> [String; 10] {
    let Server { name, path, host, versions, origins: _, methods, changed, suspicious, resources, prompts } = server;
    let own = format!("{name}/");
    let own = || tools.iter().filter(|tool| tool.name.starts_with(&own));
    let pins = own().filter(|tool| tool.pin.is_some()).count();
    let fields: usize = own().map(|tool| tool.mirrored.len()).sum();
    let readable = |Readable { name, grants }: &Readable| format!("{name}: {}", list_of(grants, grant));
    let readables: Vec<String> = resources.iter().chain(prompts).map(readable).collect();
    [
        name.clone(),
        path.clone(),
        host.clone().unwrap_or_else(|| "any".to_owned()),
        if versions.len() == Version::ALL.len() { "all".to_owned() } else { versions.join(", ") },
        list(methods),
        (*changed).to_owned(),
        (*suspicious).to_owned(),
        pins.to_string(),
        fields.to_string(),
        if readables.is_empty() { "-".to_owned() } else { readables.join("; ") },
    ]
}

fn schema(schema: &Schema) -> [String; 3] {
    let Schema { rules, steps_per_value, tools } = schema;
    [list(rules), steps_per_value.to_string(), tools.to_string()]
}

/// Rules of the first list that uses it; other lists of the same patterns are like it.
fn automaton(automaton: &Automaton) -> [String; 6] {
    let Automaton { patterns, states, bytes, packed_bytes, tools, lists } = automaton;
    let mut rules = lists.first().map(|List { at: _, rules }| rules.clone()).unwrap_or_default();
    rules.dedup();
    let rules = rules.join(", ");
    let more =
        if lists.len() > 1 { format!(", and {} more lists", lists.len().saturating_sub(1)) } else { String::new() };
    [
        patterns.to_string(),
        states.to_string(),
        bytes.to_string(),
        packed_bytes.to_string(),
        tools.to_string(),
        format!("{rules}{more}"),
    ]
}

fn limit(limit: &Limit) -> String {
    let Limit { kind: _, limit, burst, per, scope, bucket, header: _, rule: _ } = limit;
    let burst = burst.map_or(String::new(), |burst| format!(" burst {burst}"));
    let per = if *per == "all" { " for all" } else { "" };
    let group = bucket.strip_prefix("tool_group/").map(|group| group.trim_end_matches("/all"));
    let group = group.map_or(String::new(), |group| format!(" over {group}"));
    let scope = if *scope == "global" { " globally" } else { "" };
    format!("{limit}{burst}{per}{group}{scope}")
}

fn grant(grant: &Grant) -> String {
    let Grant { kind, name, rule: _, narrowing } = grant;
    let group = if *kind == "group" { " (group)" } else { "" };
    let narrowing = narrowing.as_ref().map(|narrowing| format!(" (only: {})", only(narrowing))).unwrap_or_default();
    format!("{name}{group}{narrowing}")
}

fn only(narrowing: &Narrowing) -> String {
    let Narrowing { schemas, max_string_length, blocked } = narrowing;
    let schema = (*schemas > 0).then(|| "schema".to_owned());
    let strings = max_string_length.map(|length| format!("strings {length}"));
    let blocked = (*blocked > 0).then(|| format!("blocked {blocked}"));
    [schema, strings, blocked].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn list(items: &[String]) -> String {
    if items.is_empty() { "-".to_owned() } else { items.join(", ") }
}

fn list_of<T>(items: &[T], show: fn(&T) -> String) -> String {
    list(&items.iter().map(show).collect::<Vec<_>>())
}

/// Columns as wide as their widest cell; the last one is not padded.
fn table<const N: usize>(header: [String; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let rows: Vec<[String; N]> = std::iter::once(header).chain(rows).collect();
    let widest = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..N).map(|column| widest(column).unwrap_or_default()).collect();
    let mut text = String::new();
    for row in &rows {
        let cells: String = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}  ")).collect();
        text.push_str(cells.trim_end());
        text.push('\n');
    }
    text
}
