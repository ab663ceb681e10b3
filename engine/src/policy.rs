//! The policy that calls are judged by: a bundle whose meaning was checked.
//!
//! In: a [`Bundle`]. Out: a [`Policy`], in which every index and name is good, or why not.
//! Look-ups cost the same for one tool and for ten thousand.

mod globals;
mod servers;

pub(crate) use globals::ReadyGlobal;
pub use servers::{MAX_MIRRORED, ServerIndex, is_method, is_prefix};

use crate::{
    arguments::{self, ArgumentChecks},
    automaton::{Automaton, ReadyAutomaton},
    bundle::{
        Agent, AuditArguments, AuditOptions, BadConfig, Bucket, Bundle, Deployment, Grant, IdentitySource, Mode,
        Packed, Ruled, Subject, Tool,
    },
    identity::{self, Wanted},
    limits, names, redact,
    schema::Schemas,
};
use std::{collections::HashMap, sync::Arc};

/// Index of a declared agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AgentIndex(u32);

/// Index of a declared tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ToolIndex(u32);

/// A policy that is ready to judge calls.
pub struct Policy {
    digest: String,
    deployment: Deployment,
    identity: Vec<IdentitySource>,
    wanted: Wanted,
    audit: AuditOptions,
    rules: Vec<String>,
    agents: Vec<Agent>,
    buckets: Vec<Bucket>,
    globals: Vec<ReadyGlobal>,
    checks: Vec<ArgumentChecks>,
    tools: Vec<Tool>,
    agent_by_name: HashMap<String, AgentIndex>,
    tool_by_name: HashMap<String, ToolIndex>,
    servers: servers::Servers,
    instructions: Option<u32>,
}

impl Policy {
    /// Reads a plugin config.
    pub fn load(config: &[u8]) -> Result<Self, BadConfig> {
        Self::try_from(crate::bundle::decode(config)?)
    }

    /// `sha256:…`, which names this policy in the audit line.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Settings of the deployment.
    pub fn deployment(&self) -> Deployment {
        self.deployment
    }

    /// Where the agent's id comes from, in order.
    pub fn identity(&self) -> &[IdentitySource] {
        &self.identity
    }

    /// What has to be known of the caller besides the header.
    pub fn wanted(&self) -> Wanted {
        self.wanted
    }

    /// What the audit line may show.
    pub fn audit(&self) -> &AuditOptions {
        &self.audit
    }

    /// Finds a declared tool by its exact name, as it stands in a path: no server's tool has one.
    pub fn tool_named(&self, name: &[u8]) -> Option<ToolIndex> {
        let found = self.tool_by_name.get(std::str::from_utf8(name).ok()?).copied()?;
        self.server_of(found).is_none().then_some(found)
    }

    /// Finds a declared agent by its exact id.
    pub fn agent_named(&self, id: &str) -> Option<AgentIndex> {
        self.agent_by_name.get(id).copied()
    }

    /// The tool's name; of a server's tool, behind the server's.
    pub fn tool_name(&self, tool: ToolIndex) -> &str {
        self.tool(tool).map_or(names::UNKNOWN, |tool| &tool.name)
    }

    /// The agent's id.
    pub fn agent_name(&self, agent: AgentIndex) -> &str {
        self.agent(agent).map_or(names::UNKNOWN, |agent| &agent.name)
    }

    /// Whether the tool's denials are enforced.
    pub fn mode(&self, tool: ToolIndex) -> Mode {
        self.tool(tool).map_or(Mode::Enforce, |tool| tool.mode)
    }

    /// The largest body of a call, and the rule that says so.
    pub fn body_limit(&self, tool: ToolIndex) -> Ruled<u32> {
        self.tool(tool).map_or(Ruled { rule: u32::MAX, value: 0 }, |tool| tool.body_limit)
    }

    /// How the tool's arguments are shown in the audit line.
    pub fn audit_arguments(&self, tool: ToolIndex) -> AuditArguments {
        self.tool(tool).map_or(AuditArguments::None, |tool| tool.audit_arguments)
    }

    /// Every grant that lets the agent call the tool: its own, then those of its groups.
    pub fn grants(&self, agent: AgentIndex, tool: ToolIndex) -> impl Iterator<Item = &Grant> {
        granted(self.tool(tool).map_or(&[][..], |tool| &tool.grants), self.subjects(agent))
    }

    /// As whom grants may name the agent.
    fn subjects(&self, agent: AgentIndex) -> impl Iterator<Item = Subject> {
        let groups = self.agent(agent).map_or(&[][..], |agent| &agent.groups);
        std::iter::once(Subject::Agent(agent.0)).chain(groups.iter().copied().map(Subject::Group))
    }

    /// All buckets that a call is held to: the tool's if it is of one, then the agent's.
    pub fn buckets(&self, agent: AgentIndex, tool: Option<ToolIndex>) -> impl Iterator<Item = &Bucket> {
        let of_tool = tool.and_then(|tool| self.tool(tool)).map_or(&[][..], |tool| &tool.buckets);
        let of_agent = self.agent(agent).map_or(&[][..], |agent| &agent.buckets);
        of_tool.iter().chain(of_agent).filter_map(|&bucket| self.buckets.get(index(bucket)))
    }

    /// All global limits that a call is held to: the tool's if it is of one, then the agent's.
    pub(crate) fn globals(&self, agent: AgentIndex, tool: Option<ToolIndex>) -> impl Iterator<Item = &ReadyGlobal> {
        let of_tool = tool.and_then(|tool| self.tool(tool)).map_or(&[][..], |tool| &tool.globals);
        let of_agent = self.agent(agent).map_or(&[][..], |agent| &agent.globals);
        of_tool.iter().chain(of_agent).filter_map(|&global| self.globals.get(index(global)))
    }

    /// The checks that the arguments of every call of a tool must pass.
    pub fn checks(&self, tool: ToolIndex) -> impl Iterator<Item = &ArgumentChecks> {
        self.checks_at(self.tool(tool).map_or(&[][..], |tool| &tool.checks))
    }

    /// The checks that a grant adds to the tool's.
    pub fn checks_of<'a>(&'a self, grant: &'a Grant) -> impl Iterator<Item = &'a ArgumentChecks> {
        self.checks_at(&grant.checks)
    }

    /// The checks at these places.
    pub(crate) fn checks_at<'a>(&'a self, checks: &'a [u32]) -> impl Iterator<Item = &'a ArgumentChecks> {
        checks.iter().filter_map(|&check| self.checks.get(index(check)))
    }

    /// What servers may not say of their tools.
    pub fn instructions(&self) -> Option<&ArgumentChecks> {
        self.checks.get(index(self.instructions?))
    }

    /// The rule's place in the policy, an RFC 6901 pointer.
    pub fn rule(&self, rule: u32) -> Option<&str> {
        self.rules.get(index(rule)).map(String::as_str)
    }

    fn tool(&self, tool: ToolIndex) -> Option<&Tool> {
        self.tools.get(index(tool.0))
    }

    fn agent(&self, agent: AgentIndex) -> Option<&Agent> {
        self.agents.get(index(agent.0))
    }
}

/// The grants to these subjects, of grants that are sorted by theirs.
fn granted(grants: &[Grant], subjects: impl Iterator<Item = Subject>) -> impl Iterator<Item = &Grant> {
    subjects.flat_map(move |subject| {
        let first = grants.partition_point(|grant| grant.subject < subject);
        let rest = grants.get(first..).unwrap_or_default();
        rest.iter().take_while(move |grant| grant.subject == subject)
    })
}

/// Indexes are 32 bits wide in the bundle; no target of ours has a narrower `usize`.
fn index(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

impl TryFrom<Packed> for Policy {
    type Error = BadConfig;

    fn try_from(packed: Packed) -> Result<Self, BadConfig> {
        let Packed { bundle, digest, deployment, bundle_bytes: _ } = packed;
        consistent(&bundle)?;
        let globals = globals::ready(&bundle, deployment.hold_headers).map_err(BadConfig::Inconsistent)?;
        let Bundle {
            name: _,
            identity,
            mut audit,
            rules,
            groups: _,
            agents,
            buckets,
            globals: _,
            unanswered: _,
            automata,
            schemas,
            checks,
            mut tools,
            mut servers,
            instructions,
        } = bundle;
        for key in &mut audit.redact {
            *key = redact::plain_key(key);
        }
        for tool in &mut tools {
            tool.grants.sort_by_key(|grant| grant.subject);
        }
        servers::sort(&mut servers);
        let servers = servers::ready(servers, &mut tools).map_err(BadConfig::Inconsistent)?;
        let agent_by_name = by_name(agents.iter().map(|agent| &agent.name), AgentIndex)?;
        let tool_by_name = by_name(tools.iter().map(|tool| &tool.name), ToolIndex)?;
        let automata = ready(&automata)?;
        let schemas = Arc::new(Schemas::try_from(schemas).map_err(|bad| BadConfig::Inconsistent(bad.what()))?);
        let prepare = |checks| arguments::prepare(checks, &automata, &schemas);
        let checks = checks.into_iter().map(prepare).collect::<Result<_, _>>()?;
        Ok(Self {
            digest,
            deployment,
            wanted: identity::wanted(&identity),
            identity,
            audit,
            rules,
            agents,
            buckets,
            globals,
            checks,
            tools,
            agent_by_name,
            tool_by_name,
            servers,
            instructions,
        })
    }
}

/// How much memory all automata may take. The bytes of a bundle are few, but each can ask for many.
const MAX_AUTOMATA_BYTES: usize = 64 << 20;

fn ready(automata: &[Automaton]) -> Result<Vec<Arc<ReadyAutomaton>>, BadConfig> {
    let mut left = MAX_AUTOMATA_BYTES;
    let mut load = |automaton| {
        let ready = ReadyAutomaton::try_from(automaton).map_err(|_| BadConfig::Inconsistent("an automaton"))?;
        left = left.checked_sub(ready.bytes()).ok_or(BadConfig::Inconsistent("the size of the automata"))?;
        Ok(Arc::new(ready))
    };
    automata.iter().map(&mut load).collect()
}

fn by_name<'a, I: Copy>(
    names: impl Iterator<Item = &'a String>,
    wrap: fn(u32) -> I,
) -> Result<HashMap<String, I>, BadConfig> {
    let mut map = HashMap::new();
    for (at, name) in (0u32..).zip(names) {
        if map.insert(name.clone(), wrap(at)).is_some() {
            return Err(BadConfig::Inconsistent("a name stands twice"));
        }
    }
    Ok(map)
}

/// Checks every name, index and number, so that no look-up in a [`Policy`] can miss.
fn consistent(bundle: &Bundle) -> Result<(), BadConfig> {
    let Bundle {
        name: _,
        identity,
        audit: _,
        rules,
        groups,
        agents,
        buckets,
        globals: _,
        unanswered: _,
        automata: _,
        schemas: _,
        checks,
        tools,
        servers: _,
        instructions,
    } = bundle;
    let no = |what| Err(BadConfig::Inconsistent(what));
    let rule = |at: u32| index(at) < rules.len();
    let all = |list: &[u32], len: usize| list.iter().all(|&at| index(at) < len);
    identity::consistent(identity, rules.len()).map_err(BadConfig::Inconsistent)?;
    for Agent { name, groups: member_of, buckets: held_to, globals: _ } in agents {
        if names::agent_id(name.as_bytes()).is_err() {
            return no("the id of an agent");
        }
        if !all(member_of, groups.len()) || !all(held_to, buckets.len()) {
            return no("an agent refers to what is not there");
        }
    }
    for bucket in buckets {
        if !limits::is_consistent(bucket) || !limits::rules_of(bucket).all(rule) {
            return no("a rate or a quota");
        }
    }
    for check in checks {
        if !arguments::rules_of(check).all(rule) {
            return no("a check refers to what is not there");
        }
    }
    if instructions.is_some_and(|at| index(at) >= checks.len()) {
        return no("what servers may not say is not there");
    }
    let grant = |Grant { subject, rule: at, checks: narrowed_by }: &Grant| {
        rule(*at)
            && all(narrowed_by, checks.len())
            && match *subject {
                Subject::Agent(agent) => index(agent) < agents.len(),
                Subject::Group(group) => index(group) < groups.len(),
            }
    };
    servers::consistent(bundle, grant).map_err(BadConfig::Inconsistent)?;
    for tool in tools {
        let Tool {
            name,
            server,
            pin: _,
            mirrors: _,
            mode: _,
            body_limit,
            grants,
            buckets: held_to,
            globals: _,
            checks: checked,
            audit_arguments: _,
        } = tool;
        // Those of servers are looked at with the servers.
        if server.is_none() && names::tool_name(name.as_bytes()).is_err() {
            return no("the name of a tool");
        }
        if !rule(body_limit.rule)
            || !all(held_to, buckets.len())
            || !all(checked, checks.len())
            || !grants.iter().all(grant)
        {
            return no("a tool refers to what is not there");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
