//! Quotas hold to the last call, over all workers and over a reload of the policy.

#![cfg(test)]

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};
use toolgate_tests::{
    gateway::{self, Headers},
    harness::{
        client::{Call, Protocol},
        envoy::{Envoy, Update},
        load,
        upstream::Upstream,
    },
};

fn policy(quota: u32, rate: &str) -> String {
    format!(
        "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: {{ header: x-agent-id }}\n\
         agents: {{ a: {{}} }}\ntools:\n  search: {{ agents: [a], quota: {quota}/month, rate: {rate} }}\n"
    )
}

fn call() -> Call {
    Call::tool("search")
        .header("x-agent-id", "a")
        .header("content-type", "application/json")
        .body(r#"{"arguments":{"q":"x"}}"#)
}

fn load(envoy: &Envoy, calls: usize) -> load::Load {
    let request = call().http1_bytes();
    load::run(envoy.listener_addr("main"), 16, calls, move |_| request.clone())
}

#[test]
fn exactly_the_quota_passes_at_any_number_of_workers() {
    for workers in [1, 2, 4] {
        let upstream = Upstream::counting();
        let listener = gateway::listener("main", &policy(5_000, "unlimited"), Headers::Held).exact_balance();
        let envoy = Envoy::start(&gateway::config(&upstream, [listener]).concurrency(workers));
        let load = load(&envoy, 20_000);
        assert_eq!((load.count(200), load.count(429), load.broken), (5_000, 15_000, 0), "{workers} workers: {load:?}");
        assert_eq!(upstream.count_complete(), 5_000, "{workers} workers");
        assert_eq!(upstream.count_started(), 5_000, "{workers} workers");
        gateway::assert_no_trap(&envoy);
    }
}

#[test]
fn a_call_that_is_held_by_two_limits_takes_from_both_or_none() {
    let upstream = Upstream::counting();
    // The rate is the narrower one; what it refuses must not be missing from the quota.
    let text = policy(1_000, "{ limit: 1/day, burst: 300, per: all }");
    let listener = gateway::listener("main", &text, Headers::Held).exact_balance();
    let config = gateway::config(&upstream, [listener]).concurrency(4).listeners_from_file();
    let envoy = Envoy::start(&config);
    let refused = load(&envoy, 3_000);
    assert_eq!((refused.count(200), refused.count(429)), (300, 2_700), "{refused:?}");
    let wider = gateway::listener("main", &policy(1_000, "unlimited"), Headers::Held).exact_balance();
    assert!(matches!(envoy.update_listeners(&[wider]), Update::Accepted));
    let rest = load(&envoy, 3_000);
    assert_eq!((rest.count(200), rest.count(429)), (700, 2_300), "{rest:?}");
}

#[test]
fn a_quota_survives_a_reload_of_the_policy() {
    let upstream = Upstream::counting();
    let listener = gateway::listener("main", &policy(1_000, "unlimited"), Headers::Held);
    let envoy = Envoy::start(&gateway::config(&upstream, [listener]).concurrency(2).listeners_from_file());
    assert_eq!(load(&envoy, 600).count(200), 600);
    let reloaded = gateway::listener("main", &policy(1_000, "100000/second"), Headers::Held);
    assert!(matches!(envoy.update_listeners(&[reloaded]), Update::Accepted));
    let load = load(&envoy, 600);
    assert_eq!((load.count(200), load.count(429)), (400, 200), "{load:?}");
}

#[test]
fn changes_of_the_policy_under_load_lose_no_call_and_no_count() {
    let upstream = Upstream::counting();
    let with_rate = |rate: &str| gateway::listener("main", &policy(5_000, rate), Headers::Held);
    let config = gateway::config(&upstream, [with_rate("unlimited")]).concurrency(2).listeners_from_file();
    let envoy = Envoy::start(&config);
    let done = AtomicBool::new(false);
    let all = thread::scope(|scope| {
        let calls = scope.spawn(|| {
            let mut all = load::Load::default();
            while !done.load(Ordering::SeqCst) || all.count(200) + all.count(429) <= 5_000 {
                all.add(&load(&envoy, 500));
            }
            all
        });
        for rate in ["100000/second", "90000/second", "unlimited"] {
            assert!(matches!(envoy.update_listeners(&[with_rate(rate)]), Update::Accepted), "{rate}");
            let broken = with_rate(rate).filter(serde_json::json!({"name": "envoy.filters.http.no_such_filter"}));
            assert!(matches!(envoy.update_listeners(&[broken]), Update::Refused { .. }), "{rate}");
        }
        done.store(true, Ordering::SeqCst);
        calls.join().unwrap()
    });
    assert_eq!((all.count(200), all.broken), (5_000, 0), "{all:?}");
    assert!(all.count(429) > 0 && upstream.count_complete() == 5_000, "{all:?}");
    gateway::assert_no_trap(&envoy);
}

#[test]
fn allowed_and_refused_calls_tell_how_the_limits_stand() {
    let upstream = Upstream::start();
    let listener = gateway::listener("main", &policy(2, "{ limit: 60/minute, burst: 10 }"), Headers::Held);
    let envoy = Envoy::start(&gateway::config(&upstream, [listener]));
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let reply = call().send(protocol, envoy.listener_addr("main")).unwrap();
        assert_eq!(reply.status, 200);
        let policy = reply.header("ratelimit-policy").unwrap();
        assert!(policy.starts_with(r#""tool-rate";q=60;w=60, "tool-quota";q=2;w="#), "{policy}");
        let limit = reply.header("ratelimit").unwrap();
        assert!(limit.starts_with(r#""tool-rate";r="#) && limit.contains(r#""tool-quota";r="#), "{limit}");
        assert!(reply.header("retry-after").is_none());
    }
    let reply = call().send(Protocol::Http1, envoy.listener_addr("main")).unwrap();
    assert_eq!(reply.status, 429);
    let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=31 * 86_400).contains(&wait), "{wait}");
    assert!(reply.header("ratelimit").unwrap().contains(r#""tool-quota";r=0"#), "{reply:?}");
    assert!(reply.json()["detail"].as_str().unwrap().contains("`tool-quota`"), "{}", reply.text());
}
