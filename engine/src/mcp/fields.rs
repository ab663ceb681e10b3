//! Header fields confirm what the body says; the body decides.
//!
//! In: header fields and the message that was read. Out: the version both agree on, or where they disagree.
//! Lets fields through that it does not know, as the protocol wants. Trusts no field for anything else.

use super::{Invalid, META_VERSION, Message, Request, Version};
use crate::{
    json::{self, Kind, Value},
    names,
    pointer::tokens,
    request::{Field, Head, Repeated},
    schema::compare_numbers,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use std::{borrow::Cow, cmp::Ordering, fmt};

const VERSION: &str = "mcp-protocol-version";
const METHOD: &str = "mcp-method";
const NAME: &str = "mcp-name";
const PARAMETER: &str = "mcp-param-";
const SESSION: &str = "mcp-session-id";

/// The keyword by which a tool's schema says that an argument is mirrored in a field, and in which.
pub const MIRRORED_BY: &str = "x-mcp-header";

/// Methods whose requests of 2026-07-28 have a name in the header.
const NAMED: [&str; 3] = ["tools/call", "resources/read", "prompts/get"];

/// An argument that is mirrored in a field, as the tool's schema says by `x-mcp-header`.
#[derive(Clone, Debug)]
pub struct Mirrored {
    /// The name of the field, in lower case.
    field: String,
    /// The keys on the way to the argument.
    keys: Vec<String>,
}

impl Mirrored {
    /// `suffix` is what stands behind `Mcp-Param-`, `pointer` an RFC 6901 pointer into the arguments. Nothing if no field has
    /// such a name, or the pointer is none to an argument.
    pub fn new(suffix: &str, pointer: &str) -> Option<Self> {
        names::field_suffix(suffix.as_bytes()).ok()?;
        let keys = tokens(pointer).filter(|keys| !keys.is_empty())?;
        Some(Self { field: format!("{PARAMETER}{}", suffix.to_ascii_lowercase()), keys })
    }

    /// The field's name as a reader has it that takes `_` for `-`.
    pub(crate) fn folded(&self) -> String {
        self.field.replace('_', "-")
    }

    /// The argument, if it is one that is mirrored: a client sends no field for `null`, nor for what is no plain value.
    fn value<'d>(&self, arguments: Value<'d>) -> Option<Value<'d>> {
        let member = |value: Value<'d>, key: &String| match value.kind() {
            Kind::Object => value.child(key),
            _ => None,
        };
        let value = self.keys.iter().try_fold(arguments, member)?;
        (!matches!(value.kind(), Kind::Null | Kind::Array | Kind::Object)).then_some(value)
    }
}

/// Where header and body disagree. Holds no value but the version that is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disagreement {
    /// A version that is not spoken here.
    UnsupportedVersion {
        /// As it was asked for, cut if that is long.
        requested: String,
        /// Those that are.
        supported: Vec<Version>,
    },
    /// The header says 2026-07-28, and the body of the request has no version.
    NoVersionInBody,
    /// The message is none of this version.
    Invalid(Invalid),
    /// A field is missing.
    Missing(String),
    /// A field stands there twice, or with `_` for `-` besides.
    Repeated(String),
    /// A field has letters that none has, or a form that cannot be decoded.
    Malformed(String),
    /// A field says something else than the body.
    Differs(String),
}

impl Disagreement {
    /// The stable, machine-readable code.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::UnsupportedVersion { .. } => "version_unsupported",
            Self::NoVersionInBody => "version_missing",
            Self::Invalid(invalid) => invalid.code(),
            Self::Missing(_) | Self::Repeated(_) | Self::Malformed(_) | Self::Differs(_) => "header_mismatch",
        }
    }
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnsupportedVersion { .. } => write!(f, "Unsupported protocol version"),
            Self::NoVersionInBody => write!(f, "`_meta` of the request must have `{META_VERSION}`"),
            Self::Invalid(invalid) => write!(f, "{invalid}"),
            Self::Missing(field) => write!(f, "Header mismatch: {field} is missing"),
            Self::Repeated(field) => write!(f, "Header mismatch: {field} stands there more than once"),
            Self::Malformed(field) => write!(f, "Header mismatch: {field} is malformed"),
            Self::Differs(field) => write!(f, "Header mismatch: {field} does not match the body"),
        }
    }
}

/// The version of a message: what its field says, or its body if there is no field; 2025-03-26 if neither does.
pub fn agreed_version<B: AsRef<[u8]>>(head: Head<'_, B>, message: &Message<'_>) -> Result<Version, Disagreement> {
    let meta = message.meta_version();
    let body = match meta.map(|version| (version, version.as_str())) {
        Some((_, Some(text))) => Some(text),
        Some((_, None)) => return Err(Disagreement::Invalid(Invalid::Param("_meta"))),
        None => None,
    };
    let Some(header) = once(head, VERSION)? else {
        let Some(body) = body else { return Ok(Version::V2025_03_26) };
        let version = known(body.as_bytes())?;
        // A server that goes by the field takes this for 2025-03-26, another for what the body says.
        let is_old = version == Version::V2025_03_26;
        return if is_old { Ok(version) } else { Err(Disagreement::Missing(VERSION.to_owned())) };
    };
    let version = known(header)?;
    if body.is_some_and(|body| body.as_bytes() != header) {
        return Err(Disagreement::Differs(VERSION.to_owned()));
    }
    match message {
        Message::Request(_) if version.is_stateless() && body.is_none() => Err(Disagreement::NoVersionInBody),
        Message::Response(_) if !version.takes_responses() => Err(Disagreement::Invalid(Invalid::ResponseNotTaken)),
        _ => Ok(version),
    }
}

/// The version that is written so.
pub(crate) fn known(text: &[u8]) -> Result<Version, Disagreement> {
    const MOST: usize = 32;
    Version::read(text).ok_or_else(|| {
        let requested = String::from_utf8_lossy(text.get(..MOST).unwrap_or(text)).into_owned();
        Disagreement::UnsupportedVersion { requested, supported: Version::ALL.to_vec() }
    })
}

/// The version that a request without a message, a GET or a DELETE, names.
pub fn version_of_head<B: AsRef<[u8]>>(head: Head<'_, B>) -> Result<Version, Disagreement> {
    once(head, VERSION)?.map_or(Ok(Version::V2025_03_26), known)
}

/// Compares the fields that mirror the method, and the name of what it asks for, with the body. They must be there in
/// 2026-07-28, and be right in any version.
pub fn confirm<B: AsRef<[u8]>>(head: Head<'_, B>, version: Version, message: &Message<'_>) -> Result<(), Disagreement> {
    let (is_request, method) = (matches!(message, Message::Request(_)), message.method());
    let is_required = version.is_stateless() && is_request;
    let is_same = |text: &str| method == Some(text);
    check(head, METHOD, is_required, |value| plain(value).is_some_and(is_same))?;
    let is_named = is_required && method.is_some_and(|method| NAMED.contains(&method));
    let name = name(message);
    check(head, NAME, is_named, |value| decoded(value).is_some_and(|text| name == Some(&*text)))
}

/// Compares the field that mirrors an argument of a tool's call with it. It must be there in 2026-07-28 if the argument is,
/// and be right in any version: who routes by it need not know the version.
pub fn confirm_argument<B: AsRef<[u8]>>(
    head: Head<'_, B>,
    version: Version,
    arguments: Value<'_>,
    mirrored: &Mirrored,
) -> Result<(), Disagreement> {
    let value = mirrored.value(arguments);
    let is_required = version.is_stateless() && value.is_some();
    let is_same = |text: &str| value.is_some_and(|value| is_mirror(text, value));
    check(head, &mirrored.field, is_required, |bytes| decoded(bytes).is_some_and(|text| is_same(&text)))
}

/// What `Mcp-Name` mirrors. A task's id is the extension's that has tasks.
fn name<'d>(message: &Message<'d>) -> Option<&'d str> {
    let Message::Request(Request { method, params: Some(params), .. }) = message else { return None };
    let source = match *method {
        method if method.starts_with("resources/") => "uri",
        method if method.starts_with("tasks/") => "taskId",
        _ => "name",
    };
    params.child(source).and_then(Value::as_str)
}

/// Whether a text is what a field has for a value: a string as it is, integers by their value.
fn is_mirror(text: &str, value: Value<'_>) -> bool {
    match value.kind() {
        Kind::PlainString | Kind::EscapedString => value.as_str() == Some(text),
        Kind::True | Kind::False => value.raw() == text,
        Kind::Number => json::is_number(text) && compare_numbers(text, value.raw()) == Some(Ordering::Equal),
        Kind::Null | Kind::Array | Kind::Object => false,
    }
}

/// Checks a field that may stand there once.
fn check<B: AsRef<[u8]>>(
    head: Head<'_, B>,
    field: &str,
    is_required: bool,
    is_right: impl FnOnce(&[u8]) -> bool,
) -> Result<(), Disagreement> {
    match once(head, field)? {
        None if is_required => Err(Disagreement::Missing(field.to_owned())),
        None => Ok(()),
        Some(value) if decoded(value).is_none() => Err(Disagreement::Malformed(field.to_owned())),
        Some(value) if is_right(value) => Ok(()),
        Some(_) => Err(Disagreement::Differs(field.to_owned())),
    }
}

fn once<'a, B: AsRef<[u8]>>(head: Head<'a, B>, field: &str) -> Result<Option<&'a [u8]>, Disagreement> {
    head.sole(field).map_err(|Repeated| Disagreement::Repeated(field.to_owned()))
}

/// The text of a field that is never encoded.
fn plain(value: &[u8]) -> Option<&str> {
    let is_plain = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~');
    std::str::from_utf8(value).ok().filter(|_| value.iter().all(is_plain))
}

/// The text of a field that may be written as `=?base64?…?=`.
fn decoded(value: &[u8]) -> Option<Cow<'_, str>> {
    let text = plain(value)?;
    let Some(encoded) = text.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) else {
        return Some(Cow::Borrowed(text));
    };
    String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok().map(Cow::Owned)
}

/// The session that a request belongs to, if it says so: visible ASCII, once.
pub fn session<B: AsRef<[u8]>>(head: Head<'_, B>) -> Result<Option<&str>, Disagreement> {
    let Some(value) = once(head, SESSION)? else { return Ok(None) };
    let is_visible = !value.is_empty() && value.iter().all(u8::is_ascii_graphic);
    let text = std::str::from_utf8(value).ok().filter(|_| is_visible);
    text.map(Some).ok_or_else(|| Disagreement::Malformed(SESSION.to_owned()))
}

/// Whether a request comes from no web page, or from one that is allowed. A page that hides where it is from is none.
pub fn is_origin_allowed<B: AsRef<[u8]>>(head: Head<'_, B>, mut is_allowed: impl FnMut(&str) -> bool) -> bool {
    match head.field("origin") {
        Field::Absent => true,
        Field::Once(origin) => std::str::from_utf8(origin).is_ok_and(&mut is_allowed),
        Field::Often => false,
    }
}

#[cfg(test)]
mod tests;
