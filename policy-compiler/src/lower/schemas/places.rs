//! Where a pointer leads: a span in the policy's YAML, or in the bytes of a JSON file.
//!
//! In: a node or bytes, and an RFC 6901 pointer. Out: the span of the value, or of the key that it stands under.
//! A mapping that runs over many lines is named by its key.

use crate::{
    schema::MAX_DEPTH,
    source::{Kind, Node, Span},
};
use toolgate_engine::json::{Bounds, Document, Kind as JsonKind, Numbers, Value};

/// The tokens of a pointer, unescaped.
fn tokens(pointer: &str) -> impl Iterator<Item = String> {
    pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~"))
}

/// The place in a tree; as far as the pointer leads, if it leads nowhere.
pub(super) fn in_yaml(root: &Node, pointer: &str, of_key: bool) -> Span {
    let (mut node, mut key) = (root, None);
    for token in tokens(pointer) {
        let next = match &node.kind {
            Kind::Map(entries) => {
                entries.iter().find(|entry| entry.name == token).map(|entry| (&entry.value, Some(entry.key)))
            }
            Kind::List(items) => token.parse().ok().and_then(|at: usize| items.get(at)).map(|item| (item, None)),
            Kind::Scalar { .. } | Kind::Refused => None,
        };
        let Some(next) = next else { break };
        (node, key) = next;
    }
    let is_long = matches!(node.kind, Kind::Map(_));
    key.filter(|_| of_key || is_long).unwrap_or(node.span)
}

/// The place in a text; nothing if the text is no JSON, or the pointer leads nowhere.
pub(super) fn in_json(bytes: &[u8], pointer: &str, of_key: bool) -> Option<Span> {
    let bounds = Bounds { depth: MAX_DEPTH, values: usize::MAX, numbers: Numbers::Any };
    let document = Document::read(bytes, bounds).ok()?;
    let (mut value, mut key) = (document.root(), None);
    for token in tokens(pointer) {
        (value, key) = match value.kind() {
            JsonKind::Object => {
                let (key, value) = value.entries().find(|(key, _)| key.as_str() == Some(token.as_str()))?;
                (value, Some(key))
            }
            _ => (value.child(&token)?, None),
        };
    }
    let is_long = matches!(value.kind(), JsonKind::Object);
    span(bytes, key.filter(|_| of_key || is_long).unwrap_or(value))
}

/// A value borrows its text from the bytes, so that its address says where it stands.
fn span(bytes: &[u8], value: Value<'_>) -> Option<Span> {
    let raw = value.raw();
    let start = raw.as_ptr().addr().checked_sub(bytes.as_ptr().addr())?;
    let end = start.checked_add(raw.len())?;
    let quotes = usize::from(matches!(value.kind(), JsonKind::PlainString | JsonKind::EscapedString));
    Some(Span { start: start.checked_sub(quotes)?, end: end.checked_add(quotes)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown<'t>(text: &'t str, pointer: &str, of_key: bool) -> Option<&'t str> {
        let span = in_json(text.as_bytes(), pointer, of_key)?;
        text.get(span.start..span.end)
    }

    #[test]
    fn a_pointer_leads_to_a_value_or_its_key() {
        let text = r#"{"a": [1, {"b/c": "x\n", "d": {"e": true}}]}"#;
        assert_eq!(shown(text, "/a/1/b~1c", false), Some(r#""x\n""#));
        assert_eq!(shown(text, "/a/1/b~1c", true), Some(r#""b/c""#));
        assert_eq!(shown(text, "/a/1/d", false), Some(r#""d""#));
        assert_eq!(shown(text, "/a/0", true), Some("1"));
        assert_eq!(shown(text, "", false), Some(text));
        assert_eq!(shown(text, "/a/7", false), None);
    }
}
