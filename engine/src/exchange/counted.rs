//! Calls that Envoy's rate limit filter counts, behind ours.
//!
//! In: a call that was found good; later, its answer. Out: the header fields that it is counted by; later, whether the
//! answer stands. Counts nothing.

use super::{Denial, Exchange, Judgement, Phase};
use crate::{
    bundle::{GlobalLimit, Mode},
    denial::{Reason, Reply, Undecided},
    limits::{self, Counted, LimitKind, Standing, Timestamp, Told},
    policy::{Policy, ReadyGlobal},
};

/// A header field to set, in place of any other of its name.
pub type Field = (String, String);

/// What the host shows of the answer to a counted call.
pub struct Answer<'a, B = Vec<u8>> {
    /// Envoy's `response.code_details`.
    pub details: &'a [u8],
    /// Names and values of the header's fields.
    pub fields: &'a [(B, B)],
}

/// What to do with the answer to a counted call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum AnswerStep {
    /// Let it pass, with these fields added.
    Pass(Vec<(&'static str, String)>),
    /// Answer this in its place.
    Reply(Reply),
}

/// What a limit is called that no rule of the policy set, but whoever runs the gateway.
const OF_THE_GATEWAY: &str = "gateway-rate";

impl Exchange {
    /// The fields that the call is counted by. None in shadow mode: a call that counts can be refused.
    pub(super) fn count(&mut self, policy: &Policy) -> Vec<Field> {
        let fields: Vec<Field> = match self.held_to() {
            Some((agent, tool)) if tool.is_none_or(|tool| policy.mode(tool) == Mode::Enforce) => {
                let tool_name = tool.map(|tool| policy.tool_name(tool)).unwrap_or_default();
                let agent_name = policy.agent_name(agent);
                let field = |ReadyGlobal { header, limit }: &ReadyGlobal| {
                    (header.clone(), limit.value(tool_name, agent_name).into_owned())
                };
                policy.globals(agent, tool).map(field).collect()
            }
            _ => Vec::new(),
        };
        self.is_counted = !fields.is_empty();
        fields
    }

    /// Whether the answer is to be shown to [`Exchange::answer_head`], and not only its status.
    pub fn is_counted(&self) -> bool {
        self.is_counted && self.phase == Phase::Forwarded
    }

    /// Judges the head of the answer to a call that Envoy was to count.
    pub fn answer_head<B: AsRef<[u8]>>(
        &mut self,
        policy: &Policy,
        answer: &Answer<'_, B>,
        status: Option<u16>,
        now: Timestamp,
    ) -> AnswerStep {
        let held_to = self.held_to().into_iter();
        let limits: Vec<&GlobalLimit> =
            held_to.flat_map(|(agent, tool)| policy.globals(agent, tool)).map(|global| &global.limit).collect();
        match limits::counted(answer.details, answer.fields, limits.iter().copied()) {
            Counted::Yes => AnswerStep::Pass(self.response_head(status)),
            Counted::No => {
                self.is_unanswered = true;
                AnswerStep::Pass(self.response_head(status))
            }
            Counted::Unknown => {
                let rule = limits.first().map(|limit| limit.rule);
                self.refuse_answer(Denial { reason: Reason::Undecided(Undecided::Limits), rule }, None)
            }
            Counted::Spent(told) => {
                let (denial, standing) = spent(&limits, &told, now);
                self.standings = standing.into_iter().collect();
                let rule = denial.rule.and_then(|rule| policy.rule(rule));
                self.refuse_answer(denial, rule)
            }
        }
    }

    pub(super) fn refuse_answer(&mut self, Denial { reason, rule }: Denial, told: Option<&str>) -> AnswerStep {
        let standings = if matches!(reason, Reason::Undecided(_)) { &[][..] } else { &self.standings };
        let reply = self.reply_to(&reason, told, standings);
        self.phase = Phase::Refused;
        self.status = Some(reply.status);
        self.judgement = Some(Judgement { reason: Some(reason), rule });
        AnswerStep::Reply(reply)
    }
}

/// Which of the call's limits is spent. Whoever runs the gateway may have set others: those are no rule of the policy.
fn spent(limits: &[&GlobalLimit], told: &Told, now: Timestamp) -> (Denial, Option<Standing>) {
    let Told { requests, reset_secs } = *told;
    let is_told = |limit: &&GlobalLimit| requests.is_none_or(|requests| requests == limit.requests);
    // Two limits of one count differ in their unit: the window that ends soon enough is the shorter one.
    let lasts = |limit: &&GlobalLimit| reset_secs.is_none_or(|reset| reset <= u64::from(limit.unit.seconds()));
    let Some(limit) = limits.iter().copied().filter(is_told).filter(lasts).min_by_key(|limit| limit.unit) else {
        let retry_after = reset_secs.unwrap_or_default().max(1);
        let reason = Reason::LimitSpent { kind: LimitKind::Rate, limit: OF_THE_GATEWAY.to_owned(), retry_after };
        return (reason.into(), None);
    };
    let retry_after = reset_secs.unwrap_or_else(|| limit.unit.left_at(now)).max(1);
    let standing = Standing {
        name: limit.name(),
        count: limit.requests,
        window_secs: u64::from(limit.unit.seconds()),
        remaining: 0,
        reset_secs: retry_after,
    };
    let reason = Reason::LimitSpent { kind: limit.kind, limit: limit.name(), retry_after };
    (Denial { reason, rule: Some(limit.rule) }, Some(standing))
}
