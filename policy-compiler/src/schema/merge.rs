//! Makes one node of all nodes that judge alike.
//!
//! In: nodes as they were made. Out: fewer, in the order in which a reader comes to them.
//! Schemas that refer to each other in circles are merged too: nodes count as alike until a difference is found.

use super::{
    edges,
    emit::{Emitted, Made},
    pool,
};
use std::collections::HashMap;
use toolgate_engine::schema::{Entry, Node, Program, Rule, Types};

/// A program whose bounds are not computed, and where its nodes come from.
pub(super) struct Merged {
    pub(super) program: Program,
    /// Document and pointer of one schema for each node.
    pub(super) origins: Vec<(String, String)>,
}

/// Merges nodes.
pub(super) fn merge(emitted: Emitted) -> Merged {
    let Emitted { pool, nodes, entries } = emitted;
    let classes = classes(&nodes);
    let class = |node: u32| classes.get(node as usize).copied().unwrap_or_default();
    let mut order = Order { nodes: &nodes, classes: &classes, place: HashMap::new(), list: Vec::new() };
    for &entry in &entries {
        order.reach(entry);
    }
    let Order { place, list, .. } = order;
    let placed = |node: u32| place.get(&class(node)).copied().unwrap_or_default();
    let mut program = Program {
        text: pool.text,
        text_lengths: pool.text_lengths,
        patterns: pool.patterns,
        entries: entries.iter().map(|&node| Entry { node: placed(node), steps_per_value: 0 }).collect(),
        ..Program::default()
    };
    let mut origins = Vec::with_capacity(list.len());
    for made in list.iter().filter_map(|&node| nodes.get(node as usize)) {
        program.nodes.push(Node { types: made.types, rules: pool::index(made.rules.len()) });
        program.rules.extend(made.rules.iter().map(|rule| renamed(rule, placed)));
        origins.push((made.document.clone(), made.pointer.clone()));
    }
    Merged { program, origins }
}

/// Splits classes by what their nodes lead to until nothing splits any more.
fn classes(nodes: &[Made]) -> Vec<u32> {
    let mut classes = vec![0u32; nodes.len()];
    let mut count = 0;
    loop {
        let mut known: HashMap<(Types, Vec<Rule>), u32> = HashMap::new();
        let class = |node: u32| classes.get(node as usize).copied().unwrap_or_default();
        let next: Vec<u32> = nodes
            .iter()
            .map(|made| {
                let rules = made.rules.iter().map(|rule| renamed(rule, class)).collect();
                let new = pool::index(known.len());
                *known.entry((made.types, rules)).or_insert(new)
            })
            .collect();
        classes = next;
        if known.len() == count {
            return classes;
        }
        count = known.len();
    }
}

fn renamed(rule: &Rule, name: impl Fn(u32) -> u32) -> Rule {
    let mut rule = rule.clone();
    for node in edges::nodes_mut(&mut rule) {
        *node = name(*node);
    }
    rule
}

/// One node of each class, those first that are come to first.
struct Order<'n> {
    nodes: &'n [Made],
    classes: &'n [u32],
    place: HashMap<u32, u32>,
    list: Vec<u32>,
}

impl Order<'_> {
    fn reach(&mut self, entry: u32) {
        let mut open = vec![entry];
        while let Some(node) = open.pop() {
            let class = self.classes.get(node as usize).copied().unwrap_or_default();
            if self.place.contains_key(&class) {
                continue;
            }
            self.place.insert(class, pool::index(self.list.len()));
            self.list.push(node);
            let rules = self.nodes.get(node as usize).map(|made| made.rules.as_slice()).unwrap_or_default();
            let mut next: Vec<u32> = rules.iter().flat_map(edges::nodes).collect();
            next.reverse();
            open.append(&mut next);
        }
    }
}
