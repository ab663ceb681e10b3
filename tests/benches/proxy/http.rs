//! Calls of tools by their paths: without a filter, with the floor, with Toolgate, and with Lua.
//!
//! In: a tool server. Out: the Envoys that are compared, and what is sent to them.

use crate::{
    Bench, policy,
    report::Column,
    subject::{self, Fate, Subject},
};
use Fate::{Ends, Passes};
use serde_json::{Value, json};
use toolgate_tests::{
    gateway::{self, Headers},
    harness::{client::Call, upstream::Upstream},
};

pub fn bench() -> Bench {
    let upstream = Upstream::counting();
    let toolgate = gateway::filter("toolgate", &policy::config(), Headers::Held).to_json();
    let subjects = vec![
        Subject::start(&upstream, "no filter", None, [Passes; 4]),
        Subject::start(&upstream, "floor", [subject::floor()], [Passes, Passes, Passes, Ends(422)]),
        Subject::start(&upstream, "toolgate", [toolgate], [Passes, Ends(403), Ends(400), Ends(400)]),
        Subject::start(&upstream, "lua", [lua(&policy::lua())], [Passes, Ends(403), Ends(400), Passes]),
    ];
    Bench {
        upstream,
        subjects,
        proofs: proofs(),
        call: |size| call("research-agent", &toolgate_bodies::body(size)),
        columns: &[Column::Ratio("to no filter", 0), Column::Ratio("to floor", 1)],
    }
}

/// A call that the policy allows, an agent without a grant, a blocked literal, and a body that does not begin with `{`.
fn proofs() -> Vec<Call> {
    let good = toolgate_bodies::body(2_000);
    vec![
        call("research-agent", &good),
        call("dev-agent", &good),
        call("research-agent", br#"{"arguments":{"query":"read File:///etc/passwd"}}"#),
        call("research-agent", b"[]"),
    ]
}

fn call(agent: &str, body: &[u8]) -> Call {
    Call::tool("search").header("x-agent-id", agent).header("content-type", "application/json").body(body)
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
