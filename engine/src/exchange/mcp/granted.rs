//! What is granted to an agent at a server: what it may ask for, and what it sees in lists.
//!
//! In: a policy, an agent, and what a message asks for or a list has. Out: the rule that grants it, or that none does.

use super::{Denial, Exchange, Mcp};
use crate::{
    bundle::Mode,
    mcp::{self, Objection, Target},
    policy::{AgentIndex, Policy, ServerIndex},
};

/// The rule of the grant that lets the agent have what it asks for; nothing if it asks for nothing that is granted.
pub(super) fn granted_by(
    policy: &Policy,
    at: ServerIndex,
    agent: AgentIndex,
    target: &Target<'_>,
) -> Result<Option<u32>, Denial> {
    let no_resource = Denial::from(Objection::Resource);
    match target {
        Target::Resource(uri) => policy.resource(agent, at, uri).map(|grant| Some(grant.rule)).ok_or(no_resource),
        Target::Template(uri) => {
            let grant = policy.template(agent, at, uri).or_else(|| policy.resource(agent, at, uri));
            grant.map(|grant| Some(grant.rule)).ok_or(no_resource)
        }
        Target::Prompt(name) => {
            policy.prompt(agent, at, name).map(|grant| Some(grant.rule)).ok_or(Objection::Prompt.into())
        }
        Target::Resources(uris) => {
            let grants = uris.iter().map(|uri| policy.resource(agent, at, uri).map(|grant| grant.rule));
            let rules: Option<Vec<u32>> = grants.collect();
            rules.map(|rules| rules.first().copied()).ok_or(no_resource)
        }
        // INVARIANT: tools are judged elsewhere, and of all other methods the name alone.
        Target::Tool(_) | Target::Nothing => Err(Objection::Method.into()),
    }
}

impl Exchange {
    /// Whether an entry of a list is shown: exactly what may be called is, whatever its arguments may then be.
    pub(in crate::exchange) fn is_listed(&self, policy: &Policy, mcp: &Mcp, entry: mcp::Entry<'_>) -> bool {
        let Some(agent) = self.agent else { return false };
        match entry.kind {
            mcp::ListKind::Tools => policy.tool_of(mcp.server, entry.name).is_some_and(|tool| {
                let is_granted = policy.grants(agent, tool).next().is_some();
                let is_for_it = mcp.tools.require(policy.tool_name(tool)).is_ok();
                // In shadow mode every call passes.
                policy.mode(tool) == Mode::Shadow || is_granted && is_for_it
            }),
            mcp::ListKind::Resources => policy.resource(agent, mcp.server, entry.name).is_some(),
            mcp::ListKind::Templates => policy.template(agent, mcp.server, entry.name).is_some(),
            mcp::ListKind::Prompts => policy.prompt(agent, mcp.server, entry.name).is_some(),
        }
    }
}
