//! Where the agent's id comes from, as `inspect` tells it.
//!
//! In: the sources of a bundle. Out: one [`Source`] for each, in words of the policy language.

use serde::Serialize;
use std::fmt;
use toolgate_engine::bundle::{CertificateName, Claim, IdentitySource, TokenSource};

/// One source; claims are RFC 6901 pointers.
#[derive(Debug, Serialize)]
pub(super) struct Source {
    /// `jwt`, `mtls`, `api_key` or `header`.
    kind: &'static str,
    /// The provider, the name in the certificate or the header.
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    /// The claim that lists tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<String>,
    /// What stands before the name of a tool there, if the claim lists scopes.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope_prefix: Option<String>,
}

pub(super) fn of(sources: &[IdentitySource]) -> Vec<Source> {
    let source = |source: &IdentitySource| match source {
        IdentitySource::Header(name) => plain("header", name),
        IdentitySource::ApiKey(name) => plain("api_key", name),
        IdentitySource::Certificate(CertificateName::UriSan) => plain("mtls", "uri_san"),
        IdentitySource::Certificate(CertificateName::DnsSan) => plain("mtls", "dns_san"),
        IdentitySource::Certificate(CertificateName::Subject) => plain("mtls", "subject"),
        IdentitySource::Token(source) => token(source),
    };
    sources.iter().map(source).collect()
}

fn plain(kind: &'static str, name: &str) -> Source {
    Source { kind, name: name.to_owned(), agent: None, user: None, tools: None, scope_prefix: None }
}

fn token(source: &TokenSource) -> Source {
    let TokenSource { provider, agent, user, tools } = source;
    let tools = tools.as_ref().map(|tools| &tools.value);
    Source {
        agent: Some(pointer(agent)),
        user: user.as_ref().map(pointer),
        tools: tools.map(|tools| pointer(&tools.claim)),
        scope_prefix: tools.and_then(|tools| tools.scope_prefix.clone()),
        ..plain("jwt", provider)
    }
}

fn pointer(claim: &Claim) -> String {
    toolgate_engine::pointer::of(claim.iter().map(AsRef::as_ref))
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name, agent, user, tools, scope_prefix } = self;
        write!(f, "{kind} {name}")?;
        let claims = [("agent", agent), ("user", user), ("tools", tools), ("after", scope_prefix)];
        let claims: Vec<_> =
            claims.iter().filter_map(|(what, claim)| Some(format!("{what} {}", claim.as_ref()?))).collect();
        if claims.is_empty() { Ok(()) } else { write!(f, " ({})", claims.join(", ")) }
    }
}
