//! The prefilter: a shift-or over sets of bytes, eight buckets of entries at once.
//!
//! In: the entries of automata. Out: at which bytes an entry may be complete.
//! Each byte costs a load, a shift and an "or"; an entry is never missed.

use super::entries::{Entry, PLACES, entries};
use crate::automaton::ReadyAutomaton;
use std::sync::Arc;

/// Entries are spread over so many buckets.
pub(super) const BUCKETS: usize = 8;

/// Some entries, as if they were one.
#[derive(Clone, Debug, Default)]
pub(super) struct Bucket {
    /// How many places are looked at: as many as its shortest entry has.
    pub(super) length: usize,
    /// The automata that the entries belong to.
    pub(super) automata: Vec<usize>,
}

/// A bit is 0 as long as the bytes so far are those of an entry. Byte `n` of a state holds one bit for each bucket,
/// for entries of which all but `7 - n` places have been seen; so what is complete stands in the highest byte.
pub(super) struct Prefilter {
    masks: Box<[u64; 256]>,
    /// The state before any byte.
    pub(super) start: u64,
    buckets: [Bucket; BUCKETS],
    /// Automata without entries, which have to be run over every text.
    pub(super) always: Vec<usize>,
}

impl Prefilter {
    pub(super) fn of(automata: &[Arc<ReadyAutomaton>]) -> Self {
        let mut always = Vec::new();
        let mut all: Vec<(usize, Entry)> = Vec::new();
        for (at, automaton) in automata.iter().enumerate() {
            match entries(automaton) {
                Some(entries) => all.extend(entries.into_iter().map(|entry| (at, entry))),
                None => always.push(at),
            }
        }
        // Entries of about one length share a bucket, since the shortest one cuts the others.
        all.sort_by_key(|(_, entry)| entry.places.len());
        let mut prefilter =
            Self { masks: Box::new([u64::MAX; 256]), start: u64::MAX, buckets: Default::default(), always };
        let each = all.len().div_ceil(BUCKETS).max(1);
        for (at, entries) in all.chunks(each).enumerate() {
            prefilter.fill(at, entries);
        }
        prefilter
    }

    fn fill(&mut self, at: usize, entries: &[(usize, Entry)]) {
        let length = entries.iter().map(|(_, entry)| entry.places.len()).min().unwrap_or(PLACES);
        let Some(bucket) = self.buckets.get_mut(at) else { return };
        bucket.length = length;
        bucket.automata = entries.iter().map(|(automaton, _)| *automaton).collect();
        bucket.automata.sort_unstable();
        bucket.automata.dedup();
        // What comes before the first place always fits.
        let free = PLACES.saturating_sub(length);
        let bit = |place: usize| 1u64 << place.saturating_mul(8).saturating_add(at);
        let before = (0..free).fold(0, |bits, place| bits | bit(place));
        self.start &= !before;
        for (byte, mask) in (0..=u8::MAX).zip(self.masks.iter_mut()) {
            *mask &= !before;
            for place in 0..length {
                if entries.iter().any(|(_, entry)| entry.places.get(place).is_some_and(|bytes| bytes.has(byte))) {
                    *mask &= !bit(place.saturating_add(free));
                }
            }
        }
    }

    /// The state behind one more byte.
    #[inline(always)]
    pub(super) fn step(&self, state: u64, byte: u8) -> u64 {
        #[expect(clippy::indexing_slicing, reason = "every byte is an index of this array")]
        let mask = self.masks[usize::from(byte)];
        state << 8 | mask
    }

    /// The state behind eight more bytes, and which buckets had a complete entry in between.
    #[inline(always)]
    pub(super) fn word(&self, state: u64, word: &[u8; 8]) -> (u64, u64) {
        let (state, all) = word.iter().fold((state, u64::MAX), |(state, all), &byte| {
            let state = self.step(state, byte);
            (state, all & state)
        });
        (state, Self::hits(all))
    }

    /// The buckets of which an entry is complete.
    #[inline(always)]
    pub(super) fn hits(state: u64) -> u64 {
        !state >> 56
    }

    pub(super) fn bucket(&self, at: u32) -> &Bucket {
        static NONE: Bucket = Bucket { length: 0, automata: Vec::new() };
        usize::try_from(at).ok().and_then(|at| self.buckets.get(at)).unwrap_or(&NONE)
    }
}
