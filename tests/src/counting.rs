//! An Envoy whose own rate limit filter counts calls behind ours, with the real service.
//!
//! In: a policy with global limits. Out: the limits as the service reads them, the service, and Envoys that ask it.
//! Written by hand, so that a test can leave a part out; what `render` writes has tests of its own.

#![expect(clippy::expect_used, reason = "only tests call this: a bad policy must stop them")]

use crate::{
    gateway::{self, Headers},
    harness::{
        envoy::{Cluster, Envoy, Listener},
        ratelimit::{RateLimitService, wait_out_midnight},
        redis::Redis,
        upstream::Upstream,
    },
};
use serde_json::json;
use std::{net::SocketAddr, time::Duration};
use toolgate_engine::bundle::GlobalRule;

/// Far above Envoy's 20 ms: a busy machine must not look like a lost service.
pub const PATIENT: Duration = Duration::from_secs(10);

/// What Envoy does with a call when it gets no answer from the service in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutAnswer {
    /// It refuses the call.
    Refuse,
    /// It lets the call pass.
    Pass,
}

/// What the rate limit service must be told for a policy, in its own language.
#[must_use]
pub fn limits(rules: &[GlobalRule]) -> String {
    let rule = |GlobalRule { header, requests, unit }: &GlobalRule| {
        format!("  - key: {header}\n    rate_limit: {{ unit: {unit}, requests_per_unit: {requests} }}\n")
    };
    format!("domain: tools\ndescriptors:\n{}", rules.iter().map(rule).collect::<String>())
}

/// What of a policy the service counts.
///
/// # Panics
/// When the policy has errors.
#[must_use]
pub fn rules(policy: &str) -> Vec<GlobalRule> {
    policy_compiler::compile("policy.yaml", policy.as_bytes()).bundle.expect("the policy is good").global_rules()
}

/// The service, told of the rules of a policy.
///
/// # Panics
/// When the policy has errors, or the service does not start.
#[must_use]
pub fn service(redis: &Redis, policy: &str) -> RateLimitService {
    wait_out_midnight();
    RateLimitService::with_limits(redis.address(), &limits(&rules(policy)))
}

/// A listener with Envoy's own rate limit filter, which counts by these header fields.
#[must_use]
pub fn counting(listener: Listener, fields: &[(&str, &str)], without: WithoutAnswer, patience: Duration) -> Listener {
    let asks = json!({
        "name": "envoy.filters.http.ratelimit",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit",
            "domain": "tools",
            "failure_mode_deny": without == WithoutAnswer::Refuse,
            "timeout": format!("{}s", patience.as_secs_f64()),
            "enable_x_ratelimit_headers": "DRAFT_VERSION_03",
            "rate_limit_service": {
                "transport_api_version": "V3",
                "grpc_service": {"envoy_grpc": {"cluster_name": "ratelimit"}},
            },
        },
    });
    let by = |(name, key): &(&str, &str)| json!({"actions": [{"request_headers": {"header_name": name, "descriptor_key": key}}]});
    let routes = json!({
        "name": "all",
        // What a tool says of limits is not what the service says.
        "response_headers_to_remove": ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"],
        "virtual_hosts": [{
            "name": "all",
            "domains": ["*"],
            "rate_limits": fields.iter().map(by).collect::<Vec<_>>(),
            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "tools"}}],
        }],
    });
    listener.filter(asks).route_config(routes)
}

/// An Envoy with the filter, and Envoy's own rate limit filter behind it.
///
/// # Panics
/// When the policy has errors, or Envoy does not start.
#[must_use]
pub fn envoy(tool: &Upstream, service: SocketAddr, policy: &str, without: WithoutAnswer, patience: Duration) -> Envoy {
    let rules = rules(policy);
    let fields: Vec<_> = rules.iter().map(|rule| (rule.header.as_str(), rule.header.as_str())).collect();
    let listener = counting(gateway::listener("main", policy, Headers::Held), &fields, without, patience);
    start(tool, service, listener)
}

/// An Envoy with this listener, and the service as a cluster.
#[must_use]
pub fn start(tool: &Upstream, service: SocketAddr, listener: Listener) -> Envoy {
    Envoy::start(&gateway::config(tool, [listener]).cluster(Cluster::http2("ratelimit", service)).concurrency(2))
}
