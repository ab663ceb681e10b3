//! The contradictions of one schema, type by type.
//!
//! In: a node, and the types that may hold to the nodes that it leads to. Out: the types that may hold to it, and the
//! first contradiction in words. What comes from another node that has its own words is not told again.

use super::Known;
use std::cmp::Ordering;
use toolgate_engine::schema::{Constant, Rule, Types, compare_numbers, is_whole};

/// Two keywords that exclude each other.
pub(super) struct Contradiction {
    pub(super) keyword: &'static str,
    pub(super) why: String,
}

/// A node that types are taken away from.
struct Draft<'k, 'p> {
    known: &'k Known<'p>,
    rules: &'p [Rule],
    types: Types,
    contradiction: Option<Contradiction>,
}

/// The types that may hold to a node, and what excludes the others.
pub(super) fn narrowed(known: &Known<'_>, at: usize) -> (Types, Option<Contradiction>) {
    let rules = known.rules.get(at).copied().unwrap_or_default();
    let types = known.program.nodes.get(at).map_or(Types::ALL, |node| node.types);
    let mut draft = Draft { known, rules, types, contradiction: None };
    draft.values();
    draft.numbers();
    draft.counts();
    draft.elements();
    draft.members();
    draft.combinations();
    (draft.types, draft.contradiction)
}

/// A bound of a length or a count.
fn bound(rule: &Rule) -> Option<(&'static str, u32)> {
    Some(match *rule {
        Rule::MinLength(min) => ("minLength", min),
        Rule::MaxLength(max) => ("maxLength", max),
        Rule::MinItems(min) => ("minItems", min),
        Rule::MaxItems(max) => ("maxItems", max),
        Rule::MinProperties(min) => ("minProperties", min),
        Rule::MaxProperties(max) => ("maxProperties", max),
        _ => return None,
    })
}

fn common(one: Types, other: Types) -> Types {
    Types(one.0 & other.0)
}

fn without(types: Types, lost: Types) -> Types {
    Types(types.0 & !lost.0)
}

fn is_none(types: Types) -> bool {
    types == Types::NONE
}

impl Draft<'_, '_> {
    /// No value of these types holds.
    fn exclude(&mut self, lost: Types, keyword: &'static str, why: impl FnOnce() -> String) {
        if !self.types.meets(lost) {
            return;
        }
        if self.contradiction.is_none() {
            self.contradiction = Some(Contradiction { keyword, why: why() });
        }
        self.types = without(self.types, lost);
    }

    /// The values of `const` and `enum` have types, too.
    fn values(&mut self) {
        for rule in self.rules {
            let (keyword, values) = match rule {
                Rule::Const(value) => ("const", std::slice::from_ref(value)),
                Rule::Enum(values) => ("enum", values.as_slice()),
                _ => continue,
            };
            let of_values = values.iter().fold(Types::NONE, |types, value| types.or(self.type_of(value)));
            if is_none(common(self.types, of_values)) {
                let why = || format!("no value of `{keyword}` is one that the rest of the schema takes");
                self.exclude(self.types, keyword, why);
            }
            self.types = common(self.types, of_values);
        }
    }

    fn type_of(&self, value: &Constant) -> Types {
        match *value {
            Constant::Null => Types::NULL,
            Constant::Boolean(_) => Types::BOOLEAN,
            Constant::Number(text) if is_whole(self.known.text(text)) => Types::INTEGER,
            Constant::Number(_) => Types::FRACTION,
            Constant::String(_) => Types::STRING,
            // Which of the two it is says its text; not to ask is to be careful.
            Constant::Composite(_) => Types::ARRAY.or(Types::OBJECT),
        }
    }

    fn numbers(&mut self) {
        let mut limits = Vec::new();
        for rule in self.rules {
            limits.push(match *rule {
                Rule::Minimum(text) => (text, true, false, "minimum"),
                Rule::ExclusiveMinimum(text) => (text, true, true, "exclusiveMinimum"),
                Rule::Maximum(text) => (text, false, false, "maximum"),
                Rule::ExclusiveMaximum(text) => (text, false, true, "exclusiveMaximum"),
                _ => continue,
            });
        }
        for &(low, _, low_open, low_keyword) in limits.iter().filter(|limit| limit.1) {
            for &(high, _, high_open, high_keyword) in limits.iter().filter(|limit| !limit.1) {
                let (low, high) = (self.known.text(low), self.known.text(high));
                let is_empty = match compare_numbers(low, high) {
                    Some(Ordering::Greater) => true,
                    Some(Ordering::Equal) => low_open || high_open,
                    Some(Ordering::Less) | None => false,
                };
                if is_empty {
                    let why =
                        || format!("no number can hold: `{low_keyword}` is {low}, and `{high_keyword}` is {high}");
                    self.exclude(Types::NUMBER, high_keyword, why);
                }
            }
        }
    }

    /// The first rule that sets a bound with this keyword.
    fn bound(&self, keyword: &str) -> Option<u32> {
        self.rules.iter().filter_map(bound).find(|(other, _)| *other == keyword).map(|(_, count)| count)
    }

    fn counts(&mut self) {
        for (types, what, min_keyword, max_keyword) in [
            (Types::STRING, "string", "minLength", "maxLength"),
            (Types::ARRAY, "array", "minItems", "maxItems"),
            (Types::OBJECT, "object", "minProperties", "maxProperties"),
        ] {
            if let (Some(min), Some(max)) = (self.bound(min_keyword), self.bound(max_keyword))
                && min > max
            {
                let why = || format!("no {what} can hold: `{min_keyword}` is {min}, and `{max_keyword}` is {max}");
                self.exclude(types, max_keyword, why);
            }
        }
    }

    /// An element that must be there and that nothing can be.
    fn elements(&mut self) {
        let least = self.bound("minItems").unwrap_or(0);
        let mut first = 0u32;
        for rule in self.rules {
            match rule {
                Rule::PrefixItems(nodes) | Rule::ItemsInTurn(nodes) => {
                    first = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
                    let must_be = nodes.iter().zip(0..least);
                    let empty = must_be.map(|(node, _)| *node).find(|&node| is_none(self.known.types(node)));
                    if let Some(empty) = empty {
                        self.lose(Types::ARRAY, empty, "minItems", || {
                            "no array can hold: `minItems` wants an element for which no value is allowed".to_owned()
                        });
                    }
                }
                Rule::Contains { node, min, max, evaluates: _ } => {
                    let min = min.unwrap_or(1);
                    if max.is_some_and(|max| min > max) {
                        let why = || format!("no array can hold: it must contain {min} elements, and fewer at most");
                        self.exclude(Types::ARRAY, "contains", why);
                    }
                    if min > 0 && is_none(self.known.types(*node)) {
                        self.lose(Types::ARRAY, *node, "contains", || {
                            "no array can hold: no value can be what it must contain".to_owned()
                        });
                    }
                }
                _ => {}
            }
        }
        for rule in self.rules {
            if let Rule::Items(node) | Rule::AdditionalItems(node) = rule
                && least > first
                && is_none(self.known.types(*node))
            {
                self.lose(Types::ARRAY, *node, "minItems", || {
                    format!("no array can hold: `minItems` is {least}, and at most {first} elements are allowed")
                });
            }
        }
    }

    /// A property that is required and that nothing can be.
    fn members(&mut self) {
        let required = self.rules.iter().flat_map(|rule| match rule {
            Rule::Required(names) => names.clone(),
            _ => Vec::new(),
        });
        let required: Vec<u32> = required.collect();
        let most = self.bound("maxProperties");
        if let Some(most) = most.filter(|&most| usize::try_from(most).is_ok_and(|most| required.len() > most)) {
            let why = || format!("no object can hold: {} properties are required, and {most} allowed", required.len());
            self.exclude(Types::OBJECT, "maxProperties", why);
        }
        for name in required {
            let name = self.known.text(name);
            let Some((types, node)) = self.of_property(name) else { continue };
            if is_none(types) {
                let why = || format!("no object can hold: `{name}` is required, and no value is allowed for it");
                match node {
                    Some(node) => self.lose(Types::OBJECT, node, "required", why),
                    None => self.exclude(Types::OBJECT, "required", why),
                }
            }
        }
    }

    /// The types that a property may have, and the node that leaves it none; nothing if that cannot be told.
    fn of_property(&self, name: &str) -> Option<(Types, Option<u32>)> {
        let mut nodes = Vec::new();
        for rule in self.rules {
            match rule {
                Rule::Properties(named) => {
                    let same = named.iter().filter(|named| self.known.text(named.name) == name);
                    nodes.extend(same.map(|named| named.node));
                }
                Rule::PatternProperties(matched) => {
                    for matched in matched {
                        if self.known.matches(matched.pattern, name)? {
                            nodes.push(matched.node);
                        }
                    }
                }
                _ => {}
            }
        }
        if nodes.is_empty() {
            nodes.extend(self.rules.iter().filter_map(|rule| match rule {
                Rule::AdditionalProperties(node) => Some(*node),
                _ => None,
            }));
        }
        let types = nodes.iter().fold(Types::ALL, |types, &node| common(types, self.known.types(node)));
        let by = nodes.iter().copied().find(|&node| is_none(self.known.types(node)));
        Some((types, by))
    }

    /// Excludes types because of another node. That is told here only if that node is simply `false`.
    fn lose(&mut self, lost: Types, by: u32, keyword: &'static str, why: impl FnOnce() -> String) {
        let is_false = self.known.program.nodes.get(by as usize).is_some_and(|node| is_none(node.types));
        if is_false {
            self.exclude(lost, keyword, why);
        } else {
            self.types = without(self.types, lost);
        }
    }

    /// What must hold besides, or instead. That a node in it takes nothing at all is told of that node.
    fn combinations(&mut self) {
        for rule in self.rules {
            let (keyword, each) = match rule {
                Rule::Ref(node) | Rule::DynamicRef(node) => ("$ref", vec![self.known.types(*node)]),
                Rule::AllOf(nodes) => ("allOf", nodes.iter().map(|node| self.known.types(*node)).collect()),
                Rule::AnyOf(nodes) => ("anyOf", vec![self.any(nodes)]),
                Rule::OneOf(nodes) => ("oneOf", vec![self.any(nodes)]),
                _ => continue,
            };
            let types = each.iter().fold(self.types, |types, other| common(types, *other));
            if is_none(types) && !each.iter().any(|types| is_none(*types)) {
                let why = || format!("no value can hold: `{keyword}` wants another type than the rest of the schema");
                self.exclude(self.types, keyword, why);
            }
            self.types = types;
        }
    }

    fn any(&self, nodes: &[u32]) -> Types {
        nodes.iter().fold(Types::NONE, |types, node| types.or(self.known.types(*node)))
    }
}
