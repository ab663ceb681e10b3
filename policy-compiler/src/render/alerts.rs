//! Alerts on what the filter and Envoy count.
//!
//! In: a [`Plan`]. Out: a PrometheusRule; `tests/prometheus` has its unit tests.
//! Knows no thresholds of a site: they are the same for all, and said in the alerts.

use super::{
    plan::Plan,
    policies::FILTER_NAME,
    values::Monitoring,
    yaml::{Map, map},
};

/// One alert in words.
struct Alert {
    name: &'static str,
    expression: String,
    lasts: &'static str,
    severity: &'static str,
    summary: &'static str,
    description: &'static str,
}

pub(super) fn rule(plan: &Plan, monitoring: &Monitoring) -> Map {
    let namespace = monitoring.namespace.as_ref().unwrap_or(&plan.values.namespace);
    let labels = monitoring.labels.iter().fold(Map::default(), |labels, (key, value)| labels.with(key, value));
    let labels = Some(labels).filter(|labels| *labels != Map::default());
    let rules: Vec<Map> = alerts(&plan.values.namespace).iter().map(written).collect();
    map! {
        "apiVersion" => "monitoring.coreos.com/v1",
        "kind" => "PrometheusRule",
        "metadata" => map! { "name" => &plan.values.gateway.name, "namespace" => namespace }.with_some("labels", labels),
        "spec" => map! { "groups" => [map! { "name" => "toolgate", "rules" => rules }] },
    }
}

/// The condition that a number is of one of our Envoys: it has such a cluster, or the filter has counted there.
fn at_ours(namespace: &str) -> String {
    let clusters = format!("envoy_cluster_membership_total{}", of_our_routes(namespace));
    format!(" and on (instance) ({clusters} or tool_gateway_calls_total)")
}

fn written(alert: &Alert) -> Map {
    let Alert { name, expression, lasts, severity, summary, description } = alert;
    map! {
        "alert" => *name,
        "expr" => expression,
        "for" => *lasts,
        "labels" => map! { "severity" => *severity },
        "annotations" => map! { "summary" => *summary, "description" => *description },
    }
}

fn alerts(namespace: &str) -> [Alert; 8] {
    let (unjudged, unanswered, refused) = (unjudged(namespace), unanswered(namespace), refused(namespace));
    [denied(), limited(), undecided(), unjudged, unanswered, uncounted(), reloaded(), refused]
}

/// The clusters of our routes, as Envoy Gateway names them. By these, our Envoys are known among all of a cluster's: also
/// one that has taken no listener yet, and whatever labels Prometheus adds.
pub(super) fn of_our_routes(namespace: &str) -> String {
    format!("{{envoy_cluster_name=~\"httproute/{namespace}/.*\"}}")
}

/// More than once in ten seconds, and five times as often as in the hour before.
fn denied() -> Alert {
    let rate = |window: &str| format!("sum by (agent_id) (rate(tool_gateway_calls_total{{status=\"403\"}}{window}))");
    Alert {
        name: "ToolCallsForbidden",
        expression: format!(
            "{} > 0.1 and {} > 5 * ({} or 0 * {})",
            rate("[5m]"),
            rate("[5m]"),
            rate("[1h] offset 5m"),
            rate("[5m]")
        ),
        lasts: "5m",
        severity: "warning",
        summary: "{{ $labels.agent_id }} calls what it may not",
        description: "The gateway refuses {{ printf \"%.1f\" $value }} calls of it each second with 403, far more than in the hour before: \
                      the agent was changed, is led astray, or lost a grant. The audit lines name tool and reason.",
    }
}

/// One call in five.
fn limited() -> Alert {
    let rate = |status: &str| format!("sum by (agent_id, tool) (rate(tool_gateway_calls_total{status}[10m]))");
    Alert {
        name: "ToolCallsLimited",
        expression: format!("{} / {} > 0.2", rate("{status=\"429\"}"), rate("")),
        lasts: "10m",
        severity: "warning",
        summary: "{{ $labels.agent_id }} is at its limit for {{ $labels.tool }}",
        description: "{{ $value | humanizePercentage }} of its calls end in 429. The audit lines name the rate or quota.",
    }
}

/// A counter went up, or is new: Envoy makes many of them only when they first count.
fn grew(by: &str, counter: &str) -> String {
    grew_where(by, counter, "")
}

/// The same, of those to which a condition holds.
fn grew_where(by: &str, counter: &str, holds: &str) -> String {
    format!(
        "sum{by} (increase({counter}[10m]){holds}) > 0 or sum{by} ({counter} unless {counter} offset 10m{holds}) > 0"
    )
}

fn undecided() -> Alert {
    Alert {
        name: "ToolCallsUndecided",
        expression: grew(" by (call)", "tool_gateway_faults_total"),
        lasts: "0m",
        severity: "critical",
        summary: "the filter cannot decide and refuses calls with 503",
        description: "Envoy refused the host function {{ $labels.call }} to the filter. What a decision needed was answered with 503.",
    }
}

/// Calls end in 5xx that the filter did not count: without FAIL_RELOAD, a worker whose filter crashed goes on like that.
/// So it is, too, where no filter ever started, which counts nothing. Without those who ask Envoy whether it is ready.
fn unjudged(namespace: &str) -> Alert {
    let errors = "envoy_response_code_class=\"5\",envoy_http_conn_manager_prefix!~\"admin|eg-ready.*\"";
    let errors = format!("sum by (instance) (rate(envoy_http_downstream_rq_xx{{{errors}}}[5m]){})", at_ours(namespace));
    Alert {
        name: "ToolCallsNotJudged",
        expression: format!(
            "{errors} - (sum by (instance) (rate(tool_gateway_calls_total{{status=~\"5..\"}}[5m])) or 0 * {errors}) > 0.1"
        ),
        lasts: "5m",
        severity: "critical",
        summary: "calls at {{ $labels.instance }} end before the filter can judge them",
        description: "Envoy answers {{ printf \"%.1f\" $value }} calls each second with 5xx that the filter never saw: most often a \
                      filter crashed and was not loaded again, or refused its first policy. The lines with `not_judged` have details.",
    }
}

/// What Envoy counts itself, whatever becomes of the call.
fn unanswered(namespace: &str) -> Alert {
    Alert {
        name: "ToolLimitsUnanswered",
        expression: grew("", &format!("envoy_cluster_ratelimit_error{}", of_our_routes(namespace))),
        lasts: "0m",
        severity: "critical",
        summary: "the rate limit service gives no answer",
        description: "It, or its Redis, is gone or too slow. Calls that global limits hold for are refused with 503, or pass uncounted, \
                      as `global_limits.unanswered` of the policy says.",
    }
}

/// Also where nobody asks the service, which Envoy cannot know.
fn uncounted() -> Alert {
    Alert {
        name: "ToolLimitsUncounted",
        expression: grew(" by (tool)", "tool_gateway_unanswered_limits_total"),
        lasts: "0m",
        severity: "critical",
        summary: "calls of {{ $labels.tool }} pass that no global limit counts",
        description: "The policy allows that while the rate limit service gives no answer; or the limits that belong to the policy are \
                      not in force. The audit lines of these calls have `unanswered`.",
    }
}

fn reloaded() -> Alert {
    let counters = ["success", "backoff", "failure"].map(|end| format!("envoy_wasm_{FILTER_NAME}_vm_reload_{end}"));
    Alert {
        name: "ToolFilterCrashed",
        expression: counters.map(|counter| grew("", &counter)).join(" or "),
        lasts: "0m",
        severity: "critical",
        summary: "a filter crashed and was loaded again",
        description: "No call should be able to cause that. Calls to that worker were answered with 503 meanwhile.",
    }
}

fn refused(namespace: &str) -> Alert {
    Alert {
        name: "ToolPolicyRefused",
        expression: grew_where("", "envoy_listener_manager_lds_update_rejected", &at_ours(namespace)),
        lasts: "0m",
        severity: "critical",
        summary: "Envoy refused a listener, perhaps for its policy",
        description: "The old policy stays in force, and no other change of that listener takes effect until it is mended. \
                      Envoy's log says why.",
    }
}
