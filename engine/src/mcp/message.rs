//! The envelope: one JSON-RPC message, read as strictly as no server could read it otherwise.
//!
//! In: what the strict JSON reader read. Out: a request, a notification or a client's response, or what is wrong with it.
//! Batches are refused in every version (docs/decisions/0014-mcp.md). Looks at no method and into no argument.

use super::{META_VERSION, lookalike::is_lookalike};
use crate::json::{self, Kind, Value};
use std::fmt;

/// How many bytes the text of an id may have, as it is written.
pub const MAX_ID_BYTES: usize = 256;

/// How many bytes the name of a method may have.
pub const MAX_METHOD_BYTES: usize = 128;

/// The keys of `params` that are judged, in any method.
const PARAMS: &[&str] = &[
    "_meta",
    "name",
    "arguments",
    "inputResponses",
    "requestState",
    "uri",
    "ref",
    "argument",
    "context",
    "notifications",
    "taskId",
    "protocolVersion",
];

/// A message that a client sent.
pub enum Message<'d> {
    /// It waits for an answer.
    Request(Request<'d>),
    /// It must not be answered.
    Notification(Notification<'d>),
    /// It answers a request of the server's.
    Response(Response<'d>),
}

/// A request.
pub struct Request<'d> {
    /// What the answer must carry.
    pub id: Id,
    /// What is asked for.
    pub method: &'d str,
    /// With what, if anything: an object.
    pub params: Option<Value<'d>>,
}

/// A request without an id.
pub struct Notification<'d> {
    /// What is told.
    pub method: &'d str,
    /// With what, if anything: an object.
    pub params: Option<Value<'d>>,
}

/// An answer of the client's.
pub struct Response<'d> {
    /// The id of the server's request.
    pub id: Id,
    /// The object under `result` or `error`: what a server reads is to be checked like arguments.
    pub content: Value<'d>,
    /// Whether it is an error.
    pub is_error: bool,
}

/// The id of a request, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Id {
    json: String,
    /// The decoded text, if it is a string.
    text: Option<String>,
}

/// A message that is none, and its id if that could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The id of a request that is wrong elsewhere.
    pub id: Option<Id>,
    /// What is wrong.
    pub problem: Invalid,
}

/// What can be wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// Several messages in one.
    Batch,
    /// No object.
    NoObject,
    /// `jsonrpc` is not exactly "2.0".
    Protocol,
    /// A key that no message has.
    UnknownMember,
    /// An id that is no integer and no string, or is too long.
    Id,
    /// No method, or none that could be one.
    Method,
    /// Neither a request nor a response, or both.
    Shape,
    /// This version has no responses of a client's.
    ResponseNotTaken,
    /// `params` is no object.
    Params,
    /// A key that another reader may take for one that is judged.
    Lookalike,
    /// A member of `params` is missing, or is not what the method needs.
    Param(&'static str),
}

impl Invalid {
    /// The stable, machine-readable code.
    pub(super) fn code(self) -> &'static str {
        match self {
            invalid if invalid.is_of_params() => "params_invalid",
            Self::Batch => "batch_not_taken",
            _ => "message_invalid",
        }
    }

    /// Whether it is what the method was given that is wrong, and not the message.
    pub fn is_of_params(self) -> bool {
        matches!(self, Self::Params | Self::Lookalike | Self::Param(_))
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Batch => write!(f, "send one message at a time, batches are not taken"),
            Self::NoObject => write!(f, "a message is an object"),
            Self::Protocol => write!(f, "`jsonrpc` must be \"2.0\""),
            Self::UnknownMember => write!(f, "a message has no members but those of JSON-RPC"),
            Self::Id => write!(f, "`id` must be a string or an integer of at most {MAX_ID_BYTES} bytes"),
            Self::Method => write!(f, "`method` must be a name of at most {MAX_METHOD_BYTES} bytes"),
            Self::Shape => write!(f, "a message is a request, a notification or a response"),
            Self::ResponseNotTaken => write!(f, "this version of the protocol has no responses of a client's"),
            Self::Params => write!(f, "`params` must be an object"),
            Self::Lookalike => write!(f, "a key of `params` differs from a known one only in how it is spelt"),
            Self::Param(name) => write!(f, "`{name}` is missing or not what this method needs"),
        }
    }
}

impl Id {
    /// Reads an id: a short string, or an integer as every language writes it.
    pub fn read(value: Value<'_>) -> Option<Self> {
        let raw = value.raw();
        if raw.len() > MAX_ID_BYTES {
            return None;
        }
        let is_integer = value.kind() == Kind::Number && raw != "-0" && !raw.contains(['.', 'e', 'E']);
        match value.as_str() {
            Some(text) => Some(Self { json: format!("\"{raw}\""), text: Some(text.to_owned()) }),
            None => is_integer.then(|| Self { json: raw.to_owned(), text: None }),
        }
    }

    /// As it was written, byte for byte.
    pub fn as_json(&self) -> &str {
        &self.json
    }

    /// Whether an answer carries this id, however it spells it.
    pub fn is(&self, other: Value<'_>) -> bool {
        match (&self.text, other.as_str()) {
            (Some(text), Some(other)) => text == other,
            (None, None) => {
                other.kind() == Kind::Number
                    && crate::schema::compare_numbers(&self.json, other.raw()) == Some(std::cmp::Ordering::Equal)
            }
            _ => false,
        }
    }
}

/// The members of an envelope.
#[derive(Default)]
struct Envelope<'d> {
    jsonrpc: Option<Value<'d>>,
    id: Option<Value<'d>>,
    method: Option<Value<'d>>,
    params: Option<Value<'d>>,
    result: Option<Value<'d>>,
    error: Option<Value<'d>>,
    has_others: bool,
}

impl<'d> Envelope<'d> {
    fn of(root: Value<'d>) -> Self {
        let mut envelope = Self::default();
        for (key, value) in root.members() {
            let member = match key {
                "jsonrpc" => &mut envelope.jsonrpc,
                "id" => &mut envelope.id,
                "method" => &mut envelope.method,
                "params" => &mut envelope.params,
                "result" => &mut envelope.result,
                "error" => &mut envelope.error,
                _ => {
                    envelope.has_others = true;
                    continue;
                }
            };
            *member = Some(value);
        }
        envelope
    }
}

impl<'d> Message<'d> {
    /// Reads a message.
    pub fn read(root: Value<'d>) -> Result<Self, Flaw> {
        let flaw = |problem| Flaw { id: None, problem };
        match root.kind() {
            Kind::Object => {}
            Kind::Array => return Err(flaw(Invalid::Batch)),
            _ => return Err(flaw(Invalid::NoObject)),
        }
        let envelope = Envelope::of(root);
        let id = envelope.id.map(|id| Id::read(id).ok_or(flaw(Invalid::Id))).transpose()?;
        // Without a method it is an id of the server's: an answer with it could be taken for that to a request.
        let of_request = id.clone().filter(|_| envelope.method.is_some());
        Self::of(&envelope, id).map_err(|problem| Flaw { id: of_request, problem })
    }

    fn of(envelope: &Envelope<'d>, id: Option<Id>) -> Result<Self, Invalid> {
        let Envelope { jsonrpc, id: _, method, params, result, error, has_others } = *envelope;
        if jsonrpc.and_then(Value::as_str) != Some("2.0") {
            return Err(Invalid::Protocol);
        }
        if has_others {
            return Err(Invalid::UnknownMember);
        }
        match (method, params, result, error, id) {
            (Some(method), params, None, None, id) => {
                let (method, params) = (self::method(method)?, self::params(params)?);
                Ok(match id {
                    Some(id) => Self::Request(Request { id, method, params }),
                    None => Self::Notification(Notification { method, params }),
                })
            }
            (None, None, Some(content), None, Some(id)) => response(id, content, false),
            (None, None, None, Some(content), Some(id)) => response(id, content, true),
            _ => Err(Invalid::Shape),
        }
    }

    /// The method of a request or a notification.
    pub fn method(&self) -> Option<&'d str> {
        match self {
            Self::Request(Request { method, .. }) | Self::Notification(Notification { method, .. }) => Some(method),
            Self::Response(_) => None,
        }
    }

    /// What a request or a notification carries.
    pub fn params(&self) -> Option<Value<'d>> {
        match self {
            Self::Request(Request { params, .. }) | Self::Notification(Notification { params, .. }) => *params,
            Self::Response(_) => None,
        }
    }

    /// The version that the body names, if it does.
    pub(super) fn meta_version(&self) -> Option<Value<'d>> {
        self.params()?.child("_meta")?.child(META_VERSION)
    }
}

fn response(id: Id, content: Value<'_>, is_error: bool) -> Result<Message<'_>, Invalid> {
    if content.kind() != Kind::Object {
        return Err(Invalid::Shape);
    }
    Ok(Message::Response(Response { id, content, is_error }))
}

fn method(value: Value<'_>) -> Result<&str, Invalid> {
    let is_name = |text: &&str| {
        !text.is_empty() && text.len() <= MAX_METHOD_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    value.as_str().filter(is_name).ok_or(Invalid::Method)
}

fn params(value: Option<Value<'_>>) -> Result<Option<Value<'_>>, Invalid> {
    let Some(params) = value else { return Ok(None) };
    if params.kind() != json::Kind::Object {
        return Err(Invalid::Params);
    }
    if params.members().any(|(key, _)| is_lookalike(key, PARAMS)) {
        return Err(Invalid::Lookalike);
    }
    let Some(meta) = params.child("_meta") else { return Ok(value) };
    if meta.kind() != Kind::Object {
        return Err(Invalid::Param("_meta"));
    }
    let has_lookalike = meta.members().any(|(key, _)| is_lookalike(key, &[META_VERSION]));
    if has_lookalike { Err(Invalid::Lookalike) } else { Ok(value) }
}

#[cfg(test)]
mod tests;
