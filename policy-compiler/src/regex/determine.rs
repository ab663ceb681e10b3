//! From the meaning of patterns to a table of states, by regex-automata.
//!
//! In: patterns and a budget. Out: a [`Table`] that says which pattern is complete first.
//! Leaves states that mean the same; `minimize` merges them.

use super::{Budget, Refusal, too_large};
use regex_automata::{
    Anchored,
    dfa::{Automaton as _, StartKind, dense},
    nfa::thompson::{self, WhichCaptures},
    util::{alphabet::Unit, primitives::StateID, start},
};
use regex_syntax::hir::Hir;
use std::collections::HashMap;

/// Where a transition leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Target {
    State(usize),
    /// The pattern is found, whatever follows.
    Found(usize),
}

/// A table of states. Each row has a target for each class of bytes, and last, for the end of the text.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) patterns: usize,
    /// The class of each byte.
    pub(super) classes: Vec<usize>,
    /// How many classes there are.
    pub(super) width: usize,
    /// The start by the class of the byte before, and last, at the start of the text.
    pub(super) starts: Vec<usize>,
    pub(super) rows: Vec<Vec<Target>>,
}

/// What building may take before the automaton is minimised, in bytes.
const WORKSPACE: usize = 64 << 20;

/// What building may take for each state that the automaton may have.
const BYTES_PER_STATE: usize = 1024;

pub(super) fn determine(patterns: &[&Hir], budget: Budget) -> Result<Table, Refusal> {
    let settings =
        thompson::Config::new().utf8(false).which_captures(WhichCaptures::None).nfa_size_limit(Some(WORKSPACE / 4));
    let nfa = thompson::Compiler::new()
        .configure(settings)
        .build_many_from_hir(patterns)
        .map_err(|error| too_large(&error.to_string()))?;
    // Unminimised, an automaton has a few times the states; beyond that no merging would help.
    let workspace = budget.bytes.saturating_mul(16).min(budget.states.saturating_mul(BYTES_PER_STATE)).min(WORKSPACE);
    let settings = dense::Config::new()
        .start_kind(StartKind::Unanchored)
        .accelerate(false)
        .dfa_size_limit(Some(workspace))
        .determinize_size_limit(Some(workspace));
    let dfa = dense::Builder::new()
        .configure(settings)
        .build_from_nfa(&nfa)
        .map_err(|_| too_large(&format!("more than {} states or {} KiB", budget.states, budget.bytes >> 10)))?;
    let mut table = explore(&dfa, patterns.len())?;
    find_at_once(&mut table);
    Ok(table)
}

/// Copies what can be reached, up to the first pattern that is found.
fn explore(dfa: &dense::DFA<Vec<u32>>, patterns: usize) -> Result<Table, Refusal> {
    let units: Vec<Unit> = dfa.byte_classes().representatives(..).collect();
    let classes = (0..=u8::MAX).map(|byte| usize::from(dfa.byte_classes().get(byte))).collect();
    let mut seen = Seen::default();
    let behind = units.iter().map(|unit| unit.as_u8());
    let mut starts = Vec::new();
    for before in behind {
        let settings = start::Config::new().anchored(Anchored::No).look_behind(before);
        let state = dfa.start_state(&settings).map_err(|error| too_large(&error.to_string()))?;
        starts.push(seen.index(state));
    }
    let mut rows = Vec::new();
    while let Some(&state) = seen.order.get(rows.len()) {
        let step = |unit: &Unit| {
            let next = unit.as_u8().map_or_else(|| dfa.next_eoi_state(state), |byte| dfa.next_state(state, byte));
            if dfa.is_match_state(next) {
                let found = (0..dfa.match_len(next)).map(|at| dfa.match_pattern(next, at).as_usize());
                return Target::Found(found.min().unwrap_or_default());
            }
            Target::State(seen.index(next))
        };
        rows.push(units.iter().map(step).collect());
    }
    Ok(Table { patterns, classes, width: units.len().saturating_sub(1), starts, rows })
}

#[derive(Default)]
struct Seen {
    order: Vec<StateID>,
    indexes: HashMap<StateID, usize>,
}

impl Seen {
    fn index(&mut self, state: StateID) -> usize {
        *self.indexes.entry(state).or_insert_with(|| {
            self.order.push(state);
            self.order.len().saturating_sub(1)
        })
    }
}

/// regex-automata says "found" one byte late, because of look-ahead. Where nothing can prevent it any more, say so
/// at once: that saves a state for each pattern, and a search need not wait for one more byte.
fn find_at_once(table: &mut Table) {
    loop {
        let is_start = |state: usize| table.starts.contains(&state);
        let certain: HashMap<usize, Target> = table
            .rows
            .iter()
            .enumerate()
            .filter(|(state, _)| !is_start(*state))
            .filter_map(|(state, row)| match row.first() {
                Some(first @ Target::Found(_)) if row.iter().all(|target| target == first) => Some((state, *first)),
                _ => None,
            })
            .collect();
        let mut changed = false;
        for target in table.rows.iter_mut().flatten() {
            if let Target::State(state) = target
                && let Some(found) = certain.get(state)
            {
                *target = *found;
                changed = true;
            }
        }
        if !changed {
            return;
        }
    }
}
