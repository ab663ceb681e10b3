//! The audit line: what is known of one exchange, as one line of JSON.
//!
//! In: the record of an exchange. Out: the line; `docs/audit.md` describes each field.
//! Writes nothing: the shell hands the line to Envoy's access log.

use crate::{denial::Reason, limits::Timestamp, names};
use serde::Serialize;
use time::OffsetDateTime;

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
    /// For whom the agent acts.
    pub(crate) user_id: Option<&'a str>,
    pub(crate) tool: Option<&'a str>,
    pub(crate) arguments: &'a str,
    pub(crate) decision: Decision,
    pub(crate) reason: Option<&'a Reason>,
    pub(crate) rule: Option<&'a str>,
    /// Which argument was refused, as far as it may be shown.
    pub(crate) argument: String,
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
    #[serde(skip_serializing_if = "str::is_empty")]
    user_id: &'a str,
    tool: &'a str,
    arguments: &'a str,
    decision: &'static str,
    reason: &'static str,
    rule: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    argument: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    keyword: &'a str,
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
            user_id: self.user_id.unwrap_or_default(),
            tool: self.tool.unwrap_or(names::UNKNOWN),
            arguments: self.arguments,
            decision: match self.decision {
                Decision::Allow | Decision::Shadow => "allow",
                Decision::Deny | Decision::Incomplete => "deny",
            },
            reason: self.reason(),
            rule: self.rule.unwrap_or_default(),
            argument: &self.argument,
            keyword: self.reason.and_then(Reason::keyword).unwrap_or_default(),
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

/// RFC 3339 in UTC, always with three digits of the second, so that lines sort as text.
fn rfc3339(Timestamp(nanos): Timestamp) -> String {
    let Ok(time) = OffsetDateTime::from_unix_timestamp_nanos(i128::from(nanos)) else {
        return String::new();
    };
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second, milli) = time.to_hms_milli();
    let month = u8::from(month);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_time_always_has_three_digits_of_the_second() {
        assert_eq!(rfc3339(Timestamp(0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(Timestamp(1_795_435_200_200_999_999)), "2026-11-23T12:00:00.200Z");
        assert_eq!(rfc3339(Timestamp(u64::MAX)), "2554-07-21T23:34:33.709Z");
    }
}
