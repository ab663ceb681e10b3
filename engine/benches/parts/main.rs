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
    bundle::AuditArguments,
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

/// Length and literals of every string, of a body that was read.
#[divan::bench(args = SIZES)]
fn check_arguments(bencher: Bencher, size: usize) {
    let policy = common::policy(1, AuditArguments::None);
    let tool = policy.tool_named(b"tool-0").unwrap();
    let body = body(size);
    let document = Document::read(&body, Bounds::default()).unwrap();
    let run = || policy.checks(tool).try_for_each(|checks| checks.run(black_box(&document).root()));
    assert_eq!(run(), Ok(()));
    let bad = Document::read(br#"{"a":["x drop table y"]}"#, Bounds::default()).unwrap();
    let found = policy.checks(tool).try_for_each(|checks| checks.run(bad.root()));
    assert_eq!(found.unwrap_err().fault, Fault::Blocked);
    bencher.counter(BytesCount::new(size)).bench_local(run);
}

/// A rate and a quota in each of this many buckets, on a map.
#[divan::bench(args = [1, 2])]
fn take_from_limits(bencher: Bencher, buckets: usize) {
    let policy = common::policy(1, AuditArguments::None);
    let (agent, tool) = (policy.agent_named("research-agent").unwrap(), policy.tool_named(b"tool-0").unwrap());
    let mut store = Memory::default();
    let mut take = || {
        limits::take(
            policy.buckets(agent, tool).take(buckets).collect::<Vec<_>>().into_iter(),
            "research-agent",
            NOON,
            &mut store,
        )
    };
    let Ok(Outcome::Taken(standings)) = take() else {
        panic!("the limits are spent");
    };
    assert_eq!(standings.len(), 2 * buckets);
    bencher.bench_local(|| take().is_ok());
}

/// From the header to the audit line, with each way of showing the arguments.
mod whole_call {
    use super::*;

    fn call(bencher: Bencher, size: usize, audit_arguments: AuditArguments, shown: &str) {
        let policy = common::policy(1, audit_arguments);
        let (fields, body) = (common::fields(0, size), body(size));
        let mut store = Memory::default();
        let line = common::allowed_call(&policy, &mut store, &fields, &body);
        assert!(line.contains(shown) && line.contains("\"decision\":\"allow\""), "{line}");
        bencher
            .counter(BytesCount::new(size))
            .bench_local(|| common::allowed_call(&policy, &mut store, black_box(&fields), black_box(&body)).len());
    }

    #[divan::bench(args = SIZES)]
    fn not_shown(bencher: Bencher, size: usize) {
        call(bencher, size, AuditArguments::None, "\"arguments\":\"\"");
    }

    #[divan::bench(args = SIZES)]
    fn hashed(bencher: Bencher, size: usize) {
        call(bencher, size, AuditArguments::Hashed, "\"arguments\":\"sha256:");
    }

    #[divan::bench(args = SIZES)]
    fn full(bencher: Bencher, size: usize) {
        call(bencher, size, AuditArguments::Full, "\"arguments\":\"{\\\"query\\\":");
    }

    #[divan::bench(args = SIZES)]
    fn redacted(bencher: Bencher, size: usize) {
        call(bencher, size, AuditArguments::Redacted, "\"arguments\":\"{\\\"query\\\":");
    }
}

/// What grows with the policy, and what must not.
mod tools {
    use super::*;

    const COUNTS: [u32; 3] = [1, 100, 10_000];

    #[divan::bench(args = COUNTS)]
    fn load(bencher: Bencher, tools: u32) {
        let config = common::packed(tools, AuditArguments::Redacted);
        assert!(Policy::load(config.as_bytes()).unwrap().tool_named(b"tool-0").is_some());
        bencher.bench_local(|| drop(Policy::load(black_box(config.as_bytes())).unwrap()));
    }

    /// A short call of the last tool of the policy.
    #[divan::bench(args = COUNTS)]
    fn call(bencher: Bencher, tools: u32) {
        let policy = common::policy(tools, AuditArguments::Redacted);
        let body = br#"{"arguments":{"query":"rust wasm"}}"#;
        let fields = common::fields(tools.saturating_sub(1), body.len());
        let mut store = Memory::default();
        let line = common::allowed_call(&policy, &mut store, &fields, body);
        assert!(line.contains("rust wasm"), "{line}");
        bencher.bench_local(|| common::allowed_call(&policy, &mut store, black_box(&fields), body).len());
    }
}
