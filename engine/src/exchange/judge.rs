//! What of a call is judged apart from who makes it: its size, its numbers, and which grant holds for its arguments.
//!
//! In: a policy, an agent, a tool and what was read of the body. Out: nothing, or why it is refused.

use crate::{
    arguments::{ArgumentChecks, Offence},
    denial::Reason,
    json::{Admitted, Document, Value},
    policy::{AgentIndex, Policy, ToolIndex},
};

/// What was found, and the rule that says so.
pub(super) struct Judgement {
    pub(super) reason: Option<Reason>,
    pub(super) rule: Option<u32>,
}

/// A reason to refuse, and the rule it stands in. `None`: nothing in the policy allows it.
pub(super) struct Denial {
    pub(super) reason: Reason,
    pub(super) rule: Option<u32>,
}

impl From<Reason> for Denial {
    fn from(reason: Reason) -> Self {
        Self { reason, rule: None }
    }
}

impl From<(Reason, u32)> for Denial {
    fn from((reason, rule): (Reason, u32)) -> Self {
        Self { reason, rule: Some(rule) }
    }
}

impl From<Offence> for Denial {
    fn from(Offence { rule, pointer, fault }: Offence) -> Self {
        Self { reason: Reason::Argument { pointer, fault }, rule: Some(rule) }
    }
}

/// Whether a schema judges the call, which may then allow numbers that no call may have otherwise.
fn has_schemas(policy: &Policy, agent: AgentIndex, tool: ToolIndex) -> bool {
    let of_grants = policy.grants(agent, tool).flat_map(|grant| policy.checks_of(grant));
    policy.checks(tool).chain(of_grants).any(ArgumentChecks::has_schemas)
}

/// Refuses numbers that a double does not hold, if there is nothing that could allow them.
pub(super) fn require_exact(
    policy: &Policy,
    agent: AgentIndex,
    tool: ToolIndex,
    document: &Document<'_>,
) -> Result<(), Denial> {
    if document.has_inexact() && !has_schemas(policy, agent, tool) {
        document.require_admitted(&Admitted::default()).map_err(Reason::BodyMalformed)?;
    }
    Ok(())
}

/// The rule of the first grant that holds for these arguments and numbers; if none does, what the first one found.
pub(super) fn granted_by(
    policy: &Policy,
    agent: AgentIndex,
    tool: ToolIndex,
    (arguments, besides): (Value<'_>, &[Value<'_>]),
    document: &Document<'_>,
    admitted: &mut Admitted,
) -> Result<u32, Denial> {
    let mut refused: Option<Denial> = None;
    let mark = admitted.mark();
    for grant in policy.grants(agent, tool) {
        let mut checks = policy.checks_of(grant);
        let judged = checks.try_for_each(|checks| {
            checks.run_admitting(arguments, admitted)?;
            besides.iter().try_for_each(|value| checks.run_on_strings(*value))
        });
        let judged = judged.map_err(Denial::from);
        let judged = judged.and_then(|()| Ok(document.require_admitted(admitted).map_err(Reason::BodyMalformed)?));
        match judged {
            Ok(()) => return Ok(grant.rule),
            Err(denial) => refused = refused.or(Some(denial)),
        }
        admitted.back_to(mark);
    }
    Err(refused.unwrap_or(Reason::ToolNotGranted.into()))
}

pub(super) fn require_size(policy: &Policy, tool: ToolIndex, size: u64) -> Result<(), Denial> {
    let limit = policy.body_limit(tool);
    if size <= u64::from(limit.value) {
        return Ok(());
    }
    Err(Denial { reason: Reason::BodyTooLarge { limit: limit.value }, rule: Some(limit.rule) })
}

/// The arguments of `{"arguments": {...}}`, which has no other member.
pub(super) fn arguments_of<'d>(root: Value<'d>) -> Option<Value<'d>> {
    let mut members = root.members();
    let ("arguments", arguments) = members.next()? else {
        return None;
    };
    let is_object = arguments.kind() == crate::json::Kind::Object;
    (is_object && members.next().is_none()).then_some(arguments)
}
