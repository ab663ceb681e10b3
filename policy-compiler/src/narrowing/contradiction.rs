//! Whether schemas that must all hold can hold for the arguments of any call.
//!
//! In: schemas as they were written, and the longest string. Out: what no value can fulfil, and where.
//! Certain, not complete: keywords that it does not know, and all behind a reference, may say anything.

use super::conditions::Condition;
use crate::{schema::Json, source::Span};
use toolgate_engine::pointer::below;

/// Something that no value can fulfil.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Contradiction {
    /// RFC 6901 pointer to the argument.
    pub(super) pointer: String,
    /// What it would have to be, as the rest of a sentence about it.
    pub(super) why: &'static str,
}

/// Why no call can hold to a grant, and the check of the tool that has a part in it, if one does. Nothing also if no
/// call can hold to the tool, whoever calls.
pub(super) fn of_grant(grant: &[Condition<'_>], tool: &[Condition<'_>]) -> Option<(Contradiction, Option<Span>)> {
    if let Some(found) = of_conditions(grant, &[]) {
        return Some((found, None));
    }
    let found = of_conditions(grant, tool)?;
    if of_conditions(&[], tool).is_some() {
        return None;
    }
    let has_part = |condition: &&Condition<'_>| of_conditions(grant, std::slice::from_ref(*condition)).is_some();
    Some((found, tool.iter().find(has_part).map(|condition| condition.span)))
}

fn of_conditions(grant: &[Condition<'_>], tool: &[Condition<'_>]) -> Option<Contradiction> {
    let all = || grant.iter().chain(tool);
    let schemas: Vec<&Json> = all().filter_map(Condition::schema).collect();
    of_arguments(&schemas, all().filter_map(Condition::longest).min().unwrap_or(u32::MAX))
}

/// Types of JSON as bits; whole numbers and others apart.
const OBJECT: u8 = 1;
const ARRAY: u8 = 2;
const STRING: u8 = 4;
const WHOLE: u8 = 8;
const FRACTION: u8 = 16;
const BOOLEAN: u8 = 32;
const NULL: u8 = 64;
const NUMBER: u8 = WHOLE | FRACTION;
const ANY: u8 = OBJECT | ARRAY | STRING | NUMBER | BOOLEAN | NULL;

/// The first contradiction in what the arguments of a call must be. They are an object in any case.
fn of_arguments(schemas: &[&Json], longest: u32) -> Option<Contradiction> {
    Facts { schemas: flat(schemas), longest }.find("", OBJECT)
}

/// The schemas together with those in their `allOf`, without those that a reference could void.
fn flat<'s>(schemas: &[&'s Json]) -> Vec<&'s Json> {
    let mut all: Vec<&Json> = schemas.to_vec();
    let mut at = 0;
    while let Some(&schema) = all.get(at) {
        if schema.get("$ref").is_some() {
            // Draft-07 ignores what stands beside it.
            all.swap_remove(at);
            continue;
        }
        all.extend(schema.get("allOf").map(Json::elements).unwrap_or_default());
        at = at.saturating_add(1);
    }
    all
}

/// What one value must fulfil.
struct Facts<'s> {
    schemas: Vec<&'s Json>,
    /// How many characters a string may have, wherever it stands.
    longest: u32,
}

impl<'s> Facts<'s> {
    fn find(&self, pointer: &str, types: u8) -> Option<Contradiction> {
        let here = |why| Some(Contradiction { pointer: pointer.to_owned(), why });
        if self.schemas.iter().any(|schema| matches!(schema, Json::Boolean(false))) {
            return here("is forbidden");
        }
        let types = self.all("type").map(types_of).fold(types, |left, right| left & right);
        if types == 0 {
            return here("would have to be of two types at once");
        }
        if self.values().is_some_and(|values| !values.iter().any(|value| self.may_be(value, types))) {
            return here("has no value that `const`, `enum` and `type` allow");
        }
        let string = types == STRING && self.least("minLength") > self.most("maxLength").min(u64::from(self.longest));
        if string || types == ARRAY && self.least("minItems") > self.most("maxItems") {
            return here("would have to be longer than it may be");
        }
        if types & !NUMBER == 0 && self.whole("minimum").max() > Some(self.whole("maximum").min().unwrap_or(i64::MAX)) {
            return here("would have to be greater than it may be");
        }
        if types == OBJECT { self.find_inside(pointer) } else { None }
    }

    /// Looks at the members that must be there.
    fn find_inside(&self, pointer: &str) -> Option<Contradiction> {
        let mut required: Vec<&str> = self.all("required").flat_map(Json::elements).filter_map(Json::as_str).collect();
        required.sort_unstable();
        required.dedup();
        let count = u64::try_from(required.len()).unwrap_or(u64::MAX);
        if self.least("minProperties").max(count) > self.most("maxProperties") {
            return Some(Contradiction {
                pointer: pointer.to_owned(),
                why: "would have to have more members than it may",
            });
        }
        required.into_iter().find_map(|name| {
            let pointer = below(pointer, name);
            if name.chars().count() > usize::try_from(self.longest).unwrap_or(usize::MAX) {
                return Some(Contradiction { pointer, why: "must be there, and no key may be as long" });
            }
            let schemas: Vec<_> = self.schemas.iter().filter_map(|schema| member(schema, name)).collect();
            Facts { schemas: flat(&schemas), longest: self.longest }.find(&pointer, ANY)
        })
    }

    /// The values of a keyword in all schemas that have it.
    fn all(&self, keyword: &'s str) -> impl Iterator<Item = &'s Json> {
        self.schemas.iter().filter_map(move |schema| schema.get(keyword))
    }

    /// The only values that one of the schemas lists; nothing if none does.
    fn values(&self) -> Option<Vec<&'s Json>> {
        self.schemas.iter().find_map(listed)
    }

    /// Whether a value that one schema lists may be one that the others allow.
    fn may_be(&self, value: &Json, types: u8) -> bool {
        let is_short = value
            .as_str()
            .is_none_or(|text| text.chars().count() <= usize::try_from(self.longest).unwrap_or(usize::MAX));
        let is_listed =
            |schema: &&Json| listed(schema).is_none_or(|values| values.iter().any(|listed| may_equal(value, listed)));
        type_of(value) & types != 0 && is_short && self.schemas.iter().all(is_listed)
    }

    fn least(&self, keyword: &'s str) -> u64 {
        self.all(keyword).filter_map(count).max().unwrap_or(0)
    }

    fn most(&self, keyword: &'s str) -> u64 {
        self.all(keyword).filter_map(count).min().unwrap_or(u64::MAX)
    }

    fn whole(&self, keyword: &'s str) -> impl Iterator<Item = i64> {
        self.all(keyword).filter_map(|value| match value {
            Json::Number(number) => number.parse().ok(),
            _ => None,
        })
    }
}

/// What a schema demands of a member, as far as that is certain.
fn member<'s>(schema: &&'s Json, name: &str) -> Option<&'s Json> {
    let named = schema.get("properties").and_then(|properties| properties.get(name));
    let is_unnamed = schema.get("patternProperties").is_none();
    named.or_else(|| schema.get("additionalProperties").filter(|_| is_unnamed))
}

fn listed<'s>(schema: &&'s Json) -> Option<Vec<&'s Json>> {
    let constant = schema.get("const").map(|value| vec![value]);
    constant.or_else(|| schema.get("enum").map(|values| values.elements().iter().collect()))
}

fn count(value: &Json) -> Option<u64> {
    match value {
        Json::Number(number) => number.parse().ok(),
        _ => None,
    }
}

fn types_of(keyword: &Json) -> u8 {
    let type_named = |name: &Json| match name.as_str() {
        Some("object") => OBJECT,
        Some("array") => ARRAY,
        Some("string") => STRING,
        Some("integer") => WHOLE,
        Some("number") => NUMBER,
        Some("boolean") => BOOLEAN,
        Some("null") => NULL,
        Some(_) | None => ANY,
    };
    match keyword {
        Json::Array(names) => names.iter().map(type_named).fold(0, |left, right| left | right),
        name => type_named(name),
    }
}

fn type_of(value: &Json) -> u8 {
    match value {
        Json::Null => NULL,
        Json::Boolean(_) => BOOLEAN,
        // `1.0` is a whole number, too.
        Json::Number(_) => NUMBER,
        Json::String(_) => STRING,
        Json::Array(_) => ARRAY,
        Json::Object(_) => OBJECT,
    }
}

/// Whether two values may be the same to JSON Schema. Numbers are written in many ways.
fn may_equal(left: &Json, right: &Json) -> bool {
    match (left, right) {
        (Json::Number(_), Json::Number(_)) | (Json::Array(_), Json::Array(_)) | (Json::Object(_), Json::Object(_)) => {
            true
        }
        _ => left == right,
    }
}

#[cfg(test)]
mod tests;
