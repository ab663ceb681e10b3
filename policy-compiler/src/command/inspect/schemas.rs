//! What `inspect` reports of compiled schemas.
//!
//! In: a bundle. Out: their size, and for each schema where it is used and what judging by it costs at most.
//! Shows no schema: what it says stands in the policy.

use serde::Serialize;
use toolgate_engine::{
    bundle::{Bundle, Checks, Ruled},
    schema::{Entry, MAX_STEPS},
};

/// All schemas.
#[derive(Debug, Serialize)]
pub(super) struct Schemas {
    /// Schemas and subschemas; equal ones are one.
    pub(super) nodes: usize,
    /// Patterns in them.
    pub(super) patterns: usize,
    /// In the bundle, before it is deflated.
    pub(super) packed_bytes: usize,
    /// No call takes more steps than this by one schema.
    pub(super) most_steps: u64,
    pub(super) entries: Vec<Schema>,
}

/// A schema that arguments are judged by.
#[derive(Debug, Serialize)]
pub(super) struct Schema {
    /// Where the policy names it.
    pub(super) rules: Vec<String>,
    /// No call takes more steps for each value and key in its arguments.
    pub(super) steps_per_value: u32,
    /// How many tools it is used for.
    pub(super) tools: usize,
}

pub(super) fn of(bundle: &Bundle) -> Schemas {
    let program = &bundle.schemas;
    let entries = (0..).zip(&program.entries).map(|(at, entry)| schema(bundle, at, entry)).collect();
    Schemas {
        nodes: program.nodes.len(),
        patterns: program.patterns.len(),
        packed_bytes: program.packed_bytes(),
        most_steps: MAX_STEPS,
        entries,
    }
}

fn schema(bundle: &Bundle, at: u32, entry: &Entry) -> Schema {
    let named =
        |checks: &Checks| checks.schemas.iter().filter(|schema| schema.value == at).copied().collect::<Vec<_>>();
    let uses: Vec<Vec<Ruled<u32>>> = bundle.checks.iter().map(named).collect();
    let is_used = |checks: &[u32]| {
        checks.iter().any(|&at| usize::try_from(at).is_ok_and(|at| uses.get(at).is_some_and(|uses| !uses.is_empty())))
    };
    let tools = bundle
        .tools
        .iter()
        .filter(|tool| is_used(&tool.checks) || tool.grants.iter().any(|grant| is_used(&grant.checks)))
        .count();
    let rule = |schema: &Ruled<u32>| bundle.rules.get(usize::try_from(schema.rule).ok()?).cloned();
    let mut rules: Vec<_> = uses.iter().flatten().filter_map(rule).collect();
    rules.sort();
    rules.dedup();
    Schema { rules, steps_per_value: entry.steps_per_value, tools }
}
