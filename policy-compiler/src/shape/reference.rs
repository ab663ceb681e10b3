//! The reference of all keys, as Markdown for `docs/policy.md`.
//!
//! In: the tables. Out: one section for each mapping.
//! Explains single keys; the prose around it is written by hand.

use super::{FILE, Shape, Table, VALUES};
use crate::sets;

/// One Markdown section with a table for each mapping of the language.
pub fn reference() -> String {
    sections(&FILE)
}

/// The same for the values that `render` takes.
pub fn values_reference() -> String {
    sections(&VALUES)
}

fn sections(root: &'static Table) -> String {
    let mut tables = Vec::new();
    collect(root, &mut tables);
    tables.iter().map(|table| section(table)).collect::<Vec<_>>().join("\n")
}

/// Tables in the order in which a reader meets them, each once.
fn collect(table: &'static Table, tables: &mut Vec<&'static Table>) {
    if tables.iter().any(|known| known.title == table.title) {
        return;
    }
    tables.push(table);
    for key in table.keys {
        match key.shape {
            Shape::Object(inner)
            | Shape::Sources(inner)
            | Shape::Named(_, inner)
            | Shape::Keyed(_, inner)
            | Shape::Rate(inner)
            | Shape::Quota(inner)
            | Shape::Patterns(inner)
            | Shape::Resources(inner)
            | Shape::Grants(_, inner) => collect(inner, tables),
            Shape::Exactly(_)
            | Shape::Text
            | Shape::Header
            | Shape::Integer { .. }
            | Shape::Size { .. }
            | Shape::Word(_)
            | Shape::PlainRate
            | Shape::PlainQuota
            | Shape::Name(_)
            | Shape::ListOf(_)
            | Shape::Texts
            | Shape::Literal
            | Shape::Regex
            | Shape::Set
            | Shape::Pointer
            | Shape::Provider
            | Shape::Claim
            | Shape::ScopePrefix
            | Shape::Schema
            | Shape::File
            | Shape::Schemas
            | Shape::NamedLists(..)
            | Shape::Written(_)
            | Shape::WrittenList(_)
            | Shape::WrittenPairs(..) => {}
        }
    }
}

fn section(table: &Table) -> String {
    let mut text = format!("### {}\n\n| key | takes | |\n| --- | --- | --- |\n", table.title);
    for key in table.keys {
        let required = if key.required { "Required. " } else { "" };
        text.push_str(&format!("| `{}` | {} | {required}{} |\n", key.name, takes(key.shape), key.about));
    }
    text
}

fn takes(shape: Shape) -> String {
    match shape {
        Shape::Exactly(text) => format!("`{text}`"),
        Shape::Text => "text".to_owned(),
        Shape::Header => "name of a header".to_owned(),
        Shape::Integer { least, most } => format!("{least} to {most}"),
        Shape::Size { least, most } => format!("size, {least} to {most} bytes"),
        Shape::Word(words) => words().iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Shape::PlainRate => "rate".to_owned(),
        Shape::PlainQuota => "quota".to_owned(),
        Shape::Rate(_) => "rate, or a mapping".to_owned(),
        Shape::Quota(_) => "quota, or a mapping".to_owned(),
        Shape::Name(names) => names.one().to_owned(),
        Shape::Grants(names, _) => format!("list of {}s and mappings", names.one()),
        Shape::ListOf(names) => format!("list of {}s", names.one()),
        Shape::Texts => "list of texts".to_owned(),
        Shape::Literal => "text".to_owned(),
        Shape::Regex => "regular expression".to_owned(),
        Shape::Set => sets::names().map(|name| format!("[`{name}`](sets/{name}.md)")).collect::<Vec<_>>().join(", "),
        Shape::Pointer => "JSON Pointer".to_owned(),
        Shape::Patterns(_) => "list of texts and mappings".to_owned(),
        Shape::Schema => "JSON Schema".to_owned(),
        Shape::File => "path".to_owned(),
        Shape::Schemas => "mapping from names to JSON Schemas".to_owned(),
        Shape::Sources(_) => "mapping, or a list of mappings".to_owned(),
        Shape::Provider => "name of a provider".to_owned(),
        Shape::Claim => "name of a claim, or JSON Pointer".to_owned(),
        Shape::ScopePrefix => "text".to_owned(),
        Shape::Object(_) => "mapping".to_owned(),
        Shape::Named(names, _) => format!("mapping, by {}", names.one()),
        Shape::Written(form) => form.what.to_owned(),
        Shape::WrittenList(form) => format!("list, each {}", form.what),
        Shape::WrittenPairs(key, value) => format!("mapping from {} to {}", key.what, value.what),
        Shape::Resources(_) => "list of mappings".to_owned(),
        Shape::Keyed(form, _) => format!("mapping, by {}", form.what),
        Shape::NamedLists(names, of) => format!("mapping from {}s to lists of {}s", names.one(), of.one()),
    }
}
