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

/// One bit for each lane that ends a plain run.
#[inline(always)]
fn special_lanes(block: [u8; LANES]) -> u32 {
    let lanes = u8x16::new(block);
    // With this bit turned, a quote comes to stand right above the control characters, and nothing else does.
    let turned = lanes ^ u8x16::splat(QUOTE_TO_SPACE);
    let quote_or_control = turned.min(u8x16::splat(b' ')).simd_eq(turned);
    (quote_or_control | lanes.simd_eq(u8x16::splat(b'\\'))).to_bitmask()
}

/// What a block has that is to be escaped.
pub(super) enum Specials {
    /// Nothing.
    None,
    /// Quotes and backslashes, in these lanes.
    Doubled(u32),
    /// A control character, and whatever else.
    Control,
}

#[inline(always)]
pub(super) fn specials(block: [u8; LANES]) -> Specials {
    match special_lanes(block) {
        0 => Specials::None,
        _ if has_control(block) => Specials::Control,
        lanes => Specials::Doubled(lanes),
    }
}

fn has_control(block: [u8; LANES]) -> bool {
    let lanes = u8x16::new(block);
    lanes.min(u8x16::splat(0x1f)).simd_eq(lanes).to_bitmask() != 0
}

pub(super) fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}
