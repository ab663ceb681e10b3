//! Who calls: the first source of the policy whose credential is present decides.
//!
//! In: the sources, the request's header, and what Envoy verified. Out: an [`Identity`], or why there is none.
//! A credential that is there and is bad refuses the call; it is never passed over for the next source.
//! Verifies no signature and no certificate: Envoy did, and the shell only hands on what it says.

mod certificate;
mod token;

use crate::{
    bundle::{Claim, IdentitySource, Ruled, TokenSource, ToolsClaim},
    denial::{Challenge, Reason},
    names,
    request::{Head, is_untrusted},
};
use token::Tokens;

pub use crate::bundle::CertificateName;

/// What the sources of a policy need besides the header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Whether a token may say who calls: [`Verified::metadata`].
    pub metadata: bool,
    /// Which name of the client's certificate may: [`Verified::certificate`].
    pub certificate: Option<CertificateName>,
}

/// What Envoy verified of the caller, as far as it is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Envoy's dynamic metadata, a serialised `envoy.config.core.v3.Metadata`.
    pub metadata: Option<Vec<u8>>,
    /// The wanted name of the client's certificate, empty if the certificate has none; nothing without a certificate.
    pub certificate: Option<Vec<u8>>,
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) agent: String,
    /// For whom the agent acts.
    pub(crate) user: Option<String>,
    pub(crate) tools: Tools,
}

/// Which tools the credential is for; what it is not for, no grant allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tools {
    /// It does not say.
    All,
    /// Those that a claim lists.
    Listed { entries: Vec<String>, scope_prefix: Option<String>, rule: u32 },
}

impl Identity {
    fn of(agent: &str) -> Self {
        Self { agent: agent.to_owned(), user: None, tools: Tools::All }
    }
}

/// What these sources need besides the header.
pub(crate) fn wanted(sources: &[IdentitySource]) -> Wanted {
    let mut wanted = Wanted::default();
    for source in sources {
        match source {
            IdentitySource::Header(_) | IdentitySource::ApiKey(_) => {}
            IdentitySource::Certificate(name) => wanted.certificate = Some(*name),
            IdentitySource::Token(_) => wanted.metadata = true,
        }
    }
    wanted
}

/// Finds out who calls.
pub(crate) fn establish(sources: &[IdentitySource], head: Head<'_>, verified: &Verified) -> Result<Identity, Reason> {
    let tokens = Tokens::of(sources, verified.metadata.as_deref())?;
    for source in sources {
        let found = match source {
            IdentitySource::Header(name) | IdentitySource::ApiKey(name) => head.identity(name)?.map(Identity::of),
            IdentitySource::Certificate(name) => {
                certificate::agent(*name, verified.certificate.as_deref())?.map(Identity::of)
            }
            IdentitySource::Token(source) => tokens.identity(source, head)?,
        };
        if let Some(identity) = found {
            return Ok(identity);
        }
    }
    let takes_tokens = wanted(sources).metadata;
    Err(Reason::IdentityMissing(if takes_tokens { Challenge::Bearer } else { Challenge::Agent }))
}

impl Tools {
    /// Whether the credential is for this tool; if not, the reason and the rule that asks.
    pub(crate) fn require(&self, tool: &str) -> Result<(), (Reason, u32)> {
        let Self::Listed { entries, scope_prefix, rule } = self else {
            return Ok(());
        };
        let prefix = scope_prefix.as_deref().unwrap_or_default();
        if entries.iter().any(|entry| entry.strip_prefix(prefix) == Some(tool)) {
            return Ok(());
        }
        let scope = scope_prefix.as_ref().map(|prefix| format!("{prefix}{tool}"));
        Err((Reason::ScopeInsufficient { scope }, *rule))
    }
}

/// How deep a claim may stand in the payload. Actors of actors (RFC 8693) are three deep.
const MAX_CLAIM_DEPTH: usize = 8;

/// The longest name of a provider or of a claim, and the longest prefix of a scope, in bytes.
const MAX_TEXT_BYTES: usize = 256;

/// Checks the sources of a bundle, whoever made it. `rules` is how many rules there are.
pub(crate) fn consistent(sources: &[IdentitySource], rules: usize) -> Result<(), &'static str> {
    if sources.is_empty() {
        return Err("no source of identity");
    }
    let mut certificates = 0u32;
    for (at, source) in sources.iter().enumerate() {
        if sources.iter().take(at).any(|before| is_same_place(before, source)) {
            return Err("a source of identity stands twice");
        }
        match source {
            IdentitySource::Header(name) | IdentitySource::ApiKey(name) => {
                if names::header_name(name.as_bytes()).is_err() || is_untrusted(name.as_bytes()) {
                    return Err("the name of an identity header");
                }
            }
            IdentitySource::Certificate(_) => certificates = certificates.saturating_add(1),
            IdentitySource::Token(source) => {
                if !is_consistent(source, rules) {
                    return Err("the claims of a token");
                }
            }
        }
    }
    if certificates > 1 { Err("two names of a certificate") } else { Ok(()) }
}

/// Whether two sources read the same place, so that the second is never reached.
fn is_same_place(one: &IdentitySource, other: &IdentitySource) -> bool {
    let header = |source: &IdentitySource| match source {
        IdentitySource::Header(name) | IdentitySource::ApiKey(name) => Some(name.clone()),
        IdentitySource::Certificate(_) | IdentitySource::Token(_) => None,
    };
    match (one, other) {
        (IdentitySource::Token(one), IdentitySource::Token(other)) => one.provider == other.provider,
        _ => header(one).is_some_and(|name| header(other) == Some(name)),
    }
}

fn is_consistent(source: &TokenSource, rules: usize) -> bool {
    let TokenSource { provider, agent, user, tools } = source;
    let tools = tools.as_ref().is_none_or(|Ruled { rule, value: ToolsClaim { claim, scope_prefix } }| {
        usize::try_from(*rule).is_ok_and(|rule| rule < rules)
            && is_claim(claim)
            && scope_prefix.as_deref().is_none_or(is_scope_prefix)
    });
    is_provider(provider) && is_claim(agent) && user.as_ref().is_none_or(is_claim) && tools
}

/// Whether it can be the name of a provider.
pub fn is_provider(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_TEXT_BYTES && !name.chars().any(char::is_control)
}

/// Whether it can lead to a claim.
pub fn is_claim(path: &Claim) -> bool {
    let is_name = |name: &String| !name.is_empty() && name.len() <= MAX_TEXT_BYTES;
    !path.is_empty() && path.len() <= MAX_CLAIM_DEPTH && path.iter().all(is_name)
}

/// Whether it can begin a scope (RFC 6749, section 3.3), so that it can also stand in a challenge.
pub fn is_scope_prefix(prefix: &str) -> bool {
    prefix.len() <= MAX_TEXT_BYTES && prefix.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte))
}

#[cfg(test)]
mod tests;
