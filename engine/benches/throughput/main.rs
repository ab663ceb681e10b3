//! How many bytes the reader and the checks take in a second, in whatever runs this program.
//!
//! In: nothing, or `--quick`. Out: a table. `tests/bench` builds it for WASI and runs it in V8 as Envoy has it,
//! without the first, unoptimised compiler. What is compared takes turns, so that what slows the machine slows all.

#![expect(clippy::print_stdout, reason = "the table is the product")]
#![expect(clippy::disallowed_methods, reason = "a benchmark has a clock")]
#![expect(clippy::panic, reason = "a wrong answer is not a fast one: it ends the benchmark")]

#[path = "../common/mod.rs"]
mod common;

use common::Memory;
use std::{
    hint::black_box,
    time::{Duration, Instant},
};
use toolgate_bodies::{SIZES, body};
use toolgate_engine::{
    json::{Bounds, Document},
    policy::Policy,
};

/// What is judged after reading, and by which policy.
const POLICIES: [(&str, &str); 3] =
    [("read, length", "plain"), ("read, all six sets", "all-sets"), ("read, ten patterns", "ten-patterns")];

type Part<'a> = (&'static str, Box<dyn FnMut(&[u8]) -> bool + 'a>);

/// Each turn takes so many bytes, so that it lasts some milliseconds whatever the size of a body.
const BYTES: usize = 4 << 20;

fn main() {
    let rounds = if std::env::args().any(|argument| argument == "--quick") { 5 } else { 31 };
    println!("| body bytes | what                           | median MB/s | best MB/s | to IgnoredAny |");
    println!("|-----------:|--------------------------------|------------:|----------:|--------------:|");
    for size in SIZES {
        let parts = measure(size, rounds);
        let base = parts.first().map_or(f64::NAN, |(_, speeds)| median(speeds));
        for (name, speeds) in parts {
            let (median, best) = (median(&speeds), speeds.last().copied().unwrap_or(f64::NAN));
            println!("| {size:>10} | {name:<30} | {median:>11.0} | {best:>9.0} | {:>13.2} |", median / base);
        }
    }
}

/// The speeds of each part, the slowest first.
fn measure(size: usize, rounds: usize) -> Vec<(&'static str, Vec<f64>)> {
    let policies = POLICIES.map(|(_, name)| common::policy(name));
    let fields = common::fields("search", size);
    let mut store = Memory::default();
    let mut parts: Vec<Part<'_>> = vec![
        ("serde_json IgnoredAny", Box::new(|body| serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok())),
        ("serde_json Value", Box::new(|body| serde_json::from_slice::<serde_json::Value>(body).is_ok())),
        ("read", Box::new(|body| Document::read(body, Bounds::default()).is_ok())),
    ];
    for ((what, _), policy) in POLICIES.iter().zip(&policies) {
        parts.push((what, Box::new(|body| is_allowed(policy, body))));
    }
    let [.., policy] = &policies;
    parts.push((
        "whole call, audit line",
        Box::new(|body| !common::allowed_call(policy, &mut store, &fields, body).is_empty()),
    ));
    let body = body(size);
    let mut speeds: Vec<_> = parts.iter().map(|(name, _)| (*name, Vec::new())).collect();
    for round in 0..=rounds {
        for ((name, part), (_, speeds)) in parts.iter_mut().zip(&mut speeds) {
            let took = turn(name, part, &body);
            // The first warms up the next.
            if round > 0 {
                speeds.push(megabytes_per_second(took));
            }
        }
    }
    for (_, speeds) in &mut speeds {
        speeds.sort_by(f64::total_cmp);
    }
    speeds
}

fn is_allowed(policy: &Policy, body: &[u8]) -> bool {
    let tool = policy.tool_named(b"search");
    let read = Document::read(body, Bounds::default());
    read.ok()
        .zip(tool)
        .is_some_and(|(document, tool)| policy.checks(tool).all(|checks| checks.run(document.root()).is_ok()))
}

fn turn(name: &str, part: &mut dyn FnMut(&[u8]) -> bool, body: &[u8]) -> Duration {
    let started = Instant::now();
    for _ in 0..BYTES / body.len() {
        assert!(part(black_box(body)), "{name}: the body is refused");
    }
    started.elapsed()
}

fn megabytes_per_second(took: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "four million fit a double")]
    let bytes = BYTES as f64;
    bytes / 1e6 / took.as_secs_f64()
}

fn median(values: &[f64]) -> f64 {
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
