//! Sets of bytes, eight of them looked up for sixteen bytes at once.
//!
//! In: sets, then bytes. Out: for each byte, in which of the sets it is.
//! A set is looked up by each half of a byte, so that some sets can only be told loosely: see [`ByteSets::with`].

use wide::{u8x16, u16x8};

/// How many bytes are looked up at once.
pub(crate) const LANES: usize = 16;

/// Bytes by their halves.
#[derive(Clone, Copy)]
pub(crate) struct Halves {
    low: u8x16,
    high: u8x16,
}

impl Halves {
    #[inline(always)]
    pub(crate) fn of(bytes: &[u8; LANES]) -> Self {
        let bytes = u8x16::new(*bytes);
        let half = u8x16::splat(0x0f);
        // V8 shifts pairs of bytes at once; what comes over from the neighbour is cut off.
        let pairs: u16x8 = bytemuck::cast(bytes);
        let shifted: u8x16 = bytemuck::cast(pairs >> 4u32);
        Self { low: bytes & half, high: shifted & half }
    }
}

/// Eight sets. Bit `n` of a byte's answer is its membership in set `n`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ByteSets {
    low: [u8; LANES],
    high: [u8; LANES],
}

impl ByteSets {
    pub(crate) const EMPTY: Self = Self { low: [0; LANES], high: [0; LANES] };

    /// With these bytes in these sets. A byte whose halves both stand in a set, in whichever bytes, is in it, too.
    #[expect(clippy::indexing_slicing, clippy::as_conversions, reason = "half a byte is an index of these arrays")]
    pub(crate) const fn with(mut self, first: u8, last: u8, sets: u8) -> Self {
        let mut byte = first;
        loop {
            self.low[(byte & 15) as usize] |= sets;
            self.high[(byte >> 4) as usize] |= sets;
            if byte >= last {
                return self;
            }
            byte = byte.wrapping_add(1);
        }
    }

    /// The sets of each byte.
    #[inline(always)]
    pub(crate) fn of(&self, halves: Halves) -> u8x16 {
        u8x16::new(self.low).shuffle(halves.low) & u8x16::new(self.high).shuffle(halves.high)
    }

    /// The sets of one byte.
    #[cfg(test)]
    pub(crate) fn of_byte(&self, byte: u8) -> u8 {
        let half = |table: &[u8; LANES], half: u8| table.get(usize::from(half)).copied().unwrap_or_default();
        half(&self.low, byte & 15) & half(&self.high, byte >> 4)
    }
}

/// One bit for each byte that is in a set, the first byte's the lowest.
#[inline(always)]
pub(crate) fn lanes_in_any(sets: u8x16) -> u32 {
    !sets.simd_eq(u8x16::splat(0)).to_bitmask() & 0xffff
}

/// The places of a text that are marked, sixteen at once. Spaces behind the end must not be.
pub(crate) struct Places<'t, M> {
    blocks: std::slice::Iter<'t, [u8; LANES]>,
    tail: &'t [u8],
    mark: M,
    /// Behind the bytes that were looked at.
    behind: usize,
    /// Which of the last sixteen are marked.
    lanes: u32,
}

impl<'t, M: FnMut(&[u8; LANES]) -> u32> Places<'t, M> {
    pub(crate) fn of(text: &'t [u8], mark: M) -> Self {
        let (blocks, tail) = text.as_chunks();
        Self { blocks: blocks.iter(), tail, mark, behind: 0, lanes: 0 }
    }

    /// The first one from here on, which must not be before the one that was given last.
    #[inline]
    pub(crate) fn next(&mut self, from: usize) -> Option<usize> {
        loop {
            let start = self.behind.saturating_sub(LANES);
            let passed = u32::try_from(from.saturating_sub(start)).unwrap_or(u32::MAX);
            self.lanes &= u32::MAX.checked_shl(passed).unwrap_or_default();
            if self.lanes != 0 {
                return Some(start.saturating_add(usize::try_from(self.lanes.trailing_zeros()).unwrap_or_default()));
            }
            self.skip_to(from);
            self.find_block()?;
        }
    }

    /// Leaves out all blocks that end before this place.
    fn skip_to(&mut self, place: usize) {
        let blocks = place.saturating_sub(self.behind) / LANES;
        if blocks > 0 {
            let left = self.blocks.as_slice();
            let skipped = blocks.min(left.len());
            self.blocks = left.get(skipped..).unwrap_or_default().iter();
            self.behind = self.behind.saturating_add(skipped.saturating_mul(LANES));
        }
    }

    /// Goes on to the next bytes of which one is marked.
    fn find_block(&mut self) -> Option<()> {
        for block in self.blocks.by_ref() {
            self.behind = self.behind.saturating_add(LANES);
            self.lanes = (self.mark)(block);
            if self.lanes != 0 {
                return Some(());
            }
        }
        let tail = std::mem::take(&mut self.tail);
        self.behind = self.behind.saturating_add(LANES);
        self.lanes = (self.mark)(&filled(tail));
        (!tail.is_empty()).then_some(())
    }
}

/// Sixteen bytes, with spaces behind those that there are.
pub(crate) fn filled(tail: &[u8]) -> [u8; LANES] {
    let mut block = [b' '; LANES];
    for (place, &byte) in block.iter_mut().zip(tail) {
        *place = byte;
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn sixteen_bytes_are_looked_up_as_one_is() {
        let sets = ByteSets::EMPTY.with(b'a', b'z', 1).with(b'%', b'%', 2).with(0x80, 0xff, 128);
        for start in 0..=u8::MAX {
            let bytes =
                [0u8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15].map(|lane| start.wrapping_add(lane * 17));
            let found = sets.of(Halves::of(&bytes));
            assert_eq!(found.to_array(), bytes.map(|byte| sets.of_byte(byte)));
            let lanes = bytes.iter().enumerate().filter(|(_, byte)| sets.of_byte(**byte) != 0);
            assert_eq!(lanes_in_any(found), lanes.fold(0, |bits, (lane, _)| bits | 1 << lane));
        }
    }
}
