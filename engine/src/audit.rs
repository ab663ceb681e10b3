//! The audit line: what is known of one exchange, as one line of JSON.
//!
//! In: the record of an exchange. Out: the line; `docs/audit.md` describes each field.
//! Writes nothing: the shell hands the line to Envoy's access log.

use crate::{denial::Reason, limits::Timestamp, names};
use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Version of the line. Raised when a field changes its meaning or goes; a new field does not raise it.
pub const SCHEMA_VERSION: u32 = 1;

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Forwarded.
    Allow,
    /// Refused.
    Deny,
    /// Forwarded in shadow mode, although it would have been refused.
    Shadow,
    /// The exchange ended before it was judged: the client left, or Envoy refused it.
    Incomplete,
}

/// What is known of one exchange.
pub struct Record<'a> {
    pub(crate) started: Timestamp,
    pub(crate) ended: Timestamp,
    pub(crate) agent_id: Option<&'a str>,
    pub(crate) tool: Option<&'a str>,
    pub(crate) arguments: &'a str,
    pub(crate) decision: Decision,
    pub(crate) reason: Option<&'a Reason>,
    pub(crate) rule: Option<&'a str>,
    pub(crate) status: Option<u16>,
    pub(crate) request_id: Option<&'a str>,
    pub(crate) policy: Option<&'a str>,
}

#[derive(Serialize)]
struct Line<'a> {
    event: &'static str,
    schema_version: u32,
    timestamp: String,
    agent_id: &'a str,
    tool: &'a str,
    arguments: &'a str,
    decision: &'static str,
    reason: &'static str,
    rule: &'a str,
    would_deny: bool,
    status: u16,
    duration_ms: f64,
    request_id: &'a str,
    policy: &'a str,
}

impl Record<'_> {
    /// What was decided.
    pub fn decision(&self) -> Decision {
        self.decision
    }

    /// The stable code of the reason, `granted` for an allowed call.
    pub fn reason(&self) -> &'static str {
        match (self.decision, self.reason) {
            (Decision::Incomplete, _) => "incomplete",
            (_, Some(reason)) => reason.code(),
            (_, None) => "granted",
        }
    }

    /// The rule that decided, an RFC 6901 pointer into the policy; none, if nothing in it allows the call.
    pub fn rule(&self) -> Option<&str> {
        self.rule
    }

    /// The status that the client got; zero, if it got none.
    pub fn status(&self) -> u16 {
        self.status.unwrap_or_default()
    }

    /// Whole milliseconds from the request's first byte to the end.
    pub fn duration_ms(&self) -> u64 {
        self.nanos().checked_div(1_000_000).unwrap_or_default()
    }

    /// The line, without its end.
    pub fn to_line(&self) -> String {
        let line = Line {
            event: "tool_call",
            schema_version: SCHEMA_VERSION,
            timestamp: rfc3339(self.started),
            agent_id: self.agent_id.unwrap_or(names::UNKNOWN),
            tool: self.tool.unwrap_or(names::UNKNOWN),
            arguments: self.arguments,
            decision: match self.decision {
                Decision::Allow | Decision::Shadow => "allow",
                Decision::Deny | Decision::Incomplete => "deny",
            },
            reason: self.reason(),
            rule: self.rule.unwrap_or_default(),
            would_deny: self.decision == Decision::Shadow,
            status: self.status(),
            duration_ms: self.milliseconds(),
            request_id: self.request_id.unwrap_or_default(),
            policy: self.policy.unwrap_or_default(),
        };
        // Strings and numbers always serialise; JSON escapes whatever could end the line.
        serde_json::to_string(&line).unwrap_or_default()
    }

    fn nanos(&self) -> u64 {
        self.ended.0.saturating_sub(self.started.0)
    }

    /// Milliseconds with three digits. Microseconds of any exchange fit a double.
    #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "2^53 microseconds are 285 years")]
    fn milliseconds(&self) -> f64 {
        self.nanos().checked_div(1_000).unwrap_or_default() as f64 / 1_000.0
    }
}

fn rfc3339(Timestamp(nanos): Timestamp) -> String {
    let millis = i128::from(nanos).checked_div(1_000_000).unwrap_or_default().saturating_mul(1_000_000);
    let time = OffsetDateTime::from_unix_timestamp_nanos(millis).ok();
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
}
