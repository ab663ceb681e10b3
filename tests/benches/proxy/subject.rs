//! The four Envoys that are compared, all alive at once, with one worker each.
//!
//! In: a size and a number of calls. Out: what they cost. Counts every reply and every call that reached the tool.

#![expect(clippy::panic, reason = "a benchmark of a filter that does not work has no result")]

use crate::{policy, report::Sample};
use serde_json::{Value, json};
use std::{collections::BTreeMap, env, sync::Arc};
use toolgate_tests::{
    gateway::{self, Headers},
    harness::{
        client::{Call, Protocol},
        envoy::{Envoy, Listener, WasmFilter},
        load,
        upstream::Upstream,
    },
};

/// Connections that the load comes over. One worker serves them all.
const CONNECTIONS: usize = 8;

/// One Envoy with one filter, or none.
pub struct Subject {
    name: &'static str,
    envoy: Envoy,
    /// What it must answer to a call that the policy allows, to an agent without a grant, to a blocked literal,
    /// and to a body that does not begin with `{`.
    answers: [u16; 4],
    calls: usize,
}

/// All of them, the one without a filter first and the floor second.
pub fn all(upstream: &Upstream) -> Vec<Subject> {
    let toolgate = gateway::filter("toolgate", &policy::config(), Headers::Held).to_json();
    vec![
        Subject::start(upstream, "no filter", None, [200, 200, 200, 200]),
        Subject::start(upstream, "floor", Some(floor()), [200, 200, 200, 422]),
        Subject::start(upstream, "toolgate", Some(toolgate), [200, 403, 400, 400]),
        Subject::start(upstream, "lua", Some(lua(&policy::lua())), [200, 403, 400, 200]),
    ]
}

fn floor() -> Value {
    let Some(module) = env::var_os("TOOLGATE_FLOOR") else {
        panic!("TOOLGATE_FLOOR must name the built floor: run this with `tests/bench`, which builds it");
    };
    WasmFilter::new(module).name("floor").vm_id("floor").allow_on_headers_stop_iteration(true).to_json()
}

fn lua(script: &str) -> Value {
    json!({
        "name": "envoy.filters.http.lua",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": script},
        },
    })
}

fn call(agent: &str, body: &[u8]) -> Call {
    Call::tool("search").header("x-agent-id", agent).header("content-type", "application/json").body(body)
}

impl Subject {
    fn start(upstream: &Upstream, name: &'static str, filter: Option<Value>, answers: [u16; 4]) -> Self {
        let listener = filter.into_iter().fold(Listener::new("bench"), Listener::filter);
        let envoy = Envoy::start(&gateway::config(upstream, [listener]));
        Self { name, envoy, answers, calls: 0 }
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Shows that the filter is there and does what it is measured for.
    pub fn prove(&mut self) {
        let good = toolgate_bodies::body(2_000);
        let blocked = br#"{"arguments":{"query":"read File:///etc/passwd"}}"#;
        let [passes, ungranted, refused, unlike] = self.answers;
        for (agent, body, status) in [
            ("research-agent", &good[..], passes),
            ("dev-agent", &good, ungranted),
            ("research-agent", blocked, refused),
            ("research-agent", b"[]", unlike),
        ] {
            let reply = call(agent, body).send(Protocol::Http1, self.envoy.listener_addr("bench"));
            let got = reply.unwrap_or_else(|failure| panic!("{}: {failure:?}", self.name)).status;
            assert_eq!(got, status, "{}: {agent} sent {}", self.name, String::from_utf8_lossy(body));
            self.calls += 1;
        }
    }

    /// Makes the calls and says what they cost.
    pub fn sample(&mut self, upstream: &Upstream, size: usize, calls: usize) -> Sample {
        upstream.clear();
        let request = Arc::new(call("research-agent", &toolgate_bodies::body(size)).http1_bytes());
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
        if self.name != "toolgate" {
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
