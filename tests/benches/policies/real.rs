//! A policy whose tools have schemas as tools of the Model Context Protocol have them.
//!
//! In: how many tools. Out: YAML, the same each time, in which no two tools have the same schema.
//! Each schema has eight to fifteen properties with descriptions, among them enumerations, nested objects, lists of
//! objects, formats and patterns; each tool blocks a set, a literal and an expression of its own.

use crate::sample::HEAD;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

#[rustfmt::skip]
const NOUNS: [&str; 40] = [
    "repository", "issue", "branch", "commit", "label", "milestone", "project", "team", "customer", "invoice", "order",
    "ticket", "message", "channel", "thread", "document", "folder", "table", "column", "query", "dashboard", "metric",
    "alert", "incident", "deployment", "environment", "service", "cluster", "namespace", "secret", "user", "group",
    "role", "calendar", "event", "contact", "campaign", "page", "workflow", "report",
];

#[rustfmt::skip]
const PARTS: [&str; 24] = [
    "id", "name", "title", "description", "owner", "state", "kind", "url", "email", "since", "until", "limit", "cursor",
    "order", "filter", "priority", "amount", "currency", "count", "path", "version", "language", "region", "color",
];

#[rustfmt::skip]
const STATES: [&str; 16] = [
    "open", "closed", "merged", "draft", "pending", "active", "paused", "archived", "low", "medium", "high", "critical",
    "ascending", "descending", "public", "private",
];

#[rustfmt::skip]
const PATTERNS: [&str; 8] = [
    "^[A-Z]{2,5}-[0-9]+$", "^[a-z0-9][a-z0-9-]{0,62}$", "^v?[0-9]+\\.[0-9]+\\.[0-9]+$", "^[A-Z]{3}$",
    "^#[0-9a-fA-F]{6}$", "^[0-9a-f]{40}$", "^/[A-Za-z0-9._/-]*$", "^[a-z]{2}(-[A-Z]{2})?$",
];

const FORMATS: [&str; 6] = ["date-time", "date", "email", "uri", "uuid", "hostname"];

const SETS: [&str; 5] = ["destructive-shell", "sql", "path-traversal", "ssrf", "secrets"];

/// Numbers that look random.
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % count
    }

    fn one_of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list.get(self.below(list.len())).copied().unwrap_or_default()
    }
}

/// Such a policy; its tools are named `tool-0` and so on.
pub fn policy(count: usize) -> String {
    let mut dice = Dice(4711);
    let mut policy = HEAD.to_owned();
    policy.push_str("tools:\n");
    for number in 0..count {
        let noun = dice.one_of(&NOUNS);
        let set = dice.one_of(&SETS);
        let schema = object(&mut dice, 8, 8, 2);
        // To write into a string cannot fail.
        let _ = write!(
            policy,
            "  tool-{number}:\n    agents: [dev-agent]\n    groups: [readers]\n    rate: 600/minute\n    arguments:\n      \
             max_string_length: 4000\n      blocked:\n      - {{set: {set}}}\n      - {noun}-{number}-internal\n      \
             - {{regex: '\\b{noun}:\\s*/(?:etc|root|var)/{number}\\b'}}\n      schema: {schema}\n"
        );
    }
    policy
}

/// An object with so many properties, some more, and so many levels below it.
fn object(dice: &mut Dice, least: usize, more: usize, levels: usize) -> Value {
    let mut properties = Map::new();
    let count = least + dice.below(more);
    while properties.len() < count {
        let (noun, part) = (dice.one_of(&NOUNS), dice.one_of(&PARTS));
        let name = if dice.below(3) == 0 { part.to_owned() } else { format!("{noun}_{part}") };
        let mut property = property(dice, part, levels);
        if let Some(object) = property.as_object_mut() {
            object.insert("description".to_owned(), json!(format!("The {part} of the {noun}, as the API returns it.")));
        }
        properties.insert(name, property);
    }
    let required: Vec<String> = properties.keys().filter(|_| dice.below(3) == 0).cloned().collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn property(dice: &mut Dice, part: &str, levels: usize) -> Value {
    match (part, dice.below(10)) {
        ("limit" | "count" | "amount" | "priority", _) => {
            json!({"type": "integer", "minimum": dice.below(2), "maximum": 10 * (1 + dice.below(100))})
        }
        ("url", _) => json!({"type": "string", "format": "uri", "maxLength": 2048}),
        (_, 0 | 1) if levels > 0 => object(dice, 2, 4, levels - 1),
        (_, 2) if levels > 0 => {
            json!({"type": "array", "items": object(dice, 2, 4, levels - 1), "maxItems": 1 + dice.below(100)})
        }
        (_, 3) => json!({"type": "array", "items": {"type": "string", "maxLength": 100}, "uniqueItems": true}),
        (_, 4) => {
            let mut states: Vec<&str> = (0..3 + dice.below(4)).map(|_| dice.one_of(&STATES)).collect();
            states.sort_unstable();
            states.dedup();
            json!({"type": "string", "enum": states})
        }
        (_, 5) => json!({"type": "string", "pattern": dice.one_of(&PATTERNS)}),
        (_, 6) => json!({"type": "string", "format": dice.one_of(&FORMATS)}),
        (_, 7) => json!({"type": "boolean", "default": false}),
        (_, 8) => json!({"type": ["string", "null"], "maxLength": 10 * (1 + dice.below(50))}),
        _ => json!({"type": "string", "minLength": 1, "maxLength": 50 * (1 + dice.below(80))}),
    }
}
