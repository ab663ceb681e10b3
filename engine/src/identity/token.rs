//! What a verified token says of its bearer.
//!
//! In: Envoy's dynamic metadata, into which its JWT filter put the payloads of tokens that it verified. Out: an identity.
//! A claim of another type than it should have is refused and not converted. Verifies nothing itself.

use super::{Identity, Tools};
use crate::{
    bundle::{Claim, IdentitySource, Ruled, TokenSource, ToolsClaim},
    denial::{Reason, Undecided},
    names,
    request::Head,
};
use prost::{Message, alloc::collections::BTreeMap};
use prost_types::{Struct, Value, value::Kind};

/// Where Envoy's JWT filter keeps what it verified.
const JWT_FILTER: &str = "envoy.filters.http.jwt_authn";

/// `envoy.config.core.v3.Metadata`, as far as it matters. What other filters wrote stays bytes that nobody reads.
#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(btree_map = "string, bytes", tag = "1")]
    filter_metadata: BTreeMap<String, Vec<u8>>,
}

/// The payloads that were verified, and whether one of them is for the policy.
pub(super) struct Tokens {
    payloads: Struct,
    /// One of the policy's providers verified a token.
    is_known: bool,
}

impl Tokens {
    /// Reads nothing unless a source is a token.
    pub(super) fn of(sources: &[IdentitySource], metadata: Option<&[u8]>) -> Result<Self, Reason> {
        let mut tokens = Self { payloads: Struct::default(), is_known: false };
        let mut providers = sources.iter().filter_map(provider).peekable();
        if providers.peek().is_none() {
            return Ok(tokens);
        }
        let undecided = |_| Reason::Undecided(Undecided::Host);
        let mut metadata = Metadata::decode(metadata.unwrap_or_default()).map_err(undecided)?;
        if let Some(verified) = metadata.filter_metadata.remove(JWT_FILTER) {
            // What cannot be read came with the token, for instance a payload that is too deep.
            tokens.payloads = Struct::decode(verified.as_slice()).map_err(|_| Reason::IdentityMalformed)?;
        }
        tokens.is_known = providers.any(|provider| tokens.payloads.fields.contains_key(provider));
        Ok(tokens)
    }

    /// The identity by one provider's token; nothing if there is no token at all, or only another provider's.
    pub(super) fn identity(&self, source: &TokenSource, head: Head<'_>) -> Result<Option<Identity>, Reason> {
        match self.payloads.fields.get(&source.provider).map(|payload| &payload.kind) {
            Some(Some(Kind::StructValue(claims))) => identity(source, claims).map(Some),
            Some(_) => Err(Reason::IdentityMalformed),
            None if self.is_known => Ok(None),
            // A token was sent, and none of the providers that the policy trusts vouches for it.
            None if head.has_bearer_token() || !self.payloads.fields.is_empty() => Err(Reason::IdentityUnverified),
            None => Ok(None),
        }
    }
}

fn provider(source: &IdentitySource) -> Option<&str> {
    match source {
        IdentitySource::Token(source) => Some(&source.provider),
        IdentitySource::Header(_) | IdentitySource::ApiKey(_) | IdentitySource::Certificate(_) => None,
    }
}

/// What the policy asks for must be in the token: a call for an unnamed user is no call of that user.
fn identity(source: &TokenSource, claims: &Struct) -> Result<Identity, Reason> {
    let TokenSource { provider: _, agent, user, tools } = source;
    let agent = names::agent_id(text(claims, agent)?).map_err(|_| Reason::IdentityMalformed)?;
    let user = match user {
        Some(user) => Some(names::user_id(text(claims, user)?).map_err(|_| Reason::IdentityMalformed)?.to_owned()),
        None => None,
    };
    let tools = match tools {
        Some(Ruled { rule, value: ToolsClaim { claim, scope_prefix } }) => {
            Tools::Listed { entries: entries(claims, claim)?, scope_prefix: scope_prefix.clone(), rule: *rule }
        }
        None => Tools::All,
    };
    Ok(Identity { agent: agent.to_owned(), user, tools })
}

/// A claim, or nothing if it is not there. What is no object has no claims inside.
fn claim<'a>(claims: &'a Struct, path: &Claim) -> Result<Option<&'a Kind>, Reason> {
    let Some((last, parents)) = path.split_last() else { return Ok(None) };
    let mut inside = claims;
    for name in parents {
        match inside.fields.get(name).map(|value| &value.kind) {
            None => return Ok(None),
            Some(Some(Kind::StructValue(claims))) => inside = claims,
            Some(_) => return Err(Reason::IdentityMalformed),
        }
    }
    match inside.fields.get(last) {
        None => Ok(None),
        Some(Value { kind }) => kind.as_ref().map(Some).ok_or(Reason::IdentityMalformed),
    }
}

fn text<'a>(claims: &'a Struct, path: &Claim) -> Result<&'a [u8], Reason> {
    match claim(claims, path)? {
        Some(Kind::StringValue(text)) => Ok(text.as_bytes()),
        _ => Err(Reason::IdentityMalformed),
    }
}

/// A list of texts, or one text with spaces between them (RFC 6749, section 3.3). A claim that is not there lists nothing.
fn entries(claims: &Struct, path: &Claim) -> Result<Vec<String>, Reason> {
    let entry = |value: &Value| match &value.kind {
        Some(Kind::StringValue(text)) => Ok(text.clone()),
        _ => Err(Reason::IdentityMalformed),
    };
    match claim(claims, path)? {
        None => Ok(Vec::new()),
        Some(Kind::StringValue(text)) => Ok(text.split(' ').map(str::to_owned).collect()),
        Some(Kind::ListValue(list)) => list.values.iter().map(entry).collect(),
        Some(Kind::NullValue(_) | Kind::NumberValue(_) | Kind::BoolValue(_) | Kind::StructValue(_)) => {
            Err(Reason::IdentityMalformed)
        }
    }
}
