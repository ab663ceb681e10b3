//! Rules for arrays: elements in turn, then what holds of all of them together.

use super::{Part, Run, Stop, Verdict};
use crate::{
    json::{Kind, Value},
    schema::{
        MAX_NESTING,
        canonical::canonical,
        decimal::Decimal,
        evaluated::Evaluated,
        ready::{Arrays, Contains, Edge, Node, wide},
    },
};
use std::cmp::Ordering;

impl<'s> Run<'s, '_> {
    pub(super) fn arrays(&mut self, rules: &'s Arrays, value: Value<'_>, mut seen: Option<&mut Evaluated>) -> Verdict {
        let mut count = 0usize;
        for (index, element) in value.elements().enumerate() {
            if self.element(rules, index, element)?
                && let Some(seen) = seen.as_deref_mut()
            {
                seen.mark(index);
            }
            count = index.saturating_add(1);
        }
        if rules.min.is_some_and(|min| count < wide(min)) {
            return self.broken(value, "minItems");
        }
        if rules.max.is_some_and(|max| count > wide(max)) {
            return self.broken(value, "maxItems");
        }
        if let Some(contains) = &rules.contains {
            let mark = self.admitted.mark();
            self.contains(contains, value, seen)?;
            // It says what some elements are, and holds none to it.
            self.admitted.back_to(mark);
        }
        if rules.unique && count > 1 { self.unique(value) } else { Ok(()) }
    }

    /// Judges an element by its place and says whether any rule speaks of that place.
    #[inline]
    fn element(&mut self, rules: &'s Arrays, index: usize, element: Value<'_>) -> Result<bool, Stop> {
        if let Some((keyword, nodes)) = &rules.first
            && let Some(&node) = nodes.get(index)
        {
            self.through(Edge { node, keyword }, Part::Index(index), element, None)?;
            return Ok(true);
        }
        let Some(edge) = rules.rest else {
            return Ok(false);
        };
        self.through(edge, Part::Nothing, element, None)?;
        Ok(true)
    }

    fn contains(&mut self, rule: &Contains, value: Value<'_>, mut seen: Option<&mut Evaluated>) -> Verdict {
        let min = wide(rule.min.unwrap_or(1));
        let mut found = 0usize;
        for (index, element) in value.elements().enumerate() {
            if found >= min && rule.max.is_none() && seen.is_none() {
                return Ok(());
            }
            if self.holds(rule.node, element, None)? {
                found = found.saturating_add(1);
                if let Some(seen) = seen.as_deref_mut().filter(|_| rule.evaluates) {
                    seen.mark(index);
                }
            }
        }
        if found < min {
            return self.broken(value, if rule.min.is_some() { "minContains" } else { "contains" });
        }
        if rule.max.is_some_and(|max| found > wide(max)) {
            return self.broken(value, "maxContains");
        }
        Ok(())
    }

    /// Sorted, equal elements are neighbours.
    fn unique(&mut self, value: Value<'_>) -> Verdict {
        self.spend(value.size(), value)?;
        let keys: Option<Vec<Key<'_>>> = value.elements().map(key).collect();
        let Some(mut keys) = keys else {
            return self.undecided(value, "uniqueItems");
        };
        keys.sort_unstable_by(compare);
        let twice = keys.windows(2).any(|pair| matches!(pair, [one, other] if compare(one, other) == Ordering::Equal));
        if twice { self.broken(value, "uniqueItems") } else { Ok(()) }
    }

    pub(super) fn unevaluated_items(&mut self, node: &'s Node, value: Value<'_>, own: &mut Evaluated) -> Verdict {
        let Some(rest) = node.arrays.as_ref().and_then(|arrays| arrays.unevaluated) else {
            return Ok(());
        };
        for (index, element) in value.elements().enumerate() {
            if !own.has(index) {
                self.through(Edge { node: rest, keyword: "unevaluatedItems" }, Part::Nothing, element, None)?;
            }
        }
        own.mark_all();
        Ok(())
    }
}

/// An element in a form that is compared in one go.
enum Key<'a> {
    Null,
    Boolean(bool),
    Number(Decimal<'a>),
    String(&'a str),
    Composite(String),
}

fn key(value: Value<'_>) -> Option<Key<'_>> {
    Some(match value.kind() {
        Kind::Null => Key::Null,
        Kind::True => Key::Boolean(true),
        Kind::False => Key::Boolean(false),
        Kind::Number => Key::Number(Decimal::read(value.raw())?),
        Kind::PlainString | Kind::EscapedString => Key::String(value.as_str()?),
        Kind::Array | Kind::Object => Key::Composite(canonical(value, MAX_NESTING)?),
    })
}

fn compare(one: &Key<'_>, other: &Key<'_>) -> Ordering {
    match (one, other) {
        (Key::Boolean(one), Key::Boolean(other)) => one.cmp(other),
        (Key::Number(one), Key::Number(other)) => one.compare(other),
        (Key::String(one), Key::String(other)) => one.cmp(other),
        (Key::Composite(one), Key::Composite(other)) => one.cmp(other),
        _ => rank(one).cmp(&rank(other)),
    }
}

fn rank(key: &Key<'_>) -> u8 {
    match key {
        Key::Null => 0,
        Key::Boolean(_) => 1,
        Key::Number(_) => 2,
        Key::String(_) => 3,
        Key::Composite(_) => 4,
    }
}
