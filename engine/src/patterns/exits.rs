//! How the matches of an automaton can end: which bytes can stand at their last places.
//!
//! In: an automaton. Out: entries that end where a match does, one for each way to its end.
//! INVARIANT: each match has at least as many bytes as its entry, and its last ones are in the entry. Whoever sees one
//! must run the automaton from the start of the text, for a match can start anywhere before.

use super::entries::{Bytes, Entry, Members, PLACES};
use crate::automaton::{PatternIndex, ReadyAutomaton, State};
use std::collections::{BTreeMap, BTreeSet};

/// Automata with a larger table are not looked at backwards: that would take longer than it saves.
const MAX_EDGES: usize = 100_000;

/// With more ways than this, those to one pattern are taken together.
const MAX_WAYS: usize = 48;

/// A step from a state by a class.
type Edge = (State, u16);

/// Nothing, if matches can be empty or the automaton is too large.
pub(super) fn exits(automaton: &ReadyAutomaton) -> Option<Vec<Entry>> {
    let edges = automaton.rows().saturating_mul(usize::from(automaton.class_count()));
    if automaton.finds_nothing_at_all() || edges > MAX_EDGES {
        return None;
    }
    let graph = Graph::of(automaton);
    Some(graph.ways().into_iter().map(|way| graph.entry(way)).collect())
}

/// The last step of some matches, if there is one: the end of the text can find one, too.
struct Way {
    last: Vec<Edge>,
    /// The states that the matches are in before that.
    states: BTreeSet<State>,
}

struct Graph<'a> {
    automaton: &'a ReadyAutomaton,
    members: Members,
    /// How many bytes lead to each state at least; of those that none lead to, nothing.
    distance: Vec<Option<usize>>,
    /// By which edges each state is reached.
    before: Vec<Vec<Edge>>,
}

impl<'a> Graph<'a> {
    fn of(automaton: &'a ReadyAutomaton) -> Self {
        let states = automaton.states();
        let (mut distance, mut before) = (vec![None; states], vec![Vec::new(); states]);
        let mut layer = vec![automaton.start_of_text()];
        let mut depth = 0usize;
        while !layer.is_empty() {
            let mut next = Vec::new();
            for state in layer {
                match distance.get_mut(usize::from(state)) {
                    Some(unknown @ None) => *unknown = Some(depth),
                    _ => continue,
                }
                for class in 0..automaton.class_count() {
                    let target = automaton.target(state, class);
                    if let Some(edges) = before.get_mut(usize::from(target)) {
                        edges.push((state, class));
                    }
                    if automaton.found(target).is_none() {
                        next.push(target);
                    }
                }
            }
            next.sort_unstable();
            next.dedup();
            layer = next;
            depth = depth.saturating_add(1);
        }
        Self { automaton, members: Members::of(automaton), distance, before }
    }

    fn before(&self, state: State) -> &[Edge] {
        self.before.get(usize::from(state)).map_or(&[], Vec::as_slice)
    }

    /// The ways to each pattern, by a byte or by the end of the text.
    fn ways(&self) -> Vec<Way> {
        let states = (0..).zip(&self.distance).filter(|(_, distance)| distance.is_some()).map(|(state, _)| state);
        let by_end = states.filter_map(|state| Some((self.automaton.found(self.automaton.end(state))?, state, None)));
        let found = (0..).take(self.automaton.states()).filter_map(|state| Some((self.automaton.found(state)?, state)));
        let by_byte = found
            .flat_map(|(pattern, state)| self.before(state).iter().map(move |&edge| (pattern, edge.0, Some(edge))));
        let all: Vec<_> = by_end.chain(by_byte).collect();
        let each =
            grouped(all.iter().map(|&(pattern, state, edge)| ((pattern, Some(state), edge.is_some()), (state, edge))));
        if each.len() <= MAX_WAYS {
            return each;
        }
        grouped(all.into_iter().map(|(pattern, state, edge)| ((pattern, None, edge.is_some()), (state, edge))))
    }

    /// Goes backwards as far as every match of the way has bytes.
    fn entry(&self, way: Way) -> Entry {
        let Way { last, mut states } = way;
        let classes = |edges: &[Edge]| self.members.of_all(&edges.iter().map(|(_, class)| *class).collect());
        let mut places: Vec<Bytes> =
            Some(last).filter(|last| !last.is_empty()).iter().map(|last| classes(last)).collect();
        let shortest = states.iter().filter_map(|state| *self.distance.get(usize::from(*state))?).min();
        let length = shortest.unwrap_or_default().saturating_add(places.len()).min(PLACES);
        while places.len() < length {
            let edges: Vec<Edge> = states.iter().flat_map(|&state| self.before(state)).copied().collect();
            places.push(classes(&edges));
            states = edges.into_iter().map(|(state, _)| state).collect();
        }
        places.reverse();
        Entry { places }
    }
}

/// What ways have in common that are taken together.
type Key = (PatternIndex, Option<State>, bool);

fn grouped(steps: impl Iterator<Item = (Key, (State, Option<Edge>))>) -> Vec<Way> {
    let mut ways: BTreeMap<Key, Way> = BTreeMap::new();
    for (key, (state, edge)) in steps {
        let way = ways.entry(key).or_insert_with(|| Way { last: Vec::new(), states: BTreeSet::new() });
        way.states.insert(state);
        way.last.extend(edge);
    }
    ways.into_values().collect()
}
