//! Searches texts for all patterns of a tool in one pass.
//!
//! In: automata, and a text or several that stand in one. Out: the first pattern that is found, or the first text.
//! A prefilter that can only say "perhaps" or "no" leads; where it says "perhaps", automata decide.

mod entries;
mod exact;
mod exits;
mod pairs;
mod prefilter;
#[cfg(test)]
mod tests;
mod window;

pub(crate) use window::is_known_by_its_end;

use crate::automaton::{PatternIndex, ReadyAutomaton, State};
use exact::{BEFORE, Mark};
use prefilter::Prefilter;
use std::{
    ops::Range,
    sync::{Arc, OnceLock},
};
use window::End;

/// How many automata one scanner leads.
pub(crate) const MAX_AUTOMATA: usize = 64;

/// Automata that are run together.
pub(crate) struct Scanner {
    automata: Vec<Arc<ReadyAutomaton>>,
    /// Made when it is first needed: of many tools, few are called.
    prefilter: OnceLock<Prefilter>,
}

/// A pattern that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Which automaton.
    pub(crate) automaton: usize,
    /// Which of its patterns.
    pub(crate) pattern: PatternIndex,
}

/// How far an automaton has looked. Where it is led by the starts of matches, what starts before that is decided; where it
/// is led by their ends, what ends before, and it goes on from its state.
#[derive(Clone, Copy, Default)]
struct Progress {
    at: usize,
    state: State,
}

impl Scanner {
    /// At most [`MAX_AUTOMATA`]; what is beyond is refused where a policy is loaded.
    pub(crate) fn new(automata: Vec<Arc<ReadyAutomaton>>) -> Self {
        Self { automata, prefilter: OnceLock::new() }
    }

    fn prefilter(&self) -> &Prefilter {
        self.prefilter.get_or_init(|| Prefilter::of(&self.automata))
    }

    /// Whether a pattern could stand in a text of which no byte says so. Then each text is to be searched by itself.
    pub(crate) fn needs_every_text(&self) -> bool {
        !self.prefilter().always.is_empty()
    }

    /// Time in proportion to the text: no automaton looks at a byte twice.
    pub(crate) fn find(&self, text: &[u8]) -> Option<Found> {
        let always = self.prefilter().always.iter().find_map(|&automaton| {
            let pattern = self.automata.get(automaton)?.find(text)?;
            Some(Found { automaton, pattern })
        });
        always.or_else(|| self.find_among(text, |_| Some(0..text.len())).map(|(_, found)| found))
    }

    /// The first of several texts in which something is found. They stand in one, and `text_at` says which of them has
    /// a place.
    pub(crate) fn find_among(
        &self,
        all: &[u8],
        mut text_at: impl FnMut(usize) -> Option<Range<usize>>,
    ) -> Option<(Range<usize>, Found)> {
        let mut progress = None;
        let mut current = 0..0;
        self.prefilter().search(all, |at, mark| {
            if !current.contains(&at) {
                current = text_at(at)?;
            }
            let Mark { automaton, end, .. } = mark;
            // Most texts need none, so it is not made before.
            let progress = progress.get_or_insert([Progress::default(); MAX_AUTOMATA]).get_mut(automaton);
            let (ready, progress) = self.automata.get(automaton).zip(progress)?;
            let pattern = match end {
                End::First => from_first(ready, all, &current, at, mark, progress),
                End::Last => to_last(ready, all, &current, at, mark, progress),
            };
            Some((current.clone(), Found { automaton, pattern: pattern? }))
        })
    }
}

/// Runs an automaton over a place where a match may start, unless that start is decided. It starts where any entry with
/// this window would, so that none that is still to come can start earlier; and it ends when it holds no part of a match
/// any more.
#[inline(never)]
fn from_first(
    automaton: &ReadyAutomaton,
    all: &[u8],
    text: &Range<usize>,
    at: usize,
    mark: Mark,
    progress: &mut Progress,
) -> Option<PatternIndex> {
    let start = at.saturating_sub(mark.before);
    if start < progress.at || start < text.start {
        return None;
    }
    let first = at.saturating_sub(BEFORE).max(progress.at).max(text.start);
    let before = first.checked_sub(1).filter(|before| *before >= text.start).and_then(|before| all.get(before));
    let mut state = before.map_or(automaton.start_of_text(), |&byte| automaton.start_behind(byte));
    progress.at = text.end;
    for (at, &byte) in (first..).zip(all.get(first..text.end)?) {
        state = automaton.next(state, byte);
        if let Some(found) = automaton.found(state) {
            return Some(found);
        }
        if at >= start && state == automaton.start_behind(byte) {
            progress.at = at.saturating_add(1);
            return None;
        }
    }
    automaton.found(automaton.end(state))
}

/// Runs an automaton to a place where a match may end, from where it stopped in this text.
#[inline(never)]
fn to_last(
    automaton: &ReadyAutomaton,
    all: &[u8],
    text: &Range<usize>,
    at: usize,
    mark: Mark,
    progress: &mut Progress,
) -> Option<PatternIndex> {
    let behind = at.saturating_add(mark.behind);
    if progress.at <= text.start {
        *progress = Progress { at: text.start, state: automaton.start_of_text() };
    }
    if behind <= progress.at || behind > text.end {
        return None;
    }
    progress.state = automaton.run(progress.state, all.get(progress.at..behind)?);
    progress.at = behind;
    let is_whole = behind == text.end;
    let end = || automaton.found(automaton.end(progress.state)).filter(|_| is_whole);
    automaton.found(progress.state).or_else(end)
}
