//! A policy file with types: what was written, where, and nothing resolved yet.
//!
//! In: the tree. Out: a [`PolicyFile`] as complete as the findings allow, so that later rooms find more.
//! Knows no indexes and fills in no defaults.

pub(crate) mod amounts;
pub(crate) mod fields;
mod grants;
pub(crate) mod headers;
mod identity;
mod limits;
mod patterns;
mod read;
mod schemas;
mod servers;
mod values;
mod written;

pub(crate) use identity::{Source, SourceKind, Token, ToolsClaim};
pub(crate) use read::read;
pub(crate) use schemas::{Inline, SchemaSource};
pub(crate) use servers::{Readers, Resource, Server};

use crate::source::Span;
use toolgate_engine::bundle::{AuditArguments, Mode, Quota, Rate, Share, Unanswered};

/// A setting that was written. Without a value, it was written wrongly and a finding says so.
#[derive(Clone, Debug)]
pub(crate) struct Given<T> {
    /// The value; the key if there is no value.
    pub(crate) span: Span,
    pub(crate) value: Option<T>,
}

/// A text with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) span: Span,
    /// Its place in its list, with all entries counted.
    pub(crate) at: usize,
}

/// A limit, or the word that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allowance<T> {
    Unlimited,
    Limited(Limited<T>),
}

/// A limit, and how it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limited<T> {
    pub(crate) value: T,
    pub(crate) share: Share,
    pub(crate) scope: Scope,
}

/// Where a limit is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// In the memory of each Envoy.
    Local,
    /// By the rate limit service, for all Envoys together.
    Global,
}

/// What limits an agent, a tool or a tool group.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    pub(crate) rate: Option<Given<Allowance<Rate>>>,
    pub(crate) quota: Option<Given<Allowance<Quota>>>,
}

/// Checks of arguments.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    pub(crate) schema: Option<Given<SchemaSource>>,
    pub(crate) max_string_length: Option<Given<u32>>,
    pub(crate) blocked: Option<Given<Vec<Pattern>>>,
}

/// What becomes of `format` in schemas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Formats {
    /// It describes, and refuses nothing.
    Annotation,
    /// Strings are held to it.
    Assertion,
}

/// A schema that others refer to by its name.
#[derive(Debug)]
pub(crate) struct SharedSchema {
    pub(crate) id: Named,
    /// Nothing if it was written wrongly.
    pub(crate) inline: Option<Inline>,
}

/// What a pattern is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PatternKind {
    Literal,
    Regex,
    Set,
}

/// An entry of `blocked`.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pub(crate) kind: PatternKind,
    /// The literal, the expression or the name of the set; its place is that of the entry in the list.
    pub(crate) what: Named,
    /// The pointer to the argument that it is for; nothing if it is for all.
    pub(crate) part: Option<String>,
}

/// Who may call.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    pub(crate) agents: Option<Given<Vec<Granted>>>,
    pub(crate) groups: Option<Given<Vec<Granted>>>,
}

/// An entry of such a list.
#[derive(Debug)]
pub(crate) struct Granted {
    pub(crate) who: Named,
    /// What narrows the grant; nothing if it is for any arguments.
    pub(crate) narrowing: Option<Narrowing>,
}

/// The checks that a grant adds to the tool's own.
#[derive(Debug)]
pub(crate) struct Narrowing {
    /// The whole entry.
    pub(crate) span: Span,
    pub(crate) arguments: Arguments,
}

/// The whole file.
#[derive(Debug, Default)]
pub(crate) struct PolicyFile {
    pub(crate) name: String,
    /// In order; one, if it is written as a mapping.
    pub(crate) identity: Option<Given<Vec<Source>>>,
    pub(crate) defaults: Defaults,
    /// What becomes of a call when nobody answers for its global limits.
    pub(crate) unanswered: Option<Given<Unanswered>>,
    pub(crate) audit: Audit,
    pub(crate) schema_format: Option<Given<Formats>>,
    pub(crate) schemas: Vec<SharedSchema>,
    /// Nothing if the key is missing.
    pub(crate) agents: Option<Given<Vec<Agent>>>,
    pub(crate) groups: Option<Given<Vec<Group>>>,
    pub(crate) tool_groups: Vec<ToolGroup>,
    /// Those with a path, then those of servers. Nothing if both keys are missing.
    pub(crate) tools: Option<Given<Vec<Tool>>>,
    pub(crate) servers: Vec<Server>,
}

#[derive(Debug, Default)]
pub(crate) struct Defaults {
    pub(crate) mode: Option<Given<Mode>>,
    pub(crate) body_limit: Option<Given<u32>>,
    pub(crate) limits: Limits,
    pub(crate) arguments: Arguments,
}

#[derive(Debug, Default)]
pub(crate) struct Audit {
    pub(crate) arguments: Option<Given<AuditArguments>>,
    pub(crate) redact: Option<Given<Vec<Named>>>,
    pub(crate) max_bytes: Option<Given<u32>>,
}

#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) id: Named,
    pub(crate) limits: Limits,
}

#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) id: Named,
    pub(crate) agents: Given<Vec<Named>>,
}

#[derive(Debug)]
pub(crate) struct ToolGroup {
    pub(crate) id: Named,
    pub(crate) tools: Option<Given<Vec<Named>>>,
    pub(crate) grants: Grants,
    pub(crate) limits: Limits,
    pub(crate) arguments: Arguments,
}

/// A tool; one of a server is called `{server}/{tool}`.
#[derive(Debug)]
pub(crate) struct Tool {
    pub(crate) id: Named,
    /// The names of its server, and of it there.
    pub(crate) server: Option<(String, String)>,
    /// What its server must say of it.
    pub(crate) pin: Option<Given<String>>,
    pub(crate) grants: Grants,
    pub(crate) mode: Option<Given<Mode>>,
    pub(crate) body_limit: Option<Given<u32>>,
    pub(crate) limits: Limits,
    pub(crate) arguments: Arguments,
    pub(crate) audit_arguments: Option<Given<AuditArguments>>,
}

/// The value of a setting that was written, and written rightly.
pub(crate) fn value<T: Copy>(given: Option<&Given<T>>) -> Option<T> {
    given.and_then(|given| given.value)
}

/// The entries of a list, if it was written.
pub(crate) fn entries(given: Option<&Given<Vec<Named>>>) -> &[Named] {
    given.and_then(|given| given.value.as_deref()).unwrap_or_default()
}

/// The entries of a list of grants, if it was written.
pub(crate) fn granted(given: Option<&Given<Vec<Granted>>>) -> &[Granted] {
    given.and_then(|given| given.value.as_deref()).unwrap_or_default()
}

/// The checks of all grants that are narrowed.
pub(crate) fn narrowings(grants: &Grants) -> impl Iterator<Item = &Arguments> {
    let all = granted(grants.agents.as_ref()).iter().chain(granted(grants.groups.as_ref()));
    all.filter_map(|granted| granted.narrowing.as_ref()).map(|narrowing| &narrowing.arguments)
}

/// The patterns that are blocked, if any.
pub(crate) fn patterns(arguments: &Arguments) -> &[Pattern] {
    arguments.blocked.as_ref().and_then(|given| given.value.as_deref()).unwrap_or_default()
}

impl Tool {
    /// The keys that lead to it.
    pub(crate) fn path(&self) -> Vec<&str> {
        match &self.server {
            Some((server, tool)) => vec!["servers", server, "tools", tool],
            None => vec!["tools", &self.id.name],
        }
    }
}

impl PolicyFile {
    pub(crate) fn sources(&self) -> &[Source] {
        self.identity.as_ref().and_then(|given| given.value.as_deref()).unwrap_or_default()
    }

    pub(crate) fn agents(&self) -> &[Agent] {
        self.agents.as_ref().and_then(|given| given.value.as_deref()).unwrap_or_default()
    }

    pub(crate) fn groups(&self) -> &[Group] {
        self.groups.as_ref().and_then(|given| given.value.as_deref()).unwrap_or_default()
    }

    pub(crate) fn tools(&self) -> &[Tool] {
        self.tools.as_ref().and_then(|given| given.value.as_deref()).unwrap_or_default()
    }
}
