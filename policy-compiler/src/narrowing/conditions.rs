//! What a list of checks demands, in a form that two lists can be compared in.
//!
//! In: `arguments` of grants, tools, tool groups and defaults. Out: conditions, each with its place.
//! Compares texts, not meanings: that one pattern is part of another is not seen.

use super::schemas::{self, Readable};
use crate::{
    file::{self, Arguments, Given, PatternKind, PolicyFile, SchemaSource, Tool},
    schema::Json,
    source::Span,
};
use std::borrow::Cow;

/// Something that arguments must fulfil.
#[derive(Clone, Debug)]
pub(super) struct Condition<'f> {
    pub(super) span: Span,
    demand: Demand<'f>,
}

#[derive(Clone, Debug)]
enum Demand<'f> {
    Holding { source: &'f SchemaSource, json: Option<&'f Json> },
    NoLongerThan(u32),
    Without { kind: PatternKind, text: Cow<'f, str>, part: &'f str },
}

impl<'f> Condition<'f> {
    /// The schema that is demanded, if it could be read.
    pub(super) fn schema(&self) -> Option<&'f Json> {
        match self.demand {
            Demand::Holding { source: _, json } => json,
            Demand::NoLongerThan(_) | Demand::Without { .. } => None,
        }
    }

    /// The longest string, if that is what is demanded.
    pub(super) fn longest(&self) -> Option<u32> {
        match self.demand {
            Demand::NoLongerThan(longest) => Some(longest),
            Demand::Holding { .. } | Demand::Without { .. } => None,
        }
    }

    /// Whether arguments that fulfil this one certainly fulfil the other one.
    pub(super) fn implies(&self, other: &Self) -> bool {
        match (&self.demand, &other.demand) {
            (Demand::NoLongerThan(shorter), Demand::NoLongerThan(longer)) => shorter <= longer,
            (
                Demand::Without { kind, text, part },
                Demand::Without { kind: other_kind, text: other_text, part: inner },
            ) => kind == other_kind && text == other_text && is_within(inner, part),
            (Demand::Holding { source, .. }, Demand::Holding { source: other, .. }) => schemas::implies(source, other),
            (Demand::Holding { .. } | Demand::NoLongerThan(_) | Demand::Without { .. }, _) => false,
        }
    }
}

/// Whether a JSON Pointer names the same argument as the other, or one inside of it.
fn is_within(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// All that one `arguments` mapping demands.
pub(super) fn of<'f>(arguments: &'f Arguments, schemas: &'f Readable) -> Vec<Condition<'f>> {
    let Arguments { schema, max_string_length, blocked: _ } = arguments;
    holding(schema.as_ref(), schemas).chain(no_longer(max_string_length.as_ref())).chain(without(arguments)).collect()
}

/// All that is demanded of every call of a tool.
pub(super) fn of_tool<'f>(
    file: &'f PolicyFile,
    tool: &'f Tool,
    tool_groups: &[usize],
    schemas: &'f Readable,
) -> Vec<Condition<'f>> {
    let defaults = &file.defaults.arguments;
    let own = tool.arguments.max_string_length.as_ref().or(defaults.max_string_length.as_ref());
    let of_groups = tool_groups.iter().filter_map(|&group| file.tool_groups.get(group));
    holding(tool.arguments.schema.as_ref(), schemas)
        .chain(holding(defaults.schema.as_ref(), schemas))
        .chain(no_longer(own))
        .chain(without(&tool.arguments))
        .chain(without(defaults))
        .chain(of_groups.flat_map(|group| of(&group.arguments, schemas)))
        .collect()
}

/// A schema that holds for whatever arguments demands nothing.
fn holding<'f>(given: Option<&'f Given<SchemaSource>>, readable: &'f Readable) -> impl Iterator<Item = Condition<'f>> {
    let written = given.and_then(|given| Some((given.span, given.value.as_ref()?)));
    let demanding = written.filter(|(_, source)| !schemas::holds_always(source));
    let demand = |source| Demand::Holding { source, json: readable.json(source) };
    demanding.map(|(span, source)| Condition { span, demand: demand(source) }).into_iter()
}

fn no_longer(given: Option<&Given<u32>>) -> impl Iterator<Item = Condition<'_>> {
    let condition = |given: &Given<u32>| {
        given.value.map(|value| Condition { span: given.span, demand: Demand::NoLongerThan(value) })
    };
    given.and_then(condition).into_iter()
}

fn without(arguments: &Arguments) -> impl Iterator<Item = Condition<'_>> {
    file::patterns(arguments).iter().map(|pattern| {
        let file::Pattern { kind, what, part } = pattern;
        let text = match kind {
            // Literals match in either case.
            PatternKind::Literal => Cow::Owned(what.name.to_ascii_lowercase()),
            PatternKind::Regex | PatternKind::Set => Cow::Borrowed(what.name.as_str()),
        };
        let part = part.as_deref().unwrap_or_default();
        Condition { span: what.span, demand: Demand::Without { kind: *kind, text, part } }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::{Named, Pattern};

    const NOWHERE: Span = Span { start: 0, end: 0 };

    fn length(value: u32) -> Arguments {
        Arguments { max_string_length: Some(Given { span: NOWHERE, value: Some(value) }), ..Arguments::default() }
    }

    fn blocked(kind: PatternKind, text: &str, part: Option<&str>) -> Arguments {
        let what = Named { name: text.to_owned(), span: NOWHERE, at: 0 };
        let pattern = Pattern { kind, what, part: part.map(str::to_owned) };
        Arguments { blocked: Some(Given { span: NOWHERE, value: Some(vec![pattern]) }), ..Arguments::default() }
    }

    fn implies(left: &Arguments, right: &Arguments) -> bool {
        let none = Readable::default();
        of(left, &none)[0].implies(&of(right, &none)[0])
    }

    #[test]
    fn a_shorter_length_implies_a_longer_one() {
        assert!(implies(&length(5), &length(5)));
        assert!(implies(&length(5), &length(6)));
        assert!(!implies(&length(6), &length(5)));
    }

    #[test]
    fn the_same_pattern_is_implied_where_the_part_is_inside() {
        let of = |part| blocked(PatternKind::Literal, "x", part);
        for (outer, inner) in [(None, None), (None, Some("/a")), (Some("/a"), Some("/a")), (Some("/a"), Some("/a/b"))] {
            assert!(implies(&of(outer), &of(inner)), "{outer:?} {inner:?}");
        }
        for (outer, inner) in [(Some("/a"), None), (Some("/a"), Some("/ab")), (Some("/a/b"), Some("/a"))] {
            assert!(!implies(&of(outer), &of(inner)), "{outer:?} {inner:?}");
        }
    }

    #[test]
    fn patterns_that_differ_imply_nothing() {
        let of = |kind, text| blocked(kind, text, None);
        use PatternKind::{Literal, Regex, Set};
        assert!(implies(&of(Literal, "RM -rf"), &of(Literal, "rm -RF")));
        assert!(!implies(&of(Regex, "A"), &of(Regex, "a")));
        assert!(!implies(&of(Regex, "sql"), &of(Set, "sql")));
        assert!(!implies(&of(Literal, "rm"), &of(Literal, "rm -rf")));
        assert!(!implies(&length(0), &of(Literal, "rm")));
        assert!(!implies(&of(Literal, "rm"), &length(9)));
    }
}
