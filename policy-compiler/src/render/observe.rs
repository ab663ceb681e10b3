//! What is seen of calls: access logs and labels of metrics.
//!
//! In: a [`Plan`]. Out: the EnvoyProxy, and the parts that a static configuration has too.
//! Sends nothing anywhere: lines go to Envoy's standard output.

use super::{
    gateway::{ENVOY_GATEWAY_API, object},
    plan::Plan,
    yaml::{Map, Yaml, map},
};

/// The filter's own line, as it is.
pub(super) const AUDIT_LINE: &str = "%FILTER_STATE(wasm.tool_gateway.audit:PLAIN)%\n";

/// The filter saw the call, and made a line.
pub(super) const JUDGED: &str = "'wasm.tool_gateway.audit' in filter_state";

/// It did not: Envoy refused the call before, or the filter crashed.
pub(super) const NOT_JUDGED: &str = "!('wasm.tool_gateway.audit' in filter_state)";

/// Labels that the filter writes into the names of metrics, each set off by `;`.
const LABELS: [&str; 6] = ["agent_id", "tool", "status", "reason", "call", "outcome"];

/// A line of the audit line's schema for a call that no filter judged. Expressions keep the types of the schema.
pub(super) fn unjudged_line() -> Map {
    map! {
        "event" => "tool_call",
        "schema_version" => "%TYPED_CEL(1)%",
        "timestamp" => "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%",
        "agent_id" => "unknown",
        "tool" => "unknown",
        "arguments" => "",
        "decision" => "deny",
        "reason" => "not_judged",
        "rule" => "",
        "would_deny" => "%TYPED_CEL(false)%",
        "status" => "%RESPONSE_CODE%",
        "duration_ms" => "%DURATION%",
        "request_id" => "%TYPED_CEL('x-request-id' in request.headers ? request.headers['x-request-id'] : '')%",
        "policy" => "",
        "details" => "%RESPONSE_CODE_DETAILS%",
    }
}

/// What takes the labels out of the names again.
pub(super) fn stats_config() -> Map {
    let tag = |label: &&str| {
        map! { "tag_name" => *label, "regex" => format!("^wasmcustom\\.tool_gateway_.*(;{label}=([^;]+)(;$)?)") }
    };
    let buckets = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000_u32];
    let durations = map! {
        "match" => map! { "prefix" => "wasmcustom.tool_gateway_duration_milliseconds" },
        "buckets" => buckets,
    };
    map! {
        /// The filter writes labels into the name of a metric, each set off by `;`. These take them out again.
        "stats_tags" => LABELS.iter().map(tag).collect::<Vec<_>>(),
        "histogram_bucket_settings" => [durations],
    }
}

pub(super) fn proxy(plan: &Plan) -> Map {
    let labels = map! {
        /// By this, Loki finds the audit lines.
        "app" => &plan.values.gateway.name,
    };
    let deployment = map! { "envoyDeployment" => map! { "pod" => map! { "labels" => labels } } };
    let order = map! {
        /// What RBAC refuses takes nothing from a rate or a quota.
        "filterOrder" => [map! { "name" => "envoy.filters.http.wasm", "after" => "envoy.filters.http.rbac" }],
    };
    let spec = map! { "provider" => map! { "type" => "Kubernetes", "kubernetes" => deployment } };
    let spec = spec
        .with("telemetry", map! { "accessLog" => map! { "settings" => [judged_log(), unjudged_log()] } })
        .joined(order)
        .with("bootstrap", map! { "type" => "Merge", "value" => bootstrap() });
    object(plan, &format!("{ENVOY_GATEWAY_API}/v1alpha1"), "EnvoyProxy", &plan.values.gateway.name).with("spec", spec)
}

fn bootstrap() -> Yaml {
    Yaml::Lines(map! { "stats_config" => stats_config() }.to_text())
}

fn judged_log() -> Map {
    log(JUDGED, map! { "type" => "Text", "text" => AUDIT_LINE })
}

fn unjudged_log() -> Map {
    log(NOT_JUDGED, map! { "type" => "JSON", "json" => unjudged_line() })
}

fn log(matches: &str, format: Map) -> Map {
    map! {
        "type" => "Route",
        "matches" => [matches],
        "format" => format,
        "sinks" => [map! { "type" => "File", "file" => map! { "path" => "/dev/stdout" } }],
    }
}
