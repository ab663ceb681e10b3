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

/// How often all Envoys are started anew. Where code and memory come to lie differs each time, and is worth some microseconds
/// to a process for as long as it lives.
const LIVES: usize = 3;
const QUICK_LIVES: usize = 1;

/// Samples of each kind in each life; the first ones are thrown away, for they warm up what follows.
const ROUNDS: usize = 9;
const WARMING_ROUNDS: usize = 4;

/// The samples of each subject.
type Samples = Vec<(&'static str, Vec<Sample>)>;

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
    let lives = if is_asked("--quick") { QUICK_LIVES } else { LIVES };
    let start = if is_asked("--mcp") { mcp::bench } else { http::bench };
    let (mut tables, mut columns) = (SIZES.map(|_| Samples::new()), &[][..]);
    for _ in 0..lives {
        let mut bench = start();
        bench.prove();
        for (table, (size, calls)) in tables.iter_mut().zip(SIZES) {
            add(table, bench.measure(size, calls));
        }
        columns = bench.conclude();
    }
    for (table, (size, calls)) in tables.iter().zip(SIZES) {
        let rounds = lives * (ROUNDS - WARMING_ROUNDS);
        let title =
            format!("Body of {size} bytes, {rounds} rounds of {calls} calls each, {lives} starts of each Envoy");
        println!("{}", report::table(&title, columns, table));
    }
}

/// Adds the samples of one life to those of others.
fn add(table: &mut Samples, more: Samples) {
    if table.is_empty() {
        *table = more;
        return;
    }
    for ((_, samples), (_, more)) in table.iter_mut().zip(more) {
        samples.extend(more);
    }
}

impl Bench {
    /// Shows that each filter does its work.
    fn prove(&mut self) {
        for subject in &mut self.subjects {
            subject.prove(&self.upstream, &self.proofs);
        }
    }

    /// The samples of each subject. They take turns, in another order each round, so that what slows the machine
    /// for a while slows them all.
    fn measure(&mut self, size: usize, calls: usize) -> Samples {
        let call = (self.call)(size);
        let mut samples: Samples = self.subjects.iter().map(|subject| (subject.name(), Vec::new())).collect();
        for round in 0..ROUNDS {
            let mut turns: Vec<_> = self.subjects.iter_mut().zip(&mut samples).collect();
            let first = round % turns.len();
            turns.rotate_left(first);
            for (subject, (_, samples)) in turns {
                let sample = subject.sample(&self.upstream, &call, calls);
                if round >= WARMING_ROUNDS {
                    samples.push(sample);
                }
            }
        }
        samples
    }

    /// Ends all Envoys; each must have judged each call. Gives the columns of the table.
    fn conclude(self) -> &'static [Column] {
        self.subjects.into_iter().for_each(Subject::conclude);
        self.columns
    }
}
