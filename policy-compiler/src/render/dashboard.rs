//! A Grafana dashboard.
//!
//! In: a [`Plan`]. Out: a ConfigMap that Grafana's sidecar finds by its label.
//! Shows the filter's own metrics only; audit lines are for Loki.

use super::{
    alerts::of_our_routes,
    plan::Plan,
    values::Monitoring,
    yaml::{Map, Yaml, map},
};
use serde_json::{Value, json};

pub(super) fn config_map(plan: &Plan, monitoring: &Monitoring) -> Map {
    let gateway = &plan.values.gateway.name;
    let namespace = monitoring.namespace.as_ref().unwrap_or(&plan.values.namespace);
    let labels = map! {
        /// By this, Grafana's sidecar finds it.
        "grafana_dashboard" => "1",
    };
    map! {
        "apiVersion" => "v1",
        "kind" => "ConfigMap",
        "metadata" => map! { "name" => format!("{gateway}-dashboard"), "namespace" => namespace, "labels" => labels },
        "data" => map! { "toolgate.json" => Yaml::Lines(format!("{:#}\n", dashboard(gateway, &plan.values.namespace))) },
    }
}

fn dashboard(title: &str, namespace: &str) -> Value {
    let ours = of_our_routes(namespace);
    let calls = "tool_gateway_calls_total{agent_id=~\"$agent\",tool=~\"$tool\"}";
    let panels = [
        ("Calls by status", "reqps", format!("sum by (status) (rate({calls}[$__rate_interval]))"), "{{status}}"),
        ("Calls by tool", "reqps", format!("sum by (tool) (rate({calls}[$__rate_interval]))"), "{{tool}}"),
        ("Calls by agent", "reqps", format!("sum by (agent_id) (rate({calls}[$__rate_interval]))"), "{{agent_id}}"),
        ("Refused: 403 by agent and tool", "reqps", refused("403"), "{{agent_id}} to {{tool}}"),
        ("At the limit: 429 by agent and tool", "reqps", refused("429"), "{{agent_id}} to {{tool}}"),
        (
            "Duration, 95 of 100 calls",
            "ms",
            "histogram_quantile(0.95, sum by (le, tool) (rate(tool_gateway_duration_milliseconds_bucket{agent_id=~\"$agent\",tool=~\"$tool\"}[$__rate_interval])))".to_owned(),
            "{{tool}}",
        ),
        (
            "Would be refused (shadow mode)",
            "reqps",
            "sum by (tool, reason) (rate(tool_gateway_shadow_denials_total{agent_id=~\"$agent\",tool=~\"$tool\"}[$__rate_interval]))".to_owned(),
            "{{tool}}: {{reason}}",
        ),
        (
            "No answer from the rate limit service",
            "reqps",
            format!("sum (rate(envoy_cluster_ratelimit_error{ours}[$__rate_interval]))"),
            "calls",
        ),
        (
            "Calls that no global limit counted",
            "reqps",
            "sum by (agent_id, tool) (rate(tool_gateway_unanswered_limits_total{agent_id=~\"$agent\",tool=~\"$tool\"}[$__rate_interval]))".to_owned(),
            "{{agent_id}} to {{tool}}",
        ),
        (
            "Faults: 503, the filter could not decide",
            "short",
            "sum by (call) (increase(tool_gateway_faults_total[$__rate_interval]))".to_owned(),
            "{{call}}",
        ),
    ];
    let panels: Vec<Value> = (0_u32..).zip(panels).map(|(at, shown)| panel(at, shown)).collect();
    json!({
        "title": format!("Tool calls: {title}"),
        "uid": "toolgate",
        "schemaVersion": 39,
        "editable": true,
        "tags": ["toolgate"],
        "time": { "from": "now-6h", "to": "now" },
        "refresh": "1m",
        "templating": { "list": [data_source(), variable("agent", "agent_id"), variable("tool", "tool")] },
        "panels": panels,
    })
}

fn refused(status: &str) -> String {
    format!(
        "sum by (agent_id, tool) (rate(tool_gateway_calls_total{{status=\"{status}\",agent_id=~\"$agent\",tool=~\"$tool\"}}[$__rate_interval]))"
    )
}

/// Two in a row.
fn panel(at: u32, (title, unit, expression, legend): (&str, &str, String, &str)) -> Value {
    let source = json!({ "type": "prometheus", "uid": "$source" });
    json!({
        "id": at.saturating_add(1),
        "type": "timeseries",
        "title": title,
        "datasource": source,
        "gridPos": { "x": (at % 2).saturating_mul(12), "y": (at / 2).saturating_mul(8), "w": 12, "h": 8 },
        "fieldConfig": { "defaults": { "unit": unit, "min": 0 }, "overrides": [] },
        "targets": [{ "refId": "A", "datasource": source, "expr": expression, "legendFormat": legend }],
    })
}

fn data_source() -> Value {
    json!({ "name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus" })
}

fn variable(name: &str, label: &str) -> Value {
    json!({
        "name": name,
        "type": "query",
        "datasource": { "type": "prometheus", "uid": "$source" },
        "query": { "refId": name, "query": format!("label_values(tool_gateway_calls_total, {label})") },
        "refresh": 2,
        "multi": true,
        "includeAll": true,
        "allValue": ".*",
        "current": { "text": "All", "value": "$__all" },
    })
}
