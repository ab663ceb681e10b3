//! MCP servers of a policy: where each is, what of the protocol passes, and who may read what.
//!
//! In: nothing. Out: the types of the packed form. The tools of a server stand among all tools, so that grants, limits and
//! checks are the same for both.

use super::{Grant, Ruled};
use crate::mcp::Version;
use serde::{Deserialize, Serialize};
use std::{string::String, vec::Vec};

/// A declared MCP server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Its name, the same letters as a group's.
    pub name: String,
    /// The exact path of its endpoint.
    pub path: String,
    /// The only host under which it is called, in lower case and without a port; nothing if under any.
    pub host: Option<String>,
    /// Versions of the protocol that are spoken with it.
    pub versions: Vec<Version>,
    /// Origins of web pages that may call it.
    pub origins: Vec<String>,
    /// Methods that pass besides those that all agents of the server may use.
    pub methods: Vec<Ruled<String>>,
    /// What becomes of a pinned tool whose definition is another one.
    pub changed: Consequence,
    /// What becomes of a tool of which the server says what is hidden, or reads like an order.
    pub suspicious: Ruled<Consequence>,
    /// The server itself: index into [`Bundle::rules`](super::Bundle::rules).
    pub rule: u32,
    /// Largest body of a message that is no call of a tool, in bytes.
    pub body_limit: Ruled<u32>,
    /// Checks of what clients fill in besides the arguments of tools, as indexes.
    pub checks: Vec<u32>,
    /// Resources that may be read.
    pub resources: Vec<Resource>,
    /// Prompts that may be fetched.
    pub prompts: Vec<Prompt>,
}

/// What becomes of a tool by what its server says of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Consequence {
    /// It is hidden, and its calls are refused.
    #[default]
    Hide,
    /// It is told of, and nothing else.
    Report,
}

/// An argument of a tool that clients mirror in a field of the header, `Mcp-Param-{suffix}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mirror {
    /// The end of the field's name; case does not matter.
    pub suffix: String,
    /// RFC 6901 pointer to the argument, through objects only.
    pub pointer: String,
}

/// A resource, or all that are below a URI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Which.
    pub uri: Uris,
    /// Who may read it; none of these grants has checks.
    pub grants: Vec<Grant>,
}

/// Which URIs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Uris {
    /// Exactly this one.
    One(String),
    /// All that begin so. It ends with `/` or `:`.
    Below(String),
}

/// A prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// Its name.
    pub name: String,
    /// Who may fetch it; none of these grants has checks.
    pub grants: Vec<Grant>,
}

impl Uris {
    /// Whether a resource of this URI is meant.
    pub fn holds(&self, uri: &str) -> bool {
        match self {
            Self::One(one) => one == uri,
            Self::Below(start) => uri.strip_prefix(start.as_str()).is_some_and(stays_below),
        }
    }
}

/// Whether the rest of a URI leads nowhere else, however a server reads it: it has no `.` or `..` between separators, and
/// none of the signs that make one is encoded.
fn stays_below(rest: &str) -> bool {
    let is_step = |segment: &str| matches!(segment, "." | "..");
    let has_code = |code: &str| rest.to_ascii_lowercase().contains(code);
    let has_steps = rest.split(['/', '\\', '?', '#', ';', ':']).any(is_step);
    !has_steps && !rest.contains(['\\', '\0']) && !["%2e", "%2f", "%5c", "%25", "%00"].into_iter().any(has_code)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_prefix_holds_for_what_stays_below_it() {
        let docs = Uris::Below("file:///docs/".to_owned());
        for good in
            ["file:///docs/a.md", "file:///docs/a/b", "file:///docs/", "file:///docs/..a/b%20c", "file:///docs/a?b=c"]
        {
            assert!(docs.holds(good), "{good}");
        }
        for bad in [
            "file:///docs",
            "file:///docs-secret/a",
            "FILE:///docs/a",
            "file:///docs/../a",
            "file:///docs/a/..",
            "file:///docs/./a",
            "file:///docs/a\\..\\..\\b",
            "file:///docs/%2e%2E/a",
            "file:///docs/..%2fa",
            "file:///docs/%252e%252e/a",
            "file:///docs/..;/a",
            "file:///docs/a\0",
        ] {
            assert!(!docs.holds(bad), "{bad}");
        }
    }

    #[test]
    fn a_uri_is_that_one_byte_for_byte() {
        let one = Uris::One("file:///a".to_owned());
        assert!(one.holds("file:///a"));
        assert!(!one.holds("file:///A") && !one.holds("file:///a/") && !one.holds("file:///a?b"));
    }
}
