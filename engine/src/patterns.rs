//! Searches a text for all patterns of a tool in one pass.
//!
//! In: automata and a text. Out: the first pattern that is found.
//! A prefilter that can only say "perhaps" or "no" leads; where it says "perhaps", automata decide.

mod entries;
mod prefilter;
#[cfg(test)]
mod tests;

use crate::automaton::{PatternIndex, ReadyAutomaton};
use entries::PLACES;
use prefilter::Prefilter;
use std::sync::{Arc, OnceLock};

/// How many automata one scanner leads.
pub(crate) const MAX_AUTOMATA: usize = 32;

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

/// How far each automaton has looked: what starts before that is decided.
type Decided = [usize; MAX_AUTOMATA];

impl Scanner {
    /// At most [`MAX_AUTOMATA`]; what is beyond is refused where a policy is loaded.
    pub(crate) fn new(automata: Vec<Arc<ReadyAutomaton>>) -> Self {
        Self { automata, prefilter: OnceLock::new() }
    }

    /// Time in proportion to the text: no automaton looks at a byte twice.
    pub(crate) fn find(&self, text: &[u8]) -> Option<Found> {
        let prefilter = self.prefilter.get_or_init(|| Prefilter::of(&self.automata));
        let always = prefilter.always.iter().find_map(|&automaton| {
            let pattern = self.automata.get(automaton)?.find(text)?;
            Some(Found { automaton, pattern })
        });
        always.or_else(|| self.find_led(prefilter, text))
    }

    fn find_led(&self, prefilter: &Prefilter, text: &[u8]) -> Option<Found> {
        let mut decided = [0; MAX_AUTOMATA];
        let mut state = prefilter.start;
        let mut at = 0usize;
        let (words, tail) = text.as_chunks::<8>();
        for word in words {
            let (next, hits) = prefilter.word(state, word);
            if hits != 0 {
                let found = self.look_closely(prefilter, state, text, (at, word), &mut decided);
                if found.is_some() {
                    return found;
                }
            }
            state = next;
            at = at.saturating_add(8);
        }
        self.look_closely(prefilter, state, text, (at, tail), &mut decided)
    }

    /// Goes through some bytes one by one and starts automata where the prefilter says "perhaps".
    #[inline(never)]
    fn look_closely(
        &self,
        prefilter: &Prefilter,
        mut state: u64,
        text: &[u8],
        (at, bytes): (usize, &[u8]),
        decided: &mut Decided,
    ) -> Option<Found> {
        for (at, &byte) in (at..).zip(bytes) {
            state = prefilter.step(state, byte);
            let mut hits = Prefilter::hits(state);
            while hits != 0 {
                let bucket = prefilter.bucket(hits.trailing_zeros());
                hits &= hits.wrapping_sub(1);
                let start = at.saturating_add(1).saturating_sub(bucket.length);
                for &automaton in &bucket.automata {
                    let found = self.decide(automaton, text, (start, at), decided);
                    if found.is_some() {
                        return found;
                    }
                }
            }
        }
        None
    }

    /// Runs an automaton over a place where a pattern may start, unless that start is decided. It starts where the
    /// longest entry would, so that no shorter one can come first and leave a longer one undecided.
    fn decide(
        &self,
        automaton: usize,
        text: &[u8],
        (start, end): (usize, usize),
        decided: &mut Decided,
    ) -> Option<Found> {
        let (ready, decided) = self.automata.get(automaton).zip(decided.get_mut(automaton))?;
        if start < *decided {
            return None;
        }
        let first = end.saturating_add(1).saturating_sub(PLACES).max(*decided);
        match from(ready, text, first, end) {
            Ok(pattern) => Some(Found { automaton, pattern }),
            Err(behind) => {
                *decided = behind;
                None
            }
        }
    }
}

/// Runs an automaton past `end`, until it finds a pattern, or holds no part of one any more and all before is decided.
fn from(automaton: &ReadyAutomaton, text: &[u8], first: usize, end: usize) -> Result<PatternIndex, usize> {
    let (before, rest) = text.split_at_checked(first).unwrap_or((text, &[]));
    let mut state = before.last().map_or(automaton.start_of_text(), |&byte| automaton.start_behind(byte));
    for (at, &byte) in (first..).zip(rest) {
        state = automaton.next(state, byte);
        if let Some(found) = automaton.found(state) {
            return Ok(found);
        }
        if at >= end && state == automaton.start_behind(byte) {
            return Err(at.saturating_add(1));
        }
    }
    automaton.found(automaton.end(state)).ok_or(text.len())
}
