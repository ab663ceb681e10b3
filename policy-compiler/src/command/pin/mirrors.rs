//! Which arguments a server wants mirrored in fields of the header, beside those that the policy compares.
//!
//! In: a tool as its list has it; the same tool in a policy. Out: what only one of them says. The filter goes by the policy:
//! a field of which it knows nothing goes on uncompared, and one that no client sends is missed.

use std::collections::BTreeMap;
use toolgate_engine::{bundle, json::Value, mcp::MIRRORED_BY, pointer::below};

/// The pointer to each argument, and the end of its field's name: in small letters, as fields are compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mirrors(BTreeMap<String, String>);

impl Mirrors {
    /// Those of a tool in a list. Only `properties` lead to them.
    pub(super) fn of_entry(tool: Value<'_>) -> Self {
        let mut found = Self::default();
        if let Some(schema) = tool.child("inputSchema") {
            found.take(schema, "");
        }
        found
    }

    fn take(&mut self, schema: Value<'_>, pointer: &str) {
        for (name, property) in schema.child("properties").into_iter().flat_map(Value::members) {
            let pointer = below(pointer, name);
            if let Some(suffix) = property.child(MIRRORED_BY).and_then(Value::as_str) {
                self.0.insert(pointer.clone(), suffix.to_ascii_lowercase());
            }
            self.take(property, &pointer);
        }
    }

    /// Those that the policy has for a tool.
    pub(super) fn of_policy(tool: &bundle::Tool) -> Self {
        let mirrors = tool.mirrors.iter().map(|mirror| &mirror.value);
        Self(mirrors.map(|mirror| (mirror.pointer.clone(), mirror.suffix.to_ascii_lowercase())).collect())
    }

    /// What the server says otherwise than the policy, in words that follow the tool's name.
    pub(super) fn beyond<'m>(&'m self, policy: &'m Self) -> impl Iterator<Item = String> + 'm {
        let of_server = self.0.iter().filter(|(pointer, suffix)| policy.0.get(*pointer) != Some(suffix));
        let of_policy = policy.0.iter().filter(|(pointer, suffix)| self.0.get(*pointer) != Some(suffix));
        let unknown = of_server.map(|(pointer, suffix)| {
            format!(
                "is called with `{}` in `Mcp-Param-{}`, which is not compared: say so in the policy's schema, by `x-mcp-header`",
                pointer.escape_debug(),
                suffix.escape_debug()
            )
        });
        unknown.chain(of_policy.map(|(pointer, suffix)| {
            format!("has no `Mcp-Param-{suffix}` for `{pointer}`: in 2026-07-28, the policy refuses calls without it")
        }))
    }
}
