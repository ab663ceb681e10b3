//! Global limits of a policy: checked, and ready to be looked up.
//!
//! In: a bundle. Out: its global limits with the names of their fields, or what is wrong with them.
//! Counts nothing: Envoy does.

use super::index;
use crate::{
    bundle::{Bundle, GlobalLimit, Over, Share},
    names,
};
use std::collections::{HashMap, HashSet};

/// A global limit, and the name of the field that carries it.
pub(crate) struct ReadyGlobal {
    pub(crate) header: String,
    pub(crate) limit: GlobalLimit,
}

/// Checks the global limits of a bundle, whoever made it, and makes them ready.
pub(super) fn ready(bundle: &Bundle, hold_headers: bool) -> Result<Vec<ReadyGlobal>, &'static str> {
    // A call that its body gets refused would already have been counted.
    if !bundle.globals.is_empty() && !hold_headers {
        return Err("global limits, and headers that are not held");
    }
    let ready = |limit: &GlobalLimit| ReadyGlobal { header: limit.header(), limit: limit.clone() };
    let globals: Vec<_> = bundle.globals.iter().map(ready).collect();
    if !globals.iter().all(|global| is_consistent(&global.limit, bundle.rules.len())) || !groups_differ(&globals) {
        return Err("a global limit");
    }
    let of_agents = bundle.agents.iter().all(|agent| are_for(&globals, &agent.globals, true));
    let of_tools = bundle.tools.iter().all(|tool| are_for(&globals, &tool.globals, false));
    if of_agents && of_tools { Ok(globals) } else { Err("the global limits of a tool or an agent") }
}

fn is_consistent(limit: &GlobalLimit, rules: usize) -> bool {
    let GlobalLimit { over, share, kind: _, requests, unit: _, rule } = limit;
    let over = match over {
        Over::Tool => true,
        Over::Agent => *share == Share::EachAgent,
        Over::ToolGroup(group) => names::group_name(group.as_bytes()).is_ok(),
    };
    over && *requests > 0 && index(*rule) < rules
}

/// The name of a field has a few digits of a group's hash: of two groups that share them, the calls would be mixed.
fn groups_differ(globals: &[ReadyGlobal]) -> bool {
    let mut group_of = HashMap::new();
    globals.iter().all(|ReadyGlobal { header, limit }| match &limit.over {
        Over::ToolGroup(group) => *group_of.entry(header).or_insert(group) == group,
        Over::Tool | Over::Agent => true,
    })
}

/// Whether these are limits of an agent or of a tool, and no field would carry two of them.
fn are_for(globals: &[ReadyGlobal], held_to: &[u32], agent: bool) -> bool {
    let mut headers = HashSet::new();
    held_to.iter().all(|&at| {
        globals
            .get(index(at))
            .is_some_and(|ReadyGlobal { header, limit }| (limit.over == Over::Agent) == agent && headers.insert(header))
    })
}
