//! Limits that hold over all Envoys together.
//!
//! In: a [`Plan`]. Out: what Envoy asks of the rate limit service, in Envoy Gateway's words and in Envoy's own, and
//! what that service is told to count. The filter says by header fields which calls are counted, and as whose.
//! Counts nothing, and has nothing to say where no limit is global.

use super::{
    gateway::{ENVOY_GATEWAY_API, gateway_reference, object},
    plan::Plan,
    values::{GlobalLimits, Redis},
    yaml::{Map, Yaml, map},
};
use toolgate_engine::bundle::{GlobalRule, Unit};

/// What the service's own configuration is called.
pub(super) const KIND: &str = "RateLimitConfig";

/// Whose limits these are, for a service that others ask too.
pub(super) const DOMAIN: &str = "toolgate";

/// The fields of an answer by which the filter knows that a call was counted.
pub(super) const TOLD_LIMITS: [&str; 3] = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];

/// What Envoy Gateway's proxies count.
pub(super) fn traffic(plan: &Plan) -> Vec<Map> {
    if plan.rules.is_empty() {
        return Vec::new();
    }
    let rules: Vec<Map> = plan.rules.iter().map(rule).collect();
    let spec = map! {
        "targetRefs" => [gateway_reference(plan)],
        "rateLimit" => map! { "global" => map! { "rules" => rules } },
    };
    let version = format!("{ENVOY_GATEWAY_API}/v1alpha1");
    vec![object(plan, &version, "BackendTrafficPolicy", &plan.values.gateway.name).with("spec", spec)]
}

/// The filter alone sets the field, so each of its values is counted by itself, whatever the route.
fn rule(GlobalRule { header, requests, unit }: &GlobalRule) -> Map {
    let unit = match unit {
        Unit::Second => "Second",
        Unit::Minute => "Minute",
        Unit::Hour => "Hour",
        Unit::Day => "Day",
    };
    let field = map! { "name" => header, "type" => "Distinct" };
    map! {
        "clientSelectors" => [map! { "headers" => [field] }],
        "limit" => map! { "requests" => *requests, "unit" => unit },
        "shared" => true,
    }
}

/// How Envoy Gateway runs the service, for its own configuration.
pub(super) fn deployment(plan: &Plan) -> Option<Map> {
    let variable = map! { "name" => "STOP_CACHE_KEY_INCREMENT_WHEN_OVERLIMIT", "value" => "true" };
    let deployment = map! {
        /// A call that one limit refuses takes from no other.
        "rateLimitDeployment" => map! { "container" => map! { "env" => [variable] } },
    };
    (!plan.rules.is_empty()).then_some(deployment)
}

/// How Envoy Gateway's proxies ask the service, for its own configuration.
pub(super) fn service(plan: &Plan) -> Option<Map> {
    let limits = plan.values.global_limits.as_ref().filter(|_| !plan.rules.is_empty())?;
    let timeout = map! {
        /// How long a call waits for an answer.
        "timeout" => format!("{}ms", plan.limits_timeout_milliseconds()),
    };
    let backend = map! { "backend" => map! { "type" => "Redis", "redis" => redis(limits)? } };
    Some(backend.joined(timeout).with_comments(
        &[" What becomes of a call without an answer: `global_limits.unanswered` of the policy."],
        "failClosed",
        plan.refuses_unanswered(),
    ))
}

fn redis(limits: &GlobalLimits) -> Option<Map> {
    let place = match limits.redis.as_ref()? {
        Redis::Url(url) => map! { "url" => url },
        Redis::Secret(name) => {
            map! { "urlRef" => map! { "secretKeyRef" => map! { "name" => name, "key" => "url" } } }
        }
    };
    let certificate = limits.certificate.as_ref();
    let tls = certificate.map(|name| map! { "certificateRef" => map! { "kind" => "Secret", "name" => name } });
    Some(place.with_some("tls", tls))
}

/// What Envoy sends to the service for a call: one descriptor for each of the fields that it has.
pub(super) fn descriptors(plan: &Plan) -> Option<Vec<Map>> {
    let descriptor = |rule: &GlobalRule| {
        let field = map! { "header_name" => &rule.header, "descriptor_key" => &rule.header };
        map! { "actions" => [map! { "request_headers" => field }] }
    };
    Some(plan.rules.iter().map(descriptor).collect()).filter(|all: &Vec<Map>| !all.is_empty())
}

/// The configuration of the service, for an Envoy without Envoy Gateway.
pub(super) fn configuration(plan: &Plan) -> Option<Map> {
    let limit = |GlobalRule { header, requests, unit }: &GlobalRule| {
        map! {
            "key" => header,
            "rate_limit" => map! { "unit" => unit.to_string(), "requests_per_unit" => *requests },
        }
    };
    let limits: Vec<Map> = plan.rules.iter().map(limit).collect();
    let configuration = map! {
        /// What the rate limit service counts: each value of a key by itself. Run the service with
        /// STOP_CACHE_KEY_INCREMENT_WHEN_OVERLIMIT=true: a call that one limit refuses then takes from no other.
        "domain" => DOMAIN,
        "descriptors" => Yaml::from(limits),
    };
    (!plan.rules.is_empty()).then_some(configuration)
}
