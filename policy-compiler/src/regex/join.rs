//! Joins patterns into as few automata as is cheap.
//!
//! In: patterns. Out: automata, and which of the patterns each stands for.
//! Two patterns of the form `a.*b` together need the product of their states; such ones stay apart. So do those that the
//! filter must look for in different ways.

use super::{Budget, Compiled, Cost, Pattern, Refusal, compile_all};
use regex_syntax::hir::{Class, Hir, HirKind};
use std::collections::BTreeMap;
use toolgate_engine::automaton::{Automaton, ReadyAutomaton};

/// Alternatives that need more states together are compiled each on its own.
const WORTH_SPLITTING: usize = 128;

/// So many patterns that hold on are tried together at most.
const MOST_HOLDING: usize = 4;

/// A class with more characters is wide: a loop over it holds on to a match over any text.
const WIDE: usize = 100;

/// What a pattern is compiled as: itself, or its alternatives.
#[derive(Clone, Debug)]
pub struct Prepared {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
struct Part {
    pattern: Pattern,
    automaton: Automaton,
    cost: Cost,
    is_known_by_its_end: bool,
}

/// An automaton, and the index of the pattern that each of its patterns stands for.
#[derive(Clone, Debug)]
pub struct Joined {
    /// What the filter runs.
    pub automaton: Automaton,
    /// For each pattern of the automaton, which of the patterns that were joined it belongs to.
    pub members: Vec<usize>,
}

impl Prepared {
    /// Compiles a pattern alone, to know that it can be compiled and what it costs.
    pub fn of(pattern: &Pattern) -> Result<Self, Refusal> {
        let alternatives = alternatives(&pattern.0);
        if alternatives.len() == 1 {
            return Ok(Self { parts: vec![Part::alone(pattern.clone())?] });
        }
        // Of large alternatives the whole may be their product, so not much is tried for it.
        let small = Budget { states: WORTH_SPLITTING, ..Budget::default() };
        if let Ok(compiled) = compile_all(std::slice::from_ref(pattern), small) {
            return Ok(Self { parts: vec![Part::of(pattern.clone(), compiled)] });
        }
        let parts = alternatives.into_iter().map(|hir| Part::alone(Pattern(hir)));
        Ok(Self { parts: parts.collect::<Result<_, Refusal>>()? })
    }

    /// The automata that find it alone, one for each part; each has one pattern.
    pub fn automata(&self) -> impl Iterator<Item = &Automaton> {
        self.parts.iter().map(|part| &part.automaton)
    }

    /// What it costs alone.
    pub fn cost(&self) -> Cost {
        self.parts.iter().fold(Cost::default(), |sum, Part { cost, .. }| Cost {
            states: sum.states.saturating_add(cost.states),
            bytes: sum.bytes.saturating_add(cost.bytes),
        })
    }
}

impl Part {
    fn alone(pattern: Pattern) -> Result<Self, Refusal> {
        let compiled = compile_all(std::slice::from_ref(&pattern), Budget::default())?;
        Ok(Self::of(pattern, compiled))
    }

    fn of(pattern: Pattern, compiled: Compiled) -> Self {
        let ready = ReadyAutomaton::try_from(&compiled.automaton);
        let is_known_by_its_end = ready.is_ok_and(|ready| ready.is_known_by_its_end());
        Self { pattern, automaton: compiled.automaton, cost: compiled.cost, is_known_by_its_end }
    }
}

/// A part of a pattern, and which pattern that is.
type Member<'p> = (&'p Part, usize);

/// Joins all patterns. Each was compiled alone, so at worst each stays alone.
pub fn join(patterns: &[Prepared]) -> Vec<Joined> {
    let parts = patterns.iter().enumerate();
    let parts = parts.flat_map(|(at, prepared)| prepared.parts.iter().map(move |part| (part, at)));
    let mut alike: BTreeMap<(bool, bool), Vec<Member<'_>>> = BTreeMap::new();
    for (part, at) in parts {
        alike.entry((holds_on(&part.pattern.0), part.is_known_by_its_end)).or_default().push((part, at));
    }
    let mut joined = Vec::new();
    for ((holds_on, _), parts) in &alike {
        let together = if *holds_on { MOST_HOLDING } else { parts.len() };
        parts.chunks(together.max(1)).for_each(|parts| join_parts(parts, &mut joined));
    }
    joined
}

/// One automaton for all, or, if that were much larger than theirs together, one or more for each half.
fn join_parts(parts: &[Member<'_>], joined: &mut Vec<Joined>) {
    // A single part was compiled before.
    match parts {
        [] => return,
        [(part, member)] => {
            return joined.push(Joined { automaton: part.automaton.clone(), members: vec![*member] });
        }
        _ => {}
    }
    let patterns: Vec<Pattern> = parts.iter().map(|(part, _)| part.pattern.clone()).collect();
    let together: usize = parts.iter().map(|(part, _)| part.cost.states).sum();
    let most = together.saturating_mul(3).saturating_div(2).saturating_add(32);
    match compile_all(&patterns, Budget { states: most, ..Budget::default() }) {
        Ok(Compiled { automaton, cost: _ }) => {
            joined.push(Joined { automaton, members: parts.iter().map(|(_, member)| *member).collect() });
        }
        Err(_) => {
            let (left, right) = parts.split_at_checked(parts.len() / 2).unwrap_or((parts, &[]));
            join_parts(left, joined);
            join_parts(right, joined);
        }
    }
}

/// The alternatives of a pattern; also behind what all have in common, for regex-syntax puts that before them.
fn alternatives(hir: &Hir) -> Vec<Hir> {
    match hir.kind() {
        HirKind::Alternation(parts) => parts.iter().flat_map(alternatives).collect(),
        HirKind::Concat(parts) => match parts.split_last() {
            Some((last, first)) if matches!(last.kind(), HirKind::Alternation(_)) => {
                let whole = |last: Hir| Hir::concat(first.iter().cloned().chain([last]).collect());
                alternatives(last).into_iter().map(whole).collect()
            }
            _ => vec![hir.clone()],
        },
        _ => vec![hir.clone()],
    }
}

/// Whether a started match can go on over any text.
fn holds_on(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => false,
        HirKind::Repetition(repetition) => {
            (repetition.max.is_none() && is_wide(&repetition.sub)) || holds_on(&repetition.sub)
        }
        HirKind::Capture(capture) => holds_on(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(holds_on),
    }
}

fn is_wide(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Class(Class::Unicode(class)) => class.ranges().iter().map(|range| range.len()).sum::<usize>() > WIDE,
        HirKind::Class(Class::Bytes(class)) => class.ranges().iter().map(|range| range.len()).sum::<usize>() > WIDE,
        HirKind::Repetition(repetition) => is_wide(&repetition.sub),
        HirKind::Capture(capture) => is_wide(&capture.sub),
        // All characters beyond ASCII are written as a concatenation of two classes of bytes.
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(is_wide),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Look(_) => false,
    }
}
