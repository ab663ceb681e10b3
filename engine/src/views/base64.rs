//! Text that stands in a text as base64, in the alphabet of RFC 4648 or that for URLs, perhaps over several lines.
//!
//! In: a run of the alphabet. Out: each stretch of printable text that it says.
//! Binary data says no such stretch, so images and keys cost a look and nothing more.

use super::kinds::SHORTEST_BASE64;
use std::ops::Range;

/// The shortest stretch that counts as text: what the shortest run says.
const SHORTEST_PIECE: usize = SHORTEST_BASE64 / 4 * 3;

/// Shows each stretch. `offsets` are the places of the run at which its first group may start.
pub(super) fn pieces<E>(
    run: &[u8],
    offsets: Range<usize>,
    mut show: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let digits: Vec<u8> = run.iter().copied().filter_map(digit).collect();
    for offset in offsets {
        let digits = digits.get(offset..).unwrap_or_default();
        if has_stretch(digits) {
            printable(&bytes_of(digits), &mut show)?;
        }
    }
    Ok(())
}

/// Whether there are bytes without control characters that could be text. Most runs, words and paths, say none.
fn has_stretch(digits: &[u8]) -> bool {
    let (groups, rest) = digits.as_chunks::<4>();
    let mut length = 0usize;
    let whole = groups.iter().flat_map(|&group| bytes_of_group(group));
    // A group that is cut says two bytes at most.
    let cut = rest.len().saturating_sub(1);
    let longest = whole.fold(0, |longest, byte| {
        length = if is_control(byte) { 0 } else { length.saturating_add(1) };
        longest.max(length)
    });
    longest.max(length.saturating_add(cut)) >= SHORTEST_PIECE
}

fn bytes_of_group([a, b, c, d]: [u8; 4]) -> [u8; 3] {
    [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]
}

fn is_control(byte: u8) -> bool {
    matches!(byte, 0..0x20 | 0x7f) && !matches!(byte, b'\t' | b'\n' | b'\r')
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
    bytes
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

/// The value of a digit; nothing for a line's end.
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
