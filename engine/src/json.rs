//! The one strict JSON reader: every body of a call is read by it, once.
//!
//! In: bytes. Out: a [`Document`], a flat list of values that borrows the bytes, or where and why not.
//! What two readers could read in two ways is refused: duplicate keys, lone surrogates, inexact numbers,
//! a byte order mark, bytes after the end (RFC 8259 leaves these open, RFC 7493 does not).

mod escape;
mod inexact;
mod keys;
mod number;
mod plain;
mod reader;
pub(crate) mod write;

use crate::pointer;
pub use inexact::Admitted;
use std::{fmt, ops::Range};

/// Bounds that keep a small body from costing much.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How many arrays and objects may be open at once.
    pub depth: usize,
    /// How many values and keys there may be.
    pub values: usize,
    /// Which numbers are read.
    pub numbers: Numbers,
}

/// Which numbers are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Numbers {
    /// Only those that a double holds exactly, so that no two readers see two values.
    #[default]
    Exact,
    /// All, and those that a double does not hold are noted: [`Document::require_admitted`] then refuses them, unless
    /// somebody vouches for each.
    Noted,
    /// All that the grammar knows; for JSON that no one forwards.
    Any,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { depth: 32, values: 100_000, numbers: Numbers::Exact }
    }
}

/// Why bytes are not strict JSON, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Offset of the first byte that is wrong.
    pub at: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What can be wrong with a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Not UTF-8.
    InvalidUtf8,
    /// U+FEFF at the start.
    ByteOrderMark,
    /// The text ends too early.
    UnexpectedEnd,
    /// This byte cannot stand here.
    UnexpectedByte,
    /// Something follows the value.
    TrailingBytes,
    /// A control character inside a string.
    ControlCharacter,
    /// No such escape.
    BadEscape,
    /// Half of a surrogate pair.
    LoneSurrogate,
    /// A number that JSON's grammar does not know.
    BadNumber,
    /// A number that a double does not hold exactly.
    InexactNumber,
    /// The key stands in the same object already.
    DuplicateKey,
    /// More open arrays and objects than [`Bounds::depth`].
    TooDeep,
    /// More values than [`Bounds::values`].
    TooManyValues,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.problem, self.at)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidUtf8 => "invalid UTF-8",
            Self::ByteOrderMark => "a byte order mark",
            Self::UnexpectedEnd => "the JSON text ends too early",
            Self::UnexpectedByte => "an unexpected character",
            Self::TrailingBytes => "something after the end of the JSON text",
            Self::ControlCharacter => "a control character in a string",
            Self::BadEscape => "an unknown escape",
            Self::LoneSurrogate => "half of a surrogate pair",
            Self::BadNumber => "a malformed number",
            Self::InexactNumber => "a number that cannot be represented exactly",
            Self::DuplicateKey => "a duplicate key",
            Self::TooDeep => "nesting that is too deep",
            Self::TooManyValues => "too many values",
        })
    }
}

/// A JSON text that was read: all its values in order of appearance.
pub struct Document<'a> {
    source: &'a str,
    /// Strings that had escapes, decoded, one after the other.
    decoded: String,
    /// Where in `decoded` each of them stands.
    unescaped: Vec<Range<u32>>,
    nodes: Vec<Node>,
    /// Indexes of numbers that a double does not hold, if [`Numbers::Noted`] was asked for.
    inexact: Vec<u32>,
}

/// One value or key. A container is followed by what it holds; an object holds keys and values in turn.
#[derive(Clone, Copy)]
struct Node {
    kind: Kind,
    /// Span of the value in the source; of a string, without the quotes.
    start: u32,
    end: u32,
    /// Of a container, the index behind its last descendant; of an escaped string, its index in `unescaped`.
    extra: u32,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true`
    True,
    /// `false`
    False,
    /// A number, as it was written.
    Number,
    /// A string without escapes: its bytes are those of the source.
    PlainString,
    /// A string with escapes.
    EscapedString,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl<'a> Document<'a> {
    /// Reads a whole JSON text. What reads requests reads answers, too, and is then at hand in the processor's caches.
    #[inline(never)]
    pub fn read(bytes: &'a [u8], bounds: Bounds) -> Result<Self, Malformed> {
        reader::read(bytes, bounds)
    }

    /// The outermost value.
    pub fn root(&self) -> Value<'_> {
        Value { document: self, at: 0 }
    }

    fn node(&self, at: usize) -> Option<&Node> {
        self.nodes.get(at)
    }

    /// Index behind the value at `at` and all that it holds.
    fn behind(&self, at: usize) -> usize {
        match self.node(at) {
            Some(Node { kind: Kind::Array | Kind::Object, extra, .. }) => wide(*extra),
            _ => at.saturating_add(1),
        }
    }

    fn text(&self, node: &Node) -> Option<&str> {
        match node.kind {
            Kind::PlainString => self.source.get(wide(node.start)..wide(node.end)),
            Kind::EscapedString => {
                let Range { start, end } = self.unescaped.get(wide(node.extra))?;
                self.decoded.get(wide(*start)..wide(*end))
            }
            _ => None,
        }
    }
}

/// One value of a document.
#[derive(Clone, Copy)]
pub struct Value<'d> {
    document: &'d Document<'d>,
    at: usize,
}

impl<'d> Value<'d> {
    /// What it is.
    #[inline]
    pub fn kind(self) -> Kind {
        self.document.node(self.at).map_or(Kind::Null, |node| node.kind)
    }

    /// The decoded string, if it is one.
    pub fn as_str(self) -> Option<&'d str> {
        self.document.text(self.document.node(self.at)?)
    }

    /// The value as it was written; of a string, without its quotes.
    pub fn raw(self) -> &'d str {
        let span = self.document.node(self.at).map(|node| wide(node.start)..wide(node.end));
        span.and_then(|span| self.document.source.get(span)).unwrap_or_default()
    }

    /// Where it is written in the text that was read; of a string, with its quotes.
    pub fn span(self) -> Range<usize> {
        let Some(node) = self.document.node(self.at) else { return 0..0 };
        let quote = usize::from(matches!(node.kind, Kind::PlainString | Kind::EscapedString));
        wide(node.start).saturating_sub(quote)..wide(node.end).saturating_add(quote)
    }

    /// Keys and values of an object; nothing for what is none.
    pub fn members(self) -> impl Iterator<Item = (&'d str, Value<'d>)> {
        let mut keys = Children::of(self, Kind::Object);
        std::iter::from_fn(move || Some((keys.next()?.as_str()?, keys.next()?)))
    }

    /// Keys, as the strings that they are, and values of an object; nothing for what is none.
    #[inline]
    pub fn entries(self) -> impl Iterator<Item = (Value<'d>, Value<'d>)> {
        let Children { document, mut at, end } = Children::of(self, Kind::Object);
        std::iter::from_fn(move || {
            let (key, value) = (Value { document, at }, Value { document, at: at.saturating_add(1) });
            if at >= end {
                return None;
            }
            at = document.behind(value.at);
            Some((key, value))
        })
    }

    /// The bytes of the decoded string, if it is one.
    #[inline]
    pub fn as_bytes(self) -> Option<&'d [u8]> {
        let node = self.document.node(self.at)?;
        match node.kind {
            Kind::PlainString => self.document.source.as_bytes().get(wide(node.start)..wide(node.end)),
            Kind::EscapedString => self.document.text(node).map(str::as_bytes),
            _ => None,
        }
    }

    /// How many values and keys it is made of, itself included.
    pub fn size(self) -> usize {
        self.document.behind(self.at).saturating_sub(self.at)
    }

    /// Where it stands.
    pub fn place(self) -> Place {
        Place(self.at)
    }

    /// Elements of an array; nothing for what is none.
    pub fn elements(self) -> impl Iterator<Item = Value<'d>> {
        Children::of(self, Kind::Array)
    }

    /// The member or element that a token of an RFC 6901 pointer names.
    pub fn child(self, token: &str) -> Option<Value<'d>> {
        match self.kind() {
            Kind::Object => self.members().find_map(|(key, value)| (key == token).then_some(value)),
            Kind::Array => {
                let index: usize = token.parse().ok().filter(|index: &usize| index.to_string() == token)?;
                self.elements().nth(index)
            }
            _ => None,
        }
    }

    /// Every string in it at any depth, keys too, in order of appearance.
    pub fn strings(self) -> impl Iterator<Item = (Place, &'d str)> {
        let document = self.document;
        let span = self.at..document.behind(self.at);
        let nodes = document.nodes.get(span).unwrap_or_default();
        (self.at..).zip(nodes).filter_map(move |(at, node)| Some((Place(at), document.text(node)?)))
    }

    /// Those strings that may be longer than so many bytes: an escaped one is written longer than it is.
    pub(crate) fn strings_over(self, bytes: u32) -> impl Iterator<Item = (Place, &'d str)> {
        let document = self.document;
        let nodes = document.nodes.get(self.at..document.behind(self.at)).unwrap_or_default();
        let nodes = (self.at..).zip(nodes).filter(move |(_, node)| node.end.saturating_sub(node.start) > bytes);
        nodes.filter_map(move |(at, node)| Some((Place(at), document.text(node)?)))
    }

    /// Finds the strings, keys and values, that have a byte of [`Self::raw`]; of bytes in order.
    pub(crate) fn strings_at(self) -> StringsAt<'d> {
        let document = self.document;
        let nodes = document.nodes.get(self.at..document.behind(self.at)).unwrap_or_default();
        StringsAt { document, nodes, first: self.at, next: 0 }
    }

    /// The RFC 6901 pointer from here to `place`. A key is named by its object, since the key itself is what is wrong.
    pub fn pointer_to(self, place: Place) -> String {
        let mut pointer = String::new();
        let mut value = self;
        while let Some((token, child)) = value.child_holding(place) {
            pointer::push(&mut pointer, &token);
            value = child;
        }
        pointer
    }

    fn child_holding(self, place: Place) -> Option<(String, Value<'d>)> {
        let holds = |child: &Value| (child.at..child.document.behind(child.at)).contains(&place.0);
        match self.kind() {
            Kind::Array => {
                self.elements().enumerate().find_map(|(index, child)| holds(&child).then(|| (index.to_string(), child)))
            }
            Kind::Object => self.members().find_map(|(key, child)| holds(&child).then(|| (key.to_owned(), child))),
            _ => None,
        }
    }
}

/// A string within a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StringAt<'d> {
    pub(crate) place: Place,
    /// The decoded string.
    pub(crate) text: &'d str,
    /// Where it is written in [`Value::raw`] of the value, without its quotes.
    pub(crate) span: Range<usize>,
    /// Whether it is written there as it is.
    pub(crate) is_plain: bool,
}

/// Goes along a value and finds strings.
pub(crate) struct StringsAt<'d> {
    document: &'d Document<'d>,
    nodes: &'d [Node],
    /// Index of the first of the nodes.
    first: usize,
    /// Index among the nodes of the first one that starts behind the last byte that was asked for.
    next: usize,
}

impl<'d> StringsAt<'d> {
    /// The string that has this byte. Bytes must come in order.
    pub(crate) fn find(&mut self, byte: usize) -> Option<StringAt<'d>> {
        let base = wide(self.nodes.first()?.start);
        let byte = base.saturating_add(byte);
        // Nodes are in the order of their starts, and no string holds another value.
        let passed = self.nodes.get(self.next..)?.iter().take_while(|node| wide(node.start) <= byte).count();
        self.next = self.next.saturating_add(passed);
        let last = self.next.checked_sub(1)?;
        let node = self.nodes.get(last).filter(|node| byte < wide(node.end))?;
        Some(StringAt {
            place: Place(self.first.saturating_add(last)),
            text: self.document.text(node)?,
            span: wide(node.start).saturating_sub(base)..wide(node.end).saturating_sub(base),
            is_plain: node.kind == Kind::PlainString,
        })
    }
}

/// Where a value stands in its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(usize);

struct Children<'d> {
    document: &'d Document<'d>,
    at: usize,
    end: usize,
}

impl<'d> Children<'d> {
    fn of(value: Value<'d>, kind: Kind) -> Self {
        let Value { document, at } = value;
        let end = if value.kind() == kind { document.behind(at) } else { 0 };
        Self { document, at: at.saturating_add(1), end }
    }
}

impl<'d> Iterator for Children<'d> {
    type Item = Value<'d>;

    fn next(&mut self) -> Option<Value<'d>> {
        if self.at >= self.end {
            return None;
        }
        let value = Value { document: self.document, at: self.at };
        self.at = self.document.behind(self.at);
        Some(value)
    }
}

/// Whether a text is a number of JSON and nothing else.
pub(crate) fn is_number(text: &str) -> bool {
    number::end(text.as_bytes(), 0, Numbers::Any) == Ok(text.len())
}

/// Offsets are kept in 32 bits; the reader refuses longer texts.
fn wide(offset: u32) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
