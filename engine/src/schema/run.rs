//! Runs a schema on a value, once, and remembers what broke.
//!
//! In: checked schemas and a value. Out: "holds", or a [`Failure`].
//! Steps and depth are counted, so that no schema and no value makes a run long; one that is cut short fails.

mod arrays;
mod objects;
mod scalars;

use super::{
    BUDGET, Entry, Failure, Found, MAX_NESTING, MAX_STEPS, Schemas,
    evaluated::Evaluated,
    ready::{Edge, General, NONE, Node, wide},
    wire::Types,
};
use crate::{
    json::{Admitted, Kind, Value},
    pointer,
};

pub(super) fn run(
    schemas: &Schemas,
    entry: Option<Entry>,
    value: Value<'_>,
    admitted: &mut Admitted,
) -> Result<(), Failure> {
    let Entry { node, steps_per_value } = entry.unwrap_or(Entry { node: NONE, steps_per_value: 0 });
    let size = u64::try_from(value.size()).unwrap_or(u64::MAX);
    let steps = size.saturating_mul(u64::from(steps_per_value)).min(MAX_STEPS);
    let admits = value.inexact().next().is_some();
    let mut run = Run { schemas, steps, depth: 0, quiet: 0, found: None, trail: Vec::new(), admits, admitted };
    match run.visit(node, value, None) {
        Ok(()) => Ok(()),
        Err(_) => Err(run.failure(value)),
    }
}

/// Why a schema does not hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// The value breaks it.
    Broken,
    /// It was not run to its end: the whole run fails, whatever `not` or `anyOf` would make of it.
    Undecided,
}

type Verdict = Result<(), Stop>;

struct Run<'s, 'a> {
    schemas: &'s Schemas,
    /// How many are left.
    steps: u64,
    depth: u32,
    /// How many schemas are open that may break without consequence: branches of `anyOf` and the like.
    quiet: u32,
    found: Option<Found>,
    /// The way from the schema to the keyword that broke, backwards.
    trail: Vec<Segment>,
    /// Whether there are numbers to admit.
    admits: bool,
    /// Numbers that a double does not hold, and that what holds so far names or bounds.
    admitted: &'a mut Admitted,
}

/// A part of the way through a schema.
struct Segment {
    keyword: &'static str,
    part: Part,
}

/// What stands behind a keyword in a pointer.
#[derive(Clone, Copy)]
enum Part {
    Nothing,
    Index(usize),
    Text(u32),
}

impl<'s> Run<'s, '_> {
    /// Judges a value by one node; properties and elements that it evaluates are marked.
    fn visit(&mut self, at: u32, value: Value<'_>, seen: Option<&mut Evaluated>) -> Verdict {
        let schemas = self.schemas;
        let Some(node) = schemas.nodes.get(wide(at)) else {
            return self.undecided(value, BUDGET);
        };
        if node.idle {
            return Ok(());
        }
        self.spend(1, value)?;
        let kind = value.kind();
        if !admits(node.types, kind, value) {
            return self.wrong_type(node.types, value);
        }
        if self.depth >= MAX_NESTING {
            return self.undecided(value, BUDGET);
        }
        self.depth = self.depth.saturating_add(1);
        let verdict = if node.looks_back && matches!(kind, Kind::Array | Kind::Object) {
            self.rules_that_look_back(node, value, seen)
        } else {
            self.rules(node, kind, value, seen)
        };
        self.depth = self.depth.saturating_sub(1);
        verdict
    }

    #[inline]
    fn rules(&mut self, node: &'s Node, kind: Kind, value: Value<'_>, mut seen: Option<&mut Evaluated>) -> Verdict {
        for rule in &node.general {
            self.general(rule, value, seen.as_deref_mut())?;
        }
        match kind {
            Kind::PlainString | Kind::EscapedString => match &node.strings {
                Some(rules) => self.strings(rules, value),
                None => Ok(()),
            },
            Kind::Number => match &node.numbers {
                Some(rules) => self.numbers(rules, value),
                None => Ok(()),
            },
            Kind::Array => match &node.arrays {
                Some(rules) => self.arrays(rules, value, seen),
                None => Ok(()),
            },
            Kind::Object => match &node.objects {
                Some(rules) => self.objects(rules, value, seen),
                None => Ok(()),
            },
            Kind::Null | Kind::True | Kind::False => Ok(()),
        }
    }

    /// Only what this schema evaluates counts for its own `unevaluated…`, not what its neighbours do.
    fn rules_that_look_back(&mut self, node: &'s Node, value: Value<'_>, seen: Option<&mut Evaluated>) -> Verdict {
        let mut own = Evaluated::default();
        let kind = value.kind();
        self.rules(node, kind, value, Some(&mut own))?;
        match kind {
            Kind::Array => self.unevaluated_items(node, value, &mut own)?,
            _ => self.unevaluated_properties(node, value, &mut own)?,
        }
        if let Some(seen) = seen {
            seen.merge(&own);
        }
        Ok(())
    }

    fn general(&mut self, rule: &'s General, value: Value<'_>, seen: Option<&mut Evaluated>) -> Verdict {
        match rule {
            General::Refer(edge) => self.through(*edge, Part::Nothing, value, seen),
            General::AllOf(nodes) => self.all_of(nodes, value, seen),
            General::AnyOf(nodes) => self.any_of(nodes, value, seen),
            General::OneOf(nodes) => self.one_of(nodes, value, seen),
            General::Not(node) => match self.holds(*node, value, None)? {
                true => self.broken(value, "not"),
                false => Ok(()),
            },
            General::If { then: NONE, otherwise: NONE, .. } if seen.is_none() => Ok(()),
            General::If { condition, then, otherwise } => {
                let mark = self.admitted.mark();
                let holds = self.branch(*condition, value, seen.is_some())?;
                // What only decides admits nothing.
                self.admitted.back_to(mark);
                let (node, keyword) = if holds.is_some() { (*then, "then") } else { (*otherwise, "else") };
                let mut seen = seen;
                take(seen.as_deref_mut(), holds);
                self.optional(Edge { node, keyword }, value, seen)
            }
            General::Among(values) => self.among(values, value),
        }
    }

    fn all_of(&mut self, nodes: &[u32], value: Value<'_>, mut seen: Option<&mut Evaluated>) -> Verdict {
        for (index, &node) in nodes.iter().enumerate() {
            let edge = Edge { node, keyword: "allOf" };
            self.through(edge, Part::Index(index), value, seen.as_deref_mut())?;
        }
        Ok(())
    }

    /// If marks are wanted or numbers are to be admitted, every branch that holds counts; otherwise one is enough.
    fn any_of(&mut self, nodes: &[u32], value: Value<'_>, mut seen: Option<&mut Evaluated>) -> Verdict {
        let mut any = false;
        for &node in nodes {
            let holds = self.branch(node, value, seen.is_some())?;
            any |= holds.is_some();
            if any && seen.is_none() && !self.admits {
                return Ok(());
            }
            take(seen.as_deref_mut(), holds);
        }
        if any { Ok(()) } else { self.broken(value, "anyOf") }
    }

    fn one_of(&mut self, nodes: &[u32], value: Value<'_>, mut seen: Option<&mut Evaluated>) -> Verdict {
        let mut any = false;
        for &node in nodes {
            let holds = self.branch(node, value, seen.is_some())?;
            if any && holds.is_some() {
                return self.broken(value, "oneOf");
            }
            any |= holds.is_some();
            take(seen.as_deref_mut(), holds);
        }
        if any { Ok(()) } else { self.broken(value, "oneOf") }
    }

    /// Runs a schema that may break, and gives its marks if it holds.
    fn branch(&mut self, node: u32, value: Value<'_>, marks: bool) -> Result<Option<Evaluated>, Stop> {
        let mut own = Evaluated::default();
        let holds = self.holds(node, value, marks.then_some(&mut own))?;
        Ok(holds.then_some(own))
    }

    /// Runs a schema that may break without consequence.
    fn holds(&mut self, node: u32, value: Value<'_>, seen: Option<&mut Evaluated>) -> Result<bool, Stop> {
        let mark = self.admitted.mark();
        self.quiet = self.quiet.saturating_add(1);
        let verdict = self.visit(node, value, seen);
        self.quiet = self.quiet.saturating_sub(1);
        match verdict {
            Ok(()) => Ok(true),
            Err(Stop::Broken) => {
                self.admitted.back_to(mark);
                Ok(false)
            }
            Err(Stop::Undecided) => Err(Stop::Undecided),
        }
    }

    /// Judges by another node and, if that breaks, notes the way to it.
    #[inline]
    fn through(&mut self, edge: Edge, part: Part, value: Value<'_>, seen: Option<&mut Evaluated>) -> Verdict {
        match self.visit(edge.node, value, seen) {
            Ok(()) => Ok(()),
            Err(stop) => self.note(stop, Segment { keyword: edge.keyword, part }),
        }
    }

    fn optional(&mut self, edge: Edge, value: Value<'_>, seen: Option<&mut Evaluated>) -> Verdict {
        if edge.node == NONE { Ok(()) } else { self.through(edge, Part::Nothing, value, seen) }
    }

    #[inline]
    fn spend(&mut self, steps: usize, value: Value<'_>) -> Verdict {
        match u64::try_from(steps).ok().and_then(|steps| self.steps.checked_sub(steps)) {
            Some(left) => self.steps = left,
            None => return self.undecided(value, BUDGET),
        }
        Ok(())
    }

    /// Admits the numbers in a value that a rule holds for.
    #[cold]
    fn admit(&mut self, value: Value<'_>) {
        for place in value.inexact() {
            self.admitted.admit(place);
        }
    }

    #[cold]
    fn wrong_type(&mut self, types: Types, value: Value<'_>) -> Verdict {
        self.fail(value, (types != Types::NONE).then_some("type"))
    }

    #[cold]
    fn broken(&mut self, value: Value<'_>, keyword: &'static str) -> Verdict {
        self.fail(value, Some(keyword))
    }

    fn fail(&mut self, value: Value<'_>, keyword: Option<&'static str>) -> Verdict {
        if self.quiet == 0 {
            self.found = Some(Found { place: value.place(), keyword });
        }
        Err(Stop::Broken)
    }

    #[cold]
    fn undecided(&mut self, value: Value<'_>, keyword: &'static str) -> Verdict {
        self.found = Some(Found { place: value.place(), keyword: Some(keyword) });
        Err(Stop::Undecided)
    }

    #[cold]
    fn note(&mut self, stop: Stop, segment: Segment) -> Verdict {
        if self.quiet == 0 || stop == Stop::Undecided {
            self.trail.push(segment);
        }
        Err(stop)
    }

    #[cold]
    fn failure(&self, root: Value<'_>) -> Failure {
        let named = self.found.and_then(|found| found.keyword);
        let mut schema_pointer = String::new();
        for Segment { keyword, part } in self.trail.iter().rev() {
            schema_pointer.push('/');
            schema_pointer.push_str(keyword);
            self.push_part(*part, &mut schema_pointer);
        }
        if let Some(keyword) = named {
            schema_pointer.push('/');
            schema_pointer.push_str(keyword);
        }
        Failure {
            pointer: self.found.map(|found| root.pointer_to(found.place)).unwrap_or_default(),
            keyword: named.or(self.trail.first().map(|segment| segment.keyword)).unwrap_or("false"),
            schema_pointer,
        }
    }

    fn push_part(&self, part: Part, pointer: &mut String) {
        match part {
            Part::Nothing => {}
            Part::Index(index) => pointer::push(pointer, &index.to_string()),
            Part::Text(text) => pointer::push(pointer, self.schemas.texts.get(text).unwrap_or_default()),
        }
    }
}

/// Keeps the marks of a branch that holds, if anyone wants them.
fn take(seen: Option<&mut Evaluated>, marks: Option<Evaluated>) {
    if let (Some(seen), Some(marks)) = (seen, marks) {
        seen.merge(&marks);
    }
}

/// Whether a set of types has the value's type.
#[inline]
fn admits(types: Types, kind: Kind, value: Value<'_>) -> bool {
    match kind {
        Kind::Null => types.meets(Types::NULL),
        Kind::True | Kind::False => types.meets(Types::BOOLEAN),
        Kind::PlainString | Kind::EscapedString => types.meets(Types::STRING),
        Kind::Array => types.meets(Types::ARRAY),
        Kind::Object => types.meets(Types::OBJECT),
        Kind::Number => match (types.meets(Types::INTEGER), types.meets(Types::FRACTION)) {
            (whole, fraction) if whole == fraction => whole,
            (whole, _) => scalars::is_integer(value) == whole,
        },
    }
}
