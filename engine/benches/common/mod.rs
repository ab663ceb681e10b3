//! What the benchmarks of the engine judge: policies of any size, and calls that they allow.
//!
//! In: how many tools there are. Out: a policy, and the record of a call. Time stands still.

#![expect(clippy::panic, reason = "a wrong answer is not a fast one: it ends the benchmark")]

use std::collections::HashMap;
use toolgate_engine::{
    bundle::{
        self, Agent, AuditArguments, AuditOptions, Bucket, Bundle, Checks, Deployment, Grant, IdentitySource, Mode,
        Quota, Rate, Ruled, Share, Subject, Tool, Window,
    },
    exchange::{Awaited, BodyStep, Exchange, HeadStep},
    identity::Verified,
    limits::{Reading, Store, Swap, Timestamp},
    policy::Policy,
    request::Head,
};

/// 2026-11-23T12:00:00Z.
pub const NOON: Timestamp = Timestamp(1_795_435_200_000_000_000);

/// Header fields, names and values.
pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// A policy with this many tools. Each has two grants, two sets of checks with four literals, and two buckets
/// with a rate and a quota that are never spent, as the sample policy's `search` has.
pub fn bundle(tools: u32, audit_arguments: AuditArguments) -> Bundle {
    Bundle {
        name: "benchmark".to_owned(),
        identity: vec![IdentitySource::Header("x-agent-id".to_owned())],
        audit: AuditOptions { redact: vec!["iban".to_owned(), "customer_id".to_owned()], max_bytes: 2048 },
        rules: (0..tools).map(|tool| format!("/tools/tool-{tool}")).collect(),
        groups: vec!["readers".to_owned()],
        agents: ["research-agent", "support-agent", "dev-agent"].map(agent).to_vec(),
        buckets: (0..tools).map(|tool| bucket(tool, "tool")).chain([bucket(0, "group")]).collect(),
        checks: (0..tools)
            .map(|rule| checks(rule, &["rm -rf", "DROP TABLE", "os.system"]))
            .chain([general()])
            .collect(),
        tools: (0..tools).map(|number| tool(number, tools, audit_arguments)).collect(),
    }
}

fn agent(name: &str) -> Agent {
    Agent { name: name.to_owned(), groups: vec![0], buckets: Vec::new() }
}

fn bucket(rule: u32, label: &str) -> Bucket {
    Bucket {
        key: format!("{label}/{rule}"),
        label: label.to_owned(),
        share: Share::EachAgent,
        rate: Some(Ruled { rule, value: Rate { count: u32::MAX, period_secs: 60, burst: u32::MAX } }),
        quota: Some(Ruled { rule, value: Quota { count: u32::MAX, window: Window::Day } }),
    }
}

fn checks(rule: u32, blocked: &[&str]) -> Checks {
    Checks {
        max_string_length: Some(Ruled { rule, value: 500 }),
        blocked: blocked.iter().map(|literal| Ruled { rule, value: (*literal).to_owned() }).collect(),
    }
}

fn general() -> Checks {
    checks(0, &["BEGIN PRIVATE KEY"])
}

fn tool(number: u32, tools: u32, audit_arguments: AuditArguments) -> Tool {
    Tool {
        name: tool_name(number),
        mode: Mode::Enforce,
        body_limit: Ruled { rule: number, value: 1 << 20 },
        grants: vec![
            Grant { subject: Subject::Agent(2), rule: number, checks: Vec::new() },
            Grant { subject: Subject::Group(0), rule: number, checks: Vec::new() },
        ],
        // The last bucket and the last checks are everybody's.
        buckets: vec![number, tools],
        checks: vec![number, tools],
        audit_arguments,
    }
}

fn tool_name(number: u32) -> String {
    format!("tool-{number}")
}

/// The plugin config of such a policy.
pub fn packed(tools: u32, audit_arguments: AuditArguments) -> String {
    let config = bundle::encode(&bundle(tools, audit_arguments), Deployment { hold_headers: true });
    config.unwrap_or_else(|bad| panic!("the benchmark's policy cannot be packed: {bad}"))
}

/// Such a policy, loaded as the filter does it.
pub fn policy(tools: u32, audit_arguments: AuditArguments) -> Policy {
    let policy = Policy::load(packed(tools, audit_arguments).as_bytes());
    policy.unwrap_or_else(|bad| panic!("the benchmark's policy cannot be loaded: {bad}"))
}

/// The header of a call as Envoy shows it.
pub fn fields(tool: u32, length: usize) -> Fields {
    let (path, length) = (format!("/tools/{}", tool_name(tool)), length.to_string());
    let list = [
        (":authority", "tools.example"),
        (":path", &path),
        (":method", "POST"),
        (":scheme", "http"),
        ("x-agent-id", "research-agent"),
        ("content-type", "application/json"),
        ("content-length", &length),
        ("x-forwarded-proto", "http"),
        ("x-request-id", "3f6a2c1e-8b74-4a53-9c0d-5f2f0c1b7a11"),
    ];
    list.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).to_vec()
}

/// One whole exchange, from the header to the audit line.
///
/// # Panics
/// When the call is refused.
pub fn allowed_call(policy: &Policy, store: &mut Memory, fields: &Fields, body: &[u8]) -> String {
    let mut exchange = Exchange::new(NOON);
    let head = exchange.request_head(policy, Head { fields }, &Verified::default(), false);
    let HeadStep::Proceed { body: Awaited::Body, .. } = head else {
        panic!("the header is refused: {head:?}");
    };
    assert_eq!(exchange.request_body_grows(policy, body.len()), BodyStep::Wait);
    let step = exchange.request_body(policy, body, NOON, store);
    assert_eq!(step, BodyStep::Forward, "the body is refused");
    assert_eq!(exchange.response_head(Some(200)).len(), 2, "the answer says how the limits stand");
    exchange.finish(Some(policy), NOON).to_line()
}

/// Shared data of one process.
#[derive(Default)]
pub struct Memory(HashMap<Vec<u8>, (Vec<u8>, u32)>);

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
