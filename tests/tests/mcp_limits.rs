//! Limits over many replicas for messages to MCP servers: they are counted as calls of tools by their paths are, and who
//! is refused is told in the protocol's own shape.

#![cfg(test)]

use serde_json::{Value, json};
use std::{thread, time::Duration};
use toolgate_tests::{
    cases::verdict,
    counting::{self, PATIENT, WithoutAnswer},
    gateway,
    harness::{
        PATIENCE,
        client::{Call, Protocol, Reply},
        envoy::Envoy,
        load,
        ratelimit::RateLimitService,
        redis::Redis,
        upstream::{Answer, Seen, Upstream},
        wait_for,
    },
};

/// `agent` has a limit over all that it calls; the others only those of the tools.
fn policy(create: u32) -> String {
    format!(
        "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: {{ header: x-agent-id }}\n\
         agents: {{ agent: {{ rate: {{ limit: 6/day, scope: global }} }}, a: {{}}, b: {{}} }}\n\
         tool_groups: {{ writes: {{ tools: [github/write, write], quota: {{ limit: 4/day, per: all, scope: global }} }} }}\n\
         tools: {{ create_issue: {{ agents: [agent, a], quota: {{ limit: {create}/day, scope: global }} }}, write: {{ agents: [a, b] }} }}\n\
         servers:\n  github:\n    path: /mcp/github\n    methods: [logging/setLevel]\n    tools:\n      \
         create_issue: {{ agents: [agent, a, b], arguments: {{ blocked: [bad] }}, quota: {{ limit: {create}/day, scope: global }} }}\n      \
         write: {{ agents: [a, b] }}\n      free: {{ agents: [agent, a] }}\n    \
         resources: [{{ prefix: \"docs://\", agents: [agent] }}]\n    prompts: {{ review: {{ agents: [agent] }} }}\n"
    )
}

/// Answers each request with a result, as an event stream if that is asked for; calls by path, too.
fn server(seen: &Seen) -> Answer {
    let message: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
    let answer =
        json!({"jsonrpc": "2.0", "id": message["id"], "result": {"content": [{"type": "text", "text": "done"}]}});
    if message["params"]["arguments"]["stream"] == true {
        return Answer::events([answer.to_string()], Duration::from_millis(1));
    }
    Answer::json(200, &answer)
}

/// A message to the server in a version of the protocol.
fn message(agent: &str, version: &str, body: &Value) -> Call {
    let call = Call::new("POST", "/mcp/github").header("x-agent-id", agent).header("mcp-protocol-version", version);
    call.header("accept", "application/json, text/event-stream").json(body)
}

fn request(id: &Value, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

const VERSION: &str = "2025-11-25";

fn call_of(agent: &str, tool: &str) -> Call {
    let params = json!({"name": tool, "arguments": {"q": "x"}});
    message(agent, VERSION, &request(&json!(7), "tools/call", params))
}

/// A call of the tool of the same name that has a path of its own.
fn by_path(agent: &str, tool: &str) -> Call {
    Call::tool(tool).header("x-agent-id", agent).json(&json!({"arguments": {"q": "x"}}))
}

/// Redis, the service and an Envoy that asks it.
struct Counted {
    tool: Upstream,
    redis: Redis,
    service: RateLimitService,
    envoy: Envoy,
}

impl Counted {
    fn start(create: u32, without: WithoutAnswer) -> Self {
        let (tool, redis, policy) = (Upstream::answering(server), Redis::start(), policy(create));
        let service = counting::service(&redis, &policy);
        let envoy = counting::envoy(&tool, service.address(), &policy, without, PATIENT);
        Self { tool, redis, service, envoy }
    }

    fn send(&self, call: &Call) -> Reply {
        call.send(Protocol::Http1, self.envoy.listener_addr("main")).unwrap()
    }

    fn statuses<const N: usize>(&self, calls: [Call; N]) -> [u16; N] {
        calls.map(|call| self.send(&call).status)
    }

    /// The last of so many audit lines.
    fn last_line(&self, count: usize) -> Value {
        self.envoy.audit_lines("main", count).remove(count - 1)
    }
}

#[test]
fn two_envoys_together_admit_exactly_the_limit_of_a_tool_of_a_server() {
    let (tool, redis, policy) = (Upstream::counting(), Redis::start(), policy(1_000));
    let service = counting::service(&redis, &policy);
    let start = || counting::envoy(&tool, service.address(), &policy, WithoutAnswer::Refuse, PATIENT);
    let envoys = [(); 2].map(|()| start());
    let load = |envoy: &Envoy| {
        let request = call_of("a", "create_issue").http1_bytes();
        load::run(envoy.listener_addr("main"), 8, 2_000, move |_| request.clone())
    };
    let loads = thread::scope(|scope| {
        let running = envoys.each_ref().map(|envoy| scope.spawn(|| load(envoy)));
        running.map(|load| load.join().unwrap())
    });
    let count = |status: u16| loads.iter().map(|load| load.count(status)).sum::<u64>();
    assert_eq!((count(200), count(429)), (1_000, 3_000), "{loads:?}");
    assert!(loads.iter().all(|load| load.count(200) > 0), "both of them served: {loads:?}");
    assert_eq!((tool.count_complete(), tool.count_started()), (1_000, 1_000));
    let keys = redis.ask("KEYS *");
    assert_eq!(keys.matches("tools_x-toolgate-tool-1000-day_github/create_issue a_").count(), 1, "{keys}");
    for envoy in &envoys {
        let lines = envoy.audit_lines("main", 2_000);
        let denied = lines.iter().filter(|line| line["decision"] == "deny");
        let said = ["deny", "quota_exceeded", "/servers/github/tools/create_issue/quota"];
        assert!(denied.clone().all(|line| verdict(line) == said));
        assert_eq!(denied.count(), lines.iter().filter(|line| line["status"] == 429).count());
        gateway::assert_no_trap(envoy);
    }
}

#[test]
fn a_spent_limit_is_told_in_each_version_with_the_id_of_the_request() {
    let counted = Counted::start(1, WithoutAnswer::Refuse);
    assert_eq!(counted.send(&call_of("a", "create_issue")).json()["result"]["content"][0]["text"], "done");
    let mut sent = 1;
    for version in ["2025-03-26", "2025-06-18", VERSION, "2026-07-28"] {
        for (id, protocol) in [(json!("r-1"), Protocol::Http1), (json!(12_345_678_901_u64), Protocol::Http2)] {
            let params = json!({
                "name": "create_issue", "arguments": {"q": "x"},
                "_meta": {"io.modelcontextprotocol/protocolVersion": version},
            });
            let call = message("a", version, &request(&id, "tools/call", params));
            let call = call.header("mcp-method", "tools/call").header("mcp-name", "create_issue");
            let refused = call.send(protocol, counted.envoy.listener_addr("main")).unwrap();
            let body = refused.json();
            assert_eq!((refused.status, &body["id"], &body["jsonrpc"]), (429, &id, &json!("2.0")), "{version}: {body}");
            assert_eq!(refused.header("content-type"), Some("application/json"));
            let after: u64 = refused.header("retry-after").unwrap().parse().unwrap();
            let (error, data) = (&body["error"], &body["error"]["data"]);
            assert_eq!((&error["code"], &data["reason"]), (&json!(429), &json!("quota_exceeded")), "{version}: {body}");
            assert_eq!(data["retryAfter"], after, "{version}: {body}");
            assert!(error["message"].as_str().unwrap().contains("`tool-quota`"), "{version}: {body}");
            assert_eq!(refused.header("ratelimit"), Some(format!("\"tool-quota\";r=0;t={after}").as_str()));
            sent += 1;
            let line = counted.last_line(sent);
            assert_eq!(verdict(&line), ["deny", "quota_exceeded", "/servers/github/tools/create_issue/quota"]);
            assert!(line["unanswered"].is_null() && line["status"] == 429 && line["mcp.method.name"] == "tools/call");
        }
    }
    assert_eq!(counted.tool.seen().len(), 1);
    gateway::assert_no_trap(&counted.envoy);
}

#[test]
fn tools_of_servers_and_of_paths_are_counted_apart_by_their_own_limits_and_together_by_those_of_groups() {
    let counted = Counted::start(2, WithoutAnswer::Refuse);
    let both = || [call_of("a", "create_issue"), by_path("a", "create_issue")];
    let blocked = request(&json!(1), "tools/call", json!({"name": "create_issue", "arguments": {"q": "bad"}}));
    let blocked = counted.send(&message("a", VERSION, &blocked));
    assert_eq!(blocked.json()["result"]["isError"], true, "{}", blocked.text());
    assert_eq!(counted.redis.ask("KEYS *"), "*0\r\n", "what the filter refuses takes nothing");
    assert_eq!(counted.statuses(both()), [200; 2]);
    assert_eq!(counted.statuses(both()), [200; 2]);
    assert_eq!(counted.statuses(both()), [429; 2]);
    assert_eq!(counted.send(&call_of("b", "create_issue")).status, 200, "another agent has a limit of its own");
    let field = |seen: &Seen| String::from_utf8_lossy(seen.header_values("x-toolgate-tool-2-day")[0]).into_owned();
    let fields: Vec<_> = counted.tool.seen().iter().map(field).collect();
    assert_eq!(fields[..2], ["github/create_issue a", "create_issue a"]);
    let group = [call_of("a", "write"), by_path("b", "write"), by_path("a", "write"), call_of("b", "write")];
    assert_eq!(counted.statuses(group), [200; 4]);
    assert_eq!(counted.statuses([call_of("a", "write"), by_path("b", "write")]), [429; 2]);
    assert_eq!(verdict(&counted.last_line(14)), ["deny", "quota_exceeded", "/tool_groups/writes/quota"]);
    // A client cannot say what it is counted by.
    let claims = call_of("a", "create_issue").header("x-toolgate-tool-2-day", "github/create_issue c");
    assert_eq!(counted.send(&claims).status, 429);
    gateway::assert_no_trap(&counted.envoy);
}

#[test]
fn a_limit_of_an_agent_holds_over_calls_by_path_and_all_that_it_asks_of_servers() {
    let counted = Counted::start(100, WithoutAnswer::Refuse);
    let ask = |method: &str, params: Value| message("agent", VERSION, &request(&json!("q"), method, params));
    let read = || ask("resources/read", json!({"uri": "docs://readme"}));
    let get = || ask("prompts/get", json!({"name": "review"}));
    // What the protocol needs is asked for by nobody's will, and counts nothing.
    assert_eq!(counted.statuses([ask("ping", json!({})), ask("tools/list", json!({}))]), [200; 2]);
    assert_eq!(counted.redis.ask("KEYS *"), "*0\r\n");
    let calls = [
        by_path("agent", "create_issue"),
        call_of("agent", "free"),
        read(),
        call_of("agent", "create_issue"),
        get(),
        by_path("agent", "create_issue"),
    ];
    assert_eq!(counted.statuses(calls), [200; 6]);
    for refused in [call_of("agent", "create_issue"), call_of("agent", "free"), read(), get()] {
        let refused = counted.send(&refused);
        let error = &refused.json()["error"];
        assert_eq!((refused.status, &error["code"]), (429, &json!(429)), "{}", refused.text());
        assert_eq!(error["data"]["reason"], "rate_exceeded", "{}", refused.text());
        assert!(["q", "7"].contains(&refused.json()["id"].to_string().trim_matches('"')), "{}", refused.text());
    }
    let problem = counted.send(&by_path("agent", "create_issue"));
    assert_eq!((problem.status, &problem.json()["reason"]), (429, &json!("rate_exceeded")), "by path, its own shape");
    let lines = counted.envoy.audit_lines("main", 13);
    let denied: Vec<_> = lines.iter().filter(|line| line["status"] == 429).map(verdict).collect();
    assert_eq!(denied, [["deny", "rate_exceeded", "/agents/agent/rate"]; 5]);
    assert_eq!(counted.statuses([call_of("a", "free"), ask("ping", json!({}))]), [200; 2]);
    gateway::assert_no_trap(&counted.envoy);
}

#[test]
fn without_the_service_messages_are_refused_with_their_id_or_pass_and_it_is_said() {
    let [mut closed, mut open] = [WithoutAnswer::Refuse, WithoutAnswer::Pass].map(|to| Counted::start(100, to));
    for counted in [&mut closed, &mut open] {
        assert_eq!(counted.send(&call_of("a", "create_issue")).status, 200);
        counted.service.kill();
    }
    let refused = closed.send(&call_of("a", "create_issue"));
    let body = refused.json();
    assert_eq!((refused.status, &body["id"], &body["error"]["code"]), (503, &json!(7), &json!(-32603)), "{body}");
    assert_eq!(body["error"]["data"]["reason"], "undecided_limits");
    assert_eq!(closed.send(&call_of("a", "free")).status, 200, "nothing holds it, so nobody is asked");
    let line = &closed.envoy.audit_lines("main", 3)[1];
    assert_eq!(verdict(line), ["deny", "undecided_limits", "/servers/github/tools/create_issue/quota"]);
    assert_eq!((line["status"].as_u64(), line["unanswered"].is_null()), (Some(503), true));
    assert_eq!(closed.tool.seen().len(), 2);
    let streamed = json!({"name": "create_issue", "arguments": {"stream": true}});
    let streamed = message("a", VERSION, &request(&json!(7), "tools/call", streamed));
    for passed in [call_of("a", "create_issue"), streamed, call_of("a", "free")] {
        let passed = open.send(&passed);
        assert!(passed.status == 200 && passed.text().contains("done"), "{}", passed.text());
    }
    let lines = open.envoy.audit_lines("main", 4);
    let silent: Vec<_> = lines.iter().map(|line| line["unanswered"] == true).collect();
    assert_eq!(silent, [false, true, true, false], "{lines:?}");
    let wanted = "tool_gateway_unanswered_limits_total{agent_id=\"a\",tool=\"github/create_issue\"} 2";
    let told = wait_for(PATIENCE, || open.envoy.prometheus().contains(wanted).then_some(()));
    assert!(told.is_some(), "{}", open.envoy.prometheus());
    for counted in [&closed, &open] {
        gateway::assert_no_trap(&counted.envoy);
    }
}
