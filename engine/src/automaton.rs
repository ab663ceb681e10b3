//! Finite automata that were compiled natively: loads them and runs them over text.
//!
//! In: an [`Automaton`] as it is packed, and bytes. Out: which of its patterns the bytes hold, if any.
//! Compiles nothing: `policy-compiler` determinises patterns, so both sides agree on what they mean.

mod read;
#[cfg(test)]
pub(crate) mod tests;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// How many states an automaton may have, those that say "found" not counted.
pub const MAX_STATES: usize = 32_768;

/// How many entries the table of an automaton may have once it is loaded, two bytes each.
pub const MAX_ENTRIES: usize = 1 << 22;

/// On what a row is built: the lower two bits of its head.
pub mod row {
    /// The row of state 0.
    pub const ON_START: u32 = 0;
    /// One target for every class, which follows.
    pub const CONSTANT: u32 = 1;
    /// The row that the first way to this state leads to from what the row before it was built on.
    pub const ON_FALLBACK: u32 = 2;
    /// A row so many states before; the number follows.
    pub const ON_EARLIER: u32 = 3;
}

/// An automaton in its packed form; `docs/decisions/0006-automata.md` describes the bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Automaton(Vec<u8>);

impl Automaton {
    /// Takes bytes as they are; they are checked when the automaton is loaded.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The packed bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Serialize for Automaton {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Automaton {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl de::Visitor<'_> for Bytes {
            type Value = Automaton;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Automaton, E> {
                Ok(Automaton(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

/// The bytes are no automaton.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadAutomaton(&'static str);

impl BadAutomaton {
    /// What is wrong with them.
    pub fn what(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for BadAutomaton {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an automaton is damaged: {}", self.0)
    }
}

impl std::error::Error for BadAutomaton {}

/// Which of the patterns of an automaton, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PatternIndex(pub u32);

/// A state of a loaded automaton. From [`ReadyAutomaton::first_found`] on, it says that a pattern was found.
pub(crate) type State = u16;

/// An automaton whose every transition was checked.
pub struct ReadyAutomaton {
    /// The class of each byte. What the end of the text leads to stands behind the last class.
    classes: [u8; 256],
    end_class: u16,
    /// Rows of `1 << shift` targets, one row for each state that has not found anything.
    table: Vec<State>,
    shift: u32,
    /// The first state that says "found"; the states behind it stand for one pattern each.
    found: State,
    patterns: u16,
    /// Where a search starts by the class of the byte before, and last, at the start of the text.
    starts: Vec<State>,
}

impl TryFrom<&Automaton> for ReadyAutomaton {
    type Error = BadAutomaton;

    fn try_from(automaton: &Automaton) -> Result<Self, BadAutomaton> {
        read::read(&automaton.0)
    }
}

impl ReadyAutomaton {
    /// Whether one of the patterns stands in the text. Takes time in proportion to the text, and no memory.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.find(text).is_some()
    }

    /// The pattern whose first occurrence is found to be complete first.
    pub fn find(&self, text: &[u8]) -> Option<PatternIndex> {
        let state = self.run(self.start_of_text(), text);
        self.found(state).or_else(|| self.found(self.end(state)))
    }

    /// How many patterns it has.
    pub fn patterns(&self) -> u32 {
        u32::from(self.patterns)
    }

    /// How many states it has, one for each pattern included.
    pub fn states(&self) -> usize {
        usize::from(self.found).saturating_add(usize::from(self.patterns))
    }

    /// Whether the filter looks for its matches by how they end, since too much text begins as they do. One automaton for
    /// such patterns and for others would be slower than two.
    pub fn is_known_by_its_end(&self) -> bool {
        crate::patterns::is_known_by_its_end(self)
    }

    /// How many states have not found anything.
    pub(crate) fn rows(&self) -> usize {
        usize::from(self.found)
    }

    /// Whether it finds something in the empty text, wherever that stands.
    pub(crate) fn finds_nothing_at_all(&self) -> bool {
        self.starts.iter().any(|&start| self.found(self.end(start)).is_some())
    }

    /// How much memory its table takes.
    pub fn bytes(&self) -> usize {
        size_of_val(self.table.as_slice()).saturating_add(size_of::<Self>())
    }

    /// The state at the start of a text.
    pub(crate) fn start_of_text(&self) -> State {
        self.starts.last().copied().unwrap_or_default()
    }

    /// The state behind a text that holds no pattern and no part of one, by its last byte.
    #[inline(always)]
    pub(crate) fn start_behind(&self, byte: u8) -> State {
        match *self.starts.as_slice() {
            [start] => start,
            _ => self.start_behind_class(self.class_of(byte)),
        }
    }

    /// The same, by the class of the last byte.
    pub(crate) fn start_behind_class(&self, class: u16) -> State {
        let start = self.starts.get(usize::from(class)).or_else(|| self.starts.last());
        start.copied().unwrap_or_default()
    }

    /// How many classes of bytes there are.
    pub(crate) fn class_count(&self) -> u16 {
        self.end_class
    }

    /// The class of a byte.
    #[inline(always)]
    pub(crate) fn class_of(&self, byte: u8) -> u16 {
        #[expect(clippy::indexing_slicing, reason = "every byte is an index of this array")]
        u16::from(self.classes[usize::from(byte)])
    }

    /// Goes on from a state, up to the end of the text or to a state that says "found".
    pub(crate) fn run(&self, mut state: State, text: &[u8]) -> State {
        for &byte in text {
            state = self.next(state, byte);
            if state >= self.found {
                return state;
            }
        }
        state
    }

    /// Where a byte leads. A state that says "found" must not be given.
    #[inline(always)]
    pub(crate) fn next(&self, state: State, byte: u8) -> State {
        self.target(state, self.class_of(byte))
    }

    /// Where the end of the text leads.
    pub(crate) fn end(&self, state: State) -> State {
        self.target(state, self.end_class)
    }

    /// The pattern that a state says was found.
    pub(crate) fn found(&self, state: State) -> Option<PatternIndex> {
        state.checked_sub(self.found).map(|pattern| PatternIndex(u32::from(pattern)))
    }

    /// Where a class leads.
    #[inline(always)]
    pub(crate) fn target(&self, state: State, class: u16) -> State {
        let at = (usize::from(state) << self.shift) | usize::from(class);
        // INVARIANT: each state below `found` has a row. Should one be missing, that counts as found: closed.
        self.table.get(at).copied().unwrap_or(self.found)
    }
}
