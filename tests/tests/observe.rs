//! What an operator sees: audit lines that Loki reads, and metrics with labels.

#![cfg(test)]

use std::{
    env,
    io::Write as _,
    process::{Command, Stdio},
};
use toolgate_tests::{
    gateway::{self, Headers},
    harness::{
        client::{Call, Protocol},
        envoy::Envoy,
        upstream::{Answer, Upstream},
    },
};

const POLICY: &str = "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: { header: x-agent-id }\n\
    agents: { research-agent: {}, 'spiffe://acme.org/ns/a=b/c': {} }\ntools:\n  issues_rq_200: { agents: [research-agent] }\n  \
    search: { agents: [research-agent], rate: { limit: 1/day, burst: 4 } }\n  \
    github.issues: { agents: ['spiffe://acme.org/ns/a=b/c'], mode: shadow, arguments: { blocked: [bad] } }\n";

fn call(agent: &str, tool: &str, body: &str) -> Call {
    Call::tool(tool).header("x-agent-id", agent).header("content-type", "application/json").body(body)
}

fn gateway(upstream: &Upstream) -> Envoy {
    Envoy::start(&gateway::config(upstream, [gateway::listener("main", POLICY, Headers::Held)]).concurrency(1))
}

#[test]
fn loki_reads_the_audit_lines_as_they_stand() {
    const QUERY: &str = r#"{namespace="agents", app="tool-gateway"} | json | event="tool_call" | line_format "{{.agent_id}} → {{.tool}} ({{.arguments}})""#;
    let upstream = Upstream::start();
    let envoy = gateway(&upstream);
    let calls = [
        call("research-agent", "search", r#"{"arguments":{"q":"a \"b\"\n→ c"}}"#),
        call("research-agent", "search", "{"),
        call("a\r\nb", "search", "{}").method("POST"),
        call("nobody", "sea\"rch", "{}"),
    ];
    let sent: Vec<_> =
        calls.iter().filter(|call| call.send(Protocol::Http2, envoy.listener_addr("main")).is_ok()).collect();
    let lines = envoy.audit_lines("main", sent.len());
    assert_eq!(lines.len(), sent.len());
    let seen = logql(QUERY, &lines.iter().map(|line| format!("{line}\n")).collect::<String>());
    assert_eq!(seen.lines().next(), Some(r#"research-agent → search ({"q":"a \"b\"\n→ c"})"#), "{seen}");
    assert_eq!(seen.lines().nth(1), Some("research-agent → search ()"), "{seen}");
    assert_eq!(seen.lines().last(), Some("nobody → unknown ()"), "{seen}");
}

/// Runs Loki's own pipeline.
fn logql(query: &str, lines: &str) -> String {
    let program = env::var_os("TOOLGATE_LOGQL")
        .expect("TOOLGATE_LOGQL must name the built tests/loki: run these tests with `tests/run`");
    let mut child = Command::new(program)
        .arg(query)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("tests/loki starts");
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn an_audit_line_has_every_field_of_its_schema() {
    let upstream = Upstream::start();
    let envoy = gateway(&upstream);
    let reply =
        call("research-agent", "search", r#"{"arguments":{"q":1}}"#).send(Protocol::Http1, envoy.listener_addr("main"));
    assert_eq!(reply.unwrap().status, 200);
    let line = envoy.audit_lines("main", 1).remove(0);
    let fields: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
    let documented = [
        "agent_id",
        "arguments",
        "decision",
        "duration_ms",
        "event",
        "policy",
        "reason",
        "request_id",
        "rule",
        "schema_version",
        "status",
        "timestamp",
        "tool",
        "would_deny",
    ];
    let mut sorted = fields.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, documented);
    let digest = gateway::pack(POLICY, Headers::Held);
    assert!(digest.contains(line["policy"].as_str().unwrap()), "{line}");
    let sent = upstream.seen().remove(0);
    let id = String::from_utf8_lossy(sent.header_values("x-request-id")[0]).into_owned();
    assert_eq!(line["request_id"], id.as_str());
    assert!(line["duration_ms"].as_f64().unwrap() > 0.0);
    let page = include_str!("../../docs/audit.md");
    for field in fields {
        assert!(page.contains(&format!("| `{field}` |")), "docs/audit.md does not tell of {field}");
    }
}

#[test]
fn metrics_have_exactly_their_names_and_labels() {
    let upstream = Upstream::start();
    let envoy = gateway(&upstream);
    let spiffe = "spiffe://acme.org/ns/a=b/c";
    let good = r#"{"arguments":{}}"#;
    let send = |call: Call| call.send(Protocol::Http1, envoy.listener_addr("main")).unwrap().status;
    assert_eq!(send(call("research-agent", "search", good)), 200);
    assert_eq!(send(call("research-agent", "search", good)), 200);
    assert_eq!(send(call("research-agent", "github.issues", good)), 200);
    assert_eq!(send(call(spiffe, "github.issues", r#"{"arguments":{"x":"bad"}}"#)), 200);
    assert_eq!(send(call("research-agent", "issues_rq_200", good)), 200);
    assert_eq!(send(call("stranger", "search", good)), 403);
    assert_eq!(send(call("stranger", "missing", good)), 404);
    assert_eq!(send(call("a;tool=b", "search;status=200", good)), 401);
    assert_eq!(send(Call::tool("search").header("content-type", "application/json").body(good)), 401);
    upstream.answer(|_| Answer::new(500));
    assert_eq!(send(call("research-agent", "search", good)), 500);
    let wanted = [
        r#"tool_gateway_calls_total{agent_id="research-agent",tool="search",status="200"} 2"#.to_owned(),
        r#"tool_gateway_calls_total{agent_id="research-agent",tool="search",status="500"} 1"#.to_owned(),
        format!(r#"tool_gateway_calls_total{{agent_id="{spiffe}",tool="github.issues",status="200"}} 1"#),
        r#"tool_gateway_calls_total{agent_id="unknown",tool="search",status="403"} 1"#.to_owned(),
        r#"tool_gateway_calls_total{agent_id="unknown",tool="unknown",status="404"} 1"#.to_owned(),
        r#"tool_gateway_calls_total{agent_id="unknown",tool="unknown",status="401"} 1"#.to_owned(),
        r#"tool_gateway_calls_total{agent_id="unknown",tool="search",status="401"} 1"#.to_owned(),
        r#"tool_gateway_duration_milliseconds_count{agent_id="research-agent",tool="search"} 3"#.to_owned(),
        r#"tool_gateway_calls_total{agent_id="research-agent",tool="issues_rq_200",status="200"} 1"#.to_owned(),
        r#"tool_gateway_duration_milliseconds_count{agent_id="research-agent",tool="issues_rq_200"} 1"#.to_owned(),
        format!(r#"tool_gateway_shadow_denials_total{{agent_id="{spiffe}",tool="github.issues",reason="argument_blocked"}} 1"#),
        r#"tool_gateway_shadow_denials_total{agent_id="research-agent",tool="github.issues",reason="tool_not_granted"} 1"#.to_owned(),
    ];
    let missing = |text: &str| -> Vec<String> {
        let lines: Vec<String> = text.lines().map(sorted_labels).collect();
        wanted.iter().filter(|line| !lines.contains(&sorted_labels(line))).cloned().collect()
    };
    let text = envoy.prometheus_until(|text| missing(text).is_empty());
    assert_eq!(missing(&text), Vec::<String>::new(), "{text}");
    let strange: Vec<_> =
        text.lines().filter(|line| line.contains("tool_gateway") && line.contains("stranger")).collect();
    assert_eq!(strange, Vec::<&str>::new(), "a name that no policy declares became a label");
    let page = include_str!("../../docs/metrics.md");
    for name in [
        "tool_gateway_calls_total",
        "tool_gateway_duration_milliseconds",
        "tool_gateway_shadow_denials_total",
        "tool_gateway_faults_total",
    ] {
        assert!(page.contains(name), "docs/metrics.md does not tell of {name}");
    }
}

/// The same line whatever the order of its labels.
fn sorted_labels(line: &str) -> String {
    let Some((name, rest)) = line.split_once('{') else { return line.to_owned() };
    let Some((labels, value)) = rest.rsplit_once('}') else { return line.to_owned() };
    let mut labels: Vec<_> = labels.split(',').collect();
    labels.sort_unstable();
    format!("{name}{{{}}}{value}", labels.join(","))
}
