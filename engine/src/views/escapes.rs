//! Escapes of C, shells, JSON, JavaScript and Python.
//!
//! In: what follows a backslash. Out: how much of it, and what it stands for.
//! A backslash before any other letter goes, as in most of these languages.

use super::decode::{Change, Instead, Reading, hex};

/// The longest number in braces: `10FFFF` and a few zeros.
const LONGEST: usize = 12;

/// So many backslashes in a row escape each other in no language. They go, since each layer would halve them only.
const MANY: usize = 63;

pub(super) fn escape(rest: &[u8], reading: &Reading) -> Change {
    let alone = Some((0, Instead::Nothing));
    match rest {
        [] => None,
        [b'x' | b'X', digits @ ..] => hexadecimal(digits, 2, reading).unwrap_or(alone),
        [b'u', digits @ ..] => utf16(digits).map_or_else(|| hexadecimal(digits, 4, reading).unwrap_or(alone), Some),
        [b'U', digits @ ..] => hexadecimal(digits, 8, reading).unwrap_or(alone),
        [b'0'..=b'7', ..] => octal(rest, reading),
        [b'n' | b'r' | b'v' | b'f', ..] => Some((1, Instead::Byte(b'\n'))),
        [b't', ..] => Some((1, Instead::Byte(b'\t'))),
        [b'a' | b'b' | b'e' | b'\n', ..] => Some((1, Instead::Nothing)),
        [b'\r', b'\n', ..] => Some((2, Instead::Nothing)),
        [b'\\', ..] if starts_with_many(rest) => Some((MANY, Instead::Nothing)),
        [b'\\', ..] => Some((1, Instead::Byte(b'\\'))),
        // A quote is what is escaped; another sign may become the letter of an escape.
        [b'\'' | b'"' | b'`' | b'^', ..] => alone,
        _ if reading.ends_before(Some(rest)) => alone,
        _ => None,
    }
}

fn starts_with_many(rest: &[u8]) -> bool {
    rest.get(..MANY).is_some_and(|run| run.iter().all(|&byte| byte == b'\\'))
}

/// Digits behind the letter: as many as there are, up to a number, or a number in braces. If there are none, nothing;
/// if more may come, a change of nothing.
fn hexadecimal(digits: &[u8], most: usize, reading: &Reading) -> Option<Change> {
    if let [b'{', braced @ ..] = digits {
        let number = braced.iter().take(LONGEST).take_while(|digit| digit.is_ascii_hexdigit()).count();
        if braced.get(number) != Some(&b'}') {
            return if reading.ends_before(braced.get(number..)) { None } else { Some(None) };
        }
        let letter = char::from_u32(hex(without_zeros(braced.get(..number)?)?)?)?;
        return Some(Some((number.saturating_add(3), visible(letter))));
    }
    let length = digits.iter().take(most).take_while(|digit| digit.is_ascii_hexdigit()).count();
    if length < most && !reading.ends_before(digits.get(length..)) {
        return Some(None);
    }
    let code = hex(digits.get(..length)?)?;
    let length = length.saturating_add(1);
    // Two digits are a byte, which may be part of a letter.
    let instead = match u8::try_from(code) {
        Ok(byte) if most == 2 && byte != 0 => Instead::Byte(byte),
        _ => visible(char::from_u32(code)?),
    };
    Some(Some((length, instead)))
}

/// Zeros in front count for nothing; the last digit stays.
fn without_zeros(digits: &[u8]) -> Option<&[u8]> {
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
    digits.get(zeros.min(digits.len().checked_sub(1)?)..)
}

/// Two surrogates.
fn utf16(digits: &[u8]) -> Change {
    let high = hex(digits.get(..4)?).filter(|high| (0xd800..0xdc00).contains(high))?;
    let low = digits.get(4..)?.strip_prefix(b"\\u")?;
    let low = hex(low.get(..4)?).filter(|low| (0xdc00..0xe000).contains(low))?;
    let code = 0x1_0000_u32.saturating_add((high & 0x3ff) << 10 | (low & 0x3ff));
    Some((11, Instead::Letter(char::from_u32(code)?)))
}

/// Up to three digits; behind a zero three more, as `echo -e` takes them, where it makes a sign that can be seen.
fn octal(rest: &[u8], reading: &Reading) -> Change {
    let number = |most: usize| {
        let digits = rest.iter().take(most).take_while(|digit| matches!(digit, b'0'..=b'7'));
        digits
            .fold((0usize, 0u32), |(length, code), digit| (length.saturating_add(1), code << 3 | u32::from(digit & 7)))
    };
    let (length, code, most) = match number(3) {
        (_, 0..0x20) if rest.first() == Some(&b'0') => (number(4).0, number(4).1, 4),
        (length, code) => (length, code, 3),
    };
    if length < most && !reading.ends_before(rest.get(length..)) {
        return None;
    }
    let byte = u8::try_from(code & 0xff).unwrap_or_default();
    Some((length, if byte == 0 { Instead::Nothing } else { Instead::Byte(byte) }))
}

fn visible(letter: char) -> Instead {
    if letter == '\0' { Instead::Nothing } else { Instead::Letter(letter) }
}

/// How long the start of an escape is that may go on behind it; nothing if it is none, or whole.
pub(super) fn cut_length(rest: &[u8]) -> Option<usize> {
    let (before, most, is_digit): (usize, usize, fn(&u8) -> bool) = match rest {
        [b'x' | b'X', b'{', ..] | [b'u', b'{', ..] => (2, LONGEST, u8::is_ascii_hexdigit),
        [b'x' | b'X', ..] => (1, 2, u8::is_ascii_hexdigit),
        [b'u', ..] => (1, 4, u8::is_ascii_hexdigit),
        [b'U', ..] => (1, 8, u8::is_ascii_hexdigit),
        [b'0'..=b'7', ..] => (0, 3, |digit| matches!(digit, b'0'..=b'7')),
        _ => return Some(0),
    };
    let digits = rest.iter().skip(before).take(most).take_while(|digit| is_digit(digit)).count();
    (digits < most).then_some(before.saturating_add(digits))
}
