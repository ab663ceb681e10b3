//! Plain runs of a JSON string: what needs no escape, sixteen bytes at a time.
//!
//! In: bytes. Out: where the run ends. The reader skips by it, and what writes JSON copies by it.

use wide::u8x16;

pub(super) const LANES: usize = 16;

const QUOTE_TO_SPACE: u8 = b'"' ^ b' ';

/// Index of the first quote, backslash or control character at or behind `at`; the length, if there is none.
#[inline(always)]
pub(crate) fn end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let special = special_lanes(*block);
        if special != 0 {
            return at + super::wide(special.trailing_zeros());
        }
        at += LANES;
    }
    while bytes.get(at).is_some_and(|&byte| !is_special(byte)) {
        at += 1;
    }
    at
}

/// The block at `at`, and how many of its bytes are plain before the first that is not. None, if it is not whole.
#[inline(always)]
pub(super) fn block(bytes: &[u8], at: usize) -> Option<([u8; LANES], usize)> {
    let block = *bytes.get(at..)?.first_chunk()?;
    // The bit behind the last lane stands for a block that is all plain.
    let plain = (special_lanes(block) | (1 << LANES)).trailing_zeros();
    Some((block, super::wide(plain)))
}

/// One bit for each lane that ends a plain run.
#[inline]
fn special_lanes(block: [u8; LANES]) -> u32 {
    let lanes = u8x16::new(block);
    // With this bit turned, a quote comes to stand right above the control characters, and nothing else does.
    let turned = lanes ^ u8x16::splat(QUOTE_TO_SPACE);
    let quote_or_control = turned.min(u8x16::splat(b' ')).simd_eq(turned);
    (quote_or_control | lanes.simd_eq(u8x16::splat(b'\\'))).to_bitmask()
}

pub(super) fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}
