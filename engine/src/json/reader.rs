//! Reads a JSON text into a flat list of nodes, without recursion.
//!
//! In: bytes and bounds. Out: the document. Each byte is looked at once or twice,
//! and nothing is copied but strings with escapes.

use super::{Bounds, Document, Kind, Malformed, Node, Numbers, Problem, Value, escape, keys::Keys, number, plain};

pub(super) fn read(bytes: &[u8], bounds: Bounds) -> Result<Document<'_>, Malformed> {
    let source = utf8(bytes)?;
    if source.starts_with('\u{feff}') {
        return Err(wrong(0, Problem::ByteOrderMark));
    }
    if u32::try_from(bytes.len()).is_err() {
        return Err(wrong(0, Problem::TooManyValues));
    }
    // One value in eight bytes is what argument bodies have.
    let nodes = Vec::with_capacity(bytes.len() / 8);
    let document = Document { source, decoded: String::new(), unescaped: Vec::new(), nodes, inexact: Vec::new() };
    let mut reader = Reader { bounds, document, container: Container::NONE, around: Vec::new() };
    let end = reader.text(bytes)?;
    if end < bytes.len() { Err(wrong(end, Problem::TrailingBytes)) } else { Ok(reader.document) }
}

fn utf8(bytes: &[u8]) -> Result<&str, Malformed> {
    let exactly = |_| std::str::from_utf8(bytes);
    // Only the slower one says at which byte.
    let text = simdutf8::basic::from_utf8(bytes).or_else(exactly);
    text.map_err(|error| wrong(error.valid_up_to(), Problem::InvalidUtf8))
}

struct Reader<'a> {
    bounds: Bounds,
    document: Document<'a>,
    /// The innermost container that is open.
    container: Container,
    /// Those around it.
    around: Vec<Container>,
}

/// A container that is being read.
#[derive(Clone, Copy)]
struct Container {
    kind: Kind,
    /// Index of its node.
    node: usize,
    /// The keys that were read so far.
    keys: Keys,
}

impl Container {
    /// Stands around the outermost value.
    const NONE: Self = Self { kind: Kind::Null, node: 0, keys: Keys::NONE };
}

/// What follows a value or an opening bracket.
enum Next {
    /// A key or a value, here.
    More(usize),
    /// Nothing: the text ends here.
    End(usize),
}

// This is the hottest loop of all: offsets go from call to call by value, and each function has one caller, so that
// all of it becomes one function with the offset in a register.
// INVARIANT: no offset is larger than the text's length and a dozen, which fits 32 bits: no sum overflows.
impl Reader<'_> {
    /// Reads the outermost value. Where it ends, with the space behind it.
    fn text(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        let mut at = skip_space(bytes, 0);
        loop {
            if self.container.kind == Kind::Object {
                at = self.key(bytes, at)?;
            }
            match self.value(bytes, at)? {
                Next::More(more) => at = more,
                Next::End(end) => match self.next(bytes, end)? {
                    Next::More(more) => at = more,
                    Next::End(end) => return Ok(end),
                },
            }
        }
    }

    /// Reads a value, or as much of it as comes before what it holds.
    #[inline(always)]
    fn value(&mut self, bytes: &[u8], at: usize) -> Result<Next, Malformed> {
        let behind = match byte(bytes, at)? {
            b'"' => self.string(bytes, at)?,
            b'-' | b'0'..=b'9' => self.number(bytes, at)?,
            b'{' => return self.open(bytes, Kind::Object, at, b'}'),
            b'[' => return self.open(bytes, Kind::Array, at, b']'),
            b't' => self.word(bytes, at, b"true", Kind::True)?,
            b'f' => self.word(bytes, at, b"false", Kind::False)?,
            b'n' => self.word(bytes, at, b"null", Kind::Null)?,
            _ => return Err(wrong(at, Problem::UnexpectedByte)),
        };
        Ok(Next::End(skip_space(bytes, behind)))
    }

    /// Closes what is closed at `at`, and finds the next key or value.
    #[inline(always)]
    fn next(&mut self, bytes: &[u8], mut at: usize) -> Result<Next, Malformed> {
        while self.container.kind != Kind::Null {
            match (byte(bytes, at)?, self.container.kind) {
                (b',', _) => return Ok(Next::More(skip_space(bytes, at + 1))),
                (b'}', Kind::Object) | (b']', Kind::Array) => at = self.close(bytes, at)?,
                _ => return Err(wrong(at, Problem::UnexpectedByte)),
            }
        }
        Ok(Next::End(at))
    }

    /// Reads a key and the colon behind it. Where its value starts.
    #[inline(always)]
    fn key(&mut self, bytes: &[u8], at: usize) -> Result<usize, Malformed> {
        if byte(bytes, at)? != b'"' {
            return Err(wrong(at, Problem::UnexpectedByte));
        }
        let start = at + 1;
        let end = plain::end(bytes, start);
        let behind = if byte(bytes, end)? == b'"' {
            self.container.keys.note(bytes, start, end);
            self.push(Kind::PlainString, start, end, 0, end + 1)?
        } else {
            self.escaped_key(bytes, start, end)?
        };
        if bytes.get(behind) == Some(&b':') {
            return Ok(skip_space(bytes, behind + 1));
        }
        let colon = skip_space(bytes, behind);
        if byte(bytes, colon)? != b':' {
            return Err(wrong(colon, Problem::UnexpectedByte));
        }
        Ok(skip_space(bytes, colon + 1))
    }

    fn escaped_key(&mut self, bytes: &[u8], start: usize, special: usize) -> Result<usize, Malformed> {
        let before = self.document.decoded.len();
        let behind = self.escaped_string(bytes, start, special)?;
        let decoded = self.document.decoded.get(before..).unwrap_or_default();
        let quoted = ["\"", decoded, "\""].concat();
        self.container.keys.note(quoted.as_bytes(), 1, quoted.len() - 1);
        Ok(behind)
    }

    fn open(&mut self, bytes: &[u8], kind: Kind, at: usize, closing: u8) -> Result<Next, Malformed> {
        if self.around.len() >= self.bounds.depth {
            return Err(wrong(at, Problem::TooDeep));
        }
        let inner = Container { kind, node: self.document.nodes.len(), keys: Keys::NONE };
        self.around.push(std::mem::replace(&mut self.container, inner));
        let behind = self.push(kind, at, at, 0, at + 1)?;
        let at = skip_space(bytes, behind);
        Ok(if byte(bytes, at)? == closing { Next::End(at) } else { Next::More(at) })
    }

    /// Closes the innermost container. Where the next byte stands that is no space.
    fn close(&mut self, bytes: &[u8], at: usize) -> Result<usize, Malformed> {
        let outer = self.around.pop().unwrap_or(Container::NONE);
        let Container { kind: _, node, keys } = std::mem::replace(&mut self.container, outer);
        let after = narrow(self.document.nodes.len());
        if let Some(node) = self.document.nodes.get_mut(node) {
            (node.end, node.extra) = (narrow(at + 1), after);
        }
        if keys.may_repeat() && keys.repeat_in(Value { document: &self.document, at: node }) {
            return Err(wrong(at + 1, Problem::DuplicateKey));
        }
        Ok(skip_space(bytes, at + 1))
    }

    #[inline(always)]
    fn number(&mut self, bytes: &[u8], at: usize) -> Result<usize, Malformed> {
        match number::end(bytes, at, self.bounds.numbers) {
            Ok(behind) => self.push(Kind::Number, at, behind, 0, behind),
            Err(Problem::InexactNumber) if self.bounds.numbers == Numbers::Noted => self.inexact_number(bytes, at),
            Err(problem) => Err(wrong(at, problem)),
        }
    }

    #[cold]
    fn inexact_number(&mut self, bytes: &[u8], at: usize) -> Result<usize, Malformed> {
        self.document.inexact.push(narrow(self.document.nodes.len()));
        let behind = number::end(bytes, at, Numbers::Any).map_err(|problem| wrong(at, problem))?;
        self.push(Kind::Number, at, behind, 0, behind)
    }

    #[inline(always)]
    fn word(&mut self, bytes: &[u8], at: usize, word: &[u8], kind: Kind) -> Result<usize, Malformed> {
        let behind = at + word.len();
        if bytes.get(at..behind) != Some(word) {
            return Err(wrong(at, Problem::UnexpectedByte));
        }
        self.push(kind, at, behind, 0, behind)
    }

    /// Most strings have no escape and are only measured.
    #[inline(always)]
    fn string(&mut self, bytes: &[u8], at: usize) -> Result<usize, Malformed> {
        let start = at + 1;
        let end = plain::end(bytes, start);
        match byte(bytes, end)? {
            b'"' => self.push(Kind::PlainString, start, end, 0, end + 1),
            _ => self.escaped_string(bytes, start, end),
        }
    }

    /// Decodes a string whose first special byte, no quote, stands at `at`.
    #[inline(never)]
    fn escaped_string(&mut self, bytes: &[u8], start: usize, mut at: usize) -> Result<usize, Malformed> {
        if self.document.decoded.is_empty() {
            // No string is longer than it is written, so nothing is ever moved.
            self.document.decoded.reserve(bytes.len().saturating_sub(start));
        }
        let decoded_start = self.document.decoded.len();
        let mut run = start;
        loop {
            self.document.decoded.push_str(self.document.source.get(run..at).unwrap_or_default());
            match byte(bytes, at)? {
                b'"' => break,
                b'\\' => {
                    let (character, length) = escape::decode(bytes, at)?;
                    self.document.decoded.push(character);
                    run = at + length;
                }
                _ => return Err(wrong(at, Problem::ControlCharacter)),
            }
            at = plain::end(bytes, run);
        }
        let decoded = narrow(decoded_start)..narrow(self.document.decoded.len());
        let index = narrow(self.document.unescaped.len());
        self.document.unescaped.push(decoded);
        self.push(Kind::EscapedString, start, at, index, at + 1)
    }

    /// Adds a node. `behind` is where the next byte is read.
    #[inline(always)]
    fn push(&mut self, kind: Kind, start: usize, end: usize, extra: u32, behind: usize) -> Result<usize, Malformed> {
        if self.document.nodes.len() >= self.bounds.values {
            return Err(wrong(behind, Problem::TooManyValues));
        }
        self.document.nodes.push(Node { kind, start: narrow(start), end: narrow(end), extra });
        Ok(behind)
    }
}

#[inline(always)]
fn byte(bytes: &[u8], at: usize) -> Result<u8, Malformed> {
    match bytes.get(at) {
        Some(byte) => Ok(*byte),
        None => Err(wrong(bytes.len(), Problem::UnexpectedEnd)),
    }
}

#[inline(always)]
fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(byte @ ..=b' ') = bytes.get(at)
        && matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
    {
        at += 1;
    }
    at
}

fn wrong(at: usize, problem: Problem) -> Malformed {
    Malformed { at, problem }
}

/// The text's length fits 32 bits, so every offset does.
#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "a longer text was refused")]
fn narrow(offset: usize) -> u32 {
    offset as u32
}
