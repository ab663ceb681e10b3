//! How long an Envoy takes until it serves, without a filter, with the floor, and with small and large policies.
//!
//! In: the binaries, modules and packed policies that `tests/bench` names. Out: a table.
//! Each starts with one worker; what is compared takes turns.

#![expect(clippy::print_stdout, reason = "the table is the product")]
#![expect(clippy::disallowed_methods, reason = "a benchmark has a clock")]
#![expect(clippy::panic, reason = "a benchmark without its policies has no result")]

use serde_json::Value;
use std::{
    env, fs,
    path::Path,
    time::{Duration, Instant},
};
use toolgate_tests::{
    gateway::{self, Headers},
    harness::{
        envoy::{Envoy, Listener, WasmFilter},
        upstream::Upstream,
    },
};

/// Starts of each kind; the first is thrown away, for it finds no file in the system's cache.
const ROUNDS: usize = 10;
const QUICK_ROUNDS: usize = 4;

/// What one start took: time on the wall, and processor time over all threads.
type Took = (Duration, Duration);

/// A filter or none, its name, and what each of its starts took.
struct Subject {
    name: &'static str,
    filter: Option<Value>,
    starts: Vec<Took>,
}

fn main() {
    let rounds = if env::args().any(|argument| argument == "--quick") { QUICK_ROUNDS } else { ROUNDS };
    let upstream = Upstream::counting();
    let floor = WasmFilter::new(path("TOOLGATE_FLOOR")).name("floor").vm_id("floor").to_json();
    let subject = |name, filter| Subject { name, filter, starts: Vec::new() };
    let mut subjects = [
        subject("no filter", None),
        subject("floor", Some(floor)),
        subject("toolgate, 1 tool", Some(toolgate("tools-1"))),
        subject("toolgate, 1,000 small tools", Some(toolgate("tools-1000"))),
        subject("toolgate, 1,000 tools of real size", Some(toolgate("real-1000"))),
    ];
    for round in 0..rounds {
        for subject in &mut subjects {
            let took = start(&upstream, subject.filter.clone());
            if round > 0 {
                subject.starts.push(took);
            }
        }
    }
    print(&subjects);
}

fn path(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run this with `tests/bench`"))
}

fn toolgate(policy: &str) -> Value {
    let file = Path::new(&path("TOOLGATE_POLICIES")).join(format!("{policy}.json"));
    let config = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    gateway::filter(policy, &config, Headers::Held).to_json()
}

fn start(upstream: &Upstream, filter: Option<Value>) -> Took {
    let listener = filter.into_iter().fold(Listener::new("bench"), Listener::filter);
    let config = gateway::config(upstream, [listener]);
    let started = Instant::now();
    let envoy = Envoy::start(&config);
    (started.elapsed(), envoy.cpu_time())
}

/// Medians, and how much more than with one tool.
fn print(subjects: &[Subject]) {
    let name_of_base = "toolgate, 1 tool";
    let base = subjects.iter().find(|subject| subject.name == name_of_base).map(Subject::medians).unwrap_or_default();
    println!("| until it serves, one worker        | ms   | processor ms | more than with one tool |");
    println!("|------------------------------------|-----:|-------------:|------------------------:|");
    for subject in subjects {
        let (wall, processor) = subject.medians();
        let more = [wall - base.0, processor - base.1];
        let [wall_more, processor_more] = more.map(|more| format!("{more:+.0}"));
        println!(
            "| {:<34} | {wall:>4.0} | {processor:>12.0} | {:>23} |",
            subject.name,
            format!("{wall_more}, {processor_more}")
        );
    }
    println!();
}

impl Subject {
    fn medians(&self) -> (f64, f64) {
        let median = |part: fn(&Took) -> Duration| {
            let mut values: Vec<_> = self.starts.iter().map(part).collect();
            values.sort_unstable();
            values.get(values.len() / 2).map_or(f64::NAN, |value| value.as_secs_f64() * 1e3)
        };
        (median(|took| took.0), median(|took| took.1))
    }
}
