//! Runs cases on the engine alone, phase by phase as Envoy would.
//!
//! In: a case file. Out: what became of each call. Time stands still, and shared data is a map.

use crate::{Call, CaseFile, Framing, verified::verified};
use std::collections::HashMap;
use toolgate_engine::{
    audit::{Decision, Record},
    bundle::{Bundle, Deployment, GLOBAL_PREFIX},
    denial::Reply,
    exchange::{Awaited, BodyStep, Edits, Exchange, Field, HeadStep},
    limits::{Reading, Store, Swap, Timestamp},
    policy::Policy,
    request::Head,
};

/// 2026-11-23T12:00:00Z.
const NOON: Timestamp = Timestamp(1_795_435_200_000_000_000);

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Got {
    /// The status of the refusal, or 200.
    pub status: u16,
    /// The reason in the audit line.
    pub reason: String,
    /// The rule in the audit line.
    pub rule: String,
    /// The arguments in the audit line.
    pub arguments: String,
    /// The refused argument in the audit line; empty if it names none.
    pub argument: String,
    /// The broken keyword in the audit line; empty if it names none.
    pub keyword: String,
    /// Whether shadow mode let a denied call pass.
    pub would_deny: bool,
    /// What the tool is told of the agent, if it was called.
    pub trusted_agent: Option<String>,
    /// What it is told of the agent's user.
    pub trusted_user: Option<String>,
    /// The fields by which the call is counted behind the filter.
    pub counted: Vec<Field>,
    /// The user in the audit line.
    pub user: String,
    /// Of a refusal in the shape of MCP: the code of its error, 0 if it is a result that says so.
    pub code: Option<i64>,
}

/// A policy and the shared data of one case file.
pub struct Native {
    policy: Policy,
    store: Memory,
}

#[derive(Default)]
struct Memory(HashMap<Vec<u8>, (Vec<u8>, u32)>);

impl Store for Memory {
    type Error = ();
    type Version = u32;

    fn read(&mut self, key: &[u8]) -> Result<Reading<u32>, ()> {
        Ok(self.0.get(key).map_or((None, 0), |(value, version)| (Some(value.clone()), *version)))
    }

    fn swap(&mut self, key: &[u8], value: &[u8], version: u32) -> Result<Swap, ()> {
        let current = self.0.get(key).map_or(0, |(_, version)| *version);
        if current != version {
            return Ok(Swap::Lost);
        }
        self.0.insert(key.to_vec(), (value.to_vec(), version.saturating_add(1)));
        Ok(Swap::Done)
    }
}

impl Native {
    /// Compiles, packs and loads the file's policy, as it would travel to Envoy.
    #[expect(clippy::panic, reason = "a case file whose policy is bad must fail its test")]
    pub fn new(file: &CaseFile) -> Self {
        let config = pack(file).unwrap_or_else(|why| panic!("tests/cases/{}.yaml: {why}", file.name));
        match Policy::load(config.as_bytes()) {
            Ok(policy) => Self { policy, store: Memory::default() },
            Err(bad) => panic!("tests/cases/{}.yaml: {bad}", file.name),
        }
    }

    /// Makes one call.
    pub fn call(&mut self, call: &Call, framing: Framing) -> Got {
        let mut exchange = Exchange::new(NOON);
        let body = call.body();
        let mut fields = vec![
            (b":method".to_vec(), call.method.clone().into_bytes()),
            (b":path".to_vec(), call.path().into_bytes()),
            (b":authority".to_vec(), call.host.clone().into_bytes()),
        ];
        fields.extend(call.fields());
        if let (Framing::Length, Some(body)) = (framing, &body) {
            fields.push((b"content-length".to_vec(), body.len().to_string().into_bytes()));
        }
        let verified = verified(call, self.policy.wanted());
        let head = exchange.request_head(&self.policy, Head { fields: &fields }, &verified, body.is_none());
        let mut code = None;
        let (status, edits, mut counted) = match head {
            HeadStep::Reply(reply) => (told(&reply, &mut code), Edits::default(), Vec::new()),
            HeadStep::Proceed { edits, body: Awaited::Nothing } => (200, edits, Vec::new()),
            HeadStep::Proceed { edits, body: Awaited::Body } => {
                match self.show_body(&mut exchange, &body.unwrap_or_default()) {
                    BodyStep::Reply(reply) => (told(&reply, &mut code), Edits::default(), Vec::new()),
                    BodyStep::Forward(counted) => (200, edits, counted),
                    BodyStep::Wait => (0, Edits::default(), Vec::new()),
                }
            }
        };
        if status == 200 && code.is_none() {
            counted.extend(left_over(&fields, &edits));
        }
        Got { counted, code, ..got(&exchange.finish(Some(&self.policy), NOON), status, edits) }
    }

    /// In pieces that grow, then whole.
    fn show_body(&mut self, exchange: &mut Exchange, body: &[u8]) -> BodyStep {
        for shown in [body.len() / 2, body.len()] {
            let step = exchange.request_body_grows(&self.policy, shown);
            if step != BodyStep::Wait {
                return step;
            }
        }
        exchange.request_body(&self.policy, body, NOON, &mut self.store)
    }
}

/// The status of a refusal. Notes its code, if it has the shape of MCP.
fn told(reply: &Reply, code: &mut Option<i64>) -> u16 {
    *code = code_of(&reply.body);
    reply.status
}

/// The code of a refusal in the shape of MCP, 0 if it is a result that says so; nothing for any other body.
pub fn code_of(body: &[u8]) -> Option<i64> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    body.get("jsonrpc")?;
    match body.get("error") {
        Some(error) => error.get("code")?.as_i64(),
        None => Some(0),
    }
}

/// The policy of a case file, or all that is wrong with it.
pub fn compile(file: &CaseFile) -> Result<Bundle, String> {
    let compiled = policy_compiler::compile_with(file.name, file.policy.as_bytes(), &file.files);
    compiled.bundle.ok_or_else(|| format!("{:?}", compiled.diagnostics))
}

/// The packed policy of a case file, or all that is wrong with it.
pub fn pack(file: &CaseFile) -> Result<String, String> {
    let bundle = compile(file)?;
    let deployment = Deployment { hold_headers: !bundle.globals.is_empty() };
    toolgate_engine::bundle::encode(&bundle, deployment).map_err(|bad| bad.to_string())
}

/// What the client sent to be counted by, as far as it is not taken away.
fn left_over(fields: &[(Vec<u8>, Vec<u8>)], edits: &Edits) -> Vec<Field> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let kept = fields.iter().filter(|(name, _)| !edits.remove.contains(name));
    let kept = kept.map(|(name, value)| (text(name).replace('_', "-"), text(value)));
    kept.filter(|(name, _)| name.starts_with(GLOBAL_PREFIX)).collect()
}

fn got(record: &Record<'_>, status: u16, edits: Edits) -> Got {
    let line: serde_json::Value = serde_json::from_str(&record.to_line()).unwrap_or_default();
    let text = |name: &str| line.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    Got {
        status,
        reason: text("reason"),
        rule: text("rule"),
        arguments: text("arguments"),
        argument: text("argument"),
        keyword: text("keyword"),
        would_deny: record.decision() == Decision::Shadow,
        trusted_agent: edits.agent,
        trusted_user: edits.user,
        counted: Vec::new(),
        code: None,
        user: text("user_id"),
    }
}
