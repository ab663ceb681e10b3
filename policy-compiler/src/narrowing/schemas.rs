//! What can be said of schemas by their text alone.
//!
//! In: schemas as they were written. Out: whether one says as much as another, or nothing.
//! Follows no reference: where one could matter, it says that it does not know.

use crate::{file::SchemaSource, schema::Json};

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
