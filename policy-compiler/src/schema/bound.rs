//! What a run of each entry costs at most, for each value and key that a value is made of.
//!
//! In: a merged program. Out: the program with its bounds, and findings: schemas that come back to themselves
//! without going into the value, and schemas that values could make nest or work too much.
//! The engine counts in the same way while it runs, and stops at these bounds.

use super::{
    Finding, Subject,
    edges::{self, Reach},
    merge::Merged,
};
use toolgate_engine::{
    json::Bounds,
    schema::{Constant, MAX_NESTING, MAX_STEPS, Program, Rule},
};

/// A bound from which a body of ordinary size can come to the end of the steps.
const DEAR: u64 = 1000;

/// Computes the bounds.
pub(super) fn bound(
    merged: Merged,
    origins_of_entries: &[(String, String)],
    findings: &mut Vec<Finding>,
    warnings: &mut Vec<Finding>,
) -> Option<(Program, Vec<u64>)> {
    let Merged { mut program, origins } = merged;
    let nodes = summaries(&program);
    let order = match children_first(&nodes) {
        Ok(order) => order,
        Err(circle) => {
            findings.push(at(
                Subject::Value,
                origins.get(circle),
                "this schema comes back to itself without going into the value",
            ));
            return None;
        }
    };
    let costs = costs(&nodes, &order);
    let mut bounds = Vec::new();
    for (entry, origin) in program.entries.iter_mut().zip(origins_of_entries) {
        let node = entry.node as usize;
        let Cost { steps, nesting } = costs.get(node).copied().unwrap_or_default();
        if nesting > u64::from(MAX_NESTING) {
            findings.push(at(Subject::Value, Some(origin), "schemas in place of schemas nest too deep here"));
        }
        if steps > DEAR {
            let message = format!(
                "a call can take {steps} steps for each value in its arguments, and is refused after {MAX_STEPS}"
            );
            warnings.push(at(Subject::Cost, Some(origin), &message));
        }
        entry.steps_per_value = u32::try_from(steps).unwrap_or(u32::MAX);
        bounds.push(steps);
    }
    Some((program, bounds))
}

fn at(subject: Subject, origin: Option<&(String, String)>, message: &str) -> Finding {
    let (document, pointer) = origin.cloned().unwrap_or_default();
    Finding { subject, document, pointer, message: message.to_owned(), help: None, lost: None }
}

/// What counts of a node.
#[derive(Default)]
struct Summary {
    same: Vec<usize>,
    /// Groups of nodes; each part is judged by one node of each group.
    parts: Vec<Vec<usize>>,
    /// Steps for each part, besides those of the nodes that judge it.
    for_each_part: u64,
    /// Steps for each value in it at any depth.
    for_all: u64,
}

fn summaries(program: &Program) -> Vec<Summary> {
    let mut rules = program.rules.iter();
    let summary = |count: u32| {
        let mut summary = Summary::default();
        rules.by_ref().take(count as usize).for_each(|rule| add(&mut summary, rule));
        summary
    };
    program.nodes.iter().map(|node| node.rules).map(summary).collect()
}

fn add(summary: &mut Summary, rule: &Rule) {
    let nodes = edges::nodes(rule).into_iter().map(|node| node as usize);
    match edges::reach(rule) {
        Reach::Same => summary.same.extend(nodes),
        Reach::OneForEachPart => summary.parts.push(nodes.collect()),
        Reach::AllForEachPart => summary.parts.extend(nodes.map(|node| vec![node])),
    }
    let is_composite = |constant: &Constant| matches!(constant, Constant::Composite(_));
    let many = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    match rule {
        Rule::UniqueItems => summary.for_all += 1,
        Rule::Const(constant) if is_composite(constant) => summary.for_all += 1,
        Rule::Enum(constants) if constants.iter().any(is_composite) => summary.for_all += 1,
        Rule::PatternProperties(patterns) => summary.for_each_part += many(patterns.len()),
        Rule::DependentSchemas(named) | Rule::DependenciesSchemas(named) => {
            summary.for_each_part += many(named.len());
        }
        Rule::DependentRequired(requires) | Rule::DependenciesRequired(requires) => {
            summary.for_each_part += requires.iter().map(|requires| 1 + many(requires.others.len())).sum::<u64>();
        }
        _ => {}
    }
}

/// An order in which a node comes behind all nodes that judge the same value; or a node of a circle.
fn children_first(nodes: &[Summary]) -> Result<Vec<usize>, usize> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; nodes.len()];
    let mut order = Vec::with_capacity(nodes.len());
    for root in 0..nodes.len() {
        let mut stack = vec![(root, 0)];
        while let Some((node, next)) = stack.pop() {
            let (Some(mark), Some(summary)) = (marks.get_mut(node), nodes.get(node)) else {
                continue;
            };
            match (next, *mark) {
                (0, Mark::Done) => continue,
                (0, Mark::Open) => return Err(node),
                _ => *mark = Mark::Open,
            }
            match summary.same.get(next) {
                Some(&child) => stack.extend([(node, next + 1), (child, 0)]),
                None => {
                    *mark = Mark::Done;
                    order.push(node);
                }
            }
        }
    }
    Ok(order)
}

#[derive(Clone, Copy, Default, PartialEq)]
struct Cost {
    /// Steps for each value and key.
    steps: u64,
    nesting: u64,
}

/// What a node and all that judge the same value cost, on a value whose parts cost at most so much.
#[derive(Clone, Copy, Default)]
struct Whole {
    /// Looks at the value itself.
    looks: u64,
    /// Steps for each part.
    parts: u64,
    /// Steps for each value at any depth.
    all: u64,
    nesting: u64,
}

/// Goes from flat values to those of the depth that the reader allows; mostly nothing changes after a few.
fn costs(nodes: &[Summary], order: &[usize]) -> Vec<Cost> {
    let mut costs = vec![Cost::default(); nodes.len()];
    for _ in 0..=Bounds::default().depth {
        let next = deeper(nodes, order, &costs);
        if next == costs {
            break;
        }
        costs = next;
    }
    costs
}

fn deeper(nodes: &[Summary], order: &[usize], flat: &[Cost]) -> Vec<Cost> {
    let mut wholes = vec![Whole::default(); nodes.len()];
    for &node in order {
        let Some(summary) = nodes.get(node) else {
            continue;
        };
        let mut whole = Whole { looks: 1, parts: summary.for_each_part, all: summary.for_all, nesting: 0 };
        for part in &summary.parts {
            let costs = part.iter().filter_map(|&node| flat.get(node));
            let (steps, nesting) =
                costs.fold((0, 0), |(steps, nesting), cost| (cost.steps.max(steps), cost.nesting.max(nesting)));
            whole.parts = whole.parts.saturating_add(steps);
            whole.nesting = whole.nesting.max(nesting);
        }
        for same in summary.same.iter().filter_map(|&same| wholes.get(same)) {
            whole.looks = whole.looks.saturating_add(same.looks);
            whole.parts = whole.parts.saturating_add(same.parts);
            whole.all = whole.all.saturating_add(same.all);
            whole.nesting = whole.nesting.max(same.nesting);
        }
        whole.nesting = whole.nesting.saturating_add(1);
        if let Some(place) = wholes.get_mut(node) {
            *place = whole;
        }
    }
    let cost =
        |whole: &Whole| Cost { steps: whole.looks.max(whole.parts).saturating_add(whole.all), nesting: whole.nesting };
    wholes.iter().map(cost).collect()
}
