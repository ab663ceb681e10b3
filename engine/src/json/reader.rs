//! Reads a JSON text into a flat list of nodes, without recursion.
//!
//! In: bytes and bounds. Out: the document. Each byte is looked at once or twice,
//! and nothing is copied but strings with escapes.

use super::{Bounds, Document, Kind, Malformed, Node, Numbers, Problem, number, wide};

pub(super) fn read(bytes: &[u8], bounds: Bounds) -> Result<Document<'_>, Malformed> {
    let source = std::str::from_utf8(bytes)
        .map_err(|error| Malformed { at: error.valid_up_to(), problem: Problem::InvalidUtf8 })?;
    if source.starts_with('\u{feff}') {
        return Err(Malformed { at: 0, problem: Problem::ByteOrderMark });
    }
    if u32::try_from(bytes.len()).is_err() {
        return Err(Malformed { at: 0, problem: Problem::TooManyValues });
    }
    let mut reader = Reader {
        bytes,
        at: 0,
        bounds,
        open: Vec::new(),
        // One value in eight bytes is what argument bodies have.
        document: Document {
            source,
            decoded: String::new(),
            nodes: Vec::with_capacity(bytes.len() / 8),
            inexact: Vec::new(),
        },
    };
    reader.text()?;
    Ok(reader.document)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    bounds: Bounds,
    /// Indexes of the containers that are open.
    open: Vec<usize>,
    document: Document<'a>,
}

/// What may come next.
#[derive(Clone, Copy)]
enum Expect {
    Value,
    FirstElement,
    FirstKey,
    Key,
    CommaOrEnd,
}

impl Reader<'_> {
    fn text(&mut self) -> Result<(), Malformed> {
        let mut expect = Expect::Value;
        loop {
            expect = match (expect, self.peek()?) {
                (Expect::FirstElement, b']') | (Expect::FirstKey, b'}') => self.close()?,
                (Expect::FirstKey | Expect::Key, b'"') => self.key()?,
                (Expect::Value | Expect::FirstElement, byte) => self.value(byte)?,
                (Expect::CommaOrEnd, byte) => self.comma_or_end(byte)?,
                (Expect::FirstKey | Expect::Key, _) => {
                    return Err(self.wrong(Problem::UnexpectedByte));
                }
            };
            if self.open.is_empty() {
                return self.end();
            }
        }
    }

    fn value(&mut self, byte: u8) -> Result<Expect, Malformed> {
        match byte {
            b'{' => return self.open(Kind::Object, Expect::FirstKey),
            b'[' => return self.open(Kind::Array, Expect::FirstElement),
            b'"' => self.string()?,
            b'-' | b'0'..=b'9' => self.number()?,
            b't' => self.word(b"true", Kind::True)?,
            b'f' => self.word(b"false", Kind::False)?,
            b'n' => self.word(b"null", Kind::Null)?,
            _ => return Err(self.wrong(Problem::UnexpectedByte)),
        }
        Ok(Expect::CommaOrEnd)
    }

    fn key(&mut self) -> Result<Expect, Malformed> {
        self.string()?;
        if self.peek()? != b':' {
            return Err(self.wrong(Problem::UnexpectedByte));
        }
        self.skip(1);
        Ok(Expect::Value)
    }

    fn comma_or_end(&mut self, byte: u8) -> Result<Expect, Malformed> {
        let container = self.open.last().and_then(|&at| self.document.node(at)).map(|node| node.kind);
        match (byte, container) {
            (b',', Some(Kind::Object)) => {
                self.skip(1);
                Ok(Expect::Key)
            }
            (b',', Some(Kind::Array)) => {
                self.skip(1);
                Ok(Expect::Value)
            }
            (b'}', Some(Kind::Object)) | (b']', Some(Kind::Array)) => self.close(),
            _ => Err(self.wrong(Problem::UnexpectedByte)),
        }
    }

    fn open(&mut self, kind: Kind, expect: Expect) -> Result<Expect, Malformed> {
        if self.open.len() >= self.bounds.depth {
            return Err(self.wrong(Problem::TooDeep));
        }
        self.open.push(self.document.nodes.len());
        let start = self.at;
        self.skip(1);
        self.push(kind, start, start, 0, 0)?;
        Ok(expect)
    }

    fn close(&mut self) -> Result<Expect, Malformed> {
        self.skip(1);
        let (end, behind) = (narrow(self.at), narrow(self.document.nodes.len()));
        let at = self.open.pop().unwrap_or_default();
        if let Some(node) = self.document.nodes.get_mut(at) {
            node.end = end;
            node.extra = behind;
            if node.kind == Kind::Object {
                self.refuse_duplicates(at)?;
            }
        }
        Ok(Expect::CommaOrEnd)
    }

    fn end(&mut self) -> Result<(), Malformed> {
        self.skip_space();
        if self.at < self.bytes.len() { Err(self.wrong(Problem::TrailingBytes)) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<(), Malformed> {
        let length = match number::length(self.rest(), self.bounds.numbers) {
            Err(Problem::InexactNumber) if self.bounds.numbers == Numbers::Noted => self.note_inexact(),
            length => length,
        };
        let length = length.map_err(|problem| self.wrong(problem))?;
        let start = self.at;
        self.skip(length);
        self.push(Kind::Number, start, self.at, 0, 0)
    }

    #[cold]
    fn note_inexact(&mut self) -> Result<usize, Problem> {
        self.document.inexact.push(narrow(self.document.nodes.len()));
        number::length(self.rest(), Numbers::Any)
    }

    fn word(&mut self, word: &[u8], kind: Kind) -> Result<(), Malformed> {
        if !self.rest().starts_with(word) {
            return Err(self.wrong(Problem::UnexpectedByte));
        }
        let start = self.at;
        self.skip(word.len());
        self.push(kind, start, self.at, 0, 0)
    }

    /// Most strings have no escape and are only measured.
    fn string(&mut self) -> Result<(), Malformed> {
        self.skip(1);
        let start = self.at;
        self.skip(plain_length(self.rest()));
        match self.byte()? {
            b'"' => {
                let end = self.at;
                self.skip(1);
                self.push(Kind::PlainString, start, end, 0, 0)
            }
            _ => self.escaped_string(start),
        }
    }

    fn escaped_string(&mut self, start: usize) -> Result<(), Malformed> {
        let decoded_start = self.document.decoded.len();
        let mut run = start;
        loop {
            let plain = self.document.source.get(run..self.at).unwrap_or_default();
            self.document.decoded.push_str(plain);
            match self.byte()? {
                b'"' => break,
                b'\\' => self.escape()?,
                _ => return Err(self.wrong(Problem::ControlCharacter)),
            }
            run = self.at;
            self.skip(plain_length(self.rest()));
        }
        let end = self.at;
        self.skip(1);
        let length = self.document.decoded.len().saturating_sub(decoded_start);
        self.push(Kind::EscapedString, start, end, narrow(decoded_start), narrow(length))
    }

    fn escape(&mut self) -> Result<(), Malformed> {
        let escape = self.bytes.get(self.at.saturating_add(1)).copied();
        let character = match escape {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            Some(_) => return Err(self.wrong(Problem::BadEscape)),
            None => return Err(self.cut()),
        };
        self.skip(2);
        self.document.decoded.push(character);
        Ok(())
    }

    /// `\uXXXX`, or two of them for a character beyond the basic plane.
    fn unicode_escape(&mut self) -> Result<(), Malformed> {
        let first = self.code_unit(self.at)?;
        let (code, length) = match first {
            0xd800..=0xdbff => (self.pair(first)?, 12),
            unit => (unit, 6),
        };
        let character = char::from_u32(code).ok_or_else(|| self.wrong(Problem::LoneSurrogate))?;
        self.skip(length);
        self.document.decoded.push(character);
        Ok(())
    }

    fn pair(&self, high: u32) -> Result<u32, Malformed> {
        let low = self.code_unit(self.at.saturating_add(6)).ok().filter(|unit| (0xdc00..=0xdfff).contains(unit));
        let low = low.ok_or_else(|| self.wrong(Problem::LoneSurrogate))?;
        Ok(0x10000_u32.saturating_add(((high & 0x3ff) << 10) | (low & 0x3ff)))
    }

    fn code_unit(&self, at: usize) -> Result<u32, Malformed> {
        let escape = self.bytes.get(at..at.saturating_add(6)).ok_or_else(|| self.cut())?;
        let [b'\\', b'u', digits @ ..] = escape else {
            return Err(self.wrong(Problem::BadEscape));
        };
        digits.iter().try_fold(0u32, |unit, &digit| {
            let value = char::from(digit).to_digit(16).ok_or_else(|| self.wrong(Problem::BadEscape))?;
            Ok((unit << 4) | value)
        })
    }

    /// Few keys are compared in pairs, many are sorted, so that no choice of keys is slow.
    fn refuse_duplicates(&self, object: usize) -> Result<(), Malformed> {
        const FEW: usize = 12;
        let mut keys: [Option<&str>; FEW] = [None; FEW];
        let object = super::Value { document: &self.document, at: object };
        for (seen, (key, _)) in object.members().enumerate() {
            if keys.iter().take(seen).any(|other| *other == Some(key)) {
                return Err(self.wrong(Problem::DuplicateKey));
            }
            match keys.get_mut(seen) {
                Some(slot) => *slot = Some(key),
                None => return self.refuse_duplicates_among_many(object),
            }
        }
        Ok(())
    }

    fn refuse_duplicates_among_many(&self, object: super::Value<'_>) -> Result<(), Malformed> {
        let mut keys: Vec<&str> = object.members().map(|(key, _)| key).collect();
        keys.sort_unstable();
        let twice = keys.windows(2).any(|pair| matches!(pair, [one, other] if one == other));
        if twice { Err(self.wrong(Problem::DuplicateKey)) } else { Ok(()) }
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize, extra: u32, decoded_length: u32) -> Result<(), Malformed> {
        if self.document.nodes.len() >= self.bounds.values {
            return Err(self.wrong(Problem::TooManyValues));
        }
        self.document.nodes.push(Node { kind, start: narrow(start), end: narrow(end), extra, decoded_length });
        Ok(())
    }

    fn peek(&mut self) -> Result<u8, Malformed> {
        self.skip_space();
        self.byte()
    }

    fn byte(&self) -> Result<u8, Malformed> {
        self.bytes.get(self.at).copied().ok_or_else(|| self.cut())
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self, count: usize) {
        self.at = self.at.saturating_add(count);
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.bytes.get(self.at) {
            self.skip(1);
        }
    }

    fn wrong(&self, problem: Problem) -> Malformed {
        Malformed { at: self.at, problem }
    }

    fn cut(&self) -> Malformed {
        Malformed { at: self.bytes.len(), problem: Problem::UnexpectedEnd }
    }
}

/// The text's length fits 32 bits, so every offset does.
fn narrow(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

/// How many bytes come before a quote, a backslash or a control character; eight at a time.
fn plain_length(bytes: &[u8]) -> usize {
    let (words, tail) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            return index.saturating_mul(8).saturating_add(wide(special.trailing_zeros() / 8));
        }
    }
    let special = tail.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\');
    words.len().saturating_mul(8).saturating_add(special.unwrap_or(tail.len()))
}

/// Sets the high bit of each byte that ends a plain run. Bytes above the first such one may be set wrongly.
fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES.wrapping_mul(limit)) & !word;
    let equal = |byte: u8| below(word ^ ONES.wrapping_mul(u64::from(byte)), 1);
    (below(word, 0x20) | equal(b'"') | equal(b'\\')) & HIGH
}
