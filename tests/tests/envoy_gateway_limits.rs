//! Limits over many Envoys, as Envoy Gateway has them counted by what `render` writes, with the real rate limit
//! service and Redis.

#![cfg(test)]

use policy_compiler::files::NoFiles;
use serde_json::{Value, json};
use std::cell::Cell;
use toolgate_tests::{
    cases::verdict,
    harness::{
        PATIENCE,
        client::{Call, Protocol, Reply},
        envoy::Update,
        gateway::{EnvoyGateway, Resources},
        load,
        ratelimit::RateLimitService,
        redis::Redis,
        upstream::{Answer, Upstream},
        wait_for,
    },
};

/// Limits of tools and of an agent; several servers, so that there are several routes. `more` is for the policy's top.
fn rendered(redis: &Redis, more: &str) -> Resources {
    let policy = format!(
        "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: {{ header: x-agent-id }}\n{more}\n\
         agents: {{ a: {{}}, b: {{}}, c: {{ quota: {{ limit: 7/day, scope: global }} }} }}\n\
         tools:\n  search: {{ agents: [a, b, c], arguments: {{ blocked: [bad] }}, quota: {{ limit: 50/day, scope: global }} }}\n  \
         mail: {{ agents: [a, b, c], quota: {{ limit: 50/day, scope: global }} }}\n  \
         shared: {{ agents: [a, b, c], quota: {{ limit: 4/day, per: all, scope: global }} }}\n  \
         free: {{ agents: [a] }}\n\
         servers:\n  github:\n    path: /mcp\n    host: github.local\n    tools: {{ create_issue: {{ agents: [a, b, c], quota: {{ limit: 5/day, scope: global }} }} }}\n"
    );
    // The default timeout is too short for a busy machine, which must not look like a lost service.
    let values = format!(
        "strict: true\nidentity: {{ trusted_headers: [x-agent-id] }}\n\
         global_limits: {{ redis: \"redis://{}\", timeout_milliseconds: 10000 }}\n\
         upstreams:\n  tools: {{ service: tools, port: 1 }}\n  mail: {{ service: mail, port: 1, tools: [mail] }}\n  \
         github: {{ service: github, port: 1, servers: [github] }}\n",
        redis.address()
    );
    // One worker, so that audit lines come in the order of the calls.
    Resources::rendered(&policy, &NoFiles, &values).workers(1)
}

fn call(tool: &str, agent: &str) -> Call {
    Call::tool(tool)
        .authority("tools.local")
        .header("content-type", "application/json")
        .header("x-agent-id", agent)
        .body(r#"{"arguments":{"q":"x"}}"#)
}

/// A call of a tool of the MCP server, which has a host of its own, and so a listener of the Gateway.
fn message(agent: &str) -> Call {
    let params = json!({"name": "create_issue", "arguments": {}});
    let body = json!({"jsonrpc": "2.0", "id": "r-7", "method": "tools/call", "params": params});
    Call::new("POST", "/mcp").authority("github.local").header("x-agent-id", agent).json(&body)
}

/// Status, id, code and reason of a refusal in the shape of MCP.
fn told(refused: &Reply) -> (u16, String, i64, String) {
    let body = refused.json();
    let text = |value: &Value| value.as_str().unwrap_or("(missing)").to_owned();
    let code = body["error"]["code"].as_i64().unwrap_or_default();
    (refused.status, text(&body["id"]), code, text(&body["error"]["data"]["reason"]))
}

/// An Envoy Gateway and its service, once that has its limits.
struct Counted {
    gateway: EnvoyGateway,
    service: RateLimitService,
    redis: Redis,
    tool: Upstream,
    /// How many calls were made, each of which leaves a line.
    sent: Cell<usize>,
}

impl Counted {
    fn start(more: &str) -> Self {
        let (tool, redis) = (Upstream::start(), Redis::start());
        let gateway = EnvoyGateway::start(&rendered(&redis, more), tool.address());
        let service = gateway.rate_limit_service();
        let counted = Self { gateway, service, redis, tool, sent: Cell::new(0) };
        // The service asks Envoy Gateway for its limits when it is up.
        let is_up = || (counted.send(&call("mail", "c")).status == 200 && counted.keys() != "*0\r\n").then_some(());
        assert!(wait_for(PATIENCE * 3, is_up).is_some(), "{}", counted.service.log());
        assert_eq!(counted.redis.ask("FLUSHALL"), "+OK\r\n");
        counted.tool.clear();
        counted
    }

    fn send(&self, call: &Call) -> Reply {
        self.sent.update(|sent| sent + 1);
        call.send(Protocol::Http1, self.gateway.address()).unwrap()
    }

    fn statuses<const N: usize>(&self, call: &Call) -> [u16; N] {
        [(); N].map(|()| self.send(call).status)
    }

    fn keys(&self) -> String {
        self.redis.ask("KEYS *")
    }

    /// What stands in Redis of the one counter whose name has this in it.
    fn count(&self, part: &str) -> u32 {
        let keys = self.keys();
        let found: Vec<_> = keys.lines().filter(|key| key.contains(part)).collect();
        assert_eq!(found.len(), 1, "{keys}");
        let value = self.redis.ask(&format!("GET \"{}\"", found[0]));
        value.lines().last().unwrap().parse().unwrap()
    }

    /// The lines of the last calls.
    fn lines(&self, count: usize) -> Vec<Value> {
        let lines = self.gateway.judged(self.sent.get());
        assert_eq!(lines.len(), self.sent.get());
        lines[lines.len() - count..].to_vec()
    }
}

#[test]
fn each_limit_holds_exactly_and_a_refused_call_takes_nothing() {
    let counted = Counted::start("");
    let blocked = call("search", "a").body(r#"{"arguments":{"q":"bad"}}"#);
    assert_eq!(counted.statuses(&blocked), [400; 3]);
    assert_eq!((counted.statuses(&call("free", "a")), counted.keys().as_str()), ([200; 2], "*0\r\n"));
    let request = call("search", "a").http1_bytes();
    let load = load::run(counted.gateway.address(), 8, 200, move |_| request.clone());
    counted.sent.update(|sent| sent + 200);
    assert_eq!((load.count(200), load.count(429), load.broken), (50, 150, 0), "{load:?}");
    // Who claims to be counted as somebody else still counts as itself.
    let claims = call("search", "a").header("x-toolgate-tool-50-day", "search b");
    let refused = counted.send(&claims);
    assert_eq!((refused.status, refused.json()["reason"].as_str()), (429, Some("quota_exceeded")));
    assert!(refused.header("retry-after").is_some_and(|after| after.parse::<u32>().is_ok()), "{refused:?}");
    let lines = counted.lines(206);
    let denied: Vec<_> = lines.iter().filter(|line| line["status"] == 429).map(verdict).collect();
    assert_eq!(denied, [["deny", "quota_exceeded", "/tools/search/quota"]; 151]);
    assert_eq!([("mail", "a"), ("search", "b")].map(|(tool, agent)| counted.send(&call(tool, agent)).status), [200; 2]);
    assert_eq!(counted.count("_search b_"), 1);
    let shared = ["a", "a", "b", "b", "b"].map(|agent| counted.send(&call("shared", agent)).status);
    assert_eq!(shared, [200, 200, 200, 200, 429], "one counter for all agents");
    assert_eq!(counted.statuses(&message("a")), [200; 5]);
    let refused = counted.send(&message("a"));
    assert_eq!(told(&refused), (429, "r-7".to_owned(), 429, "quota_exceeded".to_owned()), "{}", refused.text());
    let after = refused.header("retry-after").map(|after| after.parse::<u32>().unwrap());
    assert_eq!(refused.json()["error"]["data"]["retryAfter"], json!(after), "{}", refused.text());
    let line = counted.lines(1).remove(0);
    assert_eq!(verdict(&line), ["deny", "quota_exceeded", "/servers/github/tools/create_issue/quota"]);
    assert_eq!((counted.send(&message("b")).status, counted.count("_github/create_issue b_")), (200, 1));
    assert_eq!(counted.gateway.replace(&rendered(&counted.redis, "metadata: { name: other }")), Update::Accepted);
    let later = [call("search", "a"), message("a")].map(|call| counted.send(&call).status);
    assert_eq!(later, [429; 2], "another policy has the counters of the last one");
}

#[test]
fn a_call_that_nobody_counts_is_never_silent() {
    let counted = Counted::start("");
    // A policy of somebody's own for a route takes the place of the one for the Gateway.
    let own = json!({
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "BackendTrafficPolicy",
        "metadata": {"name": "own", "namespace": "agents"},
        "spec": {
            "targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "tools"}],
            "timeout": {"http": {"requestTimeout": "30s"}},
        },
    });
    // Another name, so that a listener changes, too.
    let resources = rendered(&counted.redis, "metadata: { name: other }").and(own);
    assert_eq!(counted.gateway.replace(&resources), Update::Accepted);
    counted.tool.answer(|seen| Answer::echo(seen).header("x-ratelimit-limit", "50, 50;w=86400"));
    assert_eq!(["search", "mail"].map(|tool| counted.send(&call(tool, "a")).status), [200; 2]);
    let unanswered: Vec<_> = counted.lines(2).iter().map(|line| line["unanswered"] == true).collect();
    assert_eq!(unanswered, [true, false], "whatever the tool says");
    let wanted = r#"tool_gateway_unanswered_limits_total{agent_id="a",tool="search"} 1"#;
    let metrics = counted.gateway.prometheus_until(|text| text.contains(wanted));
    assert!(metrics.contains(wanted), "{metrics}");
}

#[test]
fn a_limit_of_an_agent_holds_over_its_tools_and_takes_from_no_other_when_it_refuses() {
    let counted = Counted::start("");
    let call_of = |tool| if tool == "create_issue" { message("c") } else { call(tool, "c") };
    let tools = ["search", "mail", "create_issue", "search", "mail", "create_issue", "search"];
    assert_eq!(tools.map(|tool| counted.send(&call_of(tool)).status), [200; 7]);
    assert_eq!(["search", "mail", "shared"].map(|tool| counted.send(&call_of(tool)).status), [429; 3]);
    let refused = counted.send(&message("c"));
    assert_eq!(told(&refused), (429, "r-7".to_owned(), 429, "quota_exceeded".to_owned()), "{}", refused.text());
    let lines = counted.lines(4);
    assert_eq!(lines.iter().map(verdict).collect::<Vec<_>>(), [["deny", "quota_exceeded", "/agents/c/quota"]; 4]);
    let counts = ["_search c_", "_mail c_", "_github/create_issue c_"].map(|key| counted.count(key));
    assert_eq!(counts, [3, 2, 2], "{}", counted.keys());
    assert_eq!(counted.statuses(&call("shared", "a")), [200, 200, 200, 200, 429], "nothing of it was taken");
}

#[test]
fn without_the_service_calls_are_refused_or_pass_as_the_policy_says_and_it_is_audited() {
    for (more, status, said) in [
        ("", 503, ["deny", "undecided_limits", "/tools/search/quota"]),
        ("global_limits: { unanswered: allow }", 200, ["allow", "granted", "/tools/search/agents/0"]),
    ] {
        let mut counted = Counted::start(more);
        assert_eq!(counted.send(&call("search", "a")).status, 200);
        counted.service.kill();
        assert_eq!(["search", "free"].map(|tool| counted.send(&call(tool, "a")).status), [status, 200]);
        let answer = counted.send(&message("a"));
        let refused = (503, "r-7".to_owned(), -32603, "undecided_limits".to_owned());
        assert_eq!((answer.status, told(&answer) == refused), (status, status == 503), "{}", answer.text());
        let lines = counted.lines(4);
        let unanswered: Vec<_> = lines.iter().map(|line| line["unanswered"] == true).collect();
        let is_silent = status == 200;
        assert_eq!((verdict(&lines[1]), unanswered), (said, vec![false, is_silent, false, is_silent]), "{lines:?}");
        assert_eq!((&lines[3]["reason"], &lines[3]["server"]), (&json!(said[1]), &json!("github")));
        assert_eq!(counted.tool.seen().len(), if status == 200 { 4 } else { 2 });
        // What the alert sums up is told of our routes' clusters.
        let wanted = "envoy_cluster_ratelimit_error{envoy_cluster_name=\"httproute/agents/";
        let metrics = counted.gateway.prometheus_until(|text| text.contains(wanted));
        assert!(metrics.contains(wanted), "{metrics}");
    }
}
