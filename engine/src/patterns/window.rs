//! Which bytes of an entry are looked for first, and which entries are looked for together.
//!
//! In: entries. Out: their windows in buckets, chosen so that ordinary text seldom has a window.
//! What ordinary text is, is a guess: a bad one costs time and never a match.

use super::{
    entries::{Bytes, Entry, entries},
    exits::exits,
};
use crate::automaton::ReadyAutomaton;

/// How many bytes of an entry are looked for first.
pub(super) const WINDOW: usize = 4;

/// How many buckets are told apart where bytes are looked up.
pub(super) const BUCKETS: usize = 8;

/// How many buckets are told apart where pairs of bytes are looked up.
pub(super) const BUCKETS_OF_PAIRS: usize = 16;

/// Which end of a match an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    First,
    Last,
}

/// An entry, and where its window is.
pub(super) struct Window {
    pub(super) entry: Entry,
    pub(super) end: End,
    pub(super) automaton: usize,
    /// How many bytes of the entry are before the window.
    pub(super) before: usize,
}

/// Some windows, and all bytes that can stand at each place of one.
#[derive(Default)]
pub(super) struct Bucket {
    pub(super) windows: Vec<Window>,
    pub(super) sets: [Bytes; WINDOW],
}

impl Window {
    /// The windows of an automaton, at that end of its matches where looking for them costs less. Nothing, if they can be
    /// empty.
    pub(super) fn all_of(automaton: &ReadyAutomaton, index: usize) -> Option<Vec<Self>> {
        let first = Self::all_at(End::First, automaton, index)?;
        let cost = cost(&first, RUN_FROM_FIRST);
        if cost <= CHEAP {
            return Some(first);
        }
        let last = Self::all_at(End::Last, automaton, index);
        let better = last.filter(|last| self::cost(last, RUN_TO_LAST) < cost);
        Some(better.unwrap_or(first))
    }

    /// The windows of an automaton at one end of its matches.
    pub(super) fn all_at(end: End, automaton: &ReadyAutomaton, index: usize) -> Option<Vec<Self>> {
        let entries = match end {
            End::First => entries(automaton)?,
            End::Last => exits(automaton)?,
        };
        Some(entries.into_iter().map(|entry| Self::of(entry, end, index)).collect())
    }

    /// The window whose bytes are the rarest.
    fn of(entry: Entry, end: End, automaton: usize) -> Self {
        let last = entry.places.len().saturating_sub(WINDOW);
        let rarity = |before: &usize| frequency(&sets(&entry, *before));
        let before = (0..=last).min_by_key(rarity).unwrap_or_default();
        Self { entry, end, automaton, before }
    }

    /// The bytes that can stand at each place of the window.
    pub(super) fn places(&self) -> [Bytes; WINDOW] {
        sets(&self.entry, self.before)
    }
}

/// How many bytes an automaton looks at, about, where a match could start.
const RUN_FROM_FIRST: u64 = 20;

/// The same where one could end: all of the text before that was not looked at yet.
const RUN_TO_LAST: u64 = 200;

/// How many of a thousand bytes an automaton may look at until another end of its matches is thought about.
const CHEAP: u64 = 5;

/// How many of a thousand bytes of ordinary text an automaton looks at.
fn cost(windows: &[Window], run: u64) -> u64 {
    let seen: u64 = windows.iter().map(|window| frequency(&window.places())).fold(0, u64::saturating_add);
    (seen / 1_000_000_000).saturating_mul(run).min(1000)
}

/// How many of a thousand bytes of ordinary text are where a window of one of these buckets could start.
pub(super) fn share(buckets: &[Bucket]) -> u64 {
    buckets.iter().map(|bucket| frequency(&bucket.sets)).fold(0, u64::saturating_add) / 1_000_000_000
}

/// What stands behind a short entry can be any byte.
fn sets(entry: &Entry, before: usize) -> [Bytes; WINDOW] {
    let mut places = entry.places.iter().skip(before);
    std::array::from_fn(|_| places.next().copied().unwrap_or(Bytes::ALL))
}

/// Eight buckets for looking up bytes. The most frequent windows choose first; each goes where it makes the least more
/// frequent.
pub(super) fn buckets(mut windows: Vec<Window>) -> Vec<Bucket> {
    let mut buckets: Vec<Bucket> = std::iter::repeat_with(Bucket::default).take(BUCKETS).collect();
    windows.sort_by_cached_key(|window| std::cmp::Reverse(frequency(&window.places())));
    for window in windows {
        let places = window.places();
        let growth = |bucket: &&mut Bucket| {
            let grown = frequency(&union(&bucket.sets, &places));
            grown.saturating_sub(frequency(&bucket.sets))
        };
        if let Some(bucket) = buckets.iter_mut().min_by_key(growth) {
            bucket.sets = union(&bucket.sets, &places);
            bucket.windows.push(window);
        }
    }
    buckets
}

/// Sixteen buckets for looking up pairs of bytes, by how frequent the first and the last pairs of each are together.
pub(super) fn buckets_of_pairs(buckets: Vec<Bucket>) -> Vec<Bucket> {
    let mut sorted: Vec<(Bucket, [u64; 2])> = std::iter::repeat_with(Default::default).take(BUCKETS_OF_PAIRS).collect();
    let mut windows: Vec<Window> = buckets.into_iter().flat_map(|bucket| bucket.windows).collect();
    windows.sort_by_cached_key(|window| std::cmp::Reverse(frequency(&window.places())));
    for window in windows {
        let [first, second, third, fourth] = window.places();
        let pair = |one: Bytes, other: Bytes| one.frequency().saturating_mul(other.frequency());
        let more = [pair(first, second), pair(third, fourth)];
        let growth = |(_, had): &&mut (Bucket, [u64; 2])| {
            let [first, last] = had.map(|pairs| pairs.max(1));
            let [more_first, more_last] = more;
            let grown = first.saturating_add(more_first).saturating_mul(last.saturating_add(more_last));
            grown.saturating_sub(first.saturating_mul(last))
        };
        if let Some((bucket, had)) = sorted.iter_mut().min_by_key(growth) {
            for (had, more) in had.iter_mut().zip(more) {
                *had = had.saturating_add(more);
            }
            bucket.windows.push(window);
        }
    }
    sorted.into_iter().map(|(bucket, _)| bucket).collect()
}

fn union(one: &[Bytes; WINDOW], other: &[Bytes; WINDOW]) -> [Bytes; WINDOW] {
    let mut both = *one;
    for (bytes, more) in both.iter_mut().zip(other) {
        *bytes = bytes.or(more);
    }
    both
}

/// How often such a window stands in ordinary text, as if its bytes had nothing to do with each other.
fn frequency(sets: &[Bytes; WINDOW]) -> u64 {
    sets.iter().map(Bytes::frequency).product()
}

impl Bytes {
    /// In about so many of a thousand bytes.
    fn frequency(&self) -> u64 {
        self.iter().map(frequency_of_byte).sum()
    }
}

/// In about a thousandth of all bytes.
fn frequency_of_byte(byte: u8) -> u64 {
    match byte {
        b' ' => 140,
        b'e' | b't' | b'a' => 70,
        b'i' | b'n' | b'o' | b'r' | b's' => 50,
        b'b'..=b'z' => 20,
        b'0'..=b'9' | b'"' | b',' | b'.' | b':' | b'-' | b'_' | b'/' => 12,
        b'\n' | b'\'' | b'(' | b')' | b'=' | b'{' | b'}' | b'A'..=b'Z' => 4,
        _ => 1,
    }
}

/// Whether matches of an automaton are looked for by how they end, since too much text begins as they do. Two automata of
/// which that is true for one should not be joined: they would be looked for where it costs more for one of them.
pub(crate) fn is_known_by_its_end(automaton: &ReadyAutomaton) -> bool {
    let windows = Window::all_of(automaton, 0).unwrap_or_default();
    windows.first().is_some_and(|window| window.end == End::Last)
}
