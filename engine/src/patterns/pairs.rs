//! Looks for windows of many entries, two bytes at a time.
//!
//! In: buckets of windows, then a text. Out: the places at which a window of a bucket may start.
//! Where entries are many, their windows together have nearly every byte at every place, and looking for the bytes one by
//! one says nothing; but most pairs of bytes still stand in no window.

use super::{
    exact::Classes,
    window::{BUCKETS_OF_PAIRS, Bucket, WINDOW},
};

pub(super) struct Pairs {
    /// By the classes of two bytes: the buckets that have them first, and in the upper half those that have them last.
    table: Vec<u32>,
    /// The table has rows of `1 << shift` classes.
    shift: u32,
}

/// No pair, at the end of the text.
const NOTHING: usize = 0;

impl Pairs {
    pub(super) fn of(buckets: &[Bucket], classes: &Classes) -> Self {
        let shift = classes.count().next_power_of_two().trailing_zeros();
        let room = 1usize.checked_shl(shift.saturating_mul(2)).unwrap_or_default();
        let mut pairs = Self { table: vec![0; room], shift };
        for (at, bucket) in buckets.iter().enumerate() {
            for window in &bucket.windows {
                let places = window.places().map(|bytes| classes.of_set(&bytes));
                let [first, second, third, fourth] = &places;
                pairs.put(first, second, 1 << at);
                pairs.put(third, fourth, 1 << at.saturating_add(BUCKETS_OF_PAIRS));
            }
        }
        pairs
    }

    fn put(&mut self, first: &[usize], second: &[usize], bits: u32) {
        for &first in first {
            for &second in second {
                if let Some(place) = self.table.get_mut(first << self.shift | second) {
                    *place |= bits;
                }
            }
        }
    }

    /// Tells of each place at which a window may start, and of the buckets that it may belong to.
    #[inline]
    pub(super) fn search<T>(
        &self,
        text: &[u8],
        classes: &Classes,
        mut look: impl FnMut(usize, u16) -> Option<T>,
    ) -> Option<T> {
        // Of the last bytes: one class, and what the two pairs before say.
        let mut class = NOTHING;
        let mut said = [0u32; 2];
        let bytes = text.iter().map(|&byte| classes.of_byte(byte));
        for (at, next) in bytes.chain([NOTHING; WINDOW - 1]).enumerate() {
            let pair = class << self.shift | next;
            let says = self.table.get(pair).copied().unwrap_or(u32::MAX);
            let [before, last] = said;
            let buckets = before & says >> BUCKETS_OF_PAIRS;
            if buckets != 0 {
                let buckets = u16::try_from(buckets).unwrap_or(u16::MAX);
                let answer = at.checked_sub(WINDOW - 1).and_then(|at| look(at, buckets));
                if answer.is_some() {
                    return answer;
                }
            }
            said = [last, says];
            class = next;
        }
        None
    }
}
