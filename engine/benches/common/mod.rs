//! What the benchmarks of the engine judge: packed policies, and calls that they allow.
//!
//! In: the name of a policy. Out: the policy, and the record of a call. Time stands still.
//! The policies are packed by the benchmark `policies` of `tests`, for only the compiler can make one.

#![expect(clippy::panic, reason = "a wrong answer is not a fast one: it ends the benchmark")]

use std::{collections::HashMap, path::Path};
use toolgate_engine::{
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

/// The plugin config that `tests/bench` packed under this name.
pub fn packed(name: &str) -> Vec<u8> {
    let folder = std::env::var("TOOLGATE_POLICIES");
    let folder = folder.unwrap_or_else(|_| panic!("TOOLGATE_POLICIES is not set: run this with `tests/bench`"));
    let path = Path::new(&folder).join(format!("{name}.json"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()))
}

/// A policy that was packed under this name, loaded as the filter does it.
pub fn policy(name: &str) -> Policy {
    let policy = Policy::load(&packed(name));
    policy.unwrap_or_else(|bad| panic!("the policy `{name}` cannot be loaded: {bad}"))
}

/// The header of a call as Envoy shows it.
pub fn fields(tool: &str, length: usize) -> Fields {
    let (path, length) = (format!("/tools/{tool}"), length.to_string());
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
    assert_eq!(step, BodyStep::Forward(Vec::new()), "the body is refused");
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
