//! The audit line: what is known of one exchange, as one line of JSON.
//!
//! In: the record of an exchange. Out: the line; `docs/audit.md` describes each field.
//! Writes nothing: the shell hands the line to Envoy's access log.

use crate::{
    denial::Reason,
    json::write,
    limits::Timestamp,
    mcp::{Outcome, Suspicion},
    names,
};
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

/// What is known of an exchange with an MCP server.
#[derive(Clone, Copy)]
pub struct McpRecord<'a> {
    pub(crate) server: &'a str,
    /// The message's method, as it came.
    pub(crate) method: Option<&'a str>,
    /// The method of HTTP, if it is not POST.
    pub(crate) leg: Option<&'a str>,
    pub(crate) version: &'a str,
    /// A digest of the session's id.
    pub(crate) session: Option<&'a str>,
    pub(crate) outcome: Option<Outcome>,
    /// How many entries of lists were shown, and how many were hidden.
    pub(crate) shown: (usize, usize),
    /// Tools whose definition is not the pinned one.
    pub(crate) changed: &'a [String],
    /// Tools of which the server says what is hidden or reads like an order, and which of both.
    pub(crate) suspicious: &'a [(String, Suspicion)],
    /// How many events could not be read.
    pub(crate) dropped: u32,
}

impl McpRecord<'_> {
    /// The server's name.
    pub fn server(&self) -> &str {
        self.server
    }

    /// What became of the request, as its answer tells.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// Tools whose definition is not the pinned one.
    pub fn changed(&self) -> &[String] {
        self.changed
    }

    /// Tools of which the server says what is hidden or reads like an order, and which of both; what is no tool stands
    /// there by the name of the server and `/`.
    pub fn suspicious(&self) -> &[(String, Suspicion)] {
        self.suspicious
    }

    fn write(&self, line: &mut Vec<u8>) {
        let (shown, hidden) = self.shown;
        member(line, ",\"server\":", self.server);
        optional(line, ",\"mcp.method.name\":", self.method.unwrap_or_default());
        optional(line, ",\"http.request.method\":", self.leg.unwrap_or_default());
        member(line, ",\"mcp.protocol.version\":", self.version);
        optional(line, ",\"session\":", self.session.unwrap_or_default());
        optional(line, ",\"outcome\":", self.outcome.map(Outcome::as_str).unwrap_or_default());
        if let Some(Outcome::ProtocolError(Some(code))) = self.outcome {
            member(line, ",\"rpc.jsonrpc.error_code\":", &code.to_string());
        }
        for (name, count) in
            [("shown", shown), ("hidden", hidden), ("dropped", usize::try_from(self.dropped).unwrap_or(usize::MAX))]
        {
            if count > 0 || name == "shown" && hidden > 0 {
                line.extend_from_slice([",\"", name, "\":"].concat().as_bytes());
                write::number(line, u64::try_from(count).unwrap_or(u64::MAX), 1);
            }
        }
        optional(line, ",\"changed\":", &self.changed.join(","));
        let (names, found): (Vec<_>, Vec<_>) =
            self.suspicious.iter().map(|(name, suspicion)| (name.as_str(), suspicion.as_str())).unzip();
        optional(line, ",\"suspicious\":", &names.join(","));
        optional(line, ",\"suspicion\":", &found.join(","));
    }
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
    /// Whether it has global limits, and was answered although nobody is known to have counted it.
    pub(crate) is_unanswered: bool,
    /// What is known besides, of one with an MCP server.
    pub(crate) mcp: Option<McpRecord<'a>>,
    pub(crate) status: Option<u16>,
    pub(crate) request_id: Option<&'a str>,
    pub(crate) policy: Option<&'a str>,
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

    /// Whether the call has global limits, and was answered although nobody is known to have counted it.
    pub fn is_unanswered(&self) -> bool {
        self.is_unanswered
    }

    /// The status that the client got; zero, if it got none.
    pub fn status(&self) -> u16 {
        self.status.unwrap_or_default()
    }

    /// Whole milliseconds from the request's first byte to the end.
    pub fn duration_ms(&self) -> u64 {
        self.nanos().checked_div(1_000_000).unwrap_or_default()
    }

    /// What is known besides, of an exchange with an MCP server.
    pub fn mcp(&self) -> Option<McpRecord<'_>> {
        self.mcp
    }

    /// Whether a tool was called, or was to be; everything else with a server is a message.
    fn is_call(&self) -> bool {
        self.mcp.is_none_or(|mcp| mcp.method == Some("tools/call"))
    }

    /// The line, without its end. JSON escapes whatever could end it.
    pub fn to_line(&self) -> String {
        let mut line = Vec::with_capacity(ROOM.saturating_add(self.arguments.len()));
        let event: &[u8] = if self.is_call() { b"tool_call" } else { b"mcp_message" };
        line.extend_from_slice(&[b"{\"event\":\"", event, b"\",\"schema_version\":"].concat());
        write::number(&mut line, u64::from(SCHEMA_VERSION), 1);
        line.extend_from_slice(b",\"timestamp\":\"");
        rfc3339(&mut line, self.started);
        line.push(b'"');
        self.write_judgement(&mut line);
        line.extend_from_slice(b",\"status\":");
        write::number(&mut line, u64::from(self.status()), 1);
        line.extend_from_slice(b",\"duration_ms\":");
        milliseconds(&mut line, self.nanos());
        member(&mut line, ",\"request_id\":", self.request_id.unwrap_or_default());
        member(&mut line, ",\"policy\":", self.policy.unwrap_or_default());
        line.push(b'}');
        write::text(line)
    }

    fn write_judgement(&self, line: &mut Vec<u8>) {
        member(line, ",\"agent_id\":", self.agent_id.unwrap_or(names::UNKNOWN));
        optional(line, ",\"user_id\":", self.user_id.unwrap_or_default());
        member(line, ",\"tool\":", self.tool.unwrap_or(names::UNKNOWN));
        member(line, ",\"arguments\":", self.arguments);
        let decision = match self.decision {
            Decision::Allow | Decision::Shadow => "allow",
            Decision::Deny | Decision::Incomplete => "deny",
        };
        member(line, ",\"decision\":", decision);
        member(line, ",\"reason\":", self.reason());
        member(line, ",\"rule\":", self.rule.unwrap_or_default());
        optional(line, ",\"argument\":", &self.argument);
        optional(line, ",\"keyword\":", self.reason.and_then(Reason::keyword).unwrap_or_default());
        line.extend_from_slice(b",\"would_deny\":");
        line.extend_from_slice(if self.decision == Decision::Shadow { b"true" } else { b"false" });
        if self.is_unanswered {
            line.extend_from_slice(b",\"unanswered\":true");
        }
        if let Some(mcp) = self.mcp {
            mcp.write(line);
        }
    }

    fn nanos(&self) -> u64 {
        self.ended.0.saturating_sub(self.started.0)
    }
}

/// What a line has besides the arguments and their escapes.
const ROOM: usize = 640;

fn member(line: &mut Vec<u8>, name: &str, value: &str) {
    line.extend_from_slice(name.as_bytes());
    write::string(line, value, usize::MAX);
}

/// A member that is left out where there is nothing to say.
fn optional(line: &mut Vec<u8>, name: &str, value: &str) {
    if !value.is_empty() {
        member(line, name, value);
    }
}

/// Milliseconds with up to three digits behind the point.
fn milliseconds(line: &mut Vec<u8>, nanos: u64) {
    let micros = nanos / 1_000;
    write::number(line, micros / 1_000, 1);
    line.push(b'.');
    let (fraction, digits) = match micros % 1_000 {
        fraction if fraction % 100 == 0 => (fraction / 100, 1),
        fraction if fraction % 10 == 0 => (fraction / 10, 2),
        fraction => (fraction, 3),
    };
    write::number(line, fraction, digits);
}

/// RFC 3339 in UTC, always with three digits of the second, so that lines sort as text.
fn rfc3339(line: &mut Vec<u8>, Timestamp(nanos): Timestamp) {
    let seconds = i64::try_from(nanos / 1_000_000_000).map(OffsetDateTime::from_unix_timestamp);
    let Ok(Ok(time)) = seconds else {
        return;
    };
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second) = time.to_hms();
    let year = u64::try_from(year).unwrap_or_default();
    let milli = nanos / 1_000_000 % 1_000;
    let of_two = [u8::from(month), day, hour, minute, second].map(u64::from);
    write::number(line, year, 4);
    for (separator, number) in b"--T::".iter().zip(of_two) {
        line.push(*separator);
        write::number(line, number, 2);
    }
    line.push(b'.');
    write::number(line, milli, 3);
    line.push(b'Z');
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn written(by: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut line = Vec::new();
        by(&mut line);
        write::text(line)
    }

    #[test]
    fn a_time_always_has_three_digits_of_the_second() {
        let rfc3339 = |time| written(|line| rfc3339(line, Timestamp(time)));
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_795_435_200_200_999_999), "2026-11-23T12:00:00.200Z");
        assert_eq!(rfc3339(u64::MAX), "2554-07-21T23:34:33.709Z");
    }

    #[test]
    fn a_duration_is_written_as_serde_writes_a_double() {
        for micros in [0u32, 1, 9, 10, 99, 100, 101, 110, 999, 1_000, 1_001, 1_010, 1_100, 12_345, 3_600_000_000] {
            let double = serde_json::to_string(&(f64::from(micros) / 1_000.0)).unwrap();
            assert_eq!(written(|line| milliseconds(line, u64::from(micros) * 1_000 + 999)), double);
        }
    }

    /// The members of a line and their order.
    #[derive(serde::Serialize)]
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
        argument: &'a str,
        would_deny: bool,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        unanswered: bool,
        status: u16,
        duration_ms: f64,
        request_id: &'a str,
        policy: &'a str,
    }

    #[test]
    fn a_line_is_written_as_serde_writes_it() {
        let reason = Reason::QueryNotAllowed;
        let hard = "\"\\\n\u{1}\u{2028}ä😀 and more than sixteen bytes";
        let record = Record {
            started: Timestamp(1_795_435_200_200_000_000),
            ended: Timestamp(1_795_435_200_203_358_000),
            agent_id: Some("a"),
            user_id: Some("auth0|1"),
            tool: None,
            arguments: hard,
            decision: Decision::Shadow,
            reason: Some(&reason),
            rule: Some(hard),
            argument: hard.to_owned(),
            is_unanswered: true,
            mcp: None,
            status: Some(200),
            request_id: None,
            policy: Some("sha256:0"),
        };
        let line = Line {
            event: "tool_call",
            schema_version: 1,
            timestamp: "2026-11-23T12:00:00.200Z".to_owned(),
            agent_id: "a",
            user_id: "auth0|1",
            tool: "unknown",
            arguments: hard,
            decision: "allow",
            reason: "query_not_allowed",
            rule: hard,
            argument: hard,
            would_deny: true,
            unanswered: true,
            status: 200,
            duration_ms: 3.358,
            request_id: "",
            policy: "sha256:0",
        };
        assert_eq!(record.to_line(), serde_json::to_string(&line).unwrap());
        let (record, line) =
            (Record { user_id: None, is_unanswered: false, ..record }, Line { user_id: "", unanswered: false, ..line });
        assert_eq!(record.to_line(), serde_json::to_string(&line).unwrap());
    }
}
