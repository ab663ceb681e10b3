//! Sources of identity, as the engine has them.
//!
//! In: the file. Out: the sources, in order. Only a claim that lists tools is a rule: it can refuse a known agent.
//! Judges no source.

use super::rules::Rules;
use crate::file::{PolicyFile, Source, SourceKind, Token, ToolsClaim};
use toolgate_engine::bundle::{self, IdentitySource, Ruled, TokenSource};

pub(super) fn sources(file: &PolicyFile, rules: &mut Rules) -> Vec<IdentitySource> {
    let lower = |Source { at, what: _, kind }: &Source| match kind {
        SourceKind::Header(header) => IdentitySource::Header(header.clone()),
        SourceKind::ApiKey(header) => IdentitySource::ApiKey(header.clone()),
        SourceKind::Certificate(name) => IdentitySource::Certificate(*name),
        SourceKind::Token(source) => IdentitySource::Token(token(source, *at, rules)),
    };
    file.sources().iter().map(lower).collect()
}

fn token(token: &Token, at: Option<usize>, rules: &mut Rules) -> TokenSource {
    let Token { provider, agent, user, tools } = token;
    let tools = tools.as_ref().map(|ToolsClaim { key, claim, scope_prefix }| {
        let at = at.map(|at| at.to_string());
        let path: Vec<&str> = ["identity"].into_iter().chain(at.as_deref()).chain(["jwt", key]).collect();
        let value = bundle::ToolsClaim { claim: claim.clone(), scope_prefix: scope_prefix.clone() };
        Ruled { rule: rules.at(&path), value }
    });
    TokenSource { provider: provider.clone(), agent: agent.clone(), user: user.clone(), tools }
}
