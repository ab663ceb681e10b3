//! JSON as a tree that hides nothing, and the same value in another spelling.
//!
//! In: values of the engine's reader, or any JSON by way of serde. Out: trees that can be compared, and JSON again.
//! Refuses nothing: duplicate keys stay, so that a property can ask for them.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt::{self, Write as _};
use toolgate_engine::json::{Kind, Value};

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names of JSON")]
pub enum Tree {
    Null,
    Boolean(bool),
    Number(f64),
    String(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl Tree {
    /// What the engine has read.
    pub fn of(value: Value<'_>) -> Self {
        match value.kind() {
            Kind::Null => Self::Null,
            Kind::True => Self::Boolean(true),
            Kind::False => Self::Boolean(false),
            Kind::Number => Self::Number(value.raw().parse().expect("a number of JSON is one of Rust")),
            Kind::PlainString | Kind::EscapedString => Self::String(text(value)),
            Kind::Array => Self::Array(value.elements().map(Self::of).collect()),
            Kind::Object => Self::Object(value.entries().map(|(key, value)| (text(key), Self::of(value))).collect()),
        }
    }

    /// With the members of all objects in the opposite order.
    pub fn reversed(self) -> Self {
        match self {
            Self::Array(elements) => Self::Array(elements.into_iter().map(Self::reversed).collect()),
            Self::Object(members) => {
                Self::Object(members.into_iter().rev().map(|(key, value)| (key, value.reversed())).collect())
            }
            other => other,
        }
    }

    /// How many arrays and objects are open at once.
    pub fn depth(&self) -> usize {
        match self {
            Self::Array(elements) => 1 + elements.iter().map(Self::depth).max().unwrap_or_default(),
            Self::Object(members) => 1 + members.iter().map(|(_, value)| value.depth()).max().unwrap_or_default(),
            _ => 0,
        }
    }

    /// How many values and keys it is made of.
    pub fn size(&self) -> usize {
        match self {
            Self::Array(elements) => 1 + elements.iter().map(Self::size).sum::<usize>(),
            Self::Object(members) => 1 + members.iter().map(|(_, value)| 1 + value.size()).sum::<usize>(),
            _ => 1,
        }
    }

    /// Whether a key stands twice in an object, at any depth.
    pub fn has_duplicate(&self) -> bool {
        match self {
            Self::Array(elements) => elements.iter().any(Self::has_duplicate),
            Self::Object(members) => members.iter().enumerate().any(|(at, (key, value))| {
                value.has_duplicate() || members[..at].iter().any(|(earlier, _)| earlier == key)
            }),
            _ => false,
        }
    }
}

/// The decoded string, by both ways to it.
fn text(value: Value<'_>) -> String {
    let text = value.as_str().expect("a string has a text");
    assert_eq!(value.as_bytes(), Some(text.as_bytes()), "a string's bytes are its text's");
    text.to_owned()
}

/// The value and all that it holds, without keys.
pub fn all_in(value: Value<'_>) -> Vec<Value<'_>> {
    let inside = value.elements().chain(value.entries().map(|(_, value)| value));
    std::iter::once(value).chain(inside.flat_map(all_in)).collect()
}

/// The value that an RFC 6901 pointer leads to.
pub fn at<'d>(root: Value<'d>, pointer: &str) -> Option<Value<'d>> {
    let unescaped = |token: &str| token.replace("~1", "/").replace("~0", "~");
    pointer.split('/').skip(1).try_fold(root, |value, token| value.child(&unescaped(token)))
}

/// The same value as other JSON: members in the opposite order, every letter escaped, numbers with an exponent.
pub fn respelled(value: Value<'_>) -> String {
    let mut text = String::new();
    respell(value, &mut text);
    text
}

fn respell(value: Value<'_>, text: &mut String) {
    match value.kind() {
        Kind::Null => text.push_str("null "),
        Kind::True => text.push_str("true\t"),
        Kind::False => text.push_str("false\r"),
        Kind::Number => {
            let has_exponent = value.raw().contains(['e', 'E']);
            text.push_str(value.raw());
            text.push_str(if has_exponent { "" } else { "e0" });
        }
        Kind::PlainString | Kind::EscapedString => escape(value.as_str().unwrap_or_default(), text),
        Kind::Array => {
            text.push('[');
            for (at, element) in value.elements().enumerate() {
                text.push_str(if at == 0 { "\n" } else { " , " });
                respell(element, text);
            }
            text.push(']');
        }
        Kind::Object => {
            let members: Vec<_> = value.entries().collect();
            text.push('{');
            for (at, (key, value)) in members.into_iter().rev().enumerate() {
                text.push_str(if at == 0 { "" } else { ",\n" });
                respell(key, text);
                text.push_str(" : ");
                respell(value, text);
            }
            text.push('}');
        }
    }
}

fn escape(string: &str, text: &mut String) {
    text.push('"');
    for (at, unit) in string.encode_utf16().enumerate() {
        let written = if at % 2 == 0 { write!(text, "\\u{unit:04x}") } else { write!(text, "\\u{unit:04X}") };
        written.expect("a string takes all that is written");
    }
    text.push('"');
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Trees)
    }
}

struct Trees;

impl<'de> Visitor<'de> for Trees {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Boolean(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Number(value as f64))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Number(value as f64))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Number(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Tree, A::Error> {
        let mut array = Vec::new();
        while let Some(element) = elements.next_element()? {
            array.push(element);
        }
        Ok(Tree::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Tree, A::Error> {
        let mut object = Vec::new();
        while let Some(member) = members.next_entry()? {
            object.push(member);
        }
        Ok(Tree::Object(object))
    }
}
