//! What `inspect` reports of compiled patterns.
//!
//! In: a bundle. Out: for each automaton its cost, and where it is used.
//! The cost is that of the loaded table, which each worker holds once.

use serde::Serialize;
use std::collections::BTreeMap;
use toolgate_engine::{
    automaton::ReadyAutomaton,
    bundle::{Blocked, Bundle},
};

/// Patterns that are searched for together.
#[derive(Debug, Serialize)]
pub(super) struct Automaton {
    pub(super) patterns: u32,
    pub(super) states: usize,
    /// Of the table in memory.
    pub(super) bytes: usize,
    /// In the bundle, before it is deflated.
    pub(super) packed_bytes: usize,
    /// How many tools it is used for.
    pub(super) tools: usize,
    pub(super) lists: Vec<List>,
}

/// The patterns of a list that the automaton stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct List {
    /// Pointer to the argument that they hold for; empty for all.
    pub(super) at: String,
    /// The rule of each pattern.
    pub(super) rules: Vec<String>,
}

pub(super) fn of(bundle: &Bundle) -> Vec<Automaton> {
    let mut uses: BTreeMap<u32, (Vec<List>, usize)> = BTreeMap::new();
    for tool in &bundle.tools {
        // A grant that is narrowed by patterns runs them for the tool.
        let of_grants = tool.grants.iter().flat_map(|grant| &grant.checks);
        let checks = tool.checks.iter().chain(of_grants).filter_map(|&at| bundle.checks.get(usize::try_from(at).ok()?));
        let mut used: Vec<u32> = Vec::new();
        for blocked in checks.flat_map(|checks| &checks.blocked) {
            let (lists, _) = uses.entry(blocked.automaton).or_default();
            lists.push(list(bundle, blocked));
            used.push(blocked.automaton);
        }
        used.sort_unstable();
        used.dedup();
        for automaton in used {
            let (_, tools) = uses.entry(automaton).or_default();
            *tools = tools.saturating_add(1);
        }
    }
    let searched = bundle.instructions.and_then(|at| bundle.checks.get(usize::try_from(at).ok()?));
    for blocked in searched.iter().flat_map(|checks| &checks.blocked) {
        let (lists, _) = uses.entry(blocked.automaton).or_default();
        lists.push(list(bundle, blocked));
    }
    let automaton = |(at, packed): (u32, &toolgate_engine::automaton::Automaton)| {
        let ready = ReadyAutomaton::try_from(packed).ok()?;
        let (mut lists, tools) = uses.remove(&at).unwrap_or_default();
        lists.sort();
        lists.dedup();
        let packed_bytes = packed.as_bytes().len();
        Some(Automaton {
            patterns: ready.patterns(),
            states: ready.states(),
            bytes: ready.bytes(),
            packed_bytes,
            tools,
            lists,
        })
    };
    (0..).zip(&bundle.automata).filter_map(automaton).collect()
}

fn list(bundle: &Bundle, blocked: &Blocked) -> List {
    let rule = |&rule: &u32| bundle.rules.get(usize::try_from(rule).ok()?).cloned();
    List { at: blocked.at.clone(), rules: blocked.rules.iter().filter_map(rule).collect() }
}
