use super::*;
use crate::bundle::{Quota, Rate, Ruled, Window};
use std::collections::HashMap;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Shared data as Envoy has it: a version for each value, and the worker that is always faster.
#[derive(Default)]
struct Memory {
    values: HashMap<Vec<u8>, (Vec<u8>, u32)>,
    /// How many of the next swaps are lost.
    lose: u32,
    /// Which key cannot be read.
    broken: Option<&'static str>,
}

impl Store for Memory {
    type Error = &'static str;
    type Version = u32;

    fn read(&mut self, key: &[u8]) -> Result<(Option<Vec<u8>>, u32), &'static str> {
        if self.broken.is_some_and(|broken| String::from_utf8_lossy(key).contains(broken)) {
            return Err("broken");
        }
        Ok(self.values.get(key).map_or((None, 0), |(value, version)| (Some(value.clone()), *version)))
    }

    fn swap(&mut self, key: &[u8], value: &[u8], version: u32) -> Result<Swap, &'static str> {
        if self.lose > 0 {
            self.lose -= 1;
            return Ok(Swap::Lost);
        }
        let current = self.values.get(key).map_or(0, |(_, version)| *version);
        if current != version {
            return Ok(Swap::Lost);
        }
        self.values.insert(key.to_vec(), (value.to_vec(), version + 1));
        Ok(Swap::Done)
    }
}

fn rate(count: u32, period_secs: u32, burst: u32) -> Bucket {
    bucket("rate", Some(Rate { count, period_secs, burst }), None)
}

fn quota(count: u32, window: Window) -> Bucket {
    bucket("quota", None, Some(Quota { count, window }))
}

fn bucket(key: &str, rate: Option<Rate>, quota: Option<Quota>) -> Bucket {
    Bucket {
        key: key.to_owned(),
        label: key.to_owned(),
        share: Share::EachAgent,
        rate: rate.map(|value| Ruled { rule: 1, value }),
        quota: quota.map(|value| Ruled { rule: 2, value }),
    }
}

/// 2026-11-23T00:00:00Z, a Monday.
const MONDAY: u64 = 1_795_392_000;

fn at(seconds: f64) -> Timestamp {
    Timestamp(MONDAY * 1_000_000_000 + u64::try_from(std::time::Duration::from_secs_f64(seconds).as_nanos()).unwrap())
}

fn passed(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Taken(_))
}

/// Makes one call at each time and says which ones passed.
fn passes(bucket: &Bucket, times: &[f64]) -> Vec<bool> {
    let mut memory = Memory::default();
    times.iter().map(|&time| passed(&take([bucket].into_iter(), "a", at(time), &mut memory).unwrap())).collect()
}

fn count(bucket: &Bucket, times: impl Iterator<Item = f64>) -> usize {
    passes(bucket, &times.collect::<Vec<_>>()).iter().filter(|passed| **passed).count()
}

#[test]
fn a_rate_lets_its_burst_pass_and_then_one_each_interval() {
    assert_eq!(
        passes(&rate(60, 60, 3), &[0.0, 0.0, 0.0, 0.0, 0.9, 1.0, 1.0, 2.0]),
        [true, true, true, false, false, true, false, true]
    );
    assert_eq!(passes(&rate(1, 60, 1), &[0.0, 59.9, 60.0]), [true, false, true]);
}

#[test]
fn a_rate_passes_no_more_than_burst_and_count_in_one_period() {
    for (calls, burst) in [(7, 7), (60, 10), (1000, 1)] {
        let seen = count(&rate(calls, 60, burst), (0..60_000).map(|step| f64::from(step) / 1000.0));
        assert!((calls..=calls + burst).contains(&u32::try_from(seen).unwrap()), "{calls}/{burst}: {seen}");
    }
}

#[test]
fn a_clock_that_steps_back_locks_nobody_out() {
    assert_eq!(passes(&rate(60, 60, 1), &[3600.0, 0.0, 0.0, 0.9, 1.0]), [true, true, false, false, true]);
    assert_eq!(passes(&quota(1, Window::Minute), &[3600.0, 0.0, 1.0, 60.0]), [true, true, false, true]);
}

#[test]
fn workers_whose_clocks_differ_a_little_open_nothing() {
    assert_eq!(passes(&rate(60, 60, 1), &[5.0, 4.9, 0.0, 5.5]), [true, false, false, false]);
}

#[test]
fn a_limit_of_zero_lets_nothing_pass() {
    assert_eq!(passes(&rate(0, 1, 5), &[0.0, 100.0]), [false, false]);
    assert_eq!(passes(&quota(0, Window::Minute), &[0.0, 100.0]), [false, false]);
}

#[test]
fn a_quota_starts_again_with_its_window() {
    const DAY: f64 = 86_400.0;
    assert_eq!(passes(&quota(1, Window::Minute), &[0.0, 59.9, 60.0]), [true, false, true]);
    assert_eq!(passes(&quota(1, Window::Hour), &[10.0, 3599.0, 3600.0]), [true, false, true]);
    assert_eq!(passes(&quota(1, Window::Day), &[10.0, DAY - 1.0, DAY]), [true, false, true]);
    assert_eq!(passes(&quota(1, Window::Week), &[0.0, 7.0 * DAY - 1.0, 7.0 * DAY]), [true, false, true]);
    // Eight days are left of November.
    assert_eq!(
        passes(&quota(1, Window::Month), &[0.0, 8.0 * DAY - 1.0, 8.0 * DAY, 39.0 * DAY - 1.0, 39.0 * DAY]),
        [true, false, true, false, true]
    );
}

#[test]
fn a_window_that_was_left_does_not_open_again() {
    assert_eq!(passes(&quota(1, Window::Minute), &[60.0, 59.0]), [true, false]);
}

#[test]
fn a_spent_limit_says_when_a_call_can_pass() {
    let mut memory = Memory::default();
    let both = bucket(
        "both",
        Some(Rate { count: 60, period_secs: 60, burst: 1 }),
        Some(Quota { count: 1, window: Window::Hour }),
    );
    let mut take_at = |time| take([&both].into_iter(), "a", at(time), &mut memory).unwrap();
    assert!(passed(&take_at(0.0)));
    let Outcome::Spent { kind, limit, rule, retry_after, standings } = take_at(0.5) else { panic!("passed") };
    assert_eq!((kind, limit.as_str(), rule, retry_after), (LimitKind::Quota, "both-quota", 2, 3600));
    let [of_rate, of_quota] = standings.as_slice() else { panic!("two limits") };
    assert_eq!((of_rate.remaining, of_rate.reset_secs), (0, 1));
    assert_eq!((of_quota.remaining, of_quota.reset_secs, of_quota.window_secs), (0, 3600, 3600));
}

#[test]
fn standings_count_down() {
    let mut memory = Memory::default();
    let bucket = rate(60, 60, 10);
    let remaining: Vec<_> = (0..3)
        .map(|_| match take([&bucket].into_iter(), "a", at(0.0), &mut memory).unwrap() {
            Outcome::Taken(standings) => standings[0].remaining,
            Outcome::Spent { .. } => panic!("spent"),
        })
        .collect();
    assert_eq!(remaining, [9, 8, 7]);
}

#[test]
fn agents_are_counted_apart_unless_the_policy_says_together() {
    let mut memory = Memory::default();
    let mut bucket = quota(1, Window::Day);
    let mut passes = |bucket: &Bucket, agent| passed(&take([bucket].into_iter(), agent, at(0.0), &mut memory).unwrap());
    assert!(passes(&bucket, "a") && passes(&bucket, "b") && !passes(&bucket, "a"));
    bucket.share = Share::AllAgents;
    assert!(passes(&bucket, "a") && !passes(&bucket, "b"));
}

#[test]
fn a_call_is_taken_out_of_all_buckets_or_of_none() {
    let mut memory = Memory::default();
    let (wide, narrow) = (quota(2, Window::Day), rate(1, 60, 1));
    let mut passes =
        |buckets: &[&Bucket], time| passed(&take(buckets.iter().copied(), "a", at(time), &mut memory).unwrap());
    assert!(passes(&[&wide, &narrow], 0.0));
    assert!(!passes(&[&wide, &narrow], 1.0), "the rate is spent");
    assert!(passes(&[&wide], 1.0), "the refused call took nothing from the quota");
    assert!(!passes(&[&wide], 1.0));
}

#[test]
fn what_was_taken_before_a_failure_is_given_back() {
    let mut memory = Memory::default();
    let (first, second) = (
        bucket(
            "first",
            Some(Rate { count: 1, period_secs: 60, burst: 1 }),
            Some(Quota { count: 1, window: Window::Day }),
        ),
        quota(1, Window::Day),
    );
    // Both buckets are read before the first is taken; the second breaks only when it is its turn.
    struct BreaksLate(Memory, u32);
    impl Store for BreaksLate {
        type Error = &'static str;
        type Version = u32;
        fn read(&mut self, key: &[u8]) -> Result<(Option<Vec<u8>>, u32), &'static str> {
            self.0.read(key)
        }
        fn swap(&mut self, key: &[u8], value: &[u8], version: u32) -> Result<Swap, &'static str> {
            self.1 += 1;
            if self.1 == 2 { Err("broken") } else { self.0.swap(key, value, version) }
        }
    }
    let mut store = BreaksLate(std::mem::take(&mut memory), 0);
    assert_eq!(take([&first, &second].into_iter(), "a", at(0.0), &mut store), Err(Failure::Store("broken")));
    assert!(passed(&take([&first].into_iter(), "a", at(0.0), &mut store.0).unwrap()));
}

/// Another worker that takes a call out of the same bucket between a read and a swap, so many times.
struct Raced<'b> {
    memory: Memory,
    bucket: &'b Bucket,
    times: u32,
    reads: u32,
}

impl Store for Raced<'_> {
    type Error = &'static str;
    type Version = u32;
    fn read(&mut self, key: &[u8]) -> Result<(Option<Vec<u8>>, u32), &'static str> {
        self.reads += 1;
        self.memory.read(key)
    }
    fn swap(&mut self, key: &[u8], value: &[u8], version: u32) -> Result<Swap, &'static str> {
        if self.times > 0 {
            self.times -= 1;
            assert!(passed(&take([self.bucket].into_iter(), "a", at(0.0), &mut self.memory).unwrap()));
        }
        self.memory.swap(key, value, version)
    }
}

#[test]
fn each_bucket_is_read_once_unless_somebody_else_was_faster() {
    let (first, second) = (quota(10, Window::Day), rate(10, 60, 10));
    let mut raced = Raced { memory: Memory::default(), bucket: &first, times: 0, reads: 0 };
    assert!(passed(&take([&first, &second].into_iter(), "a", at(0.0), &mut raced).unwrap()));
    assert_eq!(raced.reads, 2);
    raced.times = 3;
    let Outcome::Taken(standings) = take([&first, &second].into_iter(), "a", at(0.0), &mut raced).unwrap() else {
        panic!("spent")
    };
    assert_eq!(raced.reads, 2 + 2 + 3);
    // The call before, three of the other worker, and this one.
    assert_eq!((standings[0].remaining, standings[1].remaining), (5, 8));
}

#[test]
fn a_limit_that_another_worker_spent_meanwhile_refuses_the_call_and_gives_all_back() {
    let (first, second) = (rate(10, 60, 10), quota(1, Window::Day));
    let mut raced = Raced { memory: Memory::default(), bucket: &second, times: 1, reads: 0 };
    let outcome = take([&first, &second].into_iter(), "a", at(0.0), &mut raced).unwrap();
    assert!(matches!(outcome, Outcome::Spent { kind: LimitKind::Quota, .. }), "{outcome:?}");
    let Outcome::Taken(standings) = take([&first].into_iter(), "a", at(0.0), &mut raced).unwrap() else {
        panic!("spent")
    };
    assert_eq!(standings[0].remaining, 9);
}

#[test]
fn lost_swaps_are_tried_again_but_not_for_ever() {
    let bucket = quota(10, Window::Day);
    let mut memory = Memory { lose: TRIES - 1, ..Memory::default() };
    assert!(passed(&take([&bucket].into_iter(), "a", at(0.0), &mut memory).unwrap()));
    memory.lose = TRIES;
    assert_eq!(take([&bucket].into_iter(), "a", at(0.0), &mut memory), Err(Failure::Contention));
}

#[test]
fn a_value_that_is_not_ours_is_a_failure_and_not_zero() {
    for value in [&b""[..], b"\x02", b"\x01", &[1; 20], &[1; 22], &[9; 21]] {
        let mut memory = Memory::default();
        memory.values.insert(b"toolgate\0quota\0a".to_vec(), (value.to_vec(), 1));
        assert_eq!(take([&quota(10, Window::Day)].into_iter(), "a", at(0.0), &mut memory), Err(Failure::Unreadable));
    }
}

#[test]
fn a_store_that_fails_is_a_failure() {
    let mut memory = Memory { broken: Some("quota"), ..Memory::default() };
    assert_eq!(take([&quota(10, Window::Day)].into_iter(), "a", at(0.0), &mut memory), Err(Failure::Store("broken")));
}

#[test]
fn the_fields_have_the_form_of_the_draft() {
    let standing = Standing { name: "tool-rate".to_owned(), count: 60, window_secs: 60, remaining: 59, reset_secs: 1 };
    assert_eq!(
        fields(&[standing]),
        [
            ("ratelimit-policy", "\"tool-rate\";q=60;w=60".to_owned()),
            ("ratelimit", "\"tool-rate\";r=59;t=1".to_owned())
        ]
    );
    assert_eq!(fields(&[]), []);
}
