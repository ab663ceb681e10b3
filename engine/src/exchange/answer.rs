//! What a server answers: read before it goes on, and cut down to what the agent may see.
//!
//! In: the head of an answer, then its body, whole or by pieces of a stream. Out: the bytes that go on.
//! What cannot be read does not go on. Holds nothing that is longer than an answer or an event may be.

mod seen;

use super::{AnswerStep, Exchange, Judgement, Phase, mcp::Mcp};
use crate::{
    bundle::Consequence,
    denial::{Reason, Reply},
    json::Value,
    limits::Store,
    mcp::{self, Event, EventStream, Fate, ListKind, Objection, Passed, Said, Shown, Suspicion},
    policy::{Policy, ToolIndex},
    request::{Field, Head},
};
use seen::Seen;

/// The longest answer that is held until it is whole, in bytes.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// The longest event of a stream that is held until it is whole, in bytes.
const MAX_EVENT_BYTES: usize = 8 << 20;

/// Envoy's word for an answer that is not its own.
const VIA_UPSTREAM: &[u8] = b"via_upstream";

/// How the body of an answer is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Not at all: it is none of a server's, or has none.
    Nothing,
    /// It is held until it is whole.
    Whole,
    /// Each piece is shown as it comes.
    Events,
    /// It does not go on.
    Dropped,
}

/// What to do with the head of a server's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum HeadOfAnswer {
    /// Let it pass; its body is to be read so.
    Read(Reading),
    /// Answer this in its place.
    Reply(Reply),
}

/// An answer that is not whole yet.
///
/// Its end is told by its own brackets, and not by that of the body: with trailers, Envoy says too late that no piece
/// follows. Whether it is JSON at all is judged once it is whole.
#[derive(Default)]
pub(super) struct Held {
    bytes: Vec<u8>,
    /// How many brackets are open.
    open: u32,
    is_in_string: bool,
    is_escaped: bool,
    /// Whether the first bracket was closed again. What follows goes nowhere.
    is_whole: bool,
}

impl Held {
    fn push(&mut self, piece: &[u8]) {
        if self.is_whole {
            return;
        }
        let last = piece.iter().position(|&byte| self.ends_at(byte));
        self.bytes.extend_from_slice(last.and_then(|last| piece.get(..=last)).unwrap_or(piece));
    }

    /// Takes note of the next byte. Whether it closes the first bracket.
    fn ends_at(&mut self, byte: u8) -> bool {
        match byte {
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' if self.is_in_string => self.is_escaped = true,
            b'"' => self.is_in_string = !self.is_in_string,
            b'{' | b'[' if !self.is_in_string => self.open = self.open.saturating_add(1),
            b'}' | b']' if !self.is_in_string => {
                self.open = self.open.saturating_sub(1);
                self.is_whole = self.open == 0;
            }
            _ => {}
        }
        self.is_whole
    }
}

/// What was found in a server's answers.
#[derive(Default)]
pub(super) struct Found {
    /// What became of entries of lists.
    pub(super) shown: usize,
    pub(super) hidden: usize,
    /// Tools whose definition is not the pinned one, or stands there twice.
    pub(super) changed: Vec<String>,
    /// Tools of which the server says what is hidden or reads like an order; for all that is no tool, the server.
    pub(super) suspicious: Vec<(String, Suspicion)>,
    /// How many events could not be read.
    pub(super) dropped: u32,
}

/// The digest of no definition: that of one that stands there twice.
const NO_DEFINITION: [u8; 32] = [0; 32];

impl Exchange {
    /// Whether the answer is a server's and is to be shown.
    pub fn is_of_server(&self) -> bool {
        self.mcp.is_some() && self.phase == Phase::Forwarded
    }

    /// Judges the head of an answer.
    ///
    /// `details` asks the host who answered, in Envoy's own words. It is asked only where that makes a difference: what can
    /// be read and is no error is read, whoever says it.
    pub fn server_answer_head<B: AsRef<[u8]>, E>(
        &mut self,
        head: Head<'_, B>,
        status: Option<u16>,
        ends: bool,
        details: impl FnOnce() -> Result<Vec<u8>, E>,
    ) -> Result<HeadOfAnswer, E> {
        let Some(mcp) = self.mcp.as_deref_mut().filter(|_| !ends) else {
            return Ok(HeadOfAnswer::Read(Reading::Nothing));
        };
        let is_error = status.is_none_or(|status| !(200..300).contains(&status));
        let readable = media_type(head).filter(|_| is_plain(head));
        if (is_error || readable.is_none()) && details()? != VIA_UPSTREAM {
            return Ok(HeadOfAnswer::Read(Reading::Nothing));
        }
        let reading = match readable {
            Some(reading) => reading,
            // Nobody waits for it, or the status says enough.
            _ if is_error || mcp.id.is_none() => Reading::Dropped,
            _ => {
                let denial = Reason::Mcp(Objection::Answer).into();
                return Ok(match self.refuse_answer(denial, None) {
                    AnswerStep::Reply(reply) => HeadOfAnswer::Reply(reply),
                    AnswerStep::Pass(_) => HeadOfAnswer::Read(Reading::Dropped),
                });
            }
        };
        match reading {
            Reading::Events => mcp.events = Some(EventStream::new(MAX_EVENT_BYTES)),
            Reading::Whole => mcp.held = Some(Held::default()),
            Reading::Nothing | Reading::Dropped => {}
        }
        Ok(HeadOfAnswer::Read(reading))
    }

    /// Takes the next piece of a server's answer; `ends` says that none follows. Returns what goes on in its place.
    pub fn server_answer_piece<S: Store>(
        &mut self,
        policy: &Policy,
        piece: &[u8],
        ends: bool,
        store: &mut S,
    ) -> Vec<u8> {
        let Some(mcp) = &mut self.mcp else { return Vec::new() };
        if mcp.events.is_some() {
            return self.server_events(policy, piece, ends, store);
        }
        let Some(held) = &mut mcp.held else { return Vec::new() };
        held.push(piece);
        if held.bytes.len() > MAX_ANSWER_BYTES {
            mcp.held = None;
            return self.unfit().body;
        }
        if !held.is_whole && !ends {
            return Vec::new();
        }
        let (body, is_awaited) = (mcp.held.take().unwrap_or_default().bytes, mcp.id.is_some());
        if body.is_empty() && !is_awaited {
            // A notification was taken, or a session ended: with a type, and with nothing of it.
            return Vec::new();
        }
        self.server_answer(policy, &body, store).unwrap_or(body)
    }

    /// Judges a whole answer. Returns what goes on in its place, if it does not go on as it is.
    fn server_answer<S: Store>(&mut self, policy: &Policy, body: &[u8], store: &mut S) -> Option<Vec<u8>> {
        let mut mcp = self.mcp.take()?;
        let judged = self.judge_answer(policy, &mut mcp, body, store);
        self.mcp = Some(mcp);
        match judged {
            Ok(passed) => passed.replaced,
            Err(_) => Some(self.unfit().body),
        }
    }

    /// Records that an answer cannot be shown, after its head went on. Returns what is said in its place.
    pub fn unfit(&mut self) -> Reply {
        let reason = Reason::Mcp(Objection::Answer);
        let reply = self.reply_to(&reason, None, &[]);
        self.phase = Phase::Refused;
        self.judgement = Some(Judgement { reason: Some(reason), rule: None });
        reply
    }

    /// Takes the next piece of an event stream. Returns what goes on of it.
    fn server_events<S: Store>(&mut self, policy: &Policy, piece: &[u8], ends: bool, store: &mut S) -> Vec<u8> {
        let mut out = Vec::new();
        let Some(mut mcp) = self.mcp.take() else { return out };
        let Some(mut events) = mcp.events.take() else {
            // It was given up before.
            self.mcp = Some(mcp);
            return out;
        };
        let pushed = events.push(piece, &mut out, &mut |event: &Event| match self.judge_answer(
            policy,
            &mut mcp,
            &event.data,
            store,
        ) {
            Ok(passed) => passed.replaced.map_or(Fate::Pass, Fate::Replace),
            Err(_) => {
                mcp.found.dropped = mcp.found.dropped.saturating_add(1);
                Fate::Drop
            }
        });
        let is_lost = ends && mcp.outcome.is_none() && mcp.found.dropped > 0;
        let is_awaited = mcp.id.is_some();
        if pushed.is_ok() {
            mcp.events = Some(events);
        }
        self.mcp = Some(mcp);
        if pushed.is_err() || is_lost {
            let told = self.unfit().body;
            if is_awaited {
                out.extend([b"data: ".as_slice(), &told, b"\n\n"].concat());
            }
        }
        out
    }

    fn judge_answer<S: Store>(
        &self,
        policy: &Policy,
        mcp: &mut Mcp,
        body: &[u8],
        store: &mut S,
    ) -> Result<Passed, mcp::Unfit> {
        let awaited = mcp.awaited();
        let (mut seen, mut found): (Vec<(ToolIndex, Seen)>, Found) = (Vec::new(), Found::default());
        let passed = mcp::pass(body, &awaited, &mut |said| match said {
            Said::Entry(entry) => self.shows(policy, mcp, entry, &mut seen, &mut found),
            Said::Instructions(told) => found.lets_pass(policy, mcp, told),
        })?;
        let Shown { shown, hidden, nameless: _, duplicates } = &passed.lists;
        let twice = duplicates.iter().filter(|(kind, _)| *kind == ListKind::Tools);
        for tool in twice.filter_map(|(_, name)| policy.tool_of(mcp.server, name)) {
            found.changed.push(policy.tool_name(tool).to_owned());
            if policy.pin(tool).is_some() {
                seen.push((tool, Seen { suspicion: None, digest: Some(NO_DEFINITION) }));
            }
        }
        mcp.outcome = mcp.outcome.or(passed.outcome);
        mcp.found.shown = mcp.found.shown.saturating_add(*shown);
        mcp.found.hidden = mcp.found.hidden.saturating_add(*hidden);
        mcp.found.changed.append(&mut found.changed);
        found.suspicious.into_iter().for_each(|(name, suspicion)| mcp.found.suspect(name, suspicion));
        for (tool, seen) in seen {
            seen.remember(policy, tool, store);
        }
        Ok(passed)
    }

    /// Whether an entry is shown: by the policy, by its pin, and by what is said in it.
    fn shows(
        &self,
        policy: &Policy,
        mcp: &Mcp,
        entry: mcp::Entry<'_>,
        seen: &mut Vec<(ToolIndex, Seen)>,
        found: &mut Found,
    ) -> bool {
        let is_listed = self.is_listed(policy, mcp, entry);
        if entry.kind != ListKind::Tools {
            return is_listed && found.lets_pass(policy, mcp, entry.value);
        }
        let Some(tool) = policy.tool_of(mcp.server, entry.name) else { return is_listed };
        let now = Seen::of(policy, tool, entry.value);
        seen.push((tool, now));
        let is_changed = now.is_changed(policy, tool);
        if is_changed {
            found.changed.push(policy.tool_name(tool).to_owned());
        }
        if let Some(suspicion) = now.suspicion {
            found.suspect(policy.tool_name(tool).to_owned(), suspicion);
        }
        let is_hidden = is_changed && changed(policy, mcp) == Consequence::Hide
            || now.suspicion.is_some() && suspicious(policy, mcp) == Consequence::Hide;
        is_listed && !is_hidden
    }

    /// Refuses the call of a tool whose last definition seen is not the pinned one, or suspicious.
    ///
    /// A tool of which no list was seen yet passes: agents know tools from lists only, and each list that an agent gets is
    /// looked through by whichever Envoy it passes.
    pub(super) fn require_definition<S: Store>(&mut self, policy: &Policy, store: &mut S) -> Result<(), super::Denial> {
        let (Some(mcp), Some(tool)) = (&mut self.mcp, self.tool) else { return Ok(()) };
        let seen = Seen::recall(policy, tool, store);
        let seen = seen.map_err(|_| Reason::Undecided(crate::denial::Undecided::Host))?;
        let (Some(seen), Some(server)) = (seen, policy.server(mcp.server)) else { return Ok(()) };
        let name = policy.tool_name(tool).to_owned();
        if let Some(pin) = policy.pin(tool).filter(|_| seen.is_changed(policy, tool)) {
            mcp.found.changed.push(name.clone());
            if server.changed == Consequence::Hide {
                return Err((Reason::Mcp(Objection::Changed), pin.rule).into());
            }
        }
        if let Some(suspicion) = seen.suspicion.filter(|_| !seen.is_pinned(policy, tool)) {
            mcp.found.suspect(name, suspicion);
            if server.suspicious.value == Consequence::Hide {
                return Err((Reason::Mcp(Objection::Suspicious), server.suspicious.rule).into());
            }
        }
        Ok(())
    }
}

impl Found {
    /// Takes note of a tool, or a server, once for each suspicion.
    fn suspect(&mut self, name: String, suspicion: Suspicion) {
        let suspect = (name, suspicion);
        if !self.suspicious.contains(&suspect) {
            self.suspicious.push(suspect);
        }
    }

    /// Whether what is said of no tool goes on. It is told by the server's name, for the names in it are the server's own.
    fn lets_pass(&mut self, policy: &Policy, mcp: &Mcp, said: Value<'_>) -> bool {
        let Some(finding) = mcp::scan(said, policy.instructions()) else { return true };
        self.suspect(format!("{}/", policy.server_name(mcp.server)), finding.into());
        suspicious(policy, mcp) == Consequence::Report
    }
}

fn changed(policy: &Policy, mcp: &Mcp) -> Consequence {
    policy.server(mcp.server).map(|server| server.changed).unwrap_or_default()
}

fn suspicious(policy: &Policy, mcp: &Mcp) -> Consequence {
    policy.server(mcp.server).map(|server| server.suspicious.value).unwrap_or_default()
}

/// How a body of this type is read; nothing, if it is of another or of two.
fn media_type<B: AsRef<[u8]>>(head: Head<'_, B>) -> Option<Reading> {
    let Field::Once(value) = head.field("content-type") else { return None };
    let name = value.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
    if name.eq_ignore_ascii_case(b"application/json") {
        return Some(Reading::Whole);
    }
    name.eq_ignore_ascii_case(b"text/event-stream").then_some(Reading::Events)
}

/// Whether a body is not compressed, and in UTF-8 as far as its type says.
fn is_plain<B: AsRef<[u8]>>(head: Head<'_, B>) -> bool {
    let is_coded = match head.field("content-encoding") {
        Field::Absent => false,
        Field::Once(value) => !value.eq_ignore_ascii_case(b"identity"),
        Field::Often => true,
    };
    let charset = match head.field("content-type") {
        Field::Once(value) => value.split(|&byte| byte == b';').skip(1).map(<[u8]>::trim_ascii).find_map(|parameter| {
            let (name, charset) = parameter.split_at_checked(8)?;
            name.eq_ignore_ascii_case(b"charset=").then_some(charset)
        }),
        Field::Absent | Field::Often => None,
    };
    let is_utf8 =
        charset.is_none_or(|name| name.eq_ignore_ascii_case(b"utf-8") || name.eq_ignore_ascii_case(b"\"utf-8\""));
    !is_coded && is_utf8
}

#[cfg(test)]
mod tests;
