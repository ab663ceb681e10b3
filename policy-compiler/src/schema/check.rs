//! Whether the value of a keyword is what the keyword wants.
//!
//! In: a shape and a value. Out: nothing, or what it must be. Schemas inside are not looked at here.

use super::{dialect::Shape, formats, tree::Json};
use crate::{
    guess,
    regex::{Pattern, Syntax},
};
use toolgate_engine::schema::{count, is_divisor, is_number};

/// What is wrong with a value, and what to do.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) help: Option<String>,
}

/// Names of types.
pub(super) const TYPES: [&str; 7] = ["null", "boolean", "integer", "number", "string", "array", "object"];

/// Checks the value of a keyword of this shape.
pub(super) fn check(shape: Shape, value: &Json) -> Result<(), Wrong> {
    match shape {
        Shape::Any | Shape::Schema => Ok(()),
        Shape::Text | Shape::Reference => want(matches!(value, Json::String(_)), "a string"),
        Shape::Boolean => want(matches!(value, Json::Boolean(_)), "`true` or `false`"),
        Shape::Count => number(value, |text| count(text).is_some(), "a whole number that is not negative"),
        Shape::Number => number(value, is_number, "a number"),
        Shape::Divisor => number(value, is_divisor, "a number above zero, of at most nineteen digits"),
        Shape::Types => types(value),
        Shape::Values | Shape::Array => want(matches!(value, Json::Array(_)), "a list"),
        Shape::Names => want(is_names(value), "a list of names, each once"),
        Shape::NamesByName => want(is_object(value, is_names), "an object with a list of names under each name"),
        Shape::Regex => regex(value),
        Shape::Format => format(value),
        Shape::Vocabularies => want(is_object(value, |use_| matches!(use_, Json::Boolean(_))), "an object of booleans"),
        Shape::Anchor => want(value.as_str().is_some_and(is_anchor), "a name of letters, digits, `-`, `_` and `.`"),
        Shape::Schemas => want(!value.elements().is_empty(), "a list of at least one schema"),
        Shape::SchemaOrSchemas => Ok(()),
        Shape::SchemasByName | Shape::Dependencies => want(is_object(value, |_| true), "an object of schemas"),
        Shape::SchemasByPattern => {
            want(is_object(value, |_| true), "an object with a schema under each pattern")?;
            value.members().iter().try_for_each(|(pattern, _)| parse(pattern))
        }
    }
}

fn want(good: bool, what: &str) -> Result<(), Wrong> {
    if good { Ok(()) } else { Err(Wrong { message: format!("this must be {what}"), help: None }) }
}

fn number(value: &Json, is_good: impl Fn(&str) -> bool, what: &str) -> Result<(), Wrong> {
    match value {
        Json::Number(text) => want(is_good(text), what),
        // What draft-04 wrote.
        Json::Boolean(_) => {
            let help = Some("write the limit itself here, and drop `minimum` or `maximum`".to_owned());
            Err(Wrong { message: format!("this must be {what}"), help })
        }
        _ => want(false, what),
    }
}

fn is_object(value: &Json, holds: impl Fn(&Json) -> bool) -> bool {
    matches!(value, Json::Object(_)) && value.members().iter().all(|(_, member)| holds(member))
}

fn is_names(value: &Json) -> bool {
    matches!(value, Json::Array(_)) && value.elements().iter().all(|name| name.as_str().is_some()) && each_once(value)
}

fn each_once(value: &Json) -> bool {
    let mut names: Vec<_> = value.elements().iter().filter_map(Json::as_str).collect();
    names.sort_unstable();
    names.windows(2).all(|pair| !matches!(pair, [one, other] if one == other))
}

fn types(value: &Json) -> Result<(), Wrong> {
    let names: Vec<&str> = match value {
        Json::String(name) => vec![name],
        Json::Array(names) if !names.is_empty() && is_names(value) => names.iter().filter_map(Json::as_str).collect(),
        _ => return want(false, "the name of a type, or a list of such names"),
    };
    match names.iter().find(|name| !TYPES.contains(name)) {
        None => Ok(()),
        Some(name) => Err(Wrong {
            message: format!("`{name}` is no type"),
            help: guess::meant(name, TYPES).map(|meant| format!("did you mean `{meant}`?")),
        }),
    }
}

fn regex(value: &Json) -> Result<(), Wrong> {
    want(value.as_str().is_some(), "a regular expression")?;
    parse(value.as_str().unwrap_or_default())
}

fn parse(pattern: &str) -> Result<(), Wrong> {
    Pattern::parse(pattern, Syntax::Ecma).map(|_| ()).map_err(|refusal| Wrong {
        message: format!("the pattern `{pattern}` is refused: {refusal}"),
        help: refusal.help,
    })
}

fn format(value: &Json) -> Result<(), Wrong> {
    let Some(name) = value.as_str() else {
        return want(false, "the name of a format");
    };
    if formats::named(name).is_some() {
        return Ok(());
    }
    Err(Wrong {
        message: format!("`{name}` is no format"),
        help: guess::meant(name, formats::NAMES).map(|meant| format!("did you mean `{meant}`?")),
    })
}

fn is_anchor(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.'))
}
