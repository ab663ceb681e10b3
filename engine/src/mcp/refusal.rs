//! Refusals in the protocol's own shape: an error with the caller's id, or a result that tells the model what to mend.
//!
//! In: why something is refused, and to whom. Out: status, fields and body. No shape makes a client fall back to an older
//! protocol. Tells no argument's value, and a rule only to who may use what it is for: others would learn what is there.

use super::{Disagreement, Flaw, Id, Invalid, Objection, Target, Version};
use crate::{
    denial::{Reason, Reply},
    json::{Problem, write},
    limits::Standing,
};

/// Why a message is refused.
#[derive(Clone, Copy)]
pub enum Refusal<'a> {
    /// It is no message, or lacks what its method needs.
    Flaw(&'a Flaw),
    /// Its header says something else.
    Disagreement(&'a Disagreement),
    /// A method that does not pass.
    MethodNotPassed,
    /// It comes from a web page that is not allowed.
    OriginNotAllowed,
    /// The server's answer is not one that can be shown.
    AnswerUnfit,
    /// What it asks for is refused, by a rule perhaps, or could not be judged.
    Denied(&'a Reason, &'a Target<'a>, Option<&'a str>),
}

/// Who is told.
#[derive(Clone, Copy)]
pub enum Recipient<'a> {
    /// The sender of a request.
    Request(&'a Id),
    /// Somebody whose request could not be read, or is none: a GET, say.
    Unknown,
    /// The sender of a notification or a response, which are never answered with a body.
    Nobody,
}

/// Error codes of JSON-RPC and of the protocol. What is ours has the HTTP status as its code, which is outside of all
/// ranges that are theirs.
mod code {
    pub(super) const PARSE: i32 = -32700;
    pub(super) const REQUEST: i32 = -32600;
    pub(super) const METHOD: i32 = -32601;
    pub(super) const PARAMS: i32 = -32602;
    pub(super) const INTERNAL: i32 = -32603;
    pub(super) const HEADER_MISMATCH: i32 = -32020;
    pub(super) const UNSUPPORTED_VERSION: i32 = -32022;
}

/// The status for what was judged and is told in the protocol's terms: the exchange went well.
const TOLD: u16 = 200;

/// The status for what is wrong with a message. A client of both eras takes a 400 for an old server, unless its code is
/// one that the newest version has for it.
fn wrong(version: Version) -> u16 {
    if version.is_stateless() { 422 } else { 400 }
}

/// How a refusal is shaped.
struct Shape {
    status: u16,
    code: i32,
    message: String,
    /// The stable code of the reason, as the agent may know it.
    reason: &'static str,
    /// The same as the operator sees it.
    details: &'static str,
    /// Whether the model is told, by a result.
    is_result: bool,
    headers: Vec<(&'static str, String)>,
    retry_after: Option<u64>,
    /// The rule that refused.
    rule: Option<String>,
    /// More members of `data`, as JSON.
    more: String,
}

impl Shape {
    fn new(status: u16, code: i32, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            reason,
            details: reason,
            is_result: false,
            headers: vec![],
            retry_after: None,
            rule: None,
            more: String::new(),
        }
    }

    /// An error of ours: the status is its code.
    fn ours(status: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(status, i32::from(status), reason, message)
    }

    fn of(refusal: Refusal<'_>, version: Version) -> Self {
        match refusal {
            Refusal::Flaw(Flaw { id: _, problem }) => Self::of_invalid(*problem, version),
            Refusal::Disagreement(disagreement) => Self::of_disagreement(disagreement, version),
            Refusal::MethodNotPassed => Self::of_objection(&Objection::Method, &Target::Nothing, version),
            Refusal::OriginNotAllowed => Self::of_objection(&Objection::Origin, &Target::Nothing, version),
            Refusal::AnswerUnfit => Self::of_objection(&Objection::Answer, &Target::Nothing, version),
            Refusal::Denied(reason, target, rule) => {
                let rule = rule.filter(|_| is_of_what_is_granted(reason)).map(str::to_owned);
                Self { rule, ..Self::of_reason(reason, target, version) }
            }
        }
    }

    fn of_objection(objection: &Objection, target: &Target<'_>, version: Version) -> Self {
        let shape = match objection {
            Objection::Invalid(invalid) => Self::of_invalid(*invalid, version),
            Objection::Disagreement(disagreement) => Self::of_disagreement(disagreement, version),
            Objection::Method => {
                // In older versions a 404 tells that the session is over, and the client opens another one.
                let status = if version.is_stateless() { 404 } else { 403 };
                Self::new(status, code::METHOD, objection.code(), objection.to_string())
            }
            Objection::Server | Objection::Resource | Objection::Prompt => Self::of_unknown(target),
            Objection::Body => Self::new(wrong(version), code::REQUEST, objection.code(), objection.to_string()),
            Objection::Origin | Objection::Changed | Objection::Suspicious | Objection::Answer => {
                Self::ours(objection.status(), objection.code(), objection.to_string())
            }
        };
        Self { details: objection.code(), ..shape }
    }

    fn of_invalid(invalid: Invalid, version: Version) -> Self {
        let code = if invalid.is_of_params() { code::PARAMS } else { code::REQUEST };
        Self::new(wrong(version), code, invalid.code(), invalid.to_string())
    }

    fn of_disagreement(disagreement: &Disagreement, version: Version) -> Self {
        let (message, name) = (disagreement.to_string(), disagreement.code());
        match disagreement {
            Disagreement::UnsupportedVersion { requested, supported } => {
                let versions: Vec<_> = supported.iter().map(|version| quoted(version.as_str())).collect();
                let versions = versions.join(",");
                let more = format!(",\"supported\":[{versions}],\"requested\":{}", quoted(requested));
                let shape = Self::new(400, code::UNSUPPORTED_VERSION, name, message);
                Self { more, ..shape }
            }
            Disagreement::NoVersionInBody => Self::new(400, code::PARAMS, name, message),
            Disagreement::Invalid(invalid) => Self::of_invalid(*invalid, version),
            Disagreement::Missing(_)
            | Disagreement::Repeated(_)
            | Disagreement::Malformed(_)
            | Disagreement::Differs(_) => Self::new(400, code::HEADER_MISMATCH, name, message),
        }
    }

    fn of_reason(reason: &Reason, target: &Target<'_>, version: Version) -> Self {
        let (status, name) = (reason.status(), reason.code());
        let shape = match reason {
            Reason::Mcp(objection) => return Self::of_objection(objection, target, version),
            Reason::ToolUnknown | Reason::AgentUnknown | Reason::ToolNotGranted => Self::of_unknown(target),
            Reason::Argument { .. } => Self::of_arguments(reason, target, version),
            // The message was read; what stands in it cannot be judged.
            Reason::BodyMalformed(malformed) if malformed.problem == Problem::InexactNumber => {
                Self::of_arguments(reason, target, version)
            }
            Reason::BodyMalformed(_) => Self::new(wrong(version), code::PARSE, name, reason.to_string()),
            Reason::BodyMissing | Reason::BodyShape => {
                Self::new(wrong(version), code::REQUEST, name, "send one message of JSON-RPC")
            }
            Reason::QueryNotAllowed => Self::new(wrong(version), code::REQUEST, name, reason.to_string()),
            Reason::Undecided(_) => Self::new(status, code::INTERNAL, name, reason.to_string()),
            Reason::LimitSpent { retry_after, .. } => {
                Self { retry_after: Some(*retry_after), ..Self::ours(status, name, reason.to_string()) }
            }
            Reason::IdentityMissing(_)
            | Reason::IdentityUnverified
            | Reason::IdentityAmbiguous
            | Reason::IdentityMalformed
            | Reason::ScopeInsufficient { .. }
            | Reason::MethodNotAllowed
            | Reason::MediaTypeUnsupported
            | Reason::ContentEncodingUnsupported
            | Reason::BodyTooLarge { .. } => Self::ours(status, name, reason.to_string()),
        };
        Self { headers: reason.headers(), details: name, ..shape }
    }

    /// What is not there and what is there for others look the same.
    fn of_unknown(target: &Target<'_>) -> Self {
        let unknown = |reason, what: &str, name: &str| {
            Self::new(403, code::PARAMS, reason, format!("Unknown {what}: {}", cut(name)))
        };
        match target {
            Target::Tool(name) => unknown("tool_unknown", "tool", name),
            Target::Prompt(name) => unknown("prompt_unknown", "prompt", name),
            Target::Resource(uri) | Target::Template(uri) => unknown("resource_unknown", "resource", uri),
            Target::Resources(uris) if !uris.is_empty() => {
                Self::new(403, code::PARAMS, "resource_unknown", "Unknown resource")
            }
            Target::Resources(_) | Target::Nothing => {
                Self::ours(403, "server_not_granted", "The agent may not use this server")
            }
        }
    }

    /// Only a tool's result can say that it is an error.
    fn of_arguments(reason: &Reason, target: &Target<'_>, version: Version) -> Self {
        let is_result = version.tells_bad_arguments_as_result() && matches!(target, Target::Tool(_));
        Self { is_result, ..Self::new(TOLD, code::PARAMS, reason.code(), reason.to_string()) }
    }

    fn body(&self, id: Option<&Id>, version: Version, request_id: Option<&str>) -> Vec<u8> {
        let id = id.map(|id| format!("\"id\":{},", id.as_json())).unwrap_or_default();
        let retry = self.retry_after.map(|seconds| format!(",\"retryAfter\":{seconds}")).unwrap_or_default();
        let request = request_id.map(|id| format!(",\"requestId\":{}", quoted(id))).unwrap_or_default();
        let rule = self.rule.as_ref().map(|rule| format!(",\"rule\":{}", quoted(rule))).unwrap_or_default();
        let data = format!("{{\"reason\":{}{rule}{retry}{}{request}}}", quoted(self.reason), self.more);
        let (code, message) = (self.code, quoted(&self.message));
        let answer = if self.is_result {
            let kind = if version.is_stateless() { "\"resultType\":\"complete\"," } else { "" };
            let content = format!("\"content\":[{{\"type\":\"text\",\"text\":{message}}}],\"isError\":true");
            format!("\"result\":{{{kind}{content},\"_meta\":{{\"{META}\":{data}}}}}")
        } else {
            format!("\"error\":{{\"code\":{code},\"message\":{message},\"data\":{data}}}")
        };
        format!("{{\"jsonrpc\":\"2.0\",{id}{answer}}}").into_bytes()
    }
}

/// Whether the agent may use what it asked for, and only went about it in a way that a rule does not allow.
fn is_of_what_is_granted(reason: &Reason) -> bool {
    match reason {
        Reason::Argument { .. } | Reason::LimitSpent { .. } | Reason::BodyTooLarge { .. } => true,
        Reason::BodyMalformed(malformed) => malformed.problem == Problem::InexactNumber,
        _ => false,
    }
}

/// Where a result says why it is an error, for programs.
const META: &str = "dev.toolgate/refusal";

fn quoted(text: &str) -> String {
    let mut out = Vec::new();
    write::string(&mut out, text, usize::MAX);
    write::text(out)
}

/// A name as it is shown: the caller chose its letters and its length.
fn cut(name: &str) -> String {
    const MOST: usize = 128;
    match name.char_indices().nth(MOST) {
        None => name.to_owned(),
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()),
    }
}

/// Writes the answer to what is refused. The id goes back as it came: where it is not known, it is left out, for the
/// protocol has no id that is `null`.
pub fn refuse(
    refusal: Refusal<'_>,
    to: Recipient<'_>,
    version: Version,
    request_id: Option<&str>,
    standings: &[Standing],
) -> Reply {
    let mut shape = Shape::of(refusal, version);
    let id = match to {
        Recipient::Request(id) => Some(id),
        Recipient::Unknown | Recipient::Nobody => None,
    };
    if shape.status == TOLD && id.is_none() {
        // What went well went well for a request.
        (shape.status, shape.is_result) = (wrong(version), false);
    }
    let body = match to {
        Recipient::Nobody => Vec::new(),
        Recipient::Request(_) | Recipient::Unknown => shape.body(id, version, request_id),
    };
    let mut headers = vec![("cache-control", "no-store".to_owned())];
    if !body.is_empty() {
        headers.push(("content-type", "application/json".to_owned()));
    }
    headers.extend(shape.headers);
    headers.extend(crate::limits::fields(standings));
    Reply { status: shape.status, headers, body, details: format!("toolgate_{}", shape.details) }
}

#[cfg(test)]
mod tests;
