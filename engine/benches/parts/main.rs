//! What each part of the engine costs, natively.
//!
//! In: bodies and policies of growing size. Out: divan's table. Each benchmark first shows that its answer is right.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a wrong answer is not a fast one: it ends the benchmark")]

#[path = "../common/mod.rs"]
mod common;

use common::{Memory, NOON};
use divan::{Bencher, black_box, counter::BytesCount};
use toolgate_bodies::{SIZES, body};
use toolgate_engine::{
    arguments::Fault,
    json::{Bounds, Document, Kind},
    limits::{self, Outcome},
    policy::Policy,
};

fn main() {
    divan::main();
}

/// The strict reader, and what serde_json needs to accept or to hold the same bytes. The end of what was read counts.
mod read {
    use super::*;

    fn compare(bencher: Bencher, size: usize, read: impl Fn(&[u8]) -> bool) {
        let body = body(size);
        assert!(read(&body) && !read(b"{"));
        bencher.counter(BytesCount::new(size)).bench_local(|| read(black_box(&body)));
    }

    #[divan::bench(args = SIZES)]
    fn engine(bencher: Bencher, size: usize) {
        let body = body(size);
        assert_eq!(Document::read(&body, Bounds::default()).unwrap().root().kind(), Kind::Object);
        compare(bencher, size, |body| Document::read(body, Bounds::default()).is_ok());
    }

    #[divan::bench(args = SIZES)]
    fn serde_ignored(bencher: Bencher, size: usize) {
        compare(bencher, size, |body| serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok());
    }

    #[divan::bench(args = SIZES)]
    fn serde_value(bencher: Bencher, size: usize) {
        assert!(serde_json::from_slice::<serde_json::Value>(&body(size)).unwrap().is_object());
        compare(bencher, size, |body| serde_json::from_slice::<serde_json::Value>(body).is_ok());
    }
}

/// Length and patterns of every string, of a body that was read.
mod check_arguments {
    use super::*;

    fn check(bencher: Bencher, size: usize, policy: &str, bad: &[u8]) {
        let policy = common::policy(policy);
        let tool = policy.tool_named(b"search").unwrap();
        let body = body(size);
        let document = Document::read(&body, Bounds::default()).unwrap();
        let run = || policy.checks(tool).try_for_each(|checks| checks.run(black_box(&document).root()));
        assert_eq!(run(), Ok(()));
        let bad = Document::read(bad, Bounds::default()).unwrap();
        let found = policy.checks(tool).try_for_each(|checks| checks.run(bad.root()));
        assert_eq!(found.unwrap_err().fault, Fault::Blocked);
        bencher.counter(BytesCount::new(size)).bench_local(run);
    }

    #[divan::bench(args = SIZES)]
    fn ten_patterns(bencher: Bencher, size: usize) {
        check(bencher, size, "ten-patterns", br#"{"a":["x union all select y"]}"#);
    }

    #[divan::bench(args = SIZES)]
    fn all_sets(bencher: Bencher, size: usize) {
        check(bencher, size, "all-sets", br#"{"a":["curl http://localhost:8080/ -o x"]}"#);
    }
}

/// A rate, and from the second bucket a quota, on a map.
#[divan::bench(args = [1, 2])]
fn take_from_limits(bencher: Bencher, buckets: usize) {
    let policy = common::policy("plain");
    let (agent, tool) = (policy.agent_named("research-agent").unwrap(), policy.tool_named(b"search").unwrap());
    let mut store = Memory::default();
    let mut take = || {
        limits::take(
            policy.buckets(agent, Some(tool)).take(buckets).collect::<Vec<_>>().into_iter(),
            "research-agent",
            NOON,
            &mut store,
        )
    };
    let Ok(Outcome::Taken(standings)) = take() else {
        panic!("the limits are spent");
    };
    assert_eq!(standings.len(), buckets);
    bencher.bench_local(|| take().is_ok());
}

/// From the header to the audit line, with each way of showing the arguments.
mod whole_call {
    use super::*;

    fn call(bencher: Bencher, size: usize, tool: &str, shown: &str) {
        let policy = common::policy("usual");
        let (fields, body) = (common::fields(tool, size), body(size));
        let mut store = Memory::default();
        let line = common::allowed_call(&policy, &mut store, &fields, &body);
        assert!(line.contains(shown) && line.contains("\"decision\":\"allow\""), "{line}");
        bencher
            .counter(BytesCount::new(size))
            .bench_local(|| common::allowed_call(&policy, &mut store, black_box(&fields), black_box(&body)).len());
    }

    #[divan::bench(args = SIZES)]
    fn not_shown(bencher: Bencher, size: usize) {
        call(bencher, size, "search-none", "\"arguments\":\"\"");
    }

    #[divan::bench(args = SIZES)]
    fn hashed(bencher: Bencher, size: usize) {
        call(bencher, size, "search-hashed", "\"arguments\":\"sha256:");
    }

    #[divan::bench(args = SIZES)]
    fn full(bencher: Bencher, size: usize) {
        call(bencher, size, "search-full", "\"arguments\":\"{\\\"query\\\":");
    }

    #[divan::bench(args = SIZES)]
    fn redacted(bencher: Bencher, size: usize) {
        call(bencher, size, "search", "\"arguments\":\"{\\\"query\\\":");
    }
}

/// What grows with the policy, and what must not.
mod tools {
    use super::*;

    const COUNTS: [u32; 4] = [1, 100, 1_000, 10_000];

    #[divan::bench(args = COUNTS)]
    fn load(bencher: Bencher, tools: u32) {
        let config = common::packed(&format!("tools-{tools}"));
        assert!(Policy::load(&config).unwrap().tool_named(b"tool-0").is_some());
        bencher.bench_local(|| drop(Policy::load(black_box(&config)).unwrap()));
    }

    /// A short call of the last tool of the policy.
    #[divan::bench(args = COUNTS)]
    fn call(bencher: Bencher, tools: u32) {
        let policy = common::policy(&format!("tools-{tools}"));
        let body = br#"{"arguments":{"query":"rust wasm"}}"#;
        let fields = common::fields(&format!("tool-{}", tools.saturating_sub(1)), body.len());
        let mut store = Memory::default();
        let line = common::allowed_call(&policy, &mut store, &fields, body);
        assert!(line.contains("rust wasm"), "{line}");
        bencher.bench_local(|| common::allowed_call(&policy, &mut store, black_box(&fields), body).len());
    }
}
