//! Names of agents, tools and headers, checked once where they enter.
//!
//! In: bytes from a policy or a request. Out: a name, or why it is none.
//! Knows nothing of which names a policy declares.

use std::fmt;

/// The longest name of an agent or a tool, in bytes.
pub const MAX_NAME_BYTES: usize = 128;

/// The longest id of a user, in bytes; what OpenID Connect allows for `sub`.
pub const MAX_USER_BYTES: usize = 255;

/// What metrics say for an agent or a tool that the policy does not declare; no name may be this.
pub const UNKNOWN: &str = "unknown";

/// Why some bytes are not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidName {
    /// There is nothing.
    Empty,
    /// Longer than [`MAX_NAME_BYTES`].
    TooLong {
        /// Length in bytes.
        length: usize,
    },
    /// The byte at this offset may not stand in such a name.
    BadCharacter {
        /// Byte offset.
        at: usize,
    },
    /// `.`, `..` or `unknown`, which mean something else.
    Reserved,
}

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "the name is empty"),
            Self::TooLong { length } => {
                write!(f, "the name has {length} bytes, at most {MAX_NAME_BYTES} are allowed")
            }
            Self::BadCharacter { at } => write!(f, "the character at byte {at} is not allowed"),
            Self::Reserved => write!(f, "the name is reserved"),
        }
    }
}

/// Checks the name of a tool: `[A-Za-z0-9_.-]{1,128}`, as MCP recommends for tool names.
///
/// A tool's name is a path segment, so `.` and `..` are none.
pub fn tool_name(bytes: &[u8]) -> Result<&str, InvalidName> {
    checked(bytes, |byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

/// Checks the id of an agent: `[A-Za-z0-9._:/@+=-]{1,128}`, wide enough for SPIFFE ids and e-mail addresses.
pub fn agent_id(bytes: &[u8]) -> Result<&str, InvalidName> {
    checked(bytes, |byte| byte.is_ascii_alphanumeric() || b"._:/@+=-".contains(&byte))
}

/// Checks the name of a group: the same letters as a tool's.
pub fn group_name(bytes: &[u8]) -> Result<&str, InvalidName> {
    tool_name(bytes)
}

/// Checks the name of a request header that carries an identity: lower-case letters, digits and hyphens.
///
/// Underscores are refused, since many servers read `x_a` as `x-a` (RFC 9110 allows more than this).
pub fn header_name(bytes: &[u8]) -> Result<&str, InvalidName> {
    checked(bytes, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Checks the end of a header field's name: a token of RFC 9110, at most [`MAX_NAME_BYTES`] long.
pub fn field_suffix(bytes: &[u8]) -> Result<&str, InvalidName> {
    within(MAX_NAME_BYTES, bytes, |byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Checks the id of a user: visible ASCII, as OpenID Connect has it, without the signs that would make a list,
/// a parameter or a quoted text of it when it stands in a header.
pub fn user_id(bytes: &[u8]) -> Result<&str, InvalidName> {
    within(MAX_USER_BYTES, bytes, |byte| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte))
}

/// Checks the path of a server: segments of letters that no proxy writes otherwise, not below `/tools/`.
pub fn is_server_path(path: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte);
    let is_segment =
        |segment: &str| !segment.is_empty() && !matches!(segment, "." | "..") && segment.bytes().all(is_plain);
    let Some(rest) = path.strip_prefix('/') else { return false };
    let segments = rest.strip_suffix('/').unwrap_or(rest);
    path.len() <= MAX_PATH_BYTES && segments.split('/').all(is_segment) && segments.split('/').next() != Some("tools")
}

/// The longest path of a server, in bytes.
const MAX_PATH_BYTES: usize = 512;

/// Checks a host: a name of DNS or an IPv4 address, in lower case, without a port.
pub fn is_host(host: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(is_plain);
    host.len() <= 253 && host.split('.').all(is_label)
}

fn within(most: usize, bytes: &[u8], allowed: fn(u8) -> bool) -> Result<&str, InvalidName> {
    if bytes.is_empty() {
        return Err(InvalidName::Empty);
    }
    if bytes.len() > most {
        return Err(InvalidName::TooLong { length: bytes.len() });
    }
    if let Some(at) = bytes.iter().position(|&byte| !allowed(byte)) {
        return Err(InvalidName::BadCharacter { at });
    }
    // All allowed bytes are ASCII, so this cannot fail; the error arm keeps it total.
    std::str::from_utf8(bytes).map_err(|_| InvalidName::BadCharacter { at: 0 })
}

fn checked(bytes: &[u8], allowed: fn(u8) -> bool) -> Result<&str, InvalidName> {
    let name = within(MAX_NAME_BYTES, bytes, allowed)?;
    if matches!(name, "." | ".." | UNKNOWN) {
        return Err(InvalidName::Reserved);
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn names_of_the_field_are_names() {
        assert_eq!(tool_name(b"github.create_issue-2"), Ok("github.create_issue-2"));
        assert_eq!(agent_id(b"spiffe://acme.org/ns/a/sa/b"), Ok("spiffe://acme.org/ns/a/sa/b"));
        assert_eq!(header_name(b"x-agent-id"), Ok("x-agent-id"));
    }

    #[test]
    fn a_user_may_be_called_what_an_issuer_calls_it() {
        for good in ["auth0|5f7c8ec7c33c6c004bbafe82", "alice@acme.org", "f:1a2b:alice", "00u1a2B3", "unknown"] {
            assert_eq!(user_id(good.as_bytes()), Ok(good));
        }
        for bad in ["", "a b", "a,b", "a;b", "\"a\"", "a\\b", "a\r\nx-forwarded-agent: b", "\u{e4}", &"x".repeat(256)] {
            assert!(user_id(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_end_of_a_fields_name_is_a_token() {
        for good in ["Region", "x", "tenant_id", "!#$%&'*+-.^_`|~", "unknown", &"x".repeat(128)] {
            assert_eq!(field_suffix(good.as_bytes()), Ok(good));
        }
        for bad in ["", "a b", "a:b", "a\r\nb", "R\u{e9}gion", "a\tb", "\"a\"", "a/b", "a,b", "a\0", &"x".repeat(129)] {
            assert!(field_suffix(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_path_of_a_server_is_written_in_one_way_only() {
        for good in ["/mcp", "/mcp/github", "/mcp/", "/a/b.c_d~e-1", "/toolsets/mcp"] {
            assert!(is_server_path(good), "{good}");
        }
        for bad in
            ["", "/", "mcp", "//mcp", "/mcp//", "/a/../b", "/./a", "/tools", "/tools/a", "/a?b", "/a#b", "/a%2fb", "/ä"]
        {
            assert!(!is_server_path(bad), "{bad}");
        }
        assert!(is_host("mcp.acme.org") && is_host("127.0.0.1") && is_host("localhost"));
        for bad in ["", "MCP.acme.org", "a:80", "a.", ".a", "[::1]", "a_b", "*.a"] {
            assert!(!is_host(bad), "{bad}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_no_name() {
        assert_eq!(tool_name(b""), Err(InvalidName::Empty));
        assert_eq!(tool_name(b".."), Err(InvalidName::Reserved));
        assert_eq!(tool_name(b"unknown"), Err(InvalidName::Reserved));
        assert_eq!(tool_name(b"a%2fb"), Err(InvalidName::BadCharacter { at: 1 }));
        assert_eq!(tool_name("sеarch".as_bytes()), Err(InvalidName::BadCharacter { at: 1 }));
        assert_eq!(agent_id(b"a b"), Err(InvalidName::BadCharacter { at: 1 }));
        assert_eq!(agent_id(b"a\xff"), Err(InvalidName::BadCharacter { at: 1 }));
        assert_eq!(header_name(b"x_agent_id"), Err(InvalidName::BadCharacter { at: 1 }));
        assert_eq!(agent_id(&[b'a'; 129]), Err(InvalidName::TooLong { length: 129 }));
    }
}
