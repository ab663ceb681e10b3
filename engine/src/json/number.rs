//! Numbers: the grammar of RFC 8259, and whether a double holds the value exactly.
//!
//! In: the bytes from the number's first on, and whether inexact ones are read too. Out: its length, or what is wrong.
//! Computes no value that anyone uses: a number is forwarded as it was written.

use super::{Numbers, Problem};

/// The largest integer below which every integer is a double: 2^53 - 1 (RFC 7493, section 2.2).
const LARGEST_EXACT: u64 = (1 << 53) - 1;

/// What every language prints to tell two doubles apart.
const SIGNIFICANT_DIGITS: usize = 17;

/// As many digits always name a double of their own, and an integer below 2^53.
const FEW_DIGITS: usize = 15;

/// Where the number that starts at `start` ends.
#[inline(always)]
pub(super) fn end(bytes: &[u8], start: usize, numbers: Numbers) -> Result<usize, Problem> {
    let sign = usize::from(bytes.get(start) == Some(&b'-'));
    let first = start + sign;
    let whole = digits(bytes, first);
    if whole == first || (bytes.get(first) == Some(&b'0') && whole > first + 1) {
        return Err(Problem::BadNumber);
    }
    let fraction = match bytes.get(whole) {
        Some(b'.') => some_digits(bytes, whole + 1)?,
        _ => whole,
    };
    // One of the bytes may be the point, so this is one digit too strict for a fraction.
    if fraction - first <= FEW_DIGITS && !matches!(bytes.get(fraction), Some(b'e' | b'E')) {
        return Ok(fraction);
    }
    long(bytes, start, [first, whole, fraction], numbers)
}

/// The end of a number that has many digits or an exponent.
#[cold]
fn long(bytes: &[u8], start: usize, [first, whole, fraction]: [usize; 3], numbers: Numbers) -> Result<usize, Problem> {
    let end = match bytes.get(fraction) {
        Some(b'e' | b'E') => some_digits(bytes, exponent_digits(bytes, fraction))?,
        _ => fraction,
    };
    let text = |from: usize| bytes.get(from..end).unwrap_or_default();
    let is_exact = || if end == whole { is_exact_integer(text(first)) } else { is_exact(text(start)) };
    if numbers == Numbers::Any || is_exact() { Ok(end) } else { Err(Problem::InexactNumber) }
}

/// Index of the first byte at or behind `at` that is no digit.
#[inline(always)]
fn digits(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

fn some_digits(bytes: &[u8], at: usize) -> Result<usize, Problem> {
    let end = digits(bytes, at);
    if end == at { Err(Problem::BadNumber) } else { Ok(end) }
}

fn exponent_digits(bytes: &[u8], at: usize) -> usize {
    let sign = at + 1;
    sign + usize::from(matches!(bytes.get(sign), Some(b'+' | b'-')))
}

/// Sixteen digits fit a `u64`, and no exact integer has more.
fn is_exact_integer(digits: &[u8]) -> bool {
    if digits.len() < 16 {
        return true;
    }
    let value = digits
        .iter()
        .fold(0u64, |value, digit| value.saturating_mul(10).saturating_add(u64::from(digit.wrapping_sub(b'0'))));
    digits.len() == 16 && value <= LARGEST_EXACT
}

/// A decimal fraction is exact enough if printing the double gives the digits back.
fn is_exact(number: &[u8]) -> bool {
    let mantissa = number.iter().take_while(|byte| !matches!(byte, b'e' | b'E'));
    let digits: Vec<u8> = mantissa.filter(|byte| byte.is_ascii_digit()).copied().collect();
    let Some(first) = digits.iter().position(|&digit| digit != b'0') else {
        return true; // zero, whatever its exponent
    };
    let last = digits.iter().rposition(|&digit| digit != b'0').unwrap_or(first);
    let significant = last.saturating_sub(first).saturating_add(1);
    let value = std::str::from_utf8(number).ok().and_then(|text| text.parse::<f64>().ok());
    let in_range = value.is_some_and(|value| value.is_normal() && value.abs() < 9_007_199_254_740_992.0);
    significant <= SIGNIFICANT_DIGITS && in_range
}
