//! What `render` writes for an Envoy alone and its rate limit service, at work: both count as the policy says.

#![cfg(test)]

use policy_compiler::{
    files::NoFiles,
    render::{Rendered, Target, Text, render},
};
use serde_json::Value;
use std::net::SocketAddr;
use toolgate_tests::{
    gateway,
    harness::{
        client::{Call, Protocol, Reply},
        envoy::{Cluster, Envoy, Listener},
        ratelimit::RateLimitService,
        redis::Redis,
        upstream::Upstream,
    },
};

fn policy(unanswered: &str) -> String {
    format!(
        "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: {{ header: x-agent-id }}\n\
         agents: {{ a: {{ rate: {{ limit: 1000/day, scope: global }} }}, b: {{}} }}\n\
         tools:\n  search: {{ agents: [a, b], quota: {{ limit: 3/day, scope: global }} }}\n  \
         mail: {{ agents: [a], quota: {{ limit: 3/day, scope: global }} }}\n\
         global_limits: {{ unanswered: {unanswered} }}\n"
    )
}

/// The configurations of Envoy and of its service.
fn rendered(policy: &str) -> [String; 2] {
    let filter = std::env::var("TOOLGATE_FILTER").expect("`tests/run gateway` sets it");
    let values = format!(
        "apiVersion: toolgate.dev/v1\nkind: RenderValues\nupstreams: {{ tools: {{ host: 127.0.0.1, port: 1 }} }}\n\
         identity: {{ trusted_headers: [x-agent-id] }}\nglobal_limits: {{ timeout_milliseconds: 10000 }}\n\
         envoy: {{ filter: '{filter}', rate_limit_service: {{ host: 127.0.0.1, port: 1 }} }}\n"
    );
    let policy = Text { name: "policy.yaml", bytes: policy.as_bytes() };
    let values = Text { name: "values.yaml", bytes: values.as_bytes() };
    let Rendered { manifests, packing, values } = render(policy, &NoFiles, values, Target::Envoy).unwrap();
    let texts: Vec<String> = manifests.into_iter().map(|manifest| manifest.text).collect();
    texts.try_into().unwrap_or_else(|_| panic!("two configurations: {:?} {values:?}", packing.diagnostics))
}

/// An Envoy with the filters and routes of a configuration; where things are is the test's.
fn envoy(configuration: &str, tool: &Upstream, service: SocketAddr) -> Envoy {
    let configuration: Value = serde_saphyr::from_str(configuration).unwrap();
    let manager = &configuration["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let listener = Listener::new("main").route_config(manager["route_config"].clone());
    let filters = manager["http_filters"].as_array().unwrap();
    let own = filters.iter().filter(|filter| filter["name"] != "envoy.filters.http.router").cloned();
    let listener = own.fold(listener, Listener::filter);
    Envoy::start(&gateway::config(tool, [listener]).cluster(Cluster::http2("rate_limit_service", service)))
}

fn send(envoy: &Envoy, agent: &str, tool: &str) -> Reply {
    let call = Call::tool(tool).header("x-agent-id", agent).header("content-type", "application/json");
    call.body(r#"{"arguments":{}}"#).send(Protocol::Http1, envoy.listener_addr("main")).unwrap()
}

#[test]
fn what_is_rendered_for_an_envoy_alone_counts_for_all_of_them() {
    let [configuration, limits] = rendered(&policy("refuse"));
    let (tool, redis) = (Upstream::start(), Redis::start());
    let mut service = RateLimitService::with_limits(redis.address(), &limits);
    let envoys = [(); 2].map(|()| envoy(&configuration, &tool, service.address()));
    let statuses = [0, 1, 0, 1].map(|at| send(&envoys[at], "a", "search").status);
    assert_eq!(statuses, [200, 200, 200, 429], "the quota is that of both");
    assert_eq!(send(&envoys[0], "a", "search").json()["reason"], "quota_exceeded");
    assert_eq!(send(&envoys[0], "b", "search").status, 200, "another agent has a quota of its own");
    assert_eq!(send(&envoys[0], "a", "mail").status, 200, "another tool of the same class is counted by itself");
    service.kill();
    assert_eq!(send(&envoys[0], "a", "mail").json()["reason"], "undecided_limits");
    let told = envoys[0].prometheus_until(|text| text.contains("envoy_cluster_ratelimit_error{"));
    assert!(told.contains("envoy_cluster_ratelimit_error{"), "the alert counts it: {told}");
    for envoy in &envoys {
        gateway::assert_no_trap(envoy);
    }
}

#[test]
fn what_is_rendered_lets_calls_pass_without_an_answer_if_the_policy_says_so_and_tells_of_it() {
    let [configuration, _] = rendered(&policy("allow"));
    let tool = Upstream::start();
    let envoy = envoy(&configuration, &tool, RateLimitService::free_address());
    assert_eq!(send(&envoy, "a", "search").status, 200);
    let wanted = "tool_gateway_unanswered_limits_total{agent_id=\"a\",tool=\"search\"} 1";
    let told = envoy.prometheus_until(|text| text.contains(wanted));
    assert!(told.contains(wanted), "the alert counts it: {told}");
}
