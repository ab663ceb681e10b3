//! One HTTP stream: turns each callback into one engine step, and each step into one action.
//!
//! In: Envoy's callbacks. Out: `Continue` only where the engine said so; a failed host call is a 503.
//! With trailers no body callback says that it is the last: the body ends in the trailers' callback.

use crate::{
    host::{self, Fault, SharedData},
    metrics,
    plugin::Shared,
};
use proxy_wasm::{
    traits::{Context, HttpContext},
    types::Action,
};
use std::{mem, rc::Rc};
use toolgate_engine::{
    denial::{Reply, Undecided},
    exchange::{
        Answer, AnswerStep, Awaited, BodyStep, Edits, Exchange, Field, HeadOfAnswer, HeadStep, Reading, TRUSTED_AGENT,
        TRUSTED_USER,
    },
    limits::Timestamp,
    policy::Policy,
    request::{Head, is_untrusted},
};

/// The name under which the access log finds the audit line: `%FILTER_STATE(wasm.tool_gateway.audit:PLAIN)%`.
const AUDIT: &str = "tool_gateway.audit";

/// The context of one stream.
pub struct ToolCallContext {
    shared: Rc<Shared>,
    exchange: Exchange,
    /// Whether Envoy showed a header. What it refuses itself is no call: its access log tells of that.
    began: bool,
    /// Body bytes that Envoy held at the last callback: trailers do not say.
    buffered: usize,
    /// Body bytes that came before, and that Envoy no longer holds.
    kept: Vec<u8>,
    /// How the body of the answer is read.
    reading: Reading,
}

impl ToolCallContext {
    pub fn new(shared: Rc<Shared>) -> Self {
        let exchange = Exchange::new(Timestamp(0));
        Self { shared, exchange, began: false, buffered: 0, kept: Vec::new(), reading: Reading::Nothing }
    }
}

impl Context for ToolCallContext {}

impl HttpContext for ToolCallContext {
    fn on_http_request_headers(&mut self, _: usize, ends: bool) -> Action {
        self.began = true;
        self.or_refuse(|stream, policy| stream.judge_head(policy, ends))
    }

    fn on_http_request_body(&mut self, buffered: usize, ends: bool) -> Action {
        self.buffered = buffered;
        self.or_refuse(|stream, policy| stream.judge_body(policy, ends))
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        self.or_refuse(|stream, policy| {
            strip_trailers()?;
            stream.judge_body(policy, true)
        })
    }

    /// Envoy shows our own replies here too: the engine knows which exchange was refused.
    fn on_http_response_headers(&mut self, _: usize, ends: bool) -> Action {
        if self.exchange.is_counted() || self.exchange.is_of_server() {
            // What is not judged does not go on, also if a host that fails takes no answer of ours in its place.
            self.reading = Reading::Dropped;
            return self.or_refuse(|stream, policy| {
                let judged = stream.judge_answer(policy, ends);
                if judged.is_err() {
                    // A client would wait for a body of this length.
                    unfix_length(Reading::Dropped, |_| true)?;
                }
                judged
            });
        }
        // The tool has done its work: what fails here is counted, and takes nothing back.
        let status = host::response_status().unwrap_or_else(|fault| {
            metrics::count_fault(fault);
            None
        });
        pass(&self.exchange.response_head(status))
    }

    fn on_http_response_body(&mut self, size: usize, ends: bool) -> Action {
        match self.reading {
            Reading::Nothing => Action::Continue,
            Reading::Whole | Reading::Events | Reading::Dropped => {
                self.or_refuse(|stream, policy| stream.read_answer(policy, size, ends))
            }
        }
    }

    fn on_http_response_trailers(&mut self, _: usize) -> Action {
        match self.reading {
            Reading::Nothing | Reading::Dropped => Action::Continue,
            Reading::Whole | Reading::Events => self.or_refuse(Self::end_answer),
        }
    }

    fn on_log(&mut self) {
        if !self.began {
            return;
        }
        let policy = self.shared.policy.as_ref();
        let now = host::now().unwrap_or_else(|fault| {
            metrics::count_fault(fault);
            Timestamp(0)
        });
        let record = self.exchange.finish(policy, now);
        let line = record.to_line();
        if let Err(fault) = host::set_filter_state(AUDIT, &line) {
            metrics::count_fault(fault);
            // The line must not be lost: Envoy's own log is the second best place.
            host::log(host::Level::Error, &line);
        }
        let counted = match self.shared.metrics.try_borrow_mut() {
            Ok(mut counters) => counters.count(policy, self.exchange.subject(), &record),
            Err(_) => Err(Fault { call: "metrics", status: -1 }),
        };
        if let Err(fault) = counted {
            metrics::count_fault(fault);
        }
    }
}

impl ToolCallContext {
    /// Runs one step. Without a policy, or when the host fails, the call is refused.
    fn or_refuse(&mut self, step: impl FnOnce(&mut Self, &Policy) -> Result<Action, Fault>) -> Action {
        let shared = Rc::clone(&self.shared);
        let Some(policy) = &shared.policy else {
            return self.refuse_undecided(Undecided::Config);
        };
        step(self, policy).unwrap_or_else(|fault| {
            metrics::count_fault(fault);
            self.refuse_undecided(Undecided::Host)
        })
    }

    fn judge_head(&mut self, policy: &Policy, ends: bool) -> Result<Action, Fault> {
        self.exchange = Exchange::new(host::now()?);
        let fields = host::request_header()?;
        let verified = host::verified(policy.wanted())?;
        match self.exchange.request_head(policy, Head { fields: &fields.list() }, &verified, ends) {
            HeadStep::Reply(reply) => Ok(send(&reply)),
            HeadStep::Proceed { edits, body } => {
                apply(&edits)?;
                Ok(match body {
                    // Only a plugin with `allow_on_headers_stop_iteration` gets the body of a held header.
                    Awaited::Body if policy.deployment().hold_headers => Action::Pause,
                    Awaited::Body | Awaited::Nothing => Action::Continue,
                })
            }
        }
    }

    fn judge_body(&mut self, policy: &Policy, ends: bool) -> Result<Action, Fault> {
        // The size is judged before a byte is copied.
        let size = self.kept.len().saturating_add(self.buffered);
        let step = match self.exchange.request_body_grows(policy, size) {
            BodyStep::Wait if ends && self.exchange.is_judging() => self.judge_whole_body(policy)?,
            BodyStep::Wait if !policy.deployment().hold_headers && self.exchange.is_judging() => self.keep()?,
            step => step,
        };
        Ok(match step {
            BodyStep::Forward(fields) => self.release(&fields)?,
            BodyStep::Wait => Action::Pause,
            BodyStep::Reply(reply) => send(&reply),
        })
    }

    /// Takes what has come of the body out of Envoy's hands.
    ///
    /// Filters of a stream share Envoy's buffer. One behind this filter that holds the header, such as a global rate
    /// limit until it has its answer, sends on what the buffer holds when it lets go: unjudged, if the header was
    /// sent ahead. Where the header is held here, no filter behind has seen the request yet.
    fn keep(&mut self) -> Result<BodyStep, Fault> {
        self.kept.extend(host::request_body(self.buffered)?);
        host::set_request_body(mem::take(&mut self.buffered), &[])?;
        Ok(BodyStep::Wait)
    }

    /// Puts back what was kept, before what has come since. A header that is held can still be changed.
    fn release(&mut self, fields: &[Field]) -> Result<Action, Fault> {
        for (name, value) in fields {
            host::set_in_request_header(name, value)?;
        }
        let kept = mem::take(&mut self.kept);
        if !kept.is_empty() {
            host::set_request_body(0, &kept)?;
        }
        Ok(Action::Continue)
    }

    fn judge_whole_body(&mut self, policy: &Policy) -> Result<BodyStep, Fault> {
        let rest = host::request_body(self.buffered)?;
        let body = if self.kept.is_empty() { rest } else { [self.kept.as_slice(), &rest].concat() };
        let now = host::now()?;
        Ok(with_store(|store| self.exchange.request_body(policy, &body, now, store)))
    }

    /// Whether Envoy's rate limit filter, which stands behind, let the call pass: if that cannot be told, it did not. What a
    /// server answers is read before it goes on; its head goes on at once, for it says nothing that is judged.
    fn judge_answer(&mut self, policy: &Policy, ends: bool) -> Result<Action, Fault> {
        let fields = host::response_header()?;
        let fields = fields.list();
        let status = host::status_in(&fields);
        let counted = if self.exchange.is_counted() {
            let answer = Answer { details: &host::response_details()?, fields: &fields };
            self.exchange.answer_head(policy, &answer, status, host::now()?)
        } else {
            AnswerStep::Pass(self.exchange.response_head(status))
        };
        let added = match counted {
            AnswerStep::Reply(reply) => return Ok(send(&reply)),
            AnswerStep::Pass(added) => added,
        };
        let judged = self.exchange.server_answer_head(Head { fields: &fields }, status, ends, host::response_details);
        let reading = match judged? {
            HeadOfAnswer::Reply(reply) => return Ok(send(&reply)),
            HeadOfAnswer::Read(reading) => reading,
        };
        unfix_length(reading, |name| fields.iter().any(|(there, _)| *there == name))?;
        self.reading = reading;
        Ok(pass(&added))
    }

    /// Puts in place of a piece what goes on of the answer so far. What is held is held by the engine: Envoy ends a stream
    /// whose buffer runs full, and would do so in the middle of a callback.
    fn read_answer(&mut self, policy: &Policy, size: usize, ends: bool) -> Result<Action, Fault> {
        let goes_on = match self.reading {
            Reading::Nothing | Reading::Dropped => Vec::new(),
            Reading::Whole | Reading::Events => {
                let piece = host::response_body(size)?;
                let goes_on = with_store(|store| self.exchange.server_answer_piece(policy, &piece, ends, store));
                if goes_on == piece {
                    return Ok(Action::Continue);
                }
                goes_on
            }
        };
        host::set_response_body(size, &goes_on)?;
        Ok(Action::Continue)
    }

    /// With trailers, no piece of the body says that it is the last. What could still be said has no place any more: then
    /// the stream is cut off.
    fn end_answer(&mut self, policy: &Policy) -> Result<Action, Fault> {
        let left = with_store(|store| self.exchange.server_answer_piece(policy, &[], true, store));
        Ok(if left.is_empty() { Action::Continue } else { send(&self.exchange.unfit()) })
    }

    fn refuse_undecided(&mut self, why: Undecided) -> Action {
        send(&self.exchange.undecided(why))
    }
}

/// Runs what needs the shared data, and counts what fails there.
fn with_store<T>(run: impl FnOnce(&mut SharedData) -> T) -> T {
    let mut store = SharedData::default();
    let done = run(&mut store);
    store.fault.into_iter().for_each(metrics::count_fault);
    done
}

/// Takes out of the header what is there and holds no longer: of what is read, less may go on, or nothing.
fn unfix_length(reading: Reading, is_there: impl Fn(&[u8]) -> bool) -> Result<(), Fault> {
    let of_body: &[&[u8]] = match reading {
        Reading::Nothing => &[],
        Reading::Whole | Reading::Events => &[b"content-length"],
        Reading::Dropped => &[b"content-length", b"content-encoding"],
    };
    let mut stale = of_body.iter().filter(|name| is_there(name));
    stale.try_for_each(|name| host::remove_from_response_header(name))
}

/// Answers, and holds the request whether or not the host took the answer.
fn send(reply: &Reply) -> Action {
    if let Err(fault) = host::reply(reply) {
        metrics::count_fault(fault);
    }
    Action::Pause
}

/// Lets an answer pass, with these fields added as far as the host takes them.
fn pass(fields: &[(&'static str, String)]) -> Action {
    for (name, value) in fields {
        if let Err(fault) = host::add_to_response_header(name, value) {
            metrics::count_fault(fault);
        }
    }
    Action::Continue
}

fn apply(edits: &Edits) -> Result<(), Fault> {
    let Edits { remove, agent, user } = edits;
    for name in remove {
        host::remove_from_request_header(name)?;
    }
    for (name, value) in [(TRUSTED_AGENT, agent), (TRUSTED_USER, user)] {
        if let Some(value) = value {
            host::set_in_request_header(name, value)?;
        }
    }
    Ok(())
}

/// Some servers add trailers to the header: what is not trusted there is not trusted here.
fn strip_trailers() -> Result<(), Fault> {
    for (name, _) in host::request_trailers()?.list() {
        if is_untrusted(name) {
            host::remove_from_request_trailers(name)?;
        }
    }
    Ok(())
}
