//! What a request asks for: a tool, a resource, a prompt, and with which values.
//!
//! In: a request. Out: its target and all that is to be checked. A retried call's `inputResponses` are values like its
//! arguments; `requestState` is the server's own and is looked at by nobody.

use super::{Invalid, Request};
use crate::json::{Bounds, Document, Kind, Value};
use std::sync::LazyLock;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target<'d> {
    /// `tools/call`
    Tool(&'d str),
    /// `resources/read`, `resources/subscribe`, `resources/unsubscribe`: a URI.
    Resource(&'d str),
    /// `completion/complete`: a URI or a template of URIs, to be allowed like the resource itself.
    Template(&'d str),
    /// `prompts/get`, `completion/complete`
    Prompt(&'d str),
    /// `subscriptions/listen`: URIs, each of which must be allowed; none for what is not about resources.
    Resources(Vec<&'d str>),
    /// No thing that has a name: the method alone is judged.
    Nothing,
}

/// A request that was taken apart.
pub struct Call<'d> {
    /// What it asks for.
    pub target: Target<'d>,
    /// The object of its arguments; an empty one if it has none.
    pub arguments: Value<'d>,
    /// Other objects that the client filled in: to be checked like arguments by all but their schema.
    pub besides: Vec<Value<'d>>,
}

static EMPTY: LazyLock<Option<Document<'static>>> = LazyLock::new(|| Document::read(b"{}", Bounds::default()).ok());

impl<'d> Request<'d> {
    /// Takes the request apart.
    pub fn call(&self) -> Result<Call<'d>, Invalid> {
        let child = |name: &str| self.params.and_then(|params| params.child(name));
        let (target, values): (_, [Option<&'static str>; 2]) = match self.method {
            "tools/call" => (Target::Tool(name(child("name"))?), [None; 2]),
            "prompts/get" => (Target::Prompt(name(child("name"))?), [None; 2]),
            "resources/read" | "resources/subscribe" | "resources/unsubscribe" => {
                (Target::Resource(uri(child("uri"))?), [None; 2])
            }
            "completion/complete" => (reference(child("ref"))?, [Some("argument"), Some("context")]),
            "subscriptions/listen" => (Target::Resources(subscriptions(child("notifications"))?), [None; 2]),
            _ => (Target::Nothing, [None; 2]),
        };
        let object = |name: &'static str| match child(name) {
            Some(value) if value.kind() != Kind::Object => Err(Invalid::Param(name)),
            value => Ok(value),
        };
        // `inputResponses` wherever they stand: a server may read them in a method that has none by its specification.
        let besides = values.into_iter().flatten().chain(["inputResponses"]);
        let besides = besides.filter_map(|name| object(name).transpose()).collect::<Result<_, _>>()?;
        let arguments = object("arguments")?.or_else(empty).ok_or(Invalid::Params)?;
        Ok(Call { target, arguments, besides })
    }
}

fn empty<'d>() -> Option<Value<'d>> {
    EMPTY.as_ref().map(Document::root)
}

fn name(value: Option<Value<'_>>) -> Result<&str, Invalid> {
    value.and_then(Value::as_str).filter(|name| !name.is_empty()).ok_or(Invalid::Param("name"))
}

fn uri(value: Option<Value<'_>>) -> Result<&str, Invalid> {
    value.and_then(Value::as_str).filter(|uri| !uri.is_empty()).ok_or(Invalid::Param("uri"))
}

/// What a completion is for. One that names both a prompt and a resource could be either to a server.
fn reference(value: Option<Value<'_>>) -> Result<Target<'_>, Invalid> {
    const KEYS: &[&str] = &["type", "name", "uri"];
    let wrong = Invalid::Param("ref");
    let reference = value.ok_or(wrong)?;
    if reference.members().any(|(key, _)| super::lookalike::is_lookalike(key, KEYS)) {
        return Err(Invalid::Lookalike);
    }
    let kind = reference.child("type").and_then(Value::as_str);
    match (kind, reference.child("name"), reference.child("uri")) {
        (Some("ref/prompt"), name, None) => Ok(Target::Prompt(self::name(name)?)),
        (Some("ref/resource"), None, uri) => Ok(Target::Template(self::uri(uri)?)),
        _ => Err(wrong),
    }
}

/// The resources of whose changes a client wants to hear.
fn subscriptions(value: Option<Value<'_>>) -> Result<Vec<&str>, Invalid> {
    const KEY: &str = "resourceSubscriptions";
    let wrong = Invalid::Param("notifications");
    let Some(filter) = value else { return Ok(Vec::new()) };
    if filter.kind() != Kind::Object {
        return Err(wrong);
    }
    if filter.members().any(|(key, _)| super::lookalike::is_lookalike(key, &[KEY])) {
        return Err(Invalid::Lookalike);
    }
    let Some(uris) = filter.child(KEY) else { return Ok(Vec::new()) };
    if uris.kind() != Kind::Array {
        return Err(wrong);
    }
    uris.elements().map(|uri| self::uri(Some(uri)).map_err(|_| wrong)).collect()
}

#[cfg(test)]
mod tests;
