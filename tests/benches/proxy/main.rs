//! Compares what a request costs Envoy with one filter and another, or without any: calls of tools by their paths, or,
//! with `--mcp`, of a tool of an MCP server.
//!
//! In: the binaries and modules that `tests/bench` names, the sample of `benches/policies`. Out: tables of the proxy's
//! processor time per request. One wrong answer ends the run: it would not be a fast one.

#![expect(clippy::print_stdout, reason = "the tables are the product")]

mod http;
mod mcp;
mod policy;
mod report;
#[path = "../policies/sample.rs"]
mod sample;
mod subject;

use report::{Column, Sample};
use std::env;
use subject::Subject;
use toolgate_tests::harness::{client::Call, upstream::Upstream};

/// The sizes of the bodies, and how many calls make one sample: enough to take about a third of a second.
const SIZES: [(usize, usize); 2] = [(1_280, 4_000), (65_536, 2_000)];

/// Samples of each kind; the first is thrown away, for it warms up what follows.
const ROUNDS: usize = 16;
const QUICK_ROUNDS: usize = 5;

/// What is compared, and by what.
struct Bench {
    upstream: Upstream,
    /// The one without a filter first and the floor second.
    subjects: Vec<Subject>,
    /// What shows that each does its work.
    proofs: Vec<Call>,
    /// A call whose body has this size, and which all let pass.
    call: fn(usize) -> Call,
    columns: &'static [Column],
}

fn main() {
    let is_asked = |option: &str| env::args().any(|argument| argument == option);
    let rounds = if is_asked("--quick") { QUICK_ROUNDS } else { ROUNDS };
    let mut bench = if is_asked("--mcp") { mcp::bench() } else { http::bench() };
    for subject in &mut bench.subjects {
        subject.prove(&bench.upstream, &bench.proofs);
    }
    for (size, calls) in SIZES {
        let title = format!("Body of {size} bytes, {} rounds of {calls} calls each", rounds - 1);
        let samples = bench.measure(size, calls, rounds);
        println!("{}", report::table(&title, bench.columns, &samples));
    }
    for subject in bench.subjects {
        subject.conclude();
    }
}

impl Bench {
    /// The samples of each subject. They take turns, in another order each round, so that what slows the machine
    /// for a while slows them all.
    fn measure(&mut self, size: usize, calls: usize, rounds: usize) -> Vec<(&'static str, Vec<Sample>)> {
        let call = (self.call)(size);
        let mut samples: Vec<_> = self.subjects.iter().map(|subject| (subject.name(), Vec::new())).collect();
        for round in 0..rounds {
            let mut turns: Vec<_> = self.subjects.iter_mut().zip(&mut samples).collect();
            let first = round % turns.len();
            turns.rotate_left(first);
            for (subject, (_, samples)) in turns {
                let sample = subject.sample(&self.upstream, &call, calls);
                if round > 0 {
                    samples.push(sample);
                }
            }
        }
        samples
    }
}
