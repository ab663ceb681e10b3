//! Every case of the corpus through a real Envoy: both protocols, all framings, headers held and sent ahead.

#![cfg(test)]

use std::fmt::Write as _;
use toolgate_corpus::{Framing as Frames, all, all_with_headers_held};
use toolgate_tests::{
    cases::{Way, calls, complaints},
    gateway::{self, Headers},
    harness::{client::Protocol, envoy::Envoy, upstream::Upstream},
    signers::Signers,
};

#[test]
fn cases_with_headers_held() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for frames in [Frames::Length, Frames::Chunked, Frames::Trailers] {
            run(Way { headers: Headers::Held, protocol, frames });
        }
    }
}

#[test]
fn cases_with_headers_sent_ahead() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for frames in [Frames::Length, Frames::Chunked, Frames::Trailers] {
            run(Way { headers: Headers::SentAhead, protocol, frames });
        }
    }
}

/// Each file has a listener and a VM of its own, so no file takes from another's limits.
fn run(way: Way) {
    let files = if way.headers == Headers::Held { all_with_headers_held() } else { all() };
    let upstream = Upstream::start();
    let signers = Signers::of(&files);
    let listeners = files
        .iter()
        .map(|file| signers.verified(file, gateway::listener_with(file.name, &file.policy, &file.files, way.headers)));
    // One worker, so that audit lines come in the order of the calls.
    let envoy = Envoy::start(&gateway::config(&upstream, listeners).concurrency(1));
    let mut wrong = String::new();
    for file in &files {
        let address = envoy.listener_addr(file.name);
        let outcomes = calls(file, way, |case, call| signers.send(file, case, call, way.protocol, address));
        let seen = upstream.seen();
        for (outcome, line) in outcomes.iter().zip(envoy.audit_lines(file.name, outcomes.len())) {
            for complaint in complaints(outcome, &line, &seen, way) {
                let _ = writeln!(wrong, "{}: {}: {complaint}", outcome.file, outcome.case.name);
            }
        }
    }
    assert!(wrong.is_empty(), "{way:?}\n{wrong}\n{}", envoy.log());
    gateway::assert_no_trap(&envoy);
}
