//! How the matches of an automaton can start: which bytes can stand at their first places.
//!
//! In: an automaton. Out: its entries, one for each way out of its start.
//! INVARIANT: each match has a place from which an automaton that starts there finds it, and whose bytes are in an
//! entry. It is the last place at which the automaton was in the state that a start at this place leads to.

use crate::automaton::{ReadyAutomaton, State};
use std::collections::{BTreeMap, BTreeSet};

/// How many places are looked at.
pub(super) const PLACES: usize = 8;

/// Beyond so many states at one place, more places would be costly and say little.
const MAX_STATES: usize = 64;

/// A set of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Bytes([u64; 4]);

impl Bytes {
    pub(super) const ALL: Self = Self([u64::MAX; 4]);

    /// The bytes of both sets.
    pub(super) fn or(self, other: &Self) -> Self {
        let mut both = self;
        for (bits, more) in both.0.iter_mut().zip(other.0) {
            *bits |= more;
        }
        both
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u8> {
        self.0.into_iter().zip([0u8, 64, 128, 192]).flat_map(|(mut bits, first)| {
            std::iter::from_fn(move || {
                let at = u8::try_from(bits.trailing_zeros()).ok().filter(|_| bits != 0)?;
                bits &= bits.wrapping_sub(1);
                Some(first.saturating_add(at))
            })
        })
    }

    pub(super) fn has(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte / 64)).is_some_and(|bits| bits >> (byte % 64) & 1 == 1)
    }

    fn insert(&mut self, byte: u8) {
        if let Some(bits) = self.0.get_mut(usize::from(byte / 64)) {
            *bits |= 1 << (byte % 64);
        }
    }
}

/// The bytes that can stand at the first places of some matches. No match that it stands for is shorter.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) places: Vec<Bytes>,
}

/// A state, and the class of the byte that led to it.
type Step = (State, u16);

/// A set of classes as a list.
type Classes = BTreeSet<u16>;

/// Nothing, if matches can be empty.
pub(super) fn entries(automaton: &ReadyAutomaton) -> Option<Vec<Entry>> {
    if automaton.finds_nothing_at_all() {
        return None;
    }
    let mut firsts: BTreeMap<State, Classes> = BTreeMap::new();
    for before in (0..automaton.class_count()).map(Some).chain([None]) {
        let start = before.map_or(automaton.start_of_text(), |class| automaton.start_behind_class(class));
        for class in 0..automaton.class_count() {
            let state = automaton.target(start, class);
            if state != automaton.start_behind_class(class) {
                firsts.entry(state).or_default().insert(class);
            }
        }
    }
    let members = Members::of(automaton);
    Some(firsts.into_iter().map(|(state, classes)| entry(automaton, &members, state, classes)).collect())
}

fn entry(automaton: &ReadyAutomaton, members: &Members, first: State, classes: Classes) -> Entry {
    let mut steps: BTreeSet<Step> = classes.iter().map(|&class| (first, class)).collect();
    let mut places = vec![members.of_all(&classes)];
    let is_found = |state: State| automaton.found(state).is_some();
    let mut is_complete = is_found(first);
    while !is_complete && places.len() < PLACES && steps.len() <= MAX_STATES {
        if steps.iter().any(|(state, _)| is_found(automaton.end(*state))) {
            break;
        }
        let (next, classes) = go_on(automaton, &steps);
        is_complete = next.iter().any(|(state, _)| is_found(*state));
        if classes.is_empty() {
            break;
        }
        places.push(members.of_all(&classes));
        steps = next;
    }
    Entry { places }
}

/// One byte further. What a start at this byte would lead to as well is left to the entry of that start.
fn go_on(automaton: &ReadyAutomaton, steps: &BTreeSet<Step>) -> (BTreeSet<Step>, Classes) {
    let mut next = BTreeSet::new();
    let mut classes = Classes::new();
    for &(state, before) in steps {
        let fresh = automaton.start_behind_class(before);
        for class in 0..automaton.class_count() {
            let target = automaton.target(state, class);
            if target != automaton.target(fresh, class) {
                next.insert((target, class));
                classes.insert(class);
            }
        }
    }
    (next, classes)
}

/// The bytes of each class.
pub(super) struct Members(Vec<Bytes>);

impl Members {
    pub(super) fn of(automaton: &ReadyAutomaton) -> Self {
        let mut members = vec![Bytes::default(); usize::from(automaton.class_count())];
        for byte in 0..=u8::MAX {
            if let Some(bytes) = members.get_mut(usize::from(automaton.class_of(byte))) {
                bytes.insert(byte);
            }
        }
        Self(members)
    }

    pub(super) fn of_all(&self, classes: &Classes) -> Bytes {
        let members = classes.iter().filter_map(|&class| self.0.get(usize::from(class)));
        members.fold(Bytes::default(), Bytes::or)
    }
}
