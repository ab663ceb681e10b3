//! Undoes one layer: percent-encoding, entities, compatibility forms, invisible characters, and escapes if asked to.
//!
//! In: a text. Out: what it becomes, and text that was smuggled in invisible characters; nothing if it stays the same.
//! What one encoding yields is not read again by another in the same layer, so no encoding can hide behind another.

use super::{
    entities, escapes,
    fold::{Fold, fold},
    kinds::{Kinds, places},
};

/// Whether escapes of programming languages are undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escapes {
    Keep,
    Undo,
}

/// What a text becomes.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    pub(super) text: Vec<u8>,
    pub(super) smuggled: Smuggled,
}

/// Bytes that were written in characters which nobody sees.
#[derive(Debug, Default)]
pub(super) struct Smuggled {
    /// By tag characters, one for each letter of ASCII.
    pub(super) tags: Vec<u8>,
    /// By variation selectors, one for each of 256 bytes.
    pub(super) selectors: Vec<u8>,
}

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

pub(super) fn decode(text: &[u8], kinds: &Kinds, escapes: Escapes) -> Option<Decoded> {
    let undone = match escapes {
        Escapes::Keep => Kinds::PERCENT | Kinds::AMPERSAND | Kinds::FOLDED,
        Escapes::Undo => Kinds::PERCENT | Kinds::AMPERSAND | Kinds::FOLDED | Kinds::BACKSLASH,
    };
    if !kinds.has(undone) {
        return None;
    }
    let mut decoded = Decoded::default();
    let mut places = places(text, undone);
    // What is before was written; from here on something can change.
    let (mut written, mut from) = (0, 0);
    while let Some(at) = places.next(from) {
        match change(text.get(at..).unwrap_or_default(), &mut decoded.smuggled) {
            Ok((length, instead)) => {
                decoded.text.extend_from_slice(text.get(written..at).unwrap_or_default());
                decoded.write(instead);
                from = at.saturating_add(length);
                written = from;
            }
            Err(length) => from = at.saturating_add(length),
        }
    }
    if written == 0 {
        return None;
    }
    decoded.text.extend_from_slice(text.get(written..).unwrap_or_default());
    Some(decoded)
}

impl Decoded {
    fn write(&mut self, instead: Instead) {
        match instead {
            Instead::Nothing => {}
            Instead::Byte(byte) => self.text.push(byte),
            Instead::Letter(letter) => self.text.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
            Instead::Text(text) => self.text.extend_from_slice(text.as_bytes()),
        }
    }
}

/// What the start of a text becomes, or how many bytes of it stay as they are.
fn change(text: &[u8], smuggled: &mut Smuggled) -> Result<(usize, Instead), usize> {
    match text {
        [b'%', rest @ ..] => percent(rest).map(|(length, instead)| (length.saturating_add(1), instead)).ok_or(1),
        [b'&', rest @ ..] => {
            entities::entity(rest).map(|(length, instead)| (length.saturating_add(1), instead)).ok_or(1)
        }
        [b'\\', rest @ ..] => {
            escapes::escape(rest).map(|(length, instead)| (length.saturating_add(1), instead)).ok_or(1)
        }
        _ => {
            let (letter, length) = letter(text);
            let Some(letter) = letter else { return Err(length) };
            smuggled.note(letter);
            match fold(letter) {
                // An overlong form is another way to write the letter.
                Fold::Same if length > letter.len_utf8() => Ok((length, Instead::Letter(letter))),
                Fold::Same => Err(length),
                Fold::Gone => Ok((length, Instead::Nothing)),
                Fold::Ascii(byte) => Ok((length, Instead::Byte(byte))),
                Fold::Text(text) => Ok((length, Instead::Text(text))),
            }
        }
    }
}

impl Smuggled {
    fn note(&mut self, letter: char) {
        let code = u32::from(letter);
        let below = |start: u32| u8::try_from(code.saturating_sub(start)).unwrap_or_default();
        match code {
            0xe0020..=0xe007e => self.tags.push(below(0xe0000)),
            // The first 16 selectors stand for control characters; emoji need the last of them.
            0xfe09 | 0xfe0a | 0xfe0d => self.selectors.push(b' '),
            0xe0110..=0xe01ef => self.selectors.push(below(0xe0100).saturating_add(16)),
            _ => {}
        }
    }
}

/// `%41`, and `%u0041` as IIS reads it.
fn percent(rest: &[u8]) -> Change {
    if let [b'u' | b'U', digits @ ..] = rest {
        let letter = char::from_u32(hex(digits.get(..4)?)?)?;
        return Some((5, Instead::Letter(letter)));
    }
    let byte = u8::try_from(hex(rest.get(..2)?)?).ok()?;
    Some((2, Instead::Byte(byte)))
}

/// The number that all these hexadecimal digits make; at most eight.
pub(super) fn hex(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    digits.iter().try_fold(0u32, |value, &digit| Some(value << 4 | char::from(digit).to_digit(16)?))
}

/// The first letter and how many bytes it has. Overlong forms count, since lenient decoders take them.
fn letter(text: &[u8]) -> (Option<char>, usize) {
    let first = text.first().copied().unwrap_or_default();
    let (length, bits) = match first {
        0..0x80 => return (Some(char::from(first)), 1),
        0xc0..0xe0 => (2, first & 0x1f),
        0xe0..0xf0 => (3, first & 0x0f),
        0xf0..0xf8 => (4, first & 0x07),
        _ => return (None, 1),
    };
    let Some(rest) = text.get(1..length).filter(|rest| rest.iter().all(|byte| byte & 0xc0 == 0x80)) else {
        return (None, 1);
    };
    let code = rest.iter().fold(u32::from(bits), |code, byte| code << 6 | u32::from(byte & 0x3f));
    (char::from_u32(code), length)
}

/// The text as a shell joins its words: without quotes, backslashes, carets, and lines that are continued.
pub(super) fn join(text: &[u8]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(text.len());
    let mut places = places(text, Kinds::QUOTE | Kinds::BACKSLASH);
    let mut from = 0;
    while let Some(at) = places.next(from) {
        let (before, sign) = (text.get(from..at).unwrap_or_default(), text.get(at..).unwrap_or_default());
        // `$'…'` and `$"…"` are quotes, too.
        let before =
            if matches!(sign, [b'\'' | b'"', ..]) { before.strip_suffix(b"$").unwrap_or(before) } else { before };
        joined.extend_from_slice(before);
        let length = match sign {
            [b'\\', b'\r', b'\n', ..] => 3,
            [b'\\' | b'^', b'\n', ..] => 2,
            _ => 1,
        };
        from = at.saturating_add(length);
    }
    joined.extend_from_slice(text.get(from..).unwrap_or_default());
    joined
}
