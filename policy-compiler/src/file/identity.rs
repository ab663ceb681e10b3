//! Sources of identity: one mapping, or a list of them in the order in which they are asked.
//!
//! In: a node. Out: the sources that were written rightly.
//! Does not know what a source is worth: `lint` says that.

use super::{Given, fields, fields::Fields, values};
use crate::{
    diagnostic::{Code, Finding, Findings, quoted},
    shape::{Shape, Table},
    source::{Kind, Node, Span},
};
use toolgate_engine::{
    bundle::{CertificateName, Claim},
    identity::{is_claim, is_provider, is_scope_prefix},
};

/// Where the agent's id may come from.
#[derive(Debug)]
pub(crate) struct Source {
    /// Its place in the list; nothing if it is the only one, as a mapping.
    pub(crate) at: Option<usize>,
    /// What to point at.
    pub(crate) what: Span,
    pub(crate) kind: SourceKind,
}

/// What a source reads.
#[derive(Debug)]
pub(crate) enum SourceKind {
    Token(Token),
    Certificate(CertificateName),
    ApiKey(String),
    Header(String),
}

/// What of a token counts.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) provider: String,
    pub(crate) agent: Claim,
    pub(crate) user: Option<Claim>,
    pub(crate) tools: Option<ToolsClaim>,
}

/// A claim that lists tools.
#[derive(Debug)]
pub(crate) struct ToolsClaim {
    /// `scopes` or `tools`.
    pub(crate) key: &'static str,
    pub(crate) claim: Claim,
    /// Nothing under `tools`.
    pub(crate) scope_prefix: Option<String>,
}

pub(super) fn sources(node: &Node, key: Span, table: &'static Table, findings: &mut Findings) -> Option<Vec<Source>> {
    let Kind::List(items) = &node.kind else {
        return source(node, key, None, table, findings).map(|source| vec![source]);
    };
    if items.is_empty() {
        let finding = Finding::new(Code::WrongType, node.span, "no source says who calls");
        findings.add(finding.help("write at least one: `{ header: x-agent-id }`"));
        return None;
    }
    let mut sources: Vec<Source> = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let Some(source) = source(item, item.span, Some(at), table, findings) else { continue };
        if let Some(first) = sources.iter().find(|first| hides(&first.kind, &source.kind)) {
            let finding = Finding::new(Code::UnreachedSource, source.what, "this source is never reached");
            findings.add(finding.label(first.what, "this one decides").help("take one of the two out"));
            continue;
        }
        sources.push(source);
    }
    Some(sources)
}

/// Whether the first decides wherever the second could. A certificate without the one name has a bad name, not none.
fn hides(first: &SourceKind, second: &SourceKind) -> bool {
    use SourceKind::{ApiKey, Certificate, Header, Token};
    match (first, second) {
        (Token(first), Token(second)) => first.provider == second.provider,
        (Certificate(_), Certificate(_)) => true,
        (ApiKey(first) | Header(first), ApiKey(second) | Header(second)) => first == second,
        _ => false,
    }
}

fn source(node: &Node, key: Span, at: Option<usize>, table: &'static Table, findings: &mut Findings) -> Option<Source> {
    fields::read(node, key, table, findings, |fields| {
        let mut kinds = [
            fields.object("jwt", token).map(|token| token.map(|(what, token)| (what, SourceKind::Token(token)))),
            fields.word("mtls").map(|given| with_span(given, SourceKind::Certificate)),
            fields
                .object("api_key", |fields| fields.header("header"))
                .map(|given| given.and_then(|header| with_span(header, SourceKind::ApiKey))),
            fields.header("header").map(|given| with_span(given, SourceKind::Header)),
        ]
        .into_iter()
        .flatten();
        let Some(first) = kinds.next() else {
            // Something else may stand there, of which a finding tells.
            if matches!(&node.kind, Kind::Map(entries) if entries.is_empty()) || node.is_null() {
                let finding = Finding::new(Code::MissingKey, key, "this source does not say where the id comes from");
                fields.findings.add(finding.help("add one of `jwt`, `mtls`, `api_key` and `header`"));
            }
            return None;
        };
        if kinds.next().is_some() {
            let finding = Finding::new(Code::WrongType, node.span, "this source says in several ways who calls");
            fields.findings.add(finding.help("make a list with an entry of each: the first that is present decides"));
            return None;
        }
        let (what, kind) = first?;
        Some(Source { at, what, kind })
    })?
}

fn with_span<T>(given: Given<T>, wrap: impl FnOnce(T) -> SourceKind) -> Option<(Span, SourceKind)> {
    given.value.map(|value| (given.span, wrap(value)))
}

fn token(fields: &mut Fields<'_, '_>) -> Option<(Span, Token)> {
    let provider = fields.text_of_token("provider");
    let agent = claim(fields, "agent");
    let user = fields.text_of_token("user");
    let scopes = fields.object("scopes", |fields| {
        let claim = claim(fields, "claim");
        let prefix = fields.text_of_token("prefix");
        let scope_prefix = match prefix {
            None => String::new(),
            Some(prefix) => prefix.value?,
        };
        Some(ToolsClaim { key: "scopes", claim: claim?, scope_prefix: Some(scope_prefix) })
    });
    let tools = fields.object("tools", |fields| {
        claim(fields, "claim").map(|claim| ToolsClaim { key: "tools", claim, scope_prefix: None })
    });
    let provider = provider?;
    if scopes.is_some() && tools.is_some() {
        let finding = Finding::new(Code::WrongType, provider.span, "the tools of this token are listed in two ways");
        fields.findings.add(finding.help("write one of `scopes` and `tools`"));
        return None;
    }
    let tools = match scopes.or(tools) {
        None => None,
        Some(tools) => Some(tools?),
    };
    let user = match user {
        None => None,
        Some(user) => Some(path(&user.value?)),
    };
    Some((provider.span, Token { provider: provider.value?, agent: agent?, user, tools }))
}

fn claim(fields: &mut Fields<'_, '_>, name: &str) -> Option<Claim> {
    fields.text_of_token(name)?.value.map(|text| path(&text))
}

/// A pointer's names, or the one name.
fn path(text: &str) -> Claim {
    match text.strip_prefix('/') {
        Some(names) => names.split('/').map(|name| name.replace("~1", "/").replace("~0", "~")).collect(),
        None => vec![text.to_owned()],
    }
}

pub(super) fn text(node: &Node, shape: Shape, findings: &mut Findings) -> Option<String> {
    let text = values::text(node, findings)?;
    let is_pointer = !text.starts_with('/') || text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    let (what, is_good) = match shape {
        Shape::Provider => ("the name of a provider", is_provider(text)),
        Shape::ScopePrefix => ("the beginning of a scope", is_scope_prefix(text)),
        _ => ("a claim", is_pointer && is_claim(&path(text))),
    };
    if !is_good {
        let finding = Finding::new(Code::BadTokenText, node.span, format!("{} cannot be {what}", quoted(text)));
        findings.add(finding.help(match shape {
            Shape::Provider => "write the name that the gateway's JWT settings give the provider",
            Shape::ScopePrefix => "write visible ASCII without spaces, `\"` and `\\`",
            _ => "write the name of the claim, or `/` before each name on the way to it: `/act/sub`",
        }));
        return None;
    }
    Some(text.to_owned())
}
