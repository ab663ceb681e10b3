//! The prefilter: says at which places of a text a match may start.
//!
//! In: the entries of automata, then texts. Out: places, and the automata that must look there.
//! Of each entry a window of four bytes is looked for, at sixteen places at once and loosely; where that says "perhaps",
//! all bytes of the entry are looked at. An entry is never missed.

use super::{
    exact::{Classes, Exact, Mark, Shelf},
    pairs::Pairs,
    window::{Bucket, WINDOW, Window, buckets, buckets_of_pairs, share},
};
use crate::{
    automaton::ReadyAutomaton,
    bytes::{ByteSets, Halves, LANES, lanes_in_any},
};
use std::sync::Arc;
use wide::u8x16;

/// Sixteen places at which windows start, and what the last of these windows holds.
const BLOCK: usize = LANES + WINDOW - 1;

pub(super) struct Prefilter {
    finder: Finder,
    shelves: Vec<Shelf>,
    exact: Exact,
    /// Automata without entries, which have to be run over every text.
    pub(super) always: Vec<usize>,
}

/// How windows are looked for.
enum Finder {
    /// For each place of a window, the bytes of each bucket.
    Vectors([ByteSets; WINDOW]),
    Pairs(Pairs),
}

/// If more of a thousand bytes could start a window, windows are looked for more closely.
const MANY: u64 = 15;

impl Prefilter {
    pub(super) fn of(automata: &[Arc<ReadyAutomaton>]) -> Self {
        Self::with(automata, Window::all_of, |share| share > MANY)
    }

    /// With these windows of each automaton, looked for as pairs if they have such a share of ordinary text.
    pub(super) fn with(
        automata: &[Arc<ReadyAutomaton>],
        windows: impl Fn(&ReadyAutomaton, usize) -> Option<Vec<Window>>,
        is_many: impl Fn(u64) -> bool,
    ) -> Self {
        let mut always = Vec::new();
        let mut all = Vec::new();
        for (at, automaton) in automata.iter().enumerate() {
            match windows(automaton, at) {
                Some(windows) => all.extend(windows),
                None => always.push(at),
            }
        }
        let mut buckets = buckets(all);
        let is_many = is_many(share(&buckets));
        if is_many {
            buckets = buckets_of_pairs(buckets);
        }
        let mut exact = Exact::of(Classes::of(buckets.iter().flat_map(|bucket| &bucket.windows)));
        let shelves = buckets.iter().map(|bucket| exact.add(&bucket.windows)).collect();
        let finder = if is_many {
            Finder::Pairs(Pairs::of(&buckets, exact.classes()))
        } else {
            Finder::Vectors(sets_by_place(&buckets))
        };
        Self { finder, shelves, exact, always }
    }

    /// Tells of each place at which an entry's window starts, in order, and stops at the first answer.
    #[inline]
    pub(super) fn search<T>(&self, text: &[u8], mut look: impl FnMut(usize, Mark) -> Option<T>) -> Option<T> {
        let mut closely = |at, buckets| self.look_closely(text, at, buckets, &mut look);
        match &self.finder {
            Finder::Pairs(pairs) => pairs.search(text, self.exact.classes(), closely),
            Finder::Vectors(sets) => search(sets, text, &mut closely),
        }
    }

    #[inline(never)]
    fn look_closely<T>(
        &self,
        text: &[u8],
        at: usize,
        mut buckets: u16,
        look: &mut impl FnMut(usize, Mark) -> Option<T>,
    ) -> Option<T> {
        while buckets != 0 {
            let shelf = usize::try_from(buckets.trailing_zeros()).ok().and_then(|at| self.shelves.get(at));
            buckets &= buckets.wrapping_sub(1);
            let mut standing = self.exact.standing(shelf.copied().unwrap_or_default(), text, at);
            let answer = standing.find_map(|mark| look(at, mark));
            if answer.is_some() {
                return answer;
            }
        }
        None
    }
}

fn sets_by_place(buckets: &[Bucket]) -> [ByteSets; WINDOW] {
    std::array::from_fn(|place| {
        let sets = buckets.iter().zip(0u8..).filter_map(|(bucket, at)| Some((bucket.sets.get(place)?, 1u8 << at)));
        sets.fold(ByteSets::EMPTY, |sets, (bytes, bucket)| {
            bytes.iter().fold(sets, |sets, byte| sets.with(byte, byte, bucket))
        })
    })
}

/// Tells of each place at which a window may start, and of the buckets that it may belong to.
#[inline]
fn search<T>(sets: &[ByteSets; WINDOW], text: &[u8], look: &mut impl FnMut(usize, u16) -> Option<T>) -> Option<T> {
    let mut at = 0usize;
    while let Some(block) = text.get(at..).and_then(<[u8]>::first_chunk) {
        let buckets = buckets_of(sets, block);
        if lanes_in_any(buckets) != 0 {
            let answer = look_at_lanes((at..).zip(buckets.to_array()), look);
            if answer.is_some() {
                return answer;
            }
        }
        at = at.saturating_add(LANES);
    }
    // Behind the text no window starts, whatever stands there.
    let mut rest = [0; LANES + BLOCK];
    for (place, &byte) in rest.iter_mut().zip(text.get(at..).unwrap_or_default()) {
        *place = byte;
    }
    [0, LANES].into_iter().filter(|start| at.saturating_add(*start) < text.len()).find_map(|start| {
        let buckets = buckets_of(sets, rest.get(start..).and_then(<[u8]>::first_chunk)?);
        let places = at.saturating_add(start)..text.len();
        if lanes_in_any(buckets) == 0 { None } else { look_at_lanes(places.zip(buckets.to_array()), look) }
    })
}

/// The buckets of which a window may start at each of the first sixteen places.
#[inline(always)]
fn buckets_of(sets: &[ByteSets; WINDOW], block: &[u8; BLOCK]) -> u8x16 {
    let windows = block.windows(LANES).filter_map(<[u8]>::first_chunk);
    let places = sets.iter().zip(windows).map(|(sets, bytes)| sets.of(Halves::of(bytes)));
    places.fold(u8x16::splat(u8::MAX), |buckets, of_place| buckets & of_place)
}

#[inline(never)]
fn look_at_lanes<T>(
    lanes: impl Iterator<Item = (usize, u8)>,
    look: &mut impl FnMut(usize, u16) -> Option<T>,
) -> Option<T> {
    lanes.filter(|(_, buckets)| *buckets != 0).find_map(|(at, buckets)| look(at, u16::from(buckets)))
}
