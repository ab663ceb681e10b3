//! The name that a client's certificate gives the agent.
//!
//! In: a name as Envoy reads it out of a certificate that it verified. Out: the agent's id.
//! Decodes no certificate: alternative names come as they are, a subject as text (RFC 4514).

use super::CertificateName;
use crate::{denial::Reason, names};

/// The agent's id; nothing if no certificate was presented.
pub(super) fn agent(kind: CertificateName, name: Option<&[u8]>) -> Result<Option<&str>, Reason> {
    let Some(name) = name else { return Ok(None) };
    let name = match kind {
        CertificateName::UriSan | CertificateName::DnsSan => name,
        CertificateName::Subject => common_name(name).ok_or(Reason::IdentityMalformed)?,
    };
    names::agent_id(name).map(Some).map_err(|_| Reason::IdentityMalformed)
}

/// The value of the only `CN` of a subject. Of two, nobody could say which one counts.
///
/// Escaped signs are stepped over, not decoded: no agent's id has one, so such a value is no id.
fn common_name(subject: &[u8]) -> Option<&[u8]> {
    let mut found = None;
    let mut rest = subject;
    while !rest.is_empty() {
        let end = attribute_end(rest);
        let (attribute, after) = rest.split_at_checked(end)?;
        if let Some(value) = attribute.strip_prefix(b"CN=")
            && found.replace(value).is_some()
        {
            return None;
        }
        rest = after.get(1..).unwrap_or_default();
    }
    found
}

/// Where the first attribute ends: at `,`, or at `+` between two of one part, unless a `\` stands before.
fn attribute_end(subject: &[u8]) -> usize {
    let mut escaped = false;
    for (at, byte) in subject.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b',' | b'+' => return at,
            _ => {}
        }
    }
    subject.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn of_subject(subject: &str) -> Result<Option<&str>, Reason> {
        agent(CertificateName::Subject, Some(subject.as_bytes()))
    }

    #[test]
    fn a_subject_names_the_agent_by_its_one_common_name() {
        assert_eq!(of_subject("CN=bot"), Ok(Some("bot")));
        assert_eq!(of_subject("CN=bot,OU=agents,O=Acme\\, Inc."), Ok(Some("bot")));
        assert_eq!(of_subject("O=Acme,CN=bot"), Ok(Some("bot")));
        assert_eq!(of_subject("OU=agents+CN=bot,O=Acme"), Ok(Some("bot")));
    }

    #[test]
    fn a_subject_that_could_be_read_in_two_ways_names_nobody() {
        for bad in [
            "",
            "O=Acme",
            "CN=",
            "CN=bot,CN=admin",
            "CN=bot+CN=bot",
            "CN=bot\\,CN\\=admin",
            "O=x\\,CN=admin",
            "CN=bot\\2CCN=admin",
            "CN=a b",
            "CN=bot\\",
            "CN=\"bot\"",
            "CN=#0c03626f74",
            "cn=bot",
            " CN=bot",
            "CN=bot ",
        ] {
            assert_eq!(of_subject(bad), Err(Reason::IdentityMalformed), "{bad}");
        }
    }

    #[test]
    fn alternative_names_are_taken_as_they_are() {
        let uri = |name: &'static str| agent(CertificateName::UriSan, Some(name.as_bytes()));
        assert_eq!(uri("spiffe://acme.org/ns/a/sa/b"), Ok(Some("spiffe://acme.org/ns/a/sa/b")));
        assert_eq!(uri(""), Err(Reason::IdentityMalformed));
        assert_eq!(agent(CertificateName::DnsSan, Some(b"*.acme.org")), Err(Reason::IdentityMalformed));
        assert_eq!(agent(CertificateName::DnsSan, None), Ok(None));
    }
}
