//! Text that stands in a text as base64, in the alphabet of RFC 4648 or that for URLs, perhaps over several lines.
//!
//! In: a text and its runs of the alphabet. Out: each stretch of printable text that they say.
//! Binary data says no such stretch, so images and keys cost a look and nothing more.

use super::kinds::{Kinds, SHORTEST_BASE64, kind};
use std::ops::Range;

/// The shortest stretch that counts as text: what the shortest run says.
const SHORTEST_PIECE: usize = SHORTEST_BASE64 / 4 * 3 + SHORTEST_BASE64 % 4 - 1;

/// At how many places of a run its first group may start: what stands right before may be of the alphabet, too.
const OFFSETS: usize = 4;

/// The runs of a text; lines that are indented, or words that are set apart, are one.
pub(super) fn runs<'t>(text: &'t [u8], runs: &'t [Range<usize>]) -> impl Iterator<Item = &'t [u8]> {
    let are_lines = |left: &Range<usize>, right: &Range<usize>| is_blank(text.get(left.end..right.start));
    runs.chunk_by(are_lines).filter_map(|lines| {
        let (first, last) = (lines.first()?, lines.last()?);
        text.get(first.start..last.end.saturating_add(last_line(text, last.end)))
    })
}

/// Shows each stretch that a run says.
pub(super) fn pieces<E>(run: &[u8], mut show: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
    let digits: Vec<u8> = run.iter().copied().filter_map(digit).collect();
    for offset in 0..OFFSETS {
        let digits = digits.get(offset..).unwrap_or_default();
        if has_stretch(digits) {
            printable(&bytes_of(digits), &mut show)?;
        }
    }
    Ok(())
}

/// Whether there are bytes without control characters that could be text, or zeros enough for UTF-16. Most runs, words
/// and paths, say none.
fn has_stretch(digits: &[u8]) -> bool {
    let (groups, rest) = digits.as_chunks::<4>();
    let (mut length, mut longest, mut zeros) = (0usize, 0usize, 0usize);
    for byte in groups.iter().flat_map(|&group| bytes_of_group(group)) {
        length = if is_control(byte) { 0 } else { length.saturating_add(1) };
        longest = longest.max(length);
        zeros = zeros.saturating_add(usize::from(byte == 0));
    }
    // A group that is cut says two bytes at most.
    longest = longest.max(length.saturating_add(rest.len().saturating_sub(1)));
    longest >= SHORTEST_PIECE || zeros.saturating_mul(8) >= groups.len().saturating_mul(3)
}

fn bytes_of_group([a, b, c, d]: [u8; 4]) -> [u8; 3] {
    [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]
}

fn is_control(byte: u8) -> bool {
    matches!(byte, 0..0x20 | 0x7f) && !matches!(byte, b'\t' | b'\n' | b'\r')
}

fn is_blank(gap: Option<&[u8]>) -> bool {
    gap.is_some_and(|gap| gap.iter().all(u8::is_ascii_whitespace))
}

/// How long the rest of indented lines is, which may be too short for a run of its own.
fn last_line(text: &[u8], behind: usize) -> usize {
    let rest = text.get(behind..).unwrap_or_default();
    let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let letters = rest.iter().skip(blank).take_while(|&&byte| kind(byte) & Kinds::LETTER != 0).count();
    if letters < SHORTEST_BASE64 { blank.saturating_add(letters) } else { 0 }
}

/// Whole groups, and the one or two bytes of a last one that is cut.
fn bytes_of(digits: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(digits.len());
    let (groups, rest) = digits.as_chunks::<4>();
    for &group in groups {
        bytes.extend(bytes_of_group(group));
    }
    match *rest {
        [a, b] => bytes.push(a << 2 | b >> 4),
        [a, b, c] => bytes.extend([a << 2 | b >> 4, b << 4 | c >> 2]),
        _ => {}
    }
    from_utf16(&bytes).unwrap_or(bytes)
}

/// UTF-16, as PowerShell takes it, in UTF-8: where in every fourth pair of bytes or more the same one is zero.
fn from_utf16(bytes: &[u8]) -> Option<Vec<u8>> {
    let (pairs, _) = bytes.as_chunks::<2>();
    let zeros = |is_zero: fn(&&[u8; 2]) -> bool| pairs.iter().filter(is_zero).count();
    let (big, little) = (zeros(|[high, _]| *high == 0), zeros(|[_, high]| *high == 0));
    if big.max(little).saturating_mul(4) < pairs.len().max(1) {
        return None;
    }
    let unit = |pair: &[u8; 2]| if little >= big { u16::from_le_bytes(*pair) } else { u16::from_be_bytes(*pair) };
    let letters = char::decode_utf16(pairs.iter().map(unit));
    Some(letters.map(|letter| letter.unwrap_or('\0')).collect::<String>().into_bytes())
}

/// Shows the stretches that are UTF-8 without control characters.
fn printable<E>(bytes: &[u8], show: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
    for stretch in bytes.split(|&byte| is_control(byte)).filter(|stretch| stretch.len() >= SHORTEST_PIECE) {
        for chunk in stretch.utf8_chunks().filter(|chunk| chunk.valid().len() >= SHORTEST_PIECE) {
            show(chunk.valid().as_bytes())?;
        }
    }
    Ok(())
}

/// The value of a digit; nothing for white space.
fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte.wrapping_sub(b'A')),
        b'a'..=b'z' => Some(byte.wrapping_sub(b'a').wrapping_add(26)),
        b'0'..=b'9' => Some(byte.wrapping_sub(b'0').wrapping_add(52)),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}
