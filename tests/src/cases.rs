//! Runs the cases of the corpus against whatever takes their calls.
//!
//! In: a case file, a way to send calls, and who sends them. Out: what became of each call, and what is wrong with that.
//! Starts nothing: a test does, and says where audit lines and arrivals are found.

#![expect(clippy::panic, reason = "only tests call this: a call without any reply or verdict must stop them")]

use crate::{
    gateway::Headers,
    harness::{
        client::{Call, Failure, Framing, Protocol, Reply},
        upstream::Seen,
    },
};
use std::collections::BTreeMap;
use toolgate_corpus::{Case, CaseFile, Framing as Frames, code_of};
use toolgate_engine::bundle::GLOBAL_PREFIX;

/// Which of the ways to send a call is tried.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// What Envoy does with headers meanwhile.
    pub headers: Headers,
    /// The protocol of the client.
    pub protocol: Protocol,
    /// How bodies are framed.
    pub frames: Frames,
}

/// What became of one call.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The case file.
    pub file: &'static str,
    /// The case.
    pub case: Case,
    /// The value of `x-case`, by which the call is found at the tool.
    pub id: String,
    /// The reply.
    pub reply: Reply,
}

/// Makes the calls of a file that can be sent this way, in order.
///
/// # Panics
/// When a call gets no reply at all.
pub fn calls(file: &CaseFile, way: Way, send: impl Fn(&Case, Call) -> Result<Reply, Failure>) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for case in file.cases.iter().filter(|case| case.call.framing.is_none_or(|only| only == way.frames)) {
        for _ in 0..case.times {
            let id = format!("{}-{}", file.name, outcomes.len());
            let reply = send(case, to_call(&case.call, way.frames).header("x-case", &id));
            // A refusal may come before the body was sent whole: what counts is that it came.
            let reply = reply.unwrap_or_else(|failure| match failure.received {
                Some(reply) => *reply,
                None => panic!("{way:?} {}: {}: {failure:?}", file.name, case.name),
            });
            outcomes.push(Outcome { file: file.name, case: case.clone(), id, reply });
        }
    }
    outcomes
}

/// The call as a client sends it.
#[must_use]
pub fn to_call(call: &toolgate_corpus::Call, frames: Frames) -> Call {
    let plain = Call::new(&call.method, call.path()).authority(&call.host);
    let with_fields = call.fields().into_iter().fold(plain, |sent, (name, value)| sent.header(name, value));
    let Some(body) = call.body() else {
        return with_fields;
    };
    // Envoy leaves a connection on which several empty frames come in a row.
    let pieces = if body.is_empty() { vec![] } else { vec![1, 7, 100] };
    with_fields.body(body).framing(match frames {
        Frames::Length => Framing::ContentLength,
        Frames::Chunked => Framing::Chunked(pieces),
        Frames::Trailers => Framing::ChunkedTrailers(vec![(b"x-end".to_vec(), b"here".to_vec())]),
    })
}

/// The fields by which Envoy's rate limit filter could count the call, with all values of one name together.
fn counted_by(seen: &Seen) -> BTreeMap<String, String> {
    let mut counted = BTreeMap::<String, String>::new();
    for (name, value) in seen.headers.iter().chain(&seen.trailers) {
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        if name.replace('_', "-").starts_with(GLOBAL_PREFIX) {
            counted.entry(name).or_default().push_str(&String::from_utf8_lossy(value));
        }
    }
    counted
}

/// What is not as the case wants it, in words.
///
/// `line` is the call's audit line, `seen` all that arrived at the tool.
#[must_use]
pub fn complaints(outcome: &Outcome, line: &serde_json::Value, seen: &[Seen], way: Way) -> Vec<String> {
    let Outcome { case, id, reply, .. } = outcome;
    let want = &case.want;
    let mut wrong = Vec::new();
    let mut same = |what: &str, got: String, wanted: String| {
        if got != wanted {
            wrong.push(format!("{what} is {got}, not {wanted}"));
        }
    };
    same("the status", reply.status.to_string(), want.status.to_string());
    let text = |name: &str| line[name].as_str().unwrap_or("(missing)").to_owned();
    same("the audited reason", text("reason"), want.reason.clone());
    same("the audited rule", text("rule"), want.rule.clone());
    same("the audited status", line["status"].to_string(), want.status.to_string());
    same("would_deny", line["would_deny"].to_string(), want.would_deny.to_string());
    let is_message = !line["server"].is_null() && line["mcp.method.name"] != "tools/call";
    same("the event", text("event"), if is_message { "mcp_message" } else { "tool_call" }.to_owned());
    same(
        "the audited user",
        line["user_id"].as_str().unwrap_or_default().to_owned(),
        want.user.clone().unwrap_or_default(),
    );
    if let Some(arguments) = &want.arguments {
        same("the shown arguments", text("arguments"), arguments.clone());
    }
    for (field, wanted) in [("argument", &want.argument), ("keyword", &want.keyword)] {
        if let Some(wanted) = wanted {
            same(&format!("the shown {field}"), line[field].as_str().unwrap_or_default().to_owned(), wanted.clone());
        }
    }
    let at_tool: Vec<_> = seen.iter().filter(|seen| seen.header_values("x-case") == [id.as_bytes()]).collect();
    if want.status == 200 && want.code.is_none() {
        same("the number of arrivals", at_tool.len().to_string(), "1".to_owned());
        for seen in at_tool {
            same("whether all arrived", seen.complete.to_string(), "true".to_owned());
            same(
                "the body at the tool",
                format!("{:?}", seen.body),
                format!("{:?}", case.call.body().unwrap_or_default()),
            );
            let declared = want.reason != "agent_unknown";
            let agent = case.trusted_agent().filter(|_| declared).map(str::as_bytes).into_iter().collect::<Vec<_>>();
            let user = want.user.as_deref().filter(|_| declared).map(str::as_bytes).into_iter().collect::<Vec<_>>();
            same("the trusted agent", format!("{:?}", seen.header_values("x-forwarded-agent")), format!("{agent:?}"));
            same(
                "the trusted user",
                format!("{:?}", seen.header_values("x-forwarded-agent-user")),
                format!("{user:?}"),
            );
            same("what it is counted by", format!("{:?}", counted_by(seen)), format!("{:?}", want.counted));
            same("the untrusted twin", format!("{:?}", seen.header_values("x_forwarded_agent")), "[]".to_owned());
        }
        return wrong;
    }
    if want.code.is_some() || line["server"].is_string() {
        same("the code", format!("{:?}", code_of(&reply.body)), format!("{:?}", want.code));
    } else {
        let problem: serde_json::Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let told = |name: &str| problem.get(name).map(ToString::to_string).unwrap_or_default();
        same("the problem's reason", told("reason"), format!("{:?}", want.reason));
        same("the problem's status", told("status"), want.status.to_string());
        same(
            "the media type",
            reply.header("content-type").unwrap_or_default().to_owned(),
            "application/problem+json".to_owned(),
        );
    }
    let by_body = [
        "body_malformed",
        "body_shape",
        "argument_invalid",
        "argument_costly",
        "argument_too_long",
        "argument_blocked",
        "argument_obscured",
        "rate_exceeded",
        "quota_exceeded",
    ];
    let may_start = way.headers == Headers::SentAhead
        && (by_body.contains(&want.reason.as_str())
            || line["server"].is_string()
            || !matches!(way.frames, Frames::Length)
                && ["body_too_large", "body_missing"].contains(&want.reason.as_str()));
    if may_start {
        same(
            "whether a body arrived",
            at_tool.iter().any(|seen| seen.complete || !seen.body.is_empty()).to_string(),
            "false".to_owned(),
        );
    } else {
        same("the number of arrivals", at_tool.len().to_string(), "0".to_owned());
    }
    wrong
}

/// Decision, reason and rule of an audit line.
///
/// # Panics
/// When the line lacks one.
#[must_use]
pub fn verdict(line: &serde_json::Value) -> [&str; 3] {
    ["decision", "reason", "rule"].map(|field| line[field].as_str().unwrap_or_else(|| panic!("no {field}: {line}")))
}
