//! JSON as a tree that keeps what serde_json loses: numbers as they are written, members in their order.
//!
//! In: the bytes of a JSON file, or a value of serde_json. Out: a [`Json`], or where and why not.

use toolgate_engine::json::{Bounds, Document, Kind, Malformed, Numbers, Value};

/// How deep schemas nest at most, as JSON.
pub const MAX_DEPTH: usize = 128;

/// A JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A number, as it is written.
    Number(String),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object. No name stands twice.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a JSON text with the engine's strict reader.
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let bounds = Bounds { depth: MAX_DEPTH, values: 1_000_000, numbers: Numbers::Any };
        Ok(of(Document::read(bytes, bounds)?.root()))
    }

    /// The member of an object.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.members().iter().find(|(other, _)| other == name).map(|(_, member)| member)
    }

    /// All members of an object; nothing for what is none.
    pub fn members(&self) -> &[(String, Json)] {
        match self {
            Self::Object(members) => members,
            _ => &[],
        }
    }

    /// All elements of an array; nothing for what is none.
    pub fn elements(&self) -> &[Json] {
        match self {
            Self::Array(elements) => elements,
            _ => &[],
        }
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value that an RFC 6901 pointer leads to.
    pub fn at(&self, pointer: &str) -> Option<&Json> {
        let mut value = self;
        for token in pointer.split('/').skip(1) {
            value = value.child(&unescaped(token))?;
        }
        Some(value)
    }

    fn child(&self, token: &str) -> Option<&Json> {
        match self {
            Self::Array(elements) => {
                let plain = token == "0" || !token.starts_with(['0', '+']);
                elements.get(token.parse::<usize>().ok().filter(|_| plain)?)
            }
            _ => self.get(token),
        }
    }

    /// Writes it as JSON.
    pub fn write(&self, text: &mut String) {
        match self {
            Self::Null => text.push_str("null"),
            Self::Boolean(true) => text.push_str("true"),
            Self::Boolean(false) => text.push_str("false"),
            Self::Number(number) => text.push_str(number),
            Self::String(string) => write_string(string, text),
            Self::Array(elements) => {
                text.push('[');
                for (index, element) in elements.iter().enumerate() {
                    text.push_str(if index == 0 { "" } else { "," });
                    element.write(text);
                }
                text.push(']');
            }
            Self::Object(members) => {
                text.push('{');
                for (index, (name, member)) in members.iter().enumerate() {
                    text.push_str(if index == 0 { "" } else { "," });
                    write_string(name, text);
                    text.push(':');
                    member.write(text);
                }
                text.push('}');
            }
        }
    }
}

fn write_string(string: &str, text: &mut String) {
    text.push_str(&serde_json::Value::from(string).to_string());
}

fn of(value: Value<'_>) -> Json {
    match value.kind() {
        Kind::Null => Json::Null,
        Kind::True => Json::Boolean(true),
        Kind::False => Json::Boolean(false),
        Kind::Number => Json::Number(value.raw().to_owned()),
        Kind::PlainString | Kind::EscapedString => Json::String(value.as_str().unwrap_or_default().to_owned()),
        Kind::Array => Json::Array(value.elements().map(of).collect()),
        Kind::Object => Json::Object(value.members().map(|(name, member)| (name.to_owned(), of(member))).collect()),
    }
}

impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(value) => Self::Boolean(value),
            serde_json::Value::Number(number) => Self::Number(number.to_string()),
            serde_json::Value::String(text) => Self::String(text),
            serde_json::Value::Array(elements) => Self::Array(elements.into_iter().map(Self::from).collect()),
            serde_json::Value::Object(members) => {
                Self::Object(members.into_iter().map(|(name, member)| (name, Self::from(member))).collect())
            }
        }
    }
}

/// A token of an RFC 6901 pointer, read.
pub(super) fn unescaped(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}
