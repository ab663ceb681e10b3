//! Every case of the corpus through the Envoy of the real Envoy Gateway: one policy after the other, by hot reload.

#![cfg(test)]

use serde_json::Value;
use std::{collections::BTreeSet, fmt::Write as _};
use toolgate_corpus::{Case, CaseFile, Framing as Frames, all};
use toolgate_tests::{
    cases::{Way, calls, complaints, to_call},
    gateway::{self, Headers},
    harness::{
        client::{Call, Protocol, Reply},
        envoy::Update,
        gateway::{EnvoyGateway, Resources},
        upstream::{Seen, Upstream},
    },
};

/// HTTP/1 trailers are off in Envoy Gateway, so that framing goes by HTTP/2. A change of the resources takes
/// Envoy Gateway two seconds, so chunks are for the cases that need them.
const WAYS: [(Protocol, Frames); 3] =
    [(Protocol::Http1, Frames::Length), (Protocol::Http1, Frames::Chunked), (Protocol::Http2, Frames::Trailers)];

#[test]
fn all_cases_pass_one_policy_after_the_other() {
    let tool = Upstream::start();
    // One worker, so that audit lines come in the order of the calls.
    let shipped = Resources::shipped().workers(1);
    let gateway = EnvoyGateway::start(&shipped, tool.address());
    let mut run = Run { gateway, tool, told: 0, ran: BTreeSet::new(), wrong: String::new() };
    for (protocol, frames) in WAYS {
        let way = Way { headers: Headers::SentAhead, protocol, frames };
        // A VM of its own for each way: what one takes from a limit is not missing for the next.
        let name = format!("{protocol:?}-{frames:?}").to_lowercase();
        let resources = shipped.clone().with("EnvoyExtensionPolicy", |policy| policy["metadata"]["name"] = name.into());
        for mut file in all() {
            if frames == Frames::Chunked {
                file.cases.retain(|case| case.call.framing == Some(frames));
            }
            if !file.cases.is_empty() {
                let policy = gateway::pack_with(&file.policy, &file.files, way.headers);
                let update = run.gateway.replace(&resources.clone().enforcing(&policy));
                assert_eq!(update, Update::Accepted, "{}", file.name);
                run.file(file, way);
            }
        }
    }
    assert!(run.wrong.is_empty(), "{}", run.wrong);
    let files = all();
    let missing: Vec<_> = files
        .iter()
        .flat_map(|file| file.cases.iter().map(|case| (file.name, case.name.clone())))
        .filter(|case| !run.ran.contains(case))
        .collect();
    assert_eq!(missing, []);
}

/// What Envoy does with a call before the filter sees it, as the shipped ClientTrafficPolicy says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    /// Underscores in names of headers.
    Refused,
    /// Envoy Gateway always normalises paths.
    PathRewritten,
}

impl Before {
    fn of(case: &Case) -> Self {
        let path = case.call.path();
        if case.call.headers.iter().any(|(name, _)| name.contains('_')) {
            Self::Refused
        } else if path.contains("/../") || path.contains("//") || path.contains("%7") {
            Self::PathRewritten
        } else {
            Self::Nothing
        }
    }
}

struct Run {
    gateway: EnvoyGateway,
    tool: Upstream,
    /// How many audit lines there were before.
    told: usize,
    ran: BTreeSet<(&'static str, String)>,
    wrong: String,
}

impl Run {
    fn file(&mut self, file: CaseFile, way: Way) {
        let name = file.name;
        let judged = CaseFile { cases: of(&file, Before::Nothing), ..file.clone() };
        self.tool.clear();
        let outcomes = calls(&judged, way, |_, call| self.send(call, way));
        let (seen, lines) = (self.tool.seen(), self.lines(outcomes.len()));
        for (outcome, line) in outcomes.iter().zip(&lines) {
            self.ran.insert((name, outcome.case.name.clone()));
            for complaint in complaints(outcome, line, &seen, way) {
                let _ = writeln!(self.wrong, "{way:?} {name}: {}: {complaint}", outcome.case.name);
            }
        }
        for case in of(&file, Before::PathRewritten) {
            self.tool.clear();
            let reply = self.send(to_call(&case.call, way.frames), way).unwrap();
            let line = self.lines(1).remove(0);
            assert_judged_as_it_arrives(&case, &reply, &line, &self.tool.seen());
            self.ran.insert((name, case.name));
        }
        self.tool.clear();
        for case in of(&file, Before::Refused) {
            let reply = self.send(to_call(&case.call, way.frames), way);
            // In HTTP/2 Envoy resets the stream.
            assert!(reply.as_ref().map_or(true, |reply| reply.status == 400), "{}: {reply:?}", case.name);
            self.ran.insert((name, case.name));
        }
        assert!(self.tool.seen().is_empty(), "{:?}", self.tool.seen());
    }

    fn send(&self, call: Call, way: Way) -> Result<Reply, toolgate_tests::harness::client::Failure> {
        call.authority("tools.local").send(way.protocol, self.gateway.address())
    }

    /// The next audit lines, of which there must be exactly so many.
    fn lines(&mut self, count: usize) -> Vec<Value> {
        let lines = self.gateway.events("tool_call", self.told + count).split_off(self.told);
        assert_eq!(lines.len(), count, "audit lines");
        self.told += count;
        lines
    }
}

fn of(file: &CaseFile, before: Before) -> Vec<Case> {
    file.cases.iter().filter(|case| Before::of(case) == before).cloned().collect()
}

/// Whatever Envoy made of a path: what was judged is what arrives, and nothing else does.
fn assert_judged_as_it_arrives(case: &Case, reply: &Reply, line: &Value, seen: &[Seen]) {
    let tool = line["tool"].as_str().unwrap();
    assert!(["search", "nobody"].contains(&tool), "{}: {line}", case.name);
    assert_eq!(line["status"], reply.status, "{}", case.name);
    let paths: Vec<_> = seen.iter().map(|seen| seen.path.clone()).collect();
    let passed = if line["decision"] == "allow" { vec![format!("/tools/{tool}")] } else { vec![] };
    assert_eq!(paths, passed, "{}", case.name);
}
