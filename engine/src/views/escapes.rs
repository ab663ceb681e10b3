//! Escapes of C, shells, JSON, JavaScript and Python.
//!
//! In: what follows a backslash. Out: how much of it, and what it stands for.
//! A backslash before any other letter goes, as in most of these languages.

use super::decode::{Change, Instead, hex};

pub(super) fn escape(rest: &[u8]) -> Change {
    match rest {
        [] => None,
        [b'x' | b'X', digits @ ..] => hexadecimal(digits, 2).or(Some((0, Instead::Nothing))),
        [b'u', digits @ ..] => utf16(digits).or_else(|| hexadecimal(digits, 4)).or(Some((0, Instead::Nothing))),
        [b'U', digits @ ..] => hexadecimal(digits, 8).or(Some((0, Instead::Nothing))),
        [b'0'..=b'7', ..] => Some(octal(rest)),
        [b'n' | b'r' | b'v' | b'f', ..] => Some((1, Instead::Byte(b'\n'))),
        [b't', ..] => Some((1, Instead::Byte(b'\t'))),
        [b'a' | b'b' | b'e' | b'\n', ..] => Some((1, Instead::Nothing)),
        [b'\r', b'\n', ..] => Some((2, Instead::Nothing)),
        // A second backslash stands for itself.
        [b'\\', ..] => Some((1, Instead::Byte(b'\\'))),
        _ => Some((0, Instead::Nothing)),
    }
}

/// Digits behind the letter: as many as there are, up to a number, or any number in braces.
fn hexadecimal(digits: &[u8], most: usize) -> Change {
    if let [b'{', braced @ ..] = digits {
        let length = braced.iter().position(|&byte| byte == b'}')?;
        let letter = char::from_u32(hex(braced.get(..length)?)?)?;
        return Some((length.saturating_add(3), visible(letter)));
    }
    let length = digits.iter().take(most).take_while(|digit| digit.is_ascii_hexdigit()).count();
    let code = hex(digits.get(..length)?)?;
    let length = length.saturating_add(1);
    // Two digits are a byte, which may be part of a letter.
    match u8::try_from(code) {
        Ok(byte) if most == 2 && byte != 0 => Some((length, Instead::Byte(byte))),
        _ => Some((length, visible(char::from_u32(code)?))),
    }
}

/// Two surrogates.
fn utf16(digits: &[u8]) -> Change {
    let high = hex(digits.get(..4)?).filter(|high| (0xd800..0xdc00).contains(high))?;
    let low = digits.get(4..)?.strip_prefix(b"\\u")?;
    let low = hex(low.get(..4)?).filter(|low| (0xdc00..0xe000).contains(low))?;
    let code = 0x1_0000_u32.saturating_add((high & 0x3ff) << 10 | (low & 0x3ff));
    Some((11, Instead::Letter(char::from_u32(code)?)))
}

/// Up to three digits, and a leading zero more as `echo -e` takes it.
fn octal(rest: &[u8]) -> (usize, Instead) {
    let most = if rest.first() == Some(&b'0') { 4 } else { 3 };
    let length = rest.iter().take(most).take_while(|digit| matches!(digit, b'0'..=b'7')).count();
    let digits = rest.iter().take(length);
    let code = digits.fold(0u32, |code, digit| code << 3 | u32::from(digit & 7));
    let byte = u8::try_from(code & 0xff).unwrap_or_default();
    (length, if byte == 0 { Instead::Nothing } else { Instead::Byte(byte) })
}

fn visible(letter: char) -> Instead {
    if letter == '\0' { Instead::Nothing } else { Instead::Letter(letter) }
}
