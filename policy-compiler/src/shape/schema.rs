//! The JSON Schema of a policy, made from the tables of keys.
//!
//! In: the tables. Out: a JSON Schema 2020-12 that takes every policy which `check` takes, and for which most that is
//! misspelt is wrong. What spans several keys, such as names that nobody declares, is left to `check`.

use super::{FILE, Names, Shape, Table, is_alternative};
use crate::{
    file::{
        amounts::{PERIODS, UNITS, WINDOWS},
        headers::{RESERVED, RESERVED_PREFIXES},
    },
    sets,
};
use serde_json::{Map, Value, json};
use toolgate_engine::names::{MAX_NAME_BYTES, UNKNOWN};

/// The JSON Schema of a policy.
pub fn schema() -> Value {
    let mut schema = object(&FILE);
    if let Value::Object(schema) = &mut schema {
        schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        schema.insert("title".to_owned(), json!("Toolgate policy"));
    }
    schema
}

fn object(table: &Table) -> Value {
    let mut properties = Map::new();
    for key in table.keys {
        let mut property = value(key.shape);
        if let Value::Object(property) = &mut property {
            property.insert("description".to_owned(), json!(key.about));
        }
        properties.insert(key.name.to_owned(), property);
    }
    let required: Vec<_> = table.keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    json!({
        "type": ["object", "null"],
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn value(shape: Shape) -> Value {
    match shape {
        Shape::Exactly(text) => json!({ "const": text }),
        // YAML gives `1.2` another type; for us it is text.
        Shape::Text => json!({ "type": ["string", "number", "boolean"] }),
        Shape::Header => header(),
        Shape::Integer { least, most } => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Shape::Size { least, most } => json!({ "anyOf": [
            { "type": "integer", "minimum": least, "maximum": most },
            { "type": "string", "pattern": format!("^{NUMBER}({})$", any_of(UNITS)) },
        ] }),
        Shape::Word(words) => json!({ "enum": words() }),
        Shape::PlainRate => plain_rate(),
        Shape::PlainQuota => plain_quota(),
        Shape::Rate(table) => json!({ "anyOf": [plain_rate(), map_only(table)] }),
        Shape::Quota(table) => json!({ "anyOf": [plain_quota(), map_only(table)] }),
        Shape::Name(_) => name(),
        Shape::ListOf(_) => list_of_names(),
        Shape::Grants(_, table) => json!({ "type": "array", "items": { "anyOf": [name(), map_only(table)] } }),
        Shape::Texts => json!({ "type": "array", "items": text() }),
        Shape::Literal | Shape::Regex => text(),
        Shape::Set => json!({ "enum": sets::names().collect::<Vec<_>>() }),
        Shape::Pointer => json!({ "type": "string", "pattern": "^(/([^~/]|~[01])*)+$" }),
        Shape::Patterns(table) => json!({ "type": "array", "items": { "anyOf": [text(), pattern(table)] } }),
        Shape::Schema => json_schema(),
        Shape::File => json!({ "type": "string", "minLength": 1 }),
        Shape::Schemas => named(Names::Schemas, &json_schema()),
        Shape::Sources(table) => {
            let source = exactly_one_key(table);
            json!({ "anyOf": [source, { "type": "array", "minItems": 1, "items": source }] })
        }
        Shape::Provider => json!({ "type": ["string", "number", "boolean"], "minLength": 1, "maxLength": 256 }),
        Shape::Claim => json!({ "type": ["string", "number", "boolean"], "pattern": "^([^/]|(/([^~/]|~[01])+)+$)" }),
        Shape::ScopePrefix => {
            json!({ "type": ["string", "number", "boolean"], "pattern": "^[!#-\\[\\]-~]*$", "maxLength": 256 })
        }
        Shape::Object(table) => object(table),
        Shape::Named(names, table) => named(names, &object(table)),
        Shape::Resources(table) => json!({ "type": "array", "items": map_only(table) }),
        // How they are written is left to `check`.
        Shape::Written(_) => json!({ "type": "string" }),
        Shape::WrittenList(_) => json!({ "type": "array", "items": { "type": "string" } }),
        Shape::WrittenPairs(..) => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        Shape::Keyed(_, table) => json!({ "type": "object", "additionalProperties": object(table) }),
        Shape::NamedLists(names, _) => named(names, &list_of_names()),
    }
}

/// Digits without a leading zero.
const NUMBER: &str = "(0|[1-9][0-9]*)";

fn plain_rate() -> Value {
    json!({ "type": "string", "pattern": format!("^(unlimited|{NUMBER}/({}))$", any_of(PERIODS)) })
}

fn plain_quota() -> Value {
    json!({ "type": "string", "pattern": format!("^(unlimited|{NUMBER}/({}))$", any_of(WINDOWS)) })
}

fn any_of<T>(words: &[(&str, T)]) -> String {
    words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join("|")
}

/// Where the mapping is one of two ways to write a value, nothing is not an empty mapping.
fn map_only(table: &Table) -> Value {
    let mut map = object(table);
    if let Value::Object(map) = &mut map {
        map.insert("type".to_owned(), json!("object"));
    }
    map
}

/// A text that is not empty, and may look like something else to YAML.
fn text() -> Value {
    json!({ "type": ["string", "number", "boolean", "null"], "minLength": 1 })
}

/// A mapping with exactly one of the keys that say what the pattern is.
fn pattern(table: &Table) -> Value {
    let alternatives = table.keys.iter().filter(|key| is_alternative(key));
    let alternatives: Vec<Value> = alternatives.map(|key| json!({ "required": [key.name] })).collect();
    let mut map = map_only(table);
    if let Value::Object(map) = &mut map {
        map.insert("oneOf".to_owned(), Value::Array(alternatives));
    }
    map
}

fn exactly_one_key(table: &Table) -> Value {
    let alternatives: Vec<Value> = table.keys.iter().map(|key| json!({ "required": [key.name] })).collect();
    let mut map = map_only(table);
    if let Value::Object(map) = &mut map {
        map.insert("oneOf".to_owned(), Value::Array(alternatives));
    }
    map
}

/// What a schema says is checked by `check`, in its own dialect.
fn json_schema() -> Value {
    json!({ "type": ["object", "boolean"] })
}

/// A name may look like a number to YAML.
fn name() -> Value {
    json!({ "type": ["string", "number", "boolean", "null"] })
}

fn list_of_names() -> Value {
    json!({ "type": "array", "items": name() })
}

fn named(names: Names, value: &Value) -> Value {
    let signs = names.signs().replace('-', "");
    json!({
        "type": ["object", "null"],
        "propertyNames": {
            "pattern": format!("^[A-Za-z0-9{signs}-]+$"),
            "maxLength": MAX_NAME_BYTES,
            "not": { "enum": [".", "..", UNKNOWN] },
        },
        "additionalProperties": value,
    })
}

fn header() -> Value {
    json!({
        "type": ["string", "number"],
        "pattern": "^[a-z0-9-]+$",
        "maxLength": MAX_NAME_BYTES,
        "not": { "anyOf": [
            { "enum": RESERVED },
            { "type": "string", "pattern": format!("^({})", RESERVED_PREFIXES.join("|")) },
        ] },
    })
}
