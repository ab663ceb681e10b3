//! Compares what a request costs Envoy without a filter, with the floor, with Toolgate and with Lua.
//!
//! In: the binaries and modules that `tests/bench` names, the sample of `benches/policies`. Out: tables of the proxy's
//! processor time per request. One wrong answer ends the run: it would not be a fast one.

#![expect(clippy::print_stdout, reason = "the tables are the product")]

mod policy;
mod report;
#[path = "../policies/sample.rs"]
mod sample;
mod subject;

use report::Sample;
use std::env;
use subject::Subject;
use toolgate_tests::harness::upstream::Upstream;

/// The sizes of the bodies, and how many calls make one sample: enough to take about a third of a second.
const SIZES: [(usize, usize); 2] = [(1_280, 4_000), (65_536, 2_000)];

/// Samples of each kind; the first is thrown away, for it warms up what follows.
const ROUNDS: usize = 16;
const QUICK_ROUNDS: usize = 5;

fn main() {
    let rounds = if env::args().any(|argument| argument == "--quick") { QUICK_ROUNDS } else { ROUNDS };
    let upstream = Upstream::counting();
    let mut subjects = subject::all(&upstream);
    for subject in &mut subjects {
        subject.prove();
    }
    for (size, calls) in SIZES {
        println!("{}", report::table(size, calls, &measure(&mut subjects, &upstream, size, calls, rounds)));
    }
    for subject in subjects {
        subject.conclude();
    }
}

/// The samples of each subject. They take turns, in another order each round, so that what slows the machine
/// for a while slows them all.
fn measure(
    subjects: &mut [Subject],
    upstream: &Upstream,
    size: usize,
    calls: usize,
    rounds: usize,
) -> Vec<(&'static str, Vec<Sample>)> {
    let mut samples: Vec<_> = subjects.iter().map(|subject| (subject.name(), Vec::new())).collect();
    for round in 0..rounds {
        let mut turns: Vec<_> = subjects.iter_mut().zip(&mut samples).collect();
        let first = round % turns.len();
        turns.rotate_left(first);
        for (subject, (_, samples)) in turns {
            let sample = subject.sample(upstream, size, calls);
            if round > 0 {
                samples.push(sample);
            }
        }
    }
    samples
}
