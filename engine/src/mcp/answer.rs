//! One message of a server's: what became of the request, and how the message goes on to the agent.
//!
//! In: a message, what is awaited, and which entries of lists to show. Out: the same bytes or those without what an agent
//! may not see. What cannot be read strictly does not go on: another reader might see a list in it.

use super::{
    Id, Version,
    list::{self, BadList, Entry, ListKind, Shown},
    lookalike::is_lookalike,
    opening,
};
use crate::json::{Bounds, Document, Kind, Malformed, Numbers, Value};

/// What an answer is awaited for.
#[derive(Clone, Debug)]
pub struct Awaited {
    /// The version of the request.
    pub version: Version,
    /// Its id and its method; nothing on a stream that belongs to no request.
    pub request: Option<(Id, String)>,
}

/// What became of a request, as its answer tells: an error may come with HTTP status 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A result.
    Done,
    /// A tool's result that says it is an error.
    ToolError,
    /// A result that asks the client for more.
    InputRequired,
    /// An error, with its code if that is an integer.
    ProtocolError(Option<i64>),
}

impl Outcome {
    /// As logs and metrics name it. No answer at all is told by who waited for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "ok",
            Self::ToolError => "tool_error",
            Self::InputRequired => "input_required",
            Self::ProtocolError(_) => "protocol_error",
        }
    }
}

/// What a server says, about which is asked whether it goes on.
#[derive(Clone, Copy)]
pub enum Said<'d> {
    /// An entry of a list.
    Entry(Entry<'d>),
    /// What it tells the model about itself when it is first met.
    Instructions(Value<'d>),
}

/// A message that goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// What to send in its place; nothing if it goes on as it is.
    pub replaced: Option<Vec<u8>>,
    /// What became of the awaited request, if this is the answer to it.
    pub outcome: Option<Outcome>,
    /// What became of lists.
    pub lists: Shown,
}

/// Why a message does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It is not strict JSON.
    Malformed(Malformed),
    /// It is no message, or several.
    NoMessage,
    /// A list in it cannot be read.
    List(BadList),
}

/// The keys of a message.
const ENVELOPE: [&str; 6] = ["jsonrpc", "id", "method", "params", "result", "error"];

/// Bounds for what a server sends. Its numbers are judged by nobody.
const BOUNDS: Bounds = Bounds { depth: 128, values: 1_000_000, numbers: Numbers::Any };

/// Judges a message of a server's: a whole body, or the data of one event.
pub fn pass(bytes: &[u8], awaited: &Awaited, show: &mut dyn FnMut(Said<'_>) -> bool) -> Result<Passed, Unfit> {
    let document = Document::read(bytes, BOUNDS).map_err(Unfit::Malformed)?;
    let root = document.root();
    if root.kind() != Kind::Object || root.members().any(|(key, _)| is_lookalike(key, &ENVELOPE)) {
        return Err(Unfit::NoMessage);
    }
    let method = awaited.method_answered_by(root);
    let outcome = method.and_then(|_| outcome(root));
    let Some(result) = root.child("result").filter(|result| result.kind() == Kind::Object) else {
        return Ok(Passed { outcome, ..Passed::default() });
    };
    let (edits, lists) = match method {
        Some("resources/read") => (Vec::from_iter(list::privacy(result, false)), Shown::default()),
        Some(method) if opening::is_first(method) => {
            (Vec::from_iter(opening::edit(result, show).map_err(Unfit::List)?), Shown::default())
        }
        Some(method) if ListKind::of_method(method).is_none() => (Vec::new(), Shown::default()),
        // Also an answer to another request: the client may wait for a list elsewhere, or for what comes first.
        Some(_) | None => {
            let opening = opening::edit(result, show).map_err(Unfit::List)?;
            let shows = &mut |entry| show(Said::Entry(entry));
            let (mut edits, lists) = list::filter(result, awaited.version, shows).map_err(Unfit::List)?;
            edits.extend(opening);
            edits.sort_by_key(|(range, _)| range.start);
            (edits, lists)
        }
    };
    let replaced = (!edits.is_empty()).then(|| list::edited(bytes, &edits));
    Ok(Passed { replaced, outcome, lists })
}

impl Awaited {
    /// The awaited request's method, if a message is the answer to it.
    fn method_answered_by(&self, root: Value<'_>) -> Option<&str> {
        let (id, method) = self.request.as_ref()?;
        let is_answer = root.child("method").is_none() && root.child("id").is_some_and(|other| id.is(other));
        is_answer.then_some(method)
    }
}

fn outcome(root: Value<'_>) -> Option<Outcome> {
    if let Some(error) = root.child("error") {
        let code = error.child("code").and_then(|code| code.raw().parse().ok());
        return Some(Outcome::ProtocolError(code));
    }
    let result = root.child("result")?;
    let is = |key: &str, kind| result.child(key).is_some_and(|value| value.kind() == kind);
    Some(match result.child("resultType").and_then(Value::as_str) {
        Some("input_required") => Outcome::InputRequired,
        _ if is("isError", Kind::True) => Outcome::ToolError,
        _ => Outcome::Done,
    })
}

#[cfg(test)]
mod tests;
