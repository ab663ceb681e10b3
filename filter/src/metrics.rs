//! The metrics, on Envoy's own `/stats/prometheus`.
//!
//! In: the record of a call. Out: counters and a histogram.
//! Names of agents and tools come from the policy only, so their number is bounded. The labels
//! stand in the name between `;`, which no name has; Envoy's `stats_tags` take them out again. The last
//! `;` keeps a tool's name from being read as one of Envoy's own suffixes (`_rq_200`).

use crate::host::{self, Fault, MetricKind};
use std::{borrow::Cow, collections::HashMap};
use toolgate_engine::{
    audit::{Decision, Record},
    mcp::Outcome,
    names::UNKNOWN,
    policy::{AgentIndex, Policy, ServerIndex, ToolIndex},
};

/// Whom a call is counted for.
pub type Subject = (Option<AgentIndex>, Option<ToolIndex>, Option<ServerIndex>);

/// Metrics that were used so far, by what they count: a metric is defined when it is first needed.
#[derive(Default)]
pub struct Metrics {
    calls: HashMap<(Subject, u16), u32>,
    durations: HashMap<Subject, u32>,
    shadow_denials: HashMap<(Subject, &'static str), u32>,
    unanswered: HashMap<Subject, u32>,
    outcomes: HashMap<(Subject, &'static str), u32>,
    findings: HashMap<String, u32>,
}

impl Metrics {
    /// Counts one call.
    pub fn count(&mut self, policy: Option<&Policy>, subject: Subject, record: &Record<'_>) -> Result<(), Fault> {
        let (agent, tool) = labels(policy, subject);
        let status = record.status();
        let calls = found_or_defined(&mut self.calls, (subject, status), MetricKind::Counter, || {
            let status = if status == 0 { UNKNOWN.to_owned() } else { status.to_string() };
            format!("tool_gateway_calls_total;agent_id={agent};tool={tool};status={status};")
        })?;
        host::increment(calls)?;
        let durations = found_or_defined(&mut self.durations, subject, MetricKind::Histogram, || {
            format!("tool_gateway_duration_milliseconds;agent_id={agent};tool={tool};")
        })?;
        host::record(durations, record.duration_ms())?;
        if record.is_unanswered() {
            let unanswered = found_or_defined(&mut self.unanswered, subject, MetricKind::Counter, || {
                format!("tool_gateway_unanswered_limits_total;agent_id={agent};tool={tool};")
            })?;
            host::increment(unanswered)?;
        }
        self.count_answer(&agent, &tool, subject, record)?;
        if record.decision() != Decision::Shadow {
            return Ok(());
        }
        let reason = record.reason();
        let denials = found_or_defined(&mut self.shadow_denials, (subject, reason), MetricKind::Counter, || {
            format!("tool_gateway_shadow_denials_total;agent_id={agent};tool={tool};reason={reason};")
        })?;
        host::increment(denials)
    }

    /// Counts what a server's answer told.
    fn count_answer(&mut self, agent: &str, tool: &str, subject: Subject, record: &Record<'_>) -> Result<(), Fault> {
        let Some(mcp) = record.mcp() else { return Ok(()) };
        if let Some(outcome) = mcp.outcome().map(Outcome::as_str) {
            let outcomes = found_or_defined(&mut self.outcomes, (subject, outcome), MetricKind::Counter, || {
                format!("tool_gateway_outcomes_total;agent_id={agent};tool={tool};outcome={outcome};")
            })?;
            host::increment(outcomes)?;
        }
        let changed = mcp.changed().iter().map(|tool| format!("tool_gateway_changed_tools_total;tool={tool};"));
        let suspicious = mcp.suspicious().iter().map(|(tool, suspicion)| {
            format!("tool_gateway_suspicious_tools_total;tool={tool};reason={};", suspicion.as_str())
        });
        for name in changed.chain(suspicious) {
            let found = found_or_defined(&mut self.findings, name.clone(), MetricKind::Counter, || name)?;
            host::increment(found)?;
        }
        Ok(())
    }
}

/// Counts a host call that failed, and says which in the log.
pub fn count_fault(fault: Fault) {
    let Fault { call, status } = fault;
    host::log(host::Level::Error, &format!("toolgate: the host refused {call} with status {status}"));
    // Of a host that refuses this too, the line above and the 503 tell.
    let counted = host::define_metric(MetricKind::Counter, &format!("tool_gateway_faults_total;call={call};"))
        .and_then(host::increment);
    if counted.is_err() {
        host::log(host::Level::Error, "toolgate: the fault could not be counted");
    }
}

/// What is for a server and calls none of its tools is counted under the server's name and `/`, which no tool has.
fn labels(policy: Option<&Policy>, (agent, tool, server): Subject) -> (Cow<'_, str>, Cow<'_, str>) {
    let Some(policy) = policy else { return (UNKNOWN.into(), UNKNOWN.into()) };
    let agent = agent.map_or(UNKNOWN, |agent| policy.agent_name(agent));
    let tool = match (tool, server) {
        (Some(tool), _) => policy.tool_name(tool).into(),
        (None, Some(server)) => format!("{}/", policy.server_name(server)).into(),
        (None, None) => UNKNOWN.into(),
    };
    (agent.into(), tool)
}

fn found_or_defined<K: Eq + std::hash::Hash>(
    metrics: &mut HashMap<K, u32>,
    key: K,
    kind: MetricKind,
    name: impl FnOnce() -> String,
) -> Result<u32, Fault> {
    if let Some(metric) = metrics.get(&key) {
        return Ok(*metric);
    }
    let metric = host::define_metric(kind, &name())?;
    metrics.insert(key, metric);
    Ok(metric)
}
