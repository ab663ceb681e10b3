//! One exchange, from the request's header to the audit line: the order in which a call is judged.
//!
//! In: what the host shows, piece by piece. Out: what the host must do, and at the end the record.
//! Has no host: every phase can be run natively, and `policy-compiler` runs this same code.

mod answer;
mod counted;
mod judge;
mod mcp;
mod step;

pub use answer::{HeadOfAnswer, Reading};
pub use counted::{Answer, AnswerStep, Field};
pub use mcp::{is_of_protocol, is_of_target};
pub use step::{Awaited, BodyStep, Edits, HeadStep, TRUSTED_AGENT, TRUSTED_USER};

use judge::{Denial, Judgement, arguments_of, granted_by, require_exact, require_size};

use crate::{
    audit::{Decision, Record},
    bundle::Mode,
    denial::{self, Reason, Reply, Undecided},
    identity::{self, Verified},
    json::{Admitted, Bounds, Document, Numbers, Value},
    limits::{self, Failure, Outcome, Standing, Store, Timestamp},
    names,
    policy::{AgentIndex, Policy, ServerIndex, ToolIndex},
    redact,
    request::{self, Head},
};

/// One exchange.
pub struct Exchange {
    started: Timestamp,
    phase: Phase,
    request_id: Option<String>,
    agent_id: Option<String>,
    user_id: Option<String>,
    agent: Option<AgentIndex>,
    tool_name: Option<String>,
    tool: Option<ToolIndex>,
    arguments: String,
    judgement: Option<Judgement>,
    standings: Vec<Standing>,
    /// Whether the call went on with fields that it is counted by.
    is_counted: bool,
    /// Whether it was answered although nobody is known to have counted it.
    is_unanswered: bool,
    status: Option<u16>,
    /// What is known besides, if it is one with an MCP server.
    mcp: Option<Box<mcp::Mcp>>,
}

/// How far the exchange is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The request is being judged.
    Judging,
    /// It was sent on.
    Forwarded,
    /// It was answered by us; more bytes change nothing.
    Refused,
}

impl Exchange {
    /// A new exchange.
    pub fn new(now: Timestamp) -> Self {
        Self {
            started: now,
            phase: Phase::Judging,
            request_id: None,
            agent_id: None,
            user_id: None,
            agent: None,
            tool_name: None,
            tool: None,
            arguments: String::new(),
            judgement: None,
            standings: Vec::new(),
            is_counted: false,
            is_unanswered: false,
            status: None,
            mcp: None,
        }
    }

    /// Judges the header. `ends` says that no body follows.
    pub fn request_head<B: AsRef<[u8]>>(
        &mut self,
        policy: &Policy,
        head: Head<'_, B>,
        verified: &Verified,
        ends: bool,
    ) -> HeadStep {
        self.request_id = head.request_id().map(str::to_owned);
        let judged = match policy.server_at(head.called_path(), head.authority()) {
            Some(server) => self.judge_mcp_head(policy, server, head, verified, ends),
            None => self.judge_head(policy, head, verified, ends).map(|()| Awaited::Body),
        };
        match judged {
            Ok(body) => {
                if body == Awaited::Nothing {
                    self.phase = Phase::Forwarded;
                }
                HeadStep::Proceed { edits: self.edits(head), body }
            }
            Err(denial) => match self.deny(policy, denial) {
                Some(reply) => HeadStep::Reply(reply),
                None => HeadStep::Proceed { edits: self.edits(head), body: Awaited::Nothing },
            },
        }
    }

    /// The order of the checks that need no body. It is the order of the table in `docs/reasons.md`.
    fn judge_head<B: AsRef<[u8]>>(
        &mut self,
        policy: &Policy,
        head: Head<'_, B>,
        verified: &Verified,
        ends: bool,
    ) -> Result<(), Denial> {
        // What was called is recorded also for a call whose caller is not known.
        let name = head.tool().unwrap_or_default();
        self.tool_name = names::tool_name(name).ok().map(str::to_owned);
        self.tool = policy.tool_named(name);
        let identity = identity::establish(policy.identity(), head, verified)?;
        self.agent = policy.agent_named(&identity.agent);
        (self.agent_id, self.user_id) = (Some(identity.agent), identity.user);
        let tool = self.tool.ok_or(Reason::ToolUnknown)?;
        let agent = self.agent.ok_or(Reason::AgentUnknown)?;
        let grant = policy.grants(agent, tool).next().ok_or(Reason::ToolNotGranted)?;
        identity.tools.require(policy.tool_name(tool))?;
        head.require_post()?;
        head.require_plain_json()?;
        let length = head.content_length();
        require_size(policy, tool, length.unwrap_or_default())?;
        if head.has_query() {
            return Err(Reason::QueryNotAllowed.into());
        }
        // In HTTP/2 an empty body can be announced and still have a frame of its own.
        if ends || length == Some(0) {
            return Err(Reason::BodyMissing.into());
        }
        // A grant that is narrowed decides nothing before the arguments are known.
        let rule = grant.checks.is_empty().then_some(grant.rule);
        self.judgement = Some(Judgement { reason: None, rule });
        Ok(())
    }

    /// Whether the request is still to be judged.
    pub fn is_judging(&self) -> bool {
        self.phase == Phase::Judging
    }

    /// Judges a body that is not whole yet by its size.
    pub fn request_body_grows(&mut self, policy: &Policy, buffered: usize) -> BodyStep {
        match self.phase {
            Phase::Forwarded => return BodyStep::Forward(Vec::new()),
            Phase::Refused => return BodyStep::Wait,
            Phase::Judging => {}
        }
        let size = u64::try_from(buffered).unwrap_or(u64::MAX);
        let judged = match (&self.mcp, self.tool) {
            (Some(mcp), _) => mcp::require_bytes(policy, mcp.server, size),
            (None, Some(tool)) => require_size(policy, tool, size),
            (None, None) => Err(Reason::ToolUnknown.into()),
        };
        match judged {
            Ok(()) => BodyStep::Wait,
            Err(denial) => self.conclude(policy, Err(denial)),
        }
    }

    /// Judges a whole body, and takes the call out of its limits if nothing else is wrong.
    pub fn request_body<S: Store>(&mut self, policy: &Policy, body: &[u8], now: Timestamp, store: &mut S) -> BodyStep {
        match self.phase {
            Phase::Forwarded => return BodyStep::Forward(Vec::new()),
            Phase::Refused => return BodyStep::Wait,
            Phase::Judging => {}
        }
        let judged = if self.mcp.is_some() { self.judge_message(policy, body) } else { self.judge_body(policy, body) };
        let judged = judged.and_then(|()| self.require_definition(policy, store));
        let judged = judged.and_then(|()| self.take(policy, now, store));
        self.conclude(policy, judged)
    }

    fn judge_body(&mut self, policy: &Policy, body: &[u8]) -> Result<(), Denial> {
        let tool = self.tool.ok_or(Reason::ToolUnknown)?;
        require_size(policy, tool, u64::try_from(body.len()).unwrap_or(u64::MAX))?;
        if body.is_empty() {
            return Err(Reason::BodyMissing.into());
        }
        let bounds = Bounds { numbers: Numbers::Noted, ..Bounds::default() };
        let document = Document::read(body, bounds).map_err(Reason::BodyMalformed)?;
        let agent = self.agent.ok_or(Reason::AgentUnknown)?;
        require_exact(policy, agent, tool, &document)?;
        let arguments = arguments_of(document.root()).ok_or(Reason::BodyShape)?;
        self.judge_arguments(policy, agent, tool, &document, arguments, &[])
    }

    /// Judges the arguments of a call, and what the client filled in besides them: by all but schemas.
    fn judge_arguments(
        &mut self,
        policy: &Policy,
        agent: AgentIndex,
        tool: ToolIndex,
        document: &Document<'_>,
        arguments: Value<'_>,
        besides: &[Value<'_>],
    ) -> Result<(), Denial> {
        let mut admitted = Admitted::default();
        self.arguments = redact::show(arguments, policy.audit_arguments(tool), policy.audit());
        policy.checks(tool).try_for_each(|checks| checks.run_admitting(arguments, &mut admitted))?;
        for value in besides {
            policy.checks(tool).try_for_each(|checks| checks.run_on_strings(*value))?;
        }
        let granted = self.judgement.as_ref().and_then(|judgement| judgement.rule);
        let rule = match granted.filter(|_| !document.has_inexact()) {
            Some(rule) => rule,
            None => granted_by(policy, agent, tool, (arguments, besides), document, &mut admitted)?,
        };
        self.judgement = Some(Judgement { reason: None, rule: Some(rule) });
        Ok(())
    }

    fn take<S: Store>(&mut self, policy: &Policy, now: Timestamp, store: &mut S) -> Result<(), Denial> {
        let Some((agent, tool)) = self.held_to() else {
            return if self.mcp.is_some() { Ok(()) } else { Err(Reason::AgentUnknown.into()) };
        };
        let limited = policy.buckets(agent, tool).filter(|bucket| bucket.rate.is_some() || bucket.quota.is_some());
        let outcome = limits::take(limited, policy.agent_name(agent), now, store);
        match outcome {
            Ok(Outcome::Taken(standings)) => {
                self.standings = standings;
                Ok(())
            }
            Ok(Outcome::Spent { kind, limit, rule, retry_after, standings }) => {
                self.standings = standings;
                Err(Denial { reason: Reason::LimitSpent { kind, limit, retry_after }, rule: Some(rule) })
            }
            Err(Failure::Store(_)) => Err(Reason::Undecided(Undecided::Host).into()),
            Err(Failure::Contention) => Err(Reason::Undecided(Undecided::Contention).into()),
            Err(Failure::Unreadable) => Err(Reason::Undecided(Undecided::Counter).into()),
        }
    }

    /// Whose limits hold: those of the agent, and of the tool if it is a call of one. Nothing, if none do.
    fn held_to(&self) -> Option<(AgentIndex, Option<ToolIndex>)> {
        let is_limited = self.mcp.as_ref().map_or(self.tool.is_some(), |mcp| mcp.is_limited);
        self.agent.filter(|_| is_limited).map(|agent| (agent, self.tool))
    }

    fn conclude(&mut self, policy: &Policy, judged: Result<(), Denial>) -> BodyStep {
        let Err(denial) = judged else {
            self.phase = Phase::Forwarded;
            return BodyStep::Forward(self.count(policy));
        };
        match self.deny(policy, denial) {
            Some(reply) => BodyStep::Reply(reply),
            None => BodyStep::Forward(Vec::new()),
        }
    }

    /// Records a denial. None, if the tool is in shadow mode and the call goes on all the same.
    fn deny(&mut self, policy: &Policy, denial: Denial) -> Option<Reply> {
        let Denial { reason, rule } = denial;
        let is_shadowed = reason.can_be_shadowed() && self.tool.is_some_and(|tool| policy.mode(tool) == Mode::Shadow);
        let reply =
            (!is_shadowed).then(|| self.reply_to(&reason, rule.and_then(|rule| policy.rule(rule)), &self.standings));
        self.phase = if is_shadowed { Phase::Forwarded } else { Phase::Refused };
        self.judgement = Some(Judgement { reason: Some(reason), rule });
        reply
    }

    /// The refusal of a call, or of a message in the shape of its protocol.
    fn reply_to(&self, reason: &Reason, rule: Option<&str>, standings: &[Standing]) -> Reply {
        let request_id = self.request_id.as_deref();
        match &self.mcp {
            Some(mcp) => mcp.reply(reason, rule, request_id, standings),
            None => denial::reply(reason, request_id, standings),
        }
    }

    /// Records that the host failed, or that there is no policy. The call is refused, whatever was decided before.
    pub fn undecided(&mut self, why: Undecided) -> Reply {
        let reason = Reason::Undecided(why);
        let reply = self.reply_to(&reason, None, &[]);
        // In place of an answer, the host shows no head again.
        if self.phase == Phase::Forwarded {
            self.status = Some(reply.status);
        }
        self.phase = Phase::Refused;
        self.judgement = Some(Judgement { reason: Some(reason), rule: None });
        reply
    }

    fn edits<B: AsRef<[u8]>>(&self, head: Head<'_, B>) -> Edits {
        let mut remove: Vec<Vec<u8>> = head.untrusted().map(<[u8]>::to_vec).collect();
        if self.mcp.is_some() && !matches!(head.field("accept-encoding"), request::Field::Absent) {
            // An answer that is compressed cannot be read.
            remove.push(b"accept-encoding".to_vec());
        }
        remove.sort_unstable();
        remove.dedup();
        // In shadow mode a call of an unknown agent goes on, but nobody vouches for its name.
        let (agent, user) = (self.agent.and(self.agent_id.clone()), self.agent.and(self.user_id.clone()));
        Edits { remove, agent, user }
    }

    /// Records the status that the client gets. Returns the fields to add to the tool's answer.
    pub fn response_head(&mut self, status: Option<u16>) -> Vec<(&'static str, String)> {
        self.status = status;
        match self.phase {
            Phase::Forwarded => limits::fields(&self.standings),
            Phase::Judging | Phase::Refused => Vec::new(),
        }
    }

    /// The agent, the tool and the server, as far as the policy declares them.
    pub fn subject(&self) -> (Option<AgentIndex>, Option<ToolIndex>, Option<ServerIndex>) {
        (self.agent, self.tool, self.mcp.as_ref().map(|mcp| mcp.server))
    }

    /// Which argument was refused, as far as the audit line may tell.
    fn argument(&self, policy: &Policy, reason: Option<&Reason>) -> String {
        let pointer = reason.and_then(Reason::argument).zip(self.tool);
        let shown =
            pointer.map(|(pointer, tool)| redact::pointer(pointer, policy.audit_arguments(tool), policy.audit()));
        shown.unwrap_or_default()
    }

    /// The record of the exchange.
    pub fn finish<'a>(&'a self, policy: Option<&'a Policy>, now: Timestamp) -> Record<'a> {
        let judgement = self.judgement.as_ref();
        let reason = judgement.and_then(|judgement| judgement.reason.as_ref());
        let decision = match (self.phase, reason) {
            (Phase::Judging, _) => Decision::Incomplete,
            (Phase::Forwarded, None) => Decision::Allow,
            (Phase::Forwarded, Some(_)) => Decision::Shadow,
            (Phase::Refused, _) => Decision::Deny,
        };
        Record {
            started: self.started,
            ended: now,
            agent_id: self.agent_id.as_deref(),
            user_id: self.user_id.as_deref(),
            tool: self.tool_name.as_deref(),
            arguments: &self.arguments,
            decision,
            reason,
            rule: policy
                .zip(judgement.and_then(|judgement| judgement.rule))
                .and_then(|(policy, rule)| policy.rule(rule)),
            argument: policy.map(|policy| self.argument(policy, reason)).unwrap_or_default(),
            is_unanswered: self.is_unanswered,
            mcp: policy.zip(self.mcp.as_deref()).map(|(policy, mcp)| mcp.record(policy)),
            status: self.status,
            request_id: self.request_id.as_deref(),
            policy: policy.map(Policy::digest),
        }
    }
}

#[cfg(test)]
mod tests;
