//! The packed form of a policy: what `policy-compiler pack` writes and the filter loads.
//!
//! In: nothing. Out: the types of a [`Bundle`]; its config is written and read in the room below.
//! Checks nothing: form and integrity are `packed`'s, and [`crate::policy::Policy`] checks the meaning.

mod global;
mod packed;
mod server;

pub use global::{GLOBAL_PREFIX, GlobalLimit, GlobalRule, Over, Unanswered, Unit};
pub use packed::{BadConfig, Deployment, FORMAT, MAX_BUNDLE_BYTES, Packed, decode, encode};
pub use server::{Consequence, Mirror, Prompt, Resource, Server, Uris};

use crate::{automaton::Automaton, schema::Program};
use serde::{Deserialize, Serialize};
use std::{string::String, vec::Vec};

/// Everything that the filter knows of a policy, with all names resolved to indexes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// `metadata.name` of the policy.
    pub name: String,
    /// Where the agent's id comes from, in order of preference.
    pub identity: Vec<IdentitySource>,
    /// What the audit line may show.
    pub audit: AuditOptions,
    /// RFC 6901 pointers into the policy, one for each rule that can decide.
    pub rules: Vec<String>,
    /// Names of the groups of agents.
    pub groups: Vec<String>,
    /// Declared agents.
    pub agents: Vec<Agent>,
    /// Counters that calls are held to.
    pub buckets: Vec<Bucket>,
    /// Limits that Envoy's rate limit filter counts, behind ours.
    pub globals: Vec<GlobalLimit>,
    /// What becomes of a call when it gets no answer.
    pub unanswered: Unanswered,
    /// Compiled patterns, shared by the checks that name them.
    pub automata: Vec<Automaton>,
    /// Compiled schemas, shared by the checks that name them.
    pub schemas: Program,
    /// Checks of arguments, shared by the tools that name them.
    pub checks: Vec<Checks>,
    /// Declared tools, those of servers too.
    pub tools: Vec<Tool>,
    /// Declared MCP servers.
    pub servers: Vec<Server>,
    /// What servers may not say of their tools: index into [`Bundle::checks`].
    pub instructions: Option<u32>,
}

/// A place that an agent's id is read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IdentitySource {
    /// A request header, lower case, that an earlier hop is trusted to set.
    Header(String),
    /// A request header, lower case, in which Envoy's API key filter tells the client's id.
    ApiKey(String),
    /// A name in the client's certificate.
    Certificate(CertificateName),
    /// Claims of a token that Envoy's JWT filter verified.
    Token(TokenSource),
}

/// Which name in a certificate is the agent's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CertificateName {
    /// The first URI among the subject's alternative names.
    UriSan,
    /// The first DNS name among them.
    DnsSan,
    /// The one common name of the subject.
    Subject,
}

/// Which claims of a verified token say who calls, and what the token is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenSource {
    /// The name under which Envoy's JWT filter keeps the payload (`payload_in_metadata`).
    pub provider: String,
    /// The claim that holds the agent's id.
    pub agent: Claim,
    /// The claim that holds the id of the user for whom the agent acts.
    pub user: Option<Claim>,
    /// The claim that lists the tools the token is for; without one, it is for all that the policy grants.
    pub tools: Option<Ruled<ToolsClaim>>,
}

/// The names on the way to a claim, from the top of the payload.
pub type Claim = Vec<String>;

/// A claim that lists tools.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolsClaim {
    /// Where it stands.
    pub claim: Claim,
    /// What stands before the name of a tool. Nothing: the claim is no OAuth scope, and holds names of tools only.
    pub scope_prefix: Option<String>,
}

/// What the audit line may show of arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditOptions {
    /// Keys whose values are redacted, besides the built-in ones; lower case.
    pub redact: Vec<String>,
    /// The longest `arguments` field, in bytes.
    pub max_bytes: u32,
}

impl Default for AuditOptions {
    fn default() -> Self {
        Self { redact: Vec::new(), max_bytes: 2048 }
    }
}

/// A declared agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// The agent's id.
    pub name: String,
    /// Groups it belongs to, as indexes.
    pub groups: Vec<u32>,
    /// Buckets that all its calls are held to.
    pub buckets: Vec<u32>,
    /// Global limits that all its calls are held to, as indexes.
    pub globals: Vec<u32>,
}

/// A value together with the rule that it stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ruled<T> {
    /// Index into [`Bundle::rules`].
    pub rule: u32,
    /// The value.
    pub value: T,
}

/// One stored value that counts calls: a rate, a quota, or both, so that both change at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Names the stored value, the same over all versions of a policy: `tool/search`.
    pub key: String,
    /// First part of the limit's name in the `RateLimit` header: `tool`, `agent`, `tool_group.web`.
    pub label: String,
    /// Whose calls are counted together.
    pub share: Share,
    /// Calls per time, evenly.
    pub rate: Option<Ruled<Rate>>,
    /// Calls per calendar window.
    pub quota: Option<Ruled<Quota>>,
}

/// Whose calls a bucket counts together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Share {
    /// Each agent has its own counter.
    EachAgent,
    /// One counter for all agents.
    AllAgents,
}

/// At most `count` calls per period in the long run, `burst` of them at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Zero means that no call passes.
    pub count: u32,
    /// The period in seconds, at least one.
    pub period_secs: u32,
    /// How many calls may come at once, at least one.
    pub burst: u32,
}

/// At most `count` calls in each window of the calendar (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// Zero means that no call passes.
    pub count: u32,
    /// Which window.
    pub window: Window,
}

/// A window of the calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Window {
    /// Starts at second 0.
    Minute,
    /// Starts at minute 0.
    Hour,
    /// Starts at midnight.
    Day,
    /// Starts on Monday (ISO 8601).
    Week,
    /// Starts on the 1st.
    Month,
}

/// Checks that all arguments of a call must pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Checks {
    /// Entries of [`Bundle::schemas`]: all of them must hold.
    pub schemas: Vec<Ruled<u32>>,
    /// Longest string, key or value, in Unicode scalar values.
    pub max_string_length: Option<Ruled<u32>>,
    /// Patterns that no key and no value may hold; those for one part stand together.
    pub blocked: Vec<Blocked>,
}

/// Patterns of one automaton, and where in the arguments nothing may hold them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Blocked {
    /// RFC 6901 pointer to an argument, which means it and all below it; empty for all arguments.
    pub at: String,
    /// Index into [`Bundle::automata`].
    pub automaton: u32,
    /// The rule of each pattern of the automaton.
    pub rules: Vec<u32>,
}

/// A declared tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// The name, as in `/tools/{name}`; of a server's tool `{server}/{name}`, which no path leads to.
    pub name: String,
    /// Index of the server that has it, into [`Bundle::servers`]; nothing for a tool that is called by its path.
    pub server: Option<u32>,
    /// The digest of the definition that it must have, if its server has it.
    pub pin: Option<Ruled<[u8; 32]>>,
    /// Arguments that are mirrored in fields of the header, if its server has it.
    pub mirrors: Vec<Ruled<Mirror>>,
    /// Whether denials are enforced.
    pub mode: Mode,
    /// Largest body of a call, in bytes.
    pub body_limit: Ruled<u32>,
    /// Who may call it. Nobody, if empty.
    pub grants: Vec<Grant>,
    /// Buckets that its calls are held to, besides the agent's.
    pub buckets: Vec<u32>,
    /// Global limits that its calls are held to, besides the agent's, as indexes.
    pub globals: Vec<u32>,
    /// Checks that its arguments must pass, as indexes.
    pub checks: Vec<u32>,
    /// How its arguments are shown in the audit line.
    pub audit_arguments: AuditArguments,
}

/// One entry of a tool's allow-list. Of several for one agent, one that holds is enough.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Who.
    pub subject: Subject,
    /// Index into [`Bundle::rules`].
    pub rule: u32,
    /// Checks that the arguments must pass besides the tool's, as indexes. None: any arguments.
    pub checks: Vec<u32>,
}

/// Whom a grant is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Subject {
    /// One agent, by index.
    Agent(u32),
    /// A group of agents, by index.
    Group(u32),
}

/// Whether a tool's denials are enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// A denied call is refused.
    Enforce,
    /// A denied call is forwarded, and the denial is recorded.
    Shadow,
}

/// How arguments are shown in the audit line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuditArguments {
    /// As they came.
    Full,
    /// With what looks secret taken out.
    Redacted,
    /// As the SHA-256 of their bytes.
    Hashed,
    /// Not at all.
    None,
}
