//! Whether a key stands twice in an object.
//!
//! In: the keys as they are read, and at the end the object. Out: whether one repeats.
//! Most objects are cleared by a mark for each key alone: keys are compared only where two have the same mark.

use super::Value;

/// Few keys are compared in pairs, many are sorted, so that no choice of keys is slow.
const FEW: usize = 12;

/// The keys of an object that were read so far.
#[derive(Clone, Copy)]
pub(super) struct Keys {
    /// For each key one bit of each.
    marks: [u64; 2],
    /// Whether a key had no mark of its own.
    may_repeat: bool,
}

impl Keys {
    pub(super) const NONE: Self = Self { marks: [0; 2], may_repeat: false };

    /// Takes in the key that stands in `bytes` from `start` to `end`, with quotes around it.
    #[inline(always)]
    pub(super) fn note(&mut self, bytes: &[u8], start: usize, end: usize) {
        let spread = spread(bytes, start, end);
        let ([one, other], (bit, other_bit)) = (self.marks, (1 << (spread >> 58), 1 << ((spread >> 52) & 63)));
        self.may_repeat |= one & bit != 0 && other & other_bit != 0;
        self.marks = [one | bit, other | other_bit];
    }

    /// Whether two of the keys may be the same.
    #[inline]
    pub(super) fn may_repeat(&self) -> bool {
        self.may_repeat
    }

    /// Whether two keys of the object are the same.
    pub(super) fn repeat_in(&self, object: Value<'_>) -> bool {
        let mut keys = [""; FEW];
        for (seen, (key, _)) in object.members().enumerate() {
            if keys.iter().take(seen).any(|other| *other == key) {
                return true;
            }
            match keys.get_mut(seen) {
                Some(slot) => *slot = key,
                None => return repeat_among_many(object),
            }
        }
        false
    }
}

fn repeat_among_many(object: Value<'_>) -> bool {
    let mut keys: Vec<&str> = object.members().map(|(key, _)| key).collect();
    keys.sort_unstable();
    keys.windows(2).any(|pair| matches!(pair, [one, other] if one == other))
}

/// A number that is the same for the same key, made of its length and its first and last three bytes.
#[inline(always)]
fn spread(bytes: &[u8], start: usize, end: usize) -> u64 {
    /// Odd, with bits in no order: the upper bits of a product with it depend on all bits of the other factor.
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let word = |at: usize| {
        bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |word| u64::from(u32::from_le_bytes(*word)))
    };
    let length = end - start;
    // With its quotes a key of two bytes fills a word.
    let ends = match length {
        0 | 1 => bytes.get(start).copied().map_or(0, u64::from),
        _ => word(start - 1) | (word(end - 3) << 32),
    };
    (ends ^ u64::try_from(length).unwrap_or(u64::MAX)).wrapping_mul(SPREAD)
}
