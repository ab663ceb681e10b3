//! How many bytes the reader and the checks take in a second, in whatever runs this program.
//!
//! In: `--quick` for fewer rounds, and words that a line must hold to be measured. Out: tables. `tests/bench` builds it
//! for WASI and runs it in V8 as Envoy has it, without the first, unoptimised compiler. What is compared takes turns, so
//! that what slows the machine slows all.

#![expect(clippy::print_stdout, reason = "the table is the product")]
#![expect(clippy::disallowed_methods, reason = "a benchmark has a clock")]

#[path = "../common/mod.rs"]
mod common;

use common::Memory;
use std::{
    env,
    hint::black_box,
    time::{Duration, Instant},
};
use toolgate_bodies::{SIZES, body, hostile};
use toolgate_engine::{
    json::{Bounds, Document},
    policy::Policy,
};

/// What is judged after reading, and by which policy.
const POLICIES: [(&str, &str); 5] = [
    ("read, length", "plain"),
    ("read, schema", "schema"),
    ("read, ten patterns", "ten-patterns"),
    ("read, all six sets", "all-sets"),
    ("read, schema, ten patterns", "usual"),
];

/// Policies that grow: how many tools, what they are, their name.
const GROWING: [(u32, &str, &str); 5] = [
    (1, "small", "tools-1"),
    (100, "small", "tools-100"),
    (1_000, "small", "tools-1000"),
    (10_000, "small", "tools-10000"),
    (1_000, "with schemas of real size", "real-1000"),
];

type Run<'a> = Box<dyn FnMut(&[u8]) -> bool + 'a>;

/// How long a turn is: long for the clock, and short enough that most turns are not interrupted.
const TURN: Duration = Duration::from_millis(3);

/// Something that is measured.
struct Part<'a> {
    name: String,
    body: &'a [u8],
    run: Run<'a>,
    /// How often it runs in a turn.
    runs: u32,
    /// Megabytes per second, of each turn.
    speeds: Vec<f64>,
}

fn main() {
    let (flags, words): (Vec<_>, Vec<_>) = env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let rounds = if flags.iter().any(|flag| flag == "--quick") {
        15
    } else if flags.iter().any(|f| f == "--long") {
        1500
    } else {
        101
    };
    let policies = POLICIES.map(|(_, name)| common::policy(name));
    for size in SIZES {
        let body = body(size);
        table(&format!("{size} bytes"), ordinary(&policies, &body), &words, rounds);
    }
    let bodies = hostile();
    let mut parts: Vec<_> = bodies.iter().flat_map(|(name, body)| judged(&policies, name, body)).collect();
    // A schema refuses them before anything is searched.
    parts.retain(|part| !part.name.contains("schema"));
    table("65,536 hostile bytes", parts, &words, rounds);
    if words.is_empty() || words.iter().any(|word| word == "load") {
        growing(rounds);
    }
}

/// What it takes to load policies, and to judge one short call of their last tool.
fn growing(rounds: usize) {
    println!("| {:<40} | packed KB | load, ms | call, µs | to first |", "tools");
    println!("|{}|----------:|---------:|---------:|---------:|", "-".repeat(42));
    let mut base = f64::NAN;
    for (tools, kind, name) in GROWING {
        let config = common::packed(name);
        let load = best_of(rounds.div_ceil(10), 1, || Policy::load(black_box(&config)).is_ok()) * 1e3;
        let policy = common::policy(name);
        let tool = format!("tool-{}", tools.saturating_sub(1));
        let call = best_of(rounds, 500, || is_judged(&policy, &tool)) * 1e6;
        if base.is_nan() {
            base = call;
        }
        let (what, size) = (format!("{tools} {kind}"), config.len() / 1000);
        println!("| {what:<40} | {size:>9} | {load:>8.2} | {call:>8.2} | {:>8.2} |", call / base);
    }
    println!();
}

/// A call without arguments, as far as its checks; whether they allow it, each schema says by itself.
fn is_judged(policy: &Policy, tool: &str) -> bool {
    let document = Document::read(black_box(b"{\"query\":\"rust wasm\"}"), Bounds::default());
    let tool = policy.tool_named(black_box(tool.as_bytes()));
    document.ok().zip(tool).is_some_and(|(document, tool)| {
        black_box(policy.checks(tool).all(|checks| checks.run(document.root()).is_ok()));
        true
    })
}

/// The shortest time of one run, in seconds.
fn best_of(rounds: usize, runs: u32, mut run: impl FnMut() -> bool) -> f64 {
    let times = (0..rounds.max(3)).map(|_| {
        let started = Instant::now();
        for _ in 0..runs {
            assert!(run());
        }
        started.elapsed().as_secs_f64() / f64::from(runs)
    });
    times.fold(f64::INFINITY, f64::min)
}

/// Readers, judgements and a whole call of an ordinary body.
fn ordinary<'a>(policies: &'a [Policy; POLICIES.len()], body: &'a [u8]) -> Vec<Part<'a>> {
    let fields = common::fields("search", body.len());
    let mut store = Memory::default();
    let [.., policy] = policies;
    let whole = move |body: &[u8]| !common::allowed_call(policy, &mut store, &fields, body).is_empty();
    let mut parts = vec![
        Part::new("serde_json IgnoredAny", body, |body| serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok()),
        Part::new("serde_json Value", body, |body| serde_json::from_slice::<serde_json::Value>(body).is_ok()),
        Part::new("read", body, |body| Document::read(body, Bounds::default()).is_ok()),
    ];
    parts.extend(judged(policies, "", body));
    parts.push(Part::new("whole call, audit line", body, whole));
    parts
}

fn judged<'a>(policies: &'a [Policy; POLICIES.len()], name: &str, body: &'a [u8]) -> Vec<Part<'a>> {
    let parts = POLICIES.iter().zip(policies).map(|((what, _), policy)| {
        let is_hostile = !name.is_empty();
        let separator = if is_hostile { ": " } else { "" };
        Part::new(&format!("{name}{separator}{what}"), body, move |body| is_allowed(policy, body) | is_hostile)
    });
    parts.collect()
}

/// What is hostile may be refused, once all of it was looked at.
fn is_allowed(policy: &Policy, body: &[u8]) -> bool {
    let tool = policy.tool_named(b"search");
    let read = Document::read(body, Bounds::default());
    read.ok().zip(tool).is_some_and(|(document, tool)| {
        let arguments = document.root().members().next();
        arguments.is_some_and(|(_, arguments)| policy.checks(tool).all(|checks| checks.run(arguments).is_ok()))
    })
}

/// Measures what has all of the words in its line, in turns.
fn table(title: &str, mut parts: Vec<Part<'_>>, words: &[String], rounds: usize) {
    parts.retain(|part| words.iter().all(|word| title.contains(word) || part.name.contains(word)));
    if parts.is_empty() {
        return;
    }
    parts.iter_mut().for_each(Part::set_runs);
    for _ in 0..rounds {
        parts.iter_mut().for_each(Part::turn);
    }
    parts.iter_mut().for_each(|part| part.speeds.sort_by(f64::total_cmp));
    let base = parts.first().map_or(f64::NAN, Part::median);
    println!("| {title:<40} | median MB/s | best MB/s | to first |");
    println!("|{}|------------:|----------:|---------:|", "-".repeat(42));
    for part in parts {
        let (median, best) = (part.median(), part.speeds.last().copied().unwrap_or(f64::NAN));
        println!("| {:<40} | {median:>11.0} | {best:>9.0} | {:>8.2} |", part.name, median / base);
    }
    println!();
}

impl<'a> Part<'a> {
    fn new(name: &str, body: &'a [u8], run: impl FnMut(&[u8]) -> bool + 'a) -> Self {
        Self { name: name.to_owned(), body, run: Box::new(run), runs: 1, speeds: Vec::new() }
    }

    /// Runs often enough for a turn.
    fn set_runs(&mut self) {
        let started = Instant::now();
        while started.elapsed() < TURN {
            self.run();
            self.runs = self.runs.saturating_add(1);
        }
    }

    fn turn(&mut self) {
        let started = Instant::now();
        for _ in 0..self.runs {
            self.run();
        }
        let took = started.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a body has some thousand bytes")]
        let bytes = self.body.len() as f64 * f64::from(self.runs);
        self.speeds.push(bytes / 1e6 / took);
    }

    fn run(&mut self) {
        assert!((self.run)(black_box(self.body)), "{}: the body is refused", self.name);
    }

    fn median(&self) -> f64 {
        self.speeds.get(self.speeds.len() / 2).copied().unwrap_or(f64::NAN)
    }
}
