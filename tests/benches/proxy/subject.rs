//! One of the Envoys that are compared, all alive at once, with one worker each.
//!
//! In: filters, calls, and what becomes of them. Out: what they cost. Counts every reply and every call that reached
//! the tool.

#![expect(clippy::panic, reason = "a benchmark of a filter that does not work has no result")]

use crate::report::Sample;
use serde_json::Value;
use std::{collections::BTreeMap, env, sync::Arc};
use toolgate_tests::{
    gateway,
    harness::{
        client::{Call, Protocol},
        envoy::{Envoy, Listener, WasmFilter},
        load,
        upstream::Upstream,
    },
};

/// Connections that the load comes over. One worker serves them all.
const CONNECTIONS: usize = 8;

/// What becomes of a call: it reaches the tool, or gets this status without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Passes,
    Ends(u16),
}

/// One Envoy with some filters, or none.
pub struct Subject {
    name: &'static str,
    envoy: Envoy,
    /// What becomes of the calls that show that the filter works.
    fates: Vec<Fate>,
    calls: usize,
}

/// The least that a filter of bodies in wasm costs.
pub fn floor() -> Value {
    let Some(module) = env::var_os("TOOLGATE_FLOOR") else {
        panic!("TOOLGATE_FLOOR must name the built floor: run this with `tests/bench`, which builds it");
    };
    WasmFilter::new(module).name("floor").vm_id("floor").allow_on_headers_stop_iteration(true).to_json()
}

impl Subject {
    pub fn start(
        upstream: &Upstream,
        name: &'static str,
        filters: impl IntoIterator<Item = Value>,
        fates: impl IntoIterator<Item = Fate>,
    ) -> Self {
        let listener = filters.into_iter().fold(Listener::new("bench"), Listener::filter);
        let envoy = Envoy::start(&gateway::config(upstream, [listener]));
        Self { name, envoy, fates: fates.into_iter().collect(), calls: 0 }
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Shows that the filter is there and does what it is measured for.
    pub fn prove(&mut self, upstream: &Upstream, calls: &[Call]) {
        assert_eq!(self.fates.len(), calls.len(), "{}: each call has a fate", self.name);
        for (number, (call, fate)) in calls.iter().zip(&self.fates).enumerate() {
            upstream.clear();
            let reply = call.send(Protocol::Http1, self.envoy.listener_addr("bench"));
            let got = reply.unwrap_or_else(|failure| panic!("{}: {failure:?}", self.name)).status;
            let got = if upstream.count_complete() == 1 && got == 200 { Fate::Passes } else { Fate::Ends(got) };
            assert_eq!(got, *fate, "{}: call {number} of the proof", self.name);
            self.calls += 1;
        }
    }

    /// Makes the calls and says what they cost.
    pub fn sample(&mut self, upstream: &Upstream, call: &Call, calls: usize) -> Sample {
        upstream.clear();
        let request = Arc::new(call.http1_bytes());
        let address = self.envoy.listener_addr("bench");
        let before = self.envoy.cpu_time();
        let load = load::run(address, CONNECTIONS, calls, move |_| request.to_vec());
        let cpu = self.envoy.cpu_time().saturating_sub(before);
        let expected = u64::try_from(calls).unwrap_or(u64::MAX);
        assert_eq!((load.count(200), load.broken), (expected, 0), "{}: not all were answered: {load:?}", self.name);
        assert_eq!(upstream.count_complete(), expected, "{}: not all reached the tool", self.name);
        self.calls += calls;
        Sample::new(cpu, load.took, calls)
    }

    /// Shows that no call passed the filter unseen, and that no VM was lost on the way.
    pub fn conclude(self) {
        gateway::assert_no_trap(&self.envoy);
        if !self.name.starts_with("toolgate") {
            return;
        }
        let expected = u64::try_from(self.calls).unwrap_or(u64::MAX);
        let judged = |stats: &BTreeMap<String, u64>| -> u64 {
            stats.iter().filter(|(name, _)| name.contains("tool_gateway_calls_total")).map(|(_, count)| count).sum()
        };
        let stats = self.envoy.stats_until(|stats| judged(stats) == expected);
        assert_eq!(judged(&stats), expected, "some calls were not judged");
    }
}
