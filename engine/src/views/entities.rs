//! Entities of HTML: all numbers, and the names of what is ASCII or folds to it.
//!
//! In: what follows an ampersand. Out: how much of it, and what it stands for.
//! Names of other letters are left as they are.

use super::{
    decode::{Change, Instead, Reading, hex},
    names::{BARE, LONGEST_NAME, NAMES},
};

/// The longest number: `x10FFFF` and a few zeros.
const LONGEST: usize = 8;

pub(super) fn entity(rest: &[u8], reading: &Reading) -> Change {
    match rest {
        [b'#', b'x' | b'X', digits @ ..] => number(digits, 2, 16, reading),
        [b'#', digits @ ..] => number(digits, 1, 10, reading),
        _ => name(rest, reading),
    }
}

/// A number, with a semicolon or, as browsers take it, without.
fn number(rest: &[u8], before: usize, radix: u32, reading: &Reading) -> Change {
    let is_digit = |byte: &&u8| char::from(**byte).is_digit(radix);
    let zeros = rest.iter().take_while(|&&byte| byte == b'0').count();
    let digits = rest.get(zeros..)?;
    let length = digits.iter().take(LONGEST).take_while(is_digit).count();
    let digits = digits.get(..length)?;
    let code = if radix == 16 { hex(digits)? } else { decimal(digits)? };
    let letter = char::from_u32(code).filter(|letter| *letter != '\0')?;
    let length = zeros.saturating_add(length);
    let has_semicolon = rest.get(length) == Some(&b';');
    if !has_semicolon && !reading.ends_before(rest.get(length..)) {
        return None;
    }
    let length = before.saturating_add(length).saturating_add(usize::from(has_semicolon));
    Some((length, Instead::Letter(letter)))
}

fn decimal(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    let value = |value: u32, digit: &u8| value.checked_mul(10)?.checked_add(u32::from(digit.wrapping_sub(b'0')));
    digits.iter().try_fold(0u32, value)
}

/// A name with its semicolon, or the longest one that browsers take without.
fn name(rest: &[u8], reading: &Reading) -> Change {
    let length = rest.iter().take(LONGEST_NAME).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let name = rest.get(..length).filter(|name| name.len() > 1)?;
    let whole = known(name).filter(|_| rest.get(length) == Some(&b';'));
    if let Some(text) = whole {
        return Some((length.saturating_add(1), Instead::Text(text)));
    }
    if !reading.ends_before(rest.get(length..)) {
        return None;
    }
    let bare = BARE.iter().filter(|bare| name.starts_with(bare.as_bytes())).max_by_key(|bare| bare.len())?;
    Some((bare.len(), Instead::Text(known(bare.as_bytes())?)))
}

fn known(name: &[u8]) -> Option<&'static str> {
    let at = NAMES.binary_search_by(|(known, _)| known.as_bytes().cmp(name)).ok()?;
    NAMES.get(at).map(|(_, text)| *text)
}
