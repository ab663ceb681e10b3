//! Limits over many replicas: the real rate limit service and Redis count by the header that only the filter sets.

#![cfg(test)]

use serde_json::{Value, json};
use std::{net::SocketAddr, thread, time::Duration};
use toolgate_tests::{
    gateway::{self, Headers},
    harness::{
        PATIENCE,
        client::{Call, Protocol, Reply, http1::Http1Connection},
        envoy::{Cluster, Envoy},
        load,
        ratelimit::RateLimitService,
        redis::Redis,
        upstream::Upstream,
        wait_for,
    },
};

const POLICY: &str = "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: { header: x-agent-id }\n\
    agents: { a: {}, b: {} }\ntools:\n  search: { agents: [a, b], arguments: { blocked: [bad] } }\n  mail: { agents: [] }\n";

/// So many calls of each agent in a calendar month.
fn limits(calls: u32) -> String {
    format!(
        "domain: tools\ndescriptors:\n  - key: agent\n    rate_limit: {{ unit: month, requests_per_unit: {calls} }}\n"
    )
}

/// Far above Envoy's 20 ms: a busy machine must not look like a lost service.
const PATIENT: Duration = Duration::from_secs(10);

/// What Envoy does with a call when it gets no answer from the service in time.
#[derive(Clone, Copy)]
enum WithoutAnswer {
    Refuse,
    Pass,
}

/// An Envoy with the filter, and Envoy's own rate limit filter behind it.
fn envoy(tool: &Upstream, service: SocketAddr, headers: Headers, without: WithoutAnswer, patience: Duration) -> Envoy {
    let asks = json!({
        "name": "envoy.filters.http.ratelimit",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit",
            "domain": "tools",
            "failure_mode_deny": matches!(without, WithoutAnswer::Refuse),
            "timeout": format!("{}s", patience.as_secs_f64()),
            "rate_limit_service": {
                "transport_api_version": "V3",
                "grpc_service": {"envoy_grpc": {"cluster_name": "ratelimit"}},
            },
        },
    });
    let by_agent = json!({"request_headers": {"header_name": "x-forwarded-agent", "descriptor_key": "agent"}});
    let routes = json!({
        "name": "all",
        "virtual_hosts": [{
            "name": "all",
            "domains": ["*"],
            "rate_limits": [{"actions": [by_agent]}],
            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "tools"}}],
        }],
    });
    let listener = gateway::listener("main", POLICY, headers).filter(asks).route_config(routes);
    Envoy::start(&gateway::config(tool, [listener]).cluster(Cluster::http2("ratelimit", service)).concurrency(2))
}

fn call(agent: &str) -> Call {
    Call::tool("search")
        .header("x-agent-id", agent)
        .header("content-type", "application/json")
        .body(r#"{"arguments":{"q":"x"}}"#)
}

fn send(envoy: &Envoy, call: &Call) -> Reply {
    call.send(Protocol::Http1, envoy.listener_addr("main")).unwrap()
}

fn load(envoy: &Envoy, calls: usize) -> load::Load {
    let request = call("a").http1_bytes();
    load::run(envoy.listener_addr("main"), 8, calls, move |_| request.clone())
}

#[test]
fn two_envoys_together_admit_exactly_the_limit() {
    let (tool, redis) = (Upstream::counting(), Redis::start());
    let service = RateLimitService::with_limits(redis.address(), &limits(5_000));
    let envoys = [(); 2].map(|()| envoy(&tool, service.address(), Headers::Held, WithoutAnswer::Refuse, PATIENT));
    let loads = thread::scope(|scope| {
        let running = envoys.each_ref().map(|envoy| scope.spawn(|| load(envoy, 10_000)));
        running.map(|load| load.join().unwrap())
    });
    let count = |status: u16| loads.iter().map(|load| load.count(status)).sum::<u64>();
    assert_eq!((count(200), count(429)), (5_000, 15_000), "{loads:?}");
    assert!(loads.iter().all(|load| load.count(200) > 0), "both of them served: {loads:?}");
    assert_eq!((tool.count_complete(), tool.count_started()), (5_000, 5_000));
    assert_eq!(send(&envoys[0], &call("b")).status, 200, "another agent has a limit of its own");
    let keys = redis.ask("KEYS *");
    assert_eq!(keys.matches("tools_agent_").count(), 2, "{keys}");
    for envoy in &envoys {
        gateway::assert_no_trap(envoy);
    }
}

#[test]
fn a_call_that_the_filter_refuses_takes_nothing_from_a_global_limit() {
    let (tool, redis) = (Upstream::start(), Redis::start());
    let service = RateLimitService::with_limits(redis.address(), &limits(3));
    let by_its_head = [
        call("a").method("GET"),
        Call::tool("mail").header("x-agent-id", "a").header("content-type", "application/json").body("{}"),
        call("a").header("x-agent-id", "b"),
    ];
    let by_its_body = [call("a").body("{"), call("a").body(r#"{"arguments":{"q":"bad"}}"#)];
    let held = envoy(&tool, service.address(), Headers::Held, WithoutAnswer::Refuse, PATIENT);
    for refused in by_its_head.iter().chain(&by_its_body) {
        let status = send(&held, refused).status;
        assert!((400..=405).contains(&status), "{status}");
    }
    assert_eq!(redis.ask("KEYS *"), "*0\r\n");
    // A header that says otherwise does not choose whose limit it is.
    let statuses = [(); 4].map(|()| send(&held, &call("a").header("x-forwarded-agent", "b")).status);
    assert_eq!(statuses, [200, 200, 200, 429]);
    assert_eq!(send(&held, &call("b")).status, 200);
    let line = held.audit_lines("main", 10).remove(8);
    let told = (&line["decision"], &line["reason"], &line["status"]);
    assert_eq!(told, (&"allow".into(), &"granted".into(), &429.into()), "the filter allowed what Envoy then refused");
    // Sent ahead, headers pass the limit before the body is judged.
    assert_eq!(redis.ask("FLUSHALL"), "+OK\r\n");
    let ahead = envoy(&tool, service.address(), Headers::SentAhead, WithoutAnswer::Refuse, PATIENT);
    for refused in &by_its_head {
        assert!((400..=405).contains(&send(&ahead, refused).status));
    }
    assert_eq!(redis.ask("KEYS *"), "*0\r\n");
    let bytes = by_its_body[1].http1_bytes();
    let (head, body) = bytes.split_at(bytes.len() - 5);
    let mut connection = Http1Connection::open(ahead.listener_addr("main")).unwrap();
    connection.write(head).unwrap();
    let taken = wait_for(PATIENCE, || (redis.ask("KEYS *") != "*0\r\n").then_some(()));
    connection.write(body).unwrap();
    assert_eq!(connection.read_reply().unwrap().json()["reason"], "argument_blocked");
    assert!(taken.is_some(), "this is why a global limit wants headers held");
}

#[test]
fn without_redis_calls_are_refused_or_pass_as_it_is_set() {
    let (tool, mut redis) = (Upstream::counting(), Redis::start());
    let service = RateLimitService::with_limits(redis.address(), &limits(1_000_000));
    // The service waits for its Redis without end, so that every call lasts as long as Envoy's patience.
    let patience = Duration::from_millis(200);
    let [closed, open] = [WithoutAnswer::Refuse, WithoutAnswer::Pass]
        .map(|to| envoy(&tool, service.address(), Headers::Held, to, patience));
    let loads = thread::scope(|scope| {
        let running = [&closed, &open].map(|envoy| scope.spawn(|| (load(envoy, 400), load(envoy, 40))));
        wait_for(PATIENCE, || (tool.count_complete() > 100).then_some(())).expect("calls pass");
        redis.kill();
        running.map(|load| load.join().unwrap())
    });
    for (what, (during, after)) in ["closed", "open"].into_iter().zip(&loads) {
        assert_eq!((during.broken, after.broken), (0, 0), "{what}: {during:?} {after:?}");
        let known = during.count(200) + during.count(if what == "closed" { 500 } else { 200 });
        assert!(known >= 400, "{what}: {during:?}");
    }
    assert_eq!(loads.each_ref().map(|(_, after)| (after.count(500), after.count(200))), [(40, 0), (0, 40)]);
    // It comes back empty: a Redis that keeps nothing forgets what was taken.
    let redis = Redis::start_on(redis.address());
    let healed = wait_for(PATIENCE, || (send(&closed, &call("a")).status == 200).then_some(()));
    assert!(healed.is_some(), "{}", service.log());
    assert!(redis.ask("KEYS *").contains("tools_agent_a"));
}

#[test]
fn without_the_service_calls_are_refused_or_pass_as_it_is_set() {
    let (tool, redis) = (Upstream::start(), Redis::start());
    let mut service = RateLimitService::with_limits(redis.address(), &limits(100));
    let [closed, open] = [WithoutAnswer::Refuse, WithoutAnswer::Pass]
        .map(|to| envoy(&tool, service.address(), Headers::Held, to, PATIENT));
    assert_eq!([&closed, &open].map(|envoy| send(envoy, &call("a")).status), [200, 200]);
    service.kill();
    assert_eq!([&closed, &open].map(|envoy| send(envoy, &call("a")).status), [500, 200]);
    assert_eq!(tool.seen().len(), 3);
    let line = closed.audit_lines("main", 2).remove(1);
    assert_eq!((&line["decision"], &line["status"]), (&Value::from("allow"), &Value::from(500)));
}

/// While the limit waits for its answer, it holds the header; when it lets go, it sends on what Envoy's buffer holds.
#[test]
fn no_part_of_a_body_passes_a_limit_before_all_of_it_is_judged() {
    let (tool, redis) = (Upstream::start(), Redis::start());
    let service = RateLimitService::with_limits(redis.address(), &limits(1_000));
    // Judged alone, the second piece would pass; some servers read no further than the first.
    let pieces = [r#"{"arguments":{"q":"bad"}}"#, r#" {"arguments":{"q":"x"}}"#];
    let good = [r#"{"arguments":"#, r#"{"q":"x"}}"#];
    for headers in [Headers::SentAhead, Headers::Held] {
        let envoy = envoy(&tool, service.address(), headers, WithoutAnswer::Refuse, PATIENT);
        for end in ["0\r\n\r\n", "0\r\nx-end: here\r\n\r\n"] {
            tool.clear();
            let reply = in_pieces(&envoy, pieces, end);
            assert_eq!(reply.json()["reason"], "body_malformed", "{headers:?}");
            let arrived: Vec<_> =
                tool.seen().into_iter().filter(|seen| !seen.body.is_empty() || seen.complete).collect();
            assert!(arrived.is_empty(), "{headers:?}: {arrived:?}");
            tool.clear();
            assert_eq!(in_pieces(&envoy, good, end).status, 200, "{headers:?}");
            assert_eq!(tool.seen()[0].body, good.concat().as_bytes(), "{headers:?}");
        }
        gateway::assert_no_trap(&envoy);
    }
}

/// Sends the second piece when the first has long been seen by all filters.
fn in_pieces(envoy: &Envoy, pieces: [&str; 2], end: &str) -> Reply {
    let chunk = |piece: &str| format!("{:x}\r\n{piece}\r\n", piece.len());
    let mut connection = Http1Connection::open(envoy.listener_addr("main")).unwrap();
    let head = "POST /tools/search HTTP/1.1\r\nhost: tools\r\nx-agent-id: a\r\ncontent-type: application/json\r\n\
        transfer-encoding: chunked\r\n\r\n";
    connection.write(format!("{head}{}", chunk(pieces[0])).as_bytes()).unwrap();
    thread::sleep(Duration::from_millis(300));
    connection.write(format!("{}{end}", chunk(pieces[1])).as_bytes()).unwrap();
    connection.read_reply().unwrap()
}
