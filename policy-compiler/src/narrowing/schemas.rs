//! What can be said of schemas by their text alone.
//!
//! In: schemas as they were written. Out: whether one says as much as another, or nothing.
//! Follows no reference: where one could matter, it says that it does not know.

use crate::{file::SchemaSource, files::ReadFile, schema::Json};
use std::collections::HashMap;

/// The schema files that were read, by their paths from the policy's folder on.
#[derive(Default)]
pub(super) struct Readable(HashMap<String, Json>);

impl Readable {
    /// `policy` is what findings call the policy: files are called by what it has before its last `/`, and their path.
    pub(super) fn of(policy: &str, files: &[ReadFile]) -> Self {
        let folder = policy.rfind(['/', '\\']).and_then(|at| policy.get(..=at)).unwrap_or_default();
        let read = |file: &ReadFile| {
            let path = file.name.strip_prefix(folder)?;
            Some((path.to_owned(), Json::read(&file.bytes).ok()?))
        };
        Self(files.iter().filter_map(read).collect())
    }

    /// What a schema says. Nothing for a file that is called by another path than it was read by.
    pub(super) fn json<'f>(&'f self, schema: &'f SchemaSource) -> Option<&'f Json> {
        match schema {
            SchemaSource::Inline(inline) => Some(&inline.json),
            SchemaSource::File(path) => self.0.get(path),
        }
    }
}

/// Keywords that hold no value to anything.
const SILENT: &[&str] = &["$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "examples"];

/// Whether values that hold to the one certainly hold to the other.
pub(super) fn implies(schema: &SchemaSource, other: &SchemaSource) -> bool {
    match (schema, other) {
        // Whatever is the same text refers to the same.
        (SchemaSource::Inline(schema), SchemaSource::Inline(other)) => schema.json == other.json,
        (SchemaSource::File(path), SchemaSource::File(other)) => path == other,
        (SchemaSource::Inline(_), SchemaSource::File(_)) | (SchemaSource::File(_), SchemaSource::Inline(_)) => false,
    }
}

/// Whether it certainly holds for every value.
pub(super) fn holds_always(schema: &SchemaSource) -> bool {
    let SchemaSource::Inline(schema) = schema else { return false };
    match &schema.json {
        Json::Boolean(holds) => *holds,
        Json::Object(members) => members.iter().all(|(name, _)| SILENT.contains(&name.as_str())),
        Json::Null | Json::Number(_) | Json::String(_) | Json::Array(_) => false,
    }
}
