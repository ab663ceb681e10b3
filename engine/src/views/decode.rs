//! Undoes one kind of sign: percent-encoding, entities, escapes or quotes.
//!
//! In: a text and what is to be read. Out: what the text becomes; nothing if it stays the same.
//! One pass; `undo` repeats it until nothing is left.

use super::{
    entities, escapes,
    kinds::{Kinds, kind, places},
};

/// What takes the place of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Instead {
    Nothing,
    Byte(u8),
    Letter(char),
    Text(&'static str),
}

/// So many bytes become something else.
pub(super) type Change = Option<(usize, Instead)>;

/// What a backslash means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Backslashes {
    /// An escape, as programming languages have it.
    Escape,
    /// Nothing; it goes.
    Gone,
}

/// What is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// The kind of sign.
    pub(super) kind: u8,
    pub(super) backslashes: Backslashes,
    /// A sign that could be longer waits while a sign of such a kind is right behind it: what that becomes may be a part
    /// of it.
    pub(super) waits_for: u8,
}

impl Reading {
    /// Whether a sign that could be longer ends before these bytes.
    pub(super) fn ends_before(&self, behind: Option<&[u8]>) -> bool {
        let next = behind.and_then(|behind| behind.first());
        next.is_none_or(|&byte| kind(byte) & self.waits_for == 0)
    }
}

pub(super) fn decode(text: &[u8], reading: Reading) -> Option<Vec<u8>> {
    let mut decoded = Vec::new();
    let mut signs = places(text, reading.kind);
    // What is before was written; from here on something can change.
    let (mut written, mut from) = (0, 0);
    while let Some(at) = signs.next(from) {
        let sign = text.get(at..).unwrap_or_default();
        from = at.saturating_add(1);
        // Sixteen bytes at a time, some kinds are not told apart.
        let is_read = sign.first().is_some_and(|&byte| kind(byte) == reading.kind);
        let Some((length, instead)) = change(sign, &reading).filter(|_| is_read) else { continue };
        if decoded.is_empty() {
            decoded.reserve(text.len());
        }
        let before = text.get(written..at).unwrap_or_default();
        decoded.extend_from_slice(without_dollar(before, sign));
        write(&mut decoded, instead);
        from = from.saturating_add(length);
        written = from;
    }
    if written == 0 {
        return None;
    }
    decoded.extend_from_slice(text.get(written..).unwrap_or_default());
    Some(decoded)
}

/// `$'…'` and `$"…"` are quotes, too.
fn without_dollar<'t>(before: &'t [u8], sign: &[u8]) -> &'t [u8] {
    let is_quote = matches!(sign, [b'\'' | b'"', ..]);
    if is_quote { before.strip_suffix(b"$").unwrap_or(before) } else { before }
}

fn write(decoded: &mut Vec<u8>, instead: Instead) {
    match instead {
        Instead::Nothing => {}
        Instead::Byte(byte) => decoded.push(byte),
        Instead::Letter(letter) => decoded.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        Instead::Text(text) => decoded.extend_from_slice(text.as_bytes()),
    }
}

/// What the sign at the start and so many bytes behind it become.
fn change(text: &[u8], reading: &Reading) -> Change {
    match (text, reading.backslashes) {
        ([b'%', rest @ ..], _) => percent(rest),
        ([b'&', rest @ ..], _) => entities::entity(rest, reading),
        ([b'\\', rest @ ..], Backslashes::Escape) => escapes::escape(rest, reading),
        // At the end of a line it joins it with the next one, as a caret and a backtick do on Windows.
        ([b'\\' | b'^' | b'`', b'\r', b'\n', ..], _) => Some((2, Instead::Nothing)),
        ([b'\\' | b'^' | b'`', b'\n', ..], _) => Some((1, Instead::Nothing)),
        ([_, ..], _) => Some((0, Instead::Nothing)),
        ([], _) => None,
    }
}

/// `%41`, `%u0041` as IIS reads it, and `%252541`, which would take a pass for each `25`.
fn percent(rest: &[u8]) -> Change {
    if let [b'u' | b'U', digits @ ..] = rest {
        let letter = char::from_u32(hex(digits.get(..4)?)?)?;
        return Some((5, Instead::Letter(letter)));
    }
    let layers = rest.chunks_exact(2).take_while(|digits| *digits == b"25").count().saturating_mul(2);
    let digits = rest.get(layers..layers.saturating_add(2)).and_then(hex).and_then(|code| u8::try_from(code).ok());
    match digits {
        Some(byte) => Some((layers.saturating_add(2), Instead::Byte(byte))),
        None => (layers > 0).then_some((layers, Instead::Byte(b'%'))),
    }
}

/// The number that all these hexadecimal digits make; at most eight.
pub(super) fn hex(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    digits.iter().try_fold(0u32, |value, &digit| Some(value << 4 | char::from(digit).to_digit(16)?))
}

/// The text as a shell reads it: each backslash makes the next byte a letter, and quotes go; nothing if it has none.
pub(super) fn unquote(text: &[u8]) -> Option<Vec<u8>> {
    const SIGNS: u8 = Kinds::QUOTE | Kinds::BACKSLASH;
    let mut unquoted = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.iter().position(|&byte| kind(byte) & SIGNS != 0) {
        let (before, sign) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        unquoted.extend_from_slice(without_dollar(before, sign));
        rest = match sign {
            [b'\\' | b'^' | b'`', b'\r', b'\n', behind @ ..] | [b'\\' | b'^' | b'`', b'\n', behind @ ..] => behind,
            [b'\\', letter, behind @ ..] => {
                unquoted.push(*letter);
                behind
            }
            [_, behind @ ..] => behind,
            [] => &[],
        };
    }
    unquoted.extend_from_slice(rest);
    (unquoted.len() != text.len()).then_some(unquoted)
}

/// Whether a quote stands in the midst of an escape.
pub(super) fn cuts_escapes(text: &[u8]) -> bool {
    let is_quote = |byte: &u8| kind(*byte) == Kinds::QUOTE;
    let is_cut = |at: usize| {
        let rest = text.get(at.saturating_add(1)..).unwrap_or_default();
        let Some(length) = escapes::cut_length(rest) else { return false };
        let behind = rest.get(length..).unwrap_or_default();
        match behind {
            // To a reader that takes carets away, a backslash escapes nothing.
            [b'^', b'0'..=b'7' | b'x' | b'X' | b'u' | b'U', ..] => true,
            // A single quote behind a lone backslash is what it escapes.
            [first, second, ..] => is_quote(first) && (length > 0 || is_quote(second)),
            [last] => is_quote(last) && length > 0,
            [] => false,
        }
    };
    let mut backslashes = text.iter().enumerate().filter(|(_, byte)| **byte == b'\\').map(|(at, _)| at);
    backslashes.any(is_cut)
}
