//! The arithmetic of one bucket: GCRA for the rate, calendar windows for the quota.
//!
//! In: a bucket, its state and the time. Out: the new state, or which limit is spent.
//! Stores nothing and reads no clock.

use super::{Outcome, Timestamp, state::State};
use crate::bundle::{Bucket, Quota, Rate, Ruled, Window};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

/// The two kinds of limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LimitKind {
    /// Calls per time, evenly.
    Rate,
    /// Calls per calendar window.
    Quota,
}

impl LimitKind {
    /// How the name of such a limit ends.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Rate => "-rate",
            Self::Quota => "-quota",
        }
    }
}

/// How one limit stands after a call, as the `RateLimit` field tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The limit's name: `tool-rate`.
    pub name: String,
    /// How many calls the limit allows.
    pub count: u32,
    /// In how many seconds.
    pub window_secs: u64,
    /// How many calls are left now.
    pub remaining: u32,
    /// Seconds until all are there again.
    pub reset_secs: u64,
}

/// The limit that is spent.
pub(super) struct Spent {
    kind: LimitKind,
    rule: u32,
    retry_after: u64,
    standings: Vec<Standing>,
}

impl Spent {
    pub(super) fn into_outcome(self, bucket: &Bucket) -> Outcome {
        let Self { kind, rule, retry_after, standings } = self;
        Outcome::Spent { kind, limit: name(bucket, kind), rule, retry_after: retry_after.max(1), standings }
    }
}

const NANOS: u64 = 1_000_000_000;

/// How far the clocks that two workers read may be apart.
const SKEW: u64 = 10 * NANOS;

/// Every rule that the bucket names.
pub(crate) fn rules_of(bucket: &Bucket) -> impl Iterator<Item = u32> {
    bucket.rate.iter().map(|rate| rate.rule).chain(bucket.quota.iter().map(|quota| quota.rule))
}

/// Whether the numbers can be computed with.
pub(crate) fn is_consistent(bucket: &Bucket) -> bool {
    let named = !bucket.key.is_empty() && !bucket.key.contains('\0');
    named && bucket.rate.is_none_or(|rate| rate.value.period_secs > 0 && rate.value.burst > 0)
}

/// Takes one call out of the bucket's rate and quota, or out of neither.
pub(super) fn charge(bucket: &Bucket, state: State, now: Timestamp) -> Result<State, Spent> {
    let mut next = state;
    let mut spent: Option<(LimitKind, u32, u64)> = None;
    if let Some(Ruled { rule, value: rate }) = bucket.rate {
        match charge_rate(rate, state.arrival, now) {
            Ok(arrival) => next.arrival = arrival,
            Err(retry_after) => spent = Some((LimitKind::Rate, rule, retry_after)),
        }
    }
    if let Some(Ruled { rule, value: quota }) = bucket.quota {
        match charge_quota(quota, state, now) {
            Ok((window_start, used)) => (next.window_start, next.used) = (window_start, used),
            // Of two spent limits the one that lasts longer is told.
            Err(retry_after) if spent.is_none_or(|(_, _, other)| other <= retry_after) => {
                spent = Some((LimitKind::Quota, rule, retry_after));
            }
            Err(_) => {}
        }
    }
    match spent {
        None => Ok(next),
        Some((kind, rule, retry_after)) => {
            Err(Spent { kind, rule, retry_after, standings: standings(bucket, state, now).collect() })
        }
    }
}

/// How the bucket's limits stand in a state.
pub(super) fn standings(bucket: &Bucket, state: State, now: Timestamp) -> impl Iterator<Item = Standing> {
    let rate = bucket.rate.map(|rate| rate_standing(name(bucket, LimitKind::Rate), rate.value, state.arrival, now));
    let quota = bucket.quota.map(|quota| {
        let (_, used) = current(quota.value, state, now);
        quota_standing(name(bucket, LimitKind::Quota), quota.value, used, now)
    });
    rate.into_iter().chain(quota)
}

/// Gives one call back that was just taken.
pub(super) fn give_back(bucket: &Bucket, state: State, now: Timestamp) -> State {
    let mut next = state;
    if let Some(Ruled { value, .. }) = bucket.rate {
        next.arrival = state.arrival.saturating_sub(interval(value));
    }
    // A window that was left in the meantime has nothing to give back.
    if let Some(Ruled { value, .. }) = bucket.quota
        && state.window_start >= window(value.window, now).0
    {
        next.used = state.used.saturating_sub(1);
    }
    next
}

/// Nanoseconds between two calls at the full rate, rounded up: never more calls than the policy says.
fn interval(rate: Rate) -> u64 {
    u64::from(rate.period_secs).saturating_mul(NANOS).div_ceil(u64::from(rate.count.max(1)))
}

/// The new arrival time, or how many seconds to wait.
///
/// GCRA (ITU-T I.371): a call conforms if it comes no earlier than its arrival time less the tolerance.
fn charge_rate(rate: Rate, arrival: u64, Timestamp(now): Timestamp) -> Result<u64, u64> {
    if rate.count == 0 {
        return Err(u64::from(rate.period_secs));
    }
    let interval = interval(rate);
    let tolerance = interval.saturating_mul(u64::from(rate.burst.saturating_sub(1)));
    // No call leaves the bucket more than full. Far more means that the clock stepped back, or that
    // the policy changed: then this call passes and leaves it just full, instead of locking it for long.
    let full = now.saturating_add(tolerance).saturating_add(interval);
    let arrival = if arrival > full.saturating_add(SKEW) { now.saturating_add(tolerance) } else { arrival };
    let earliest = arrival.saturating_sub(tolerance);
    if earliest > now {
        return Err(earliest.saturating_sub(now).div_ceil(NANOS));
    }
    Ok(arrival.max(now).saturating_add(interval))
}

/// The window and the calls in it, or how many seconds to wait.
fn charge_quota(quota: Quota, state: State, now: Timestamp) -> Result<(u64, u32), u64> {
    let (window_start, used) = current(quota, state, now);
    if used >= quota.count {
        let end = window(quota.window, now).1.max(window_start);
        return Err(end.saturating_sub(now.0.checked_div(NANOS).unwrap_or_default()));
    }
    Ok((window_start, used.saturating_add(1)))
}

/// The window that a call at `now` counts in, and the calls in it so far.
fn current(quota: Quota, state: State, now: Timestamp) -> (u64, u32) {
    let (start, end) = window(quota.window, now);
    match state.window_start {
        stored if stored < start => (start, 0),
        // Another worker's clock is already in the next window: a window that was left never opens again.
        stored if stored <= end => (stored, state.used),
        // The clock stepped back by more than a window, which must not lock the agent out for that long.
        _ => (start, 0),
    }
}

fn rate_standing(name: String, rate: Rate, arrival: u64, Timestamp(now): Timestamp) -> Standing {
    let interval = interval(rate);
    let full = now.saturating_add(interval.saturating_mul(u64::from(rate.burst)));
    let remaining = full.saturating_sub(arrival.max(now)).checked_div(interval).unwrap_or_default();
    let remaining = u32::try_from(remaining).unwrap_or(u32::MAX).min(rate.burst);
    Standing {
        name,
        count: rate.count,
        window_secs: u64::from(rate.period_secs),
        remaining: if rate.count == 0 { 0 } else { remaining },
        reset_secs: arrival.saturating_sub(now).div_ceil(NANOS),
    }
}

fn quota_standing(name: String, quota: Quota, used: u32, now: Timestamp) -> Standing {
    let (start, end) = window(quota.window, now);
    Standing {
        name,
        count: quota.count,
        window_secs: end.saturating_sub(start),
        remaining: quota.count.saturating_sub(used),
        reset_secs: end.saturating_sub(now.0.checked_div(NANOS).unwrap_or_default()),
    }
}

fn name(bucket: &Bucket, kind: LimitKind) -> String {
    [&bucket.label, kind.suffix()].concat()
}

/// Start and end of the window that holds `now`, in seconds since the epoch.
fn window(window: Window, Timestamp(now): Timestamp) -> (u64, u64) {
    let seconds = now.checked_div(NANOS).unwrap_or_default();
    match window {
        Window::Minute => aligned(seconds, 60, 0),
        Window::Hour => aligned(seconds, 3_600, 0),
        Window::Day => aligned(seconds, 86_400, 0),
        // The epoch was a Thursday, three days after a Monday.
        Window::Week => aligned(seconds, 604_800, 259_200),
        Window::Month => month(seconds).unwrap_or_else(|| aligned(seconds, 2_678_400, 0)),
    }
}

fn aligned(seconds: u64, length: u64, offset: u64) -> (u64, u64) {
    let into = seconds.saturating_add(offset).checked_rem(length).unwrap_or_default();
    let start = seconds.saturating_sub(into);
    (start, start.saturating_add(length))
}

fn month(seconds: u64) -> Option<(u64, u64)> {
    let now = OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok()?;
    let start = now.replace_day(1).ok()?.replace_time(time::Time::MIDNIGHT);
    let length = start.month().length(start.year());
    let end = start.checked_add(Duration::days(i64::from(length)))?;
    Some((u64::try_from(start.unix_timestamp()).ok()?, u64::try_from(end.unix_timestamp()).ok()?))
}
