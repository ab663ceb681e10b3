//! Escapes of JSON strings.
//!
//! In: bytes, and where a backslash stands. Out: the character and how long its escape is, or what is wrong with it.

use super::{Malformed, Problem};

/// The character that the escape at `at` stands for, and the escape's length.
#[inline]
pub(super) fn decode(bytes: &[u8], at: usize) -> Result<(char, usize), Malformed> {
    let character = match bytes.get(at.saturating_add(1)) {
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode(bytes, at),
        Some(_) => return Err(Malformed { at, problem: Problem::BadEscape }),
        None => return Err(Malformed { at: bytes.len(), problem: Problem::UnexpectedEnd }),
    };
    Ok((character, 2))
}

/// `\uXXXX`, or two of them for a character beyond the basic plane.
fn unicode(bytes: &[u8], at: usize) -> Result<(char, usize), Malformed> {
    let first = code_unit(bytes, at, at)?;
    let lone = Malformed { at, problem: Problem::LoneSurrogate };
    let (code, length) = match first {
        0xd800..=0xdbff => (pair(bytes, at, first).ok_or(lone)?, 12),
        unit => (unit, 6),
    };
    Ok((char::from_u32(code).ok_or(lone)?, length))
}

fn pair(bytes: &[u8], at: usize, high: u32) -> Option<u32> {
    let low = code_unit(bytes, at.saturating_add(6), at).ok().filter(|unit| (0xdc00..=0xdfff).contains(unit))?;
    Some(0x10000_u32.saturating_add(((high & 0x3ff) << 10) | (low & 0x3ff)))
}

/// The four digits behind a `\u` at `at`. What is wrong with them is told of the escape that starts at `escape`.
fn code_unit(bytes: &[u8], at: usize, escape: usize) -> Result<u32, Malformed> {
    let Some(unit) = bytes.get(at..).and_then(<[u8]>::first_chunk::<6>) else {
        return Err(Malformed { at: bytes.len(), problem: Problem::UnexpectedEnd });
    };
    let bad = Malformed { at: escape, problem: Problem::BadEscape };
    let [b'\\', b'u', a, b, c, d] = *unit else { return Err(bad) };
    let digit = |unit: u32, digit: u8| Some((unit << 4) | char::from(digit).to_digit(16)?);
    [a, b, c, d].into_iter().try_fold(0, digit).ok_or(bad)
}
