//! What the header of a request says, read without guessing.
//!
//! In: header fields as bytes. Out: the agent's id, the tool's name, what the body claims to be.
//! Knows nothing of which agents and tools are declared.

use crate::{bundle::GLOBAL_PREFIX, denial::Reason, names};

/// Header fields in the order they came, names in lower case as Envoy has them, pseudo-header fields too.
pub struct Head<'a, B = Vec<u8>> {
    /// Names and values.
    pub fields: &'a [(B, B)],
}

impl<B> Clone for Head<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B> Copy for Head<'_, B> {}

/// How often a field stands in a request.
pub(crate) enum Field<'a> {
    Absent,
    Once(&'a [u8]),
    Often,
}

/// A field stands in a request twice, or by a name that only a server which reads `_` as `-` takes for it.
pub(crate) struct Repeated;

/// Header fields by which some servers are told another method or path than the one that was judged.
///
/// The first two are ours, by which a tool is told who calls.
const OVERRIDES: [&str; 8] = [
    "x-forwarded-agent",
    "x-forwarded-agent-user",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-method",
    "x-original-url",
    "x-rewrite-url",
];

impl<'a, B: AsRef<[u8]>> Head<'a, B> {
    #[inline(never)]
    pub(crate) fn field(self, name: &str) -> Field<'a> {
        let mut values = self.fields.iter().filter(|(other, _)| other.as_ref().eq_ignore_ascii_case(name.as_bytes()));
        match (values.next(), values.next()) {
            (None, _) => Field::Absent,
            (Some((_, value)), None) => Field::Once(value.as_ref()),
            (Some(_), Some(_)) => Field::Often,
        }
    }

    /// The value of a field that stands there once at most, and by no other name that a server takes for it.
    #[inline(never)]
    pub(crate) fn sole(self, name: &str) -> Result<Option<&'a [u8]>, Repeated> {
        let mut found = None;
        for (other, value) in self.fields {
            let other = other.as_ref();
            if is_same(other, name) {
                let is_exact = other.eq_ignore_ascii_case(name.as_bytes());
                if !is_exact || found.replace(value.as_ref()).is_some() {
                    return Err(Repeated);
                }
            }
        }
        Ok(found)
    }

    /// The agent's id that a field of this name holds; nothing if there is no such field.
    pub fn identity(self, header: &str) -> Result<Option<&'a str>, Reason> {
        match self.sole(header) {
            Ok(None) => Ok(None),
            Ok(Some(id)) => names::agent_id(id).map(Some).map_err(|_| Reason::IdentityMalformed),
            Err(Repeated) => Err(Reason::IdentityAmbiguous),
        }
    }

    /// Whether a bearer token was sent (RFC 6750), wherever in `authorization` it stands and however it is spelt:
    /// Envoy joins several fields with `,`, and its JWT filter looks for `Bearer ` anywhere in them.
    pub fn has_bearer_token(self) -> bool {
        let fields = self.fields.iter().filter(|(name, _)| name.as_ref().eq_ignore_ascii_case(b"authorization"));
        let mut words = fields.flat_map(|(_, value)| value.as_ref().split(|byte| !byte.is_ascii_alphanumeric()));
        words.any(|word| word.eq_ignore_ascii_case(b"bearer"))
    }

    /// The bytes between `/tools/` and the end of the path or its query. Nothing is decoded:
    /// no declared name has a character that needs it, so whatever is written otherwise is not found.
    pub fn tool(self) -> Option<&'a [u8]> {
        self.path().0.strip_prefix(b"/tools/")
    }

    /// Whether the path has a query, even an empty one.
    pub fn has_query(self) -> bool {
        self.path().1
    }

    /// The path without its query.
    pub(crate) fn called_path(self) -> &'a [u8] {
        self.path().0
    }

    /// The host that is called, and its port if that was said; nothing if it was said twice.
    pub(crate) fn authority(self) -> &'a [u8] {
        match self.field(":authority") {
            Field::Once(authority) => authority,
            Field::Absent | Field::Often => b"",
        }
    }

    fn path(self) -> (&'a [u8], bool) {
        let Field::Once(path) = self.field(":path") else {
            return (b"", false);
        };
        match path.iter().position(|&byte| byte == b'?' || byte == b'#') {
            Some(end) => (path.get(..end).unwrap_or_default(), true),
            None => (path, false),
        }
    }

    /// Refuses any method but POST.
    pub fn require_post(self) -> Result<(), Reason> {
        match self.field(":method") {
            Field::Once(b"POST") => Ok(()),
            _ => Err(Reason::MethodNotAllowed),
        }
    }

    /// Refuses any body but one `application/json` in UTF-8 that is not compressed.
    pub fn require_plain_json(self) -> Result<(), Reason> {
        match self.field("content-type") {
            Field::Once(value) if is_json(value) => {}
            _ => return Err(Reason::MediaTypeUnsupported),
        }
        match self.field("content-encoding") {
            Field::Absent => Ok(()),
            Field::Once(value) if value.eq_ignore_ascii_case(b"identity") => Ok(()),
            _ => Err(Reason::ContentEncodingUnsupported),
        }
    }

    /// The length that the request claims for its body. Envoy refused what is no number.
    pub fn content_length(self) -> Option<u64> {
        match self.field("content-length") {
            Field::Once(value) => std::str::from_utf8(value).ok()?.parse().ok(),
            _ => None,
        }
    }

    /// The request's id, if it is short and visible ASCII.
    pub fn request_id(self) -> Option<&'a str> {
        match self.field("x-request-id") {
            Field::Once(id) if id.len() <= names::MAX_NAME_BYTES && id.iter().all(u8::is_ascii_graphic) => {
                std::str::from_utf8(id).ok()
            }
            _ => None,
        }
    }

    /// Names of the fields that must not reach a tool as the client sent them.
    pub fn untrusted(self) -> impl Iterator<Item = &'a [u8]> {
        self.fields.iter().map(|(name, _)| name.as_ref()).filter(|name| is_untrusted(name))
    }
}

/// Whether a field, of the header or the trailers, must not reach a tool as the client sent it.
pub fn is_untrusted(name: &[u8]) -> bool {
    let is_counted_by = name.get(..GLOBAL_PREFIX.len()).is_some_and(|start| is_same(start, GLOBAL_PREFIX));
    is_counted_by || OVERRIDES.iter().any(|field| is_same(name, field))
}

/// The same name when `_` is read as `-`.
fn is_same(name: &[u8], field: &str) -> bool {
    let plain = |byte: &u8| {
        if *byte == b'_' { b'-' } else { byte.to_ascii_lowercase() }
    };
    name.len() == field.len() && name.iter().map(plain).eq(field.as_bytes().iter().map(plain))
}

/// `application/json`, alone or with `charset=utf-8` (RFC 9110, section 8.3.1).
fn is_json(value: &[u8]) -> bool {
    let mut parts = value.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
    let media_type = parts.next().unwrap_or_default();
    let charset = parts.next().is_none_or(|parameter| {
        parameter.eq_ignore_ascii_case(b"charset=utf-8") || parameter.eq_ignore_ascii_case(b"charset=\"utf-8\"")
    });
    media_type.eq_ignore_ascii_case(b"application/json") && charset && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn fields(list: &[(&str, &str)]) -> Vec<(Vec<u8>, Vec<u8>)> {
        list.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
    }

    fn agent(list: &[(&str, &str)]) -> Result<Option<String>, Reason> {
        Head { fields: &fields(list) }.identity("x-agent-id").map(|id| id.map(str::to_owned))
    }

    #[test]
    fn a_bearer_token_is_seen_however_it_is_sent() {
        let sent = |list: &[(&str, &str)]| Head { fields: &fields(list) }.has_bearer_token();
        for value in ["Bearer x", "bearer x", "BEARER\tx", "Bearer", "Basic eDp5,Bearer x", "Basic eDp5, bearer x"] {
            assert!(sent(&[("authorization", value)]), "{value}");
            assert!(sent(&[("authorization", "Basic eDp5"), ("Authorization", value)]), "{value}");
        }
        for value in ["", "Basic YmVhcmVy", "Bearers x"] {
            assert!(!sent(&[("authorization", value)]), "{value}");
        }
        assert!(!sent(&[("x-authorization", "Bearer x")]));
    }

    #[test]
    fn an_identity_stands_once_and_is_well_formed() {
        assert_eq!(agent(&[("x-agent-id", "a")]), Ok(Some("a".to_owned())));
        assert_eq!(agent(&[]), Ok(None));
        assert_eq!(agent(&[("x-agent-id", "")]), Err(Reason::IdentityMalformed));
        assert_eq!(agent(&[("x-agent-id", "a, b")]), Err(Reason::IdentityMalformed));
        assert_eq!(agent(&[("x-agent-id", "a"), ("x-agent-id", "a")]), Err(Reason::IdentityAmbiguous));
        assert_eq!(agent(&[("x-agent-id", "a"), ("x_agent_id", "b")]), Err(Reason::IdentityAmbiguous));
        assert_eq!(agent(&[("x-agent_id", "b")]), Err(Reason::IdentityAmbiguous));
        let underscored =
            |name: &str| Head { fields: &fields(&[(name, "a")]) }.identity("x_agent_id").map(|id| id.is_some());
        assert_eq!(underscored("X_Agent_Id"), Ok(true));
        assert_eq!(underscored("x-agent-id"), Err(Reason::IdentityAmbiguous));
    }

    fn tool(path: &str) -> Option<String> {
        let fields = fields(&[(":path", path)]);
        Head { fields: &fields }.tool().map(|tool| String::from_utf8_lossy(tool).into_owned())
    }

    #[test]
    fn a_path_is_taken_as_it_is_written() {
        assert_eq!(tool("/tools/search"), Some("search".to_owned()));
        assert_eq!(tool("/tools/search?x"), Some("search".to_owned()));
        assert_eq!(tool("/tools/a%2fb"), Some("a%2fb".to_owned()));
        assert_eq!(tool("//tools/search"), None);
        assert_eq!(tool("/Tools/search"), None);
        assert_eq!(tool("/tools"), None);
    }

    #[test]
    fn only_one_plain_json_is_a_body() {
        let body = |list: &[(&str, &str)]| Head { fields: &fields(list) }.require_plain_json();
        for good in ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""] {
            assert_eq!(body(&[("content-type", good)]), Ok(()), "{good}");
        }
        for bad in [
            "",
            "text/plain",
            "application/jsonx",
            "application/json; charset=utf-16",
            "application/json, text/plain",
            "application/json; a=b",
            "application/json; charset=utf-8; charset=utf-16",
            "application/json;",
        ] {
            assert_eq!(body(&[("content-type", bad)]), Err(Reason::MediaTypeUnsupported), "{bad}");
        }
        assert_eq!(body(&[]), Err(Reason::MediaTypeUnsupported));
        let json = ("content-type", "application/json");
        assert_eq!(body(&[json, json]), Err(Reason::MediaTypeUnsupported));
        assert_eq!(body(&[json, ("content-encoding", "identity")]), Ok(()));
        for bad in ["gzip", "br", "identity, gzip", ""] {
            assert_eq!(body(&[json, ("content-encoding", bad)]), Err(Reason::ContentEncodingUnsupported), "{bad}");
        }
    }

    #[test]
    fn every_spelling_of_a_trusted_field_is_untrusted() {
        for name in [
            "x-forwarded-agent",
            "x_forwarded_agent",
            "X-Forwarded_Agent",
            "x_forwarded-agent_user",
            "x-http-method-override",
            "x_original_url",
            "x-toolgate-tool-5-day",
            "X_Toolgate-anything",
            "x-toolgate-",
        ] {
            assert!(is_untrusted(name.as_bytes()), "{name}");
        }
        assert!(!is_untrusted(b"x-forwarded-agents"));
        assert!(!is_untrusted(b"x-forwarded-for"));
        assert!(!is_untrusted(b"x-toolgate") && !is_untrusted(b"x-tool-gate-a"));
    }

    #[test]
    fn a_request_id_is_short_and_visible() {
        let id = |value: &str| Head { fields: &fields(&[("x-request-id", value)]) }.request_id().map(str::to_owned);
        assert_eq!(id("abc-1"), Some("abc-1".to_owned()));
        assert_eq!(id("a b"), None);
        assert_eq!(id(&"x".repeat(129)), None);
    }
}
