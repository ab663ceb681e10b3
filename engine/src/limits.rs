//! Rates and quotas: takes a call out of every bucket that it is held to, or out of none.
//!
//! In: buckets, an agent, the time and a [`Store`]. Out: the standing of each limit, or which one is spent.
//! Knows nothing of tools and grants, and keeps nothing itself.

mod bucket;
mod fields;
mod state;

pub use bucket::{LimitKind, Standing};
pub(crate) use bucket::{is_consistent, rules_of};
pub(crate) use fields::fields;

use crate::bundle::{Bucket, Share};
use bucket::Charge;
use state::State;

/// A moment, in nanoseconds since the Unix epoch. 64 bits last until the year 2554.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub u64);

/// How often a counter may change under our hands before the call is refused.
///
/// Two workers that do nothing else were seen to need two tries; each further worker adds about one.
const TRIES: u32 = 64;

/// A value, none if it was never written, and its version.
pub type Reading<V> = (Option<Vec<u8>>, V);

/// Values that several workers read and swap at once.
pub trait Store {
    /// What is wrong with the store.
    type Error;
    /// Which version of a value was read.
    type Version;

    /// Reads a value.
    fn read(&mut self, key: &[u8]) -> Result<Reading<Self::Version>, Self::Error>;

    /// Writes a value, unless it changed since `version` was read.
    fn swap(&mut self, key: &[u8], value: &[u8], version: Self::Version) -> Result<Swap, Self::Error>;
}

/// Whether a value was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Swap {
    /// It was.
    Done,
    /// It had changed, nothing was written.
    Lost,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// Taken out of every bucket.
    Taken(Vec<Standing>),
    /// Taken out of none.
    Spent {
        /// Which kind of limit is spent.
        kind: LimitKind,
        /// Its name, as in the `RateLimit` field.
        limit: String,
        /// Index of its rule in the policy.
        rule: u32,
        /// Whole seconds until a call can pass, at least one.
        retry_after: u64,
        /// How the bucket's limits stand.
        standings: Vec<Standing>,
    },
}

/// Why no decision was possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure<E> {
    /// The store failed.
    Store(E),
    /// The value changed too often.
    Contention,
    /// The value is none that we wrote.
    Unreadable,
}

/// Takes one call out of all `buckets`, or out of none.
///
/// While a call is held by several buckets, another may see one of them charged and be refused,
/// although the call then fails at the next and gives its part back: refusing too much for a moment,
/// never too little. To make that rare, all are looked at before the first is taken.
pub fn take<'b, S: Store>(
    buckets: impl Iterator<Item = &'b Bucket> + Clone,
    agent: &str,
    now: Timestamp,
    store: &mut S,
) -> Result<Outcome, Failure<S::Error>> {
    if buckets.clone().nth(1).is_some() {
        for bucket in buckets.clone() {
            let (state, _) = read(&key(bucket, agent), store)?;
            if let Charge::Spent(spent) = bucket::charge(bucket, state, now) {
                return Ok(spent.into_outcome(bucket));
            }
        }
    }
    let mut standings = Vec::new();
    for (taken, bucket) in buckets.clone().enumerate() {
        match take_one(bucket, agent, now, store) {
            Ok(Charge::Taken { standings: more, .. }) => standings.extend(more),
            Ok(Charge::Spent(spent)) => {
                give_back(buckets.take(taken), agent, now, store)?;
                return Ok(spent.into_outcome(bucket));
            }
            Err(failure) => {
                give_back(buckets.take(taken), agent, now, store)?;
                return Err(failure);
            }
        }
    }
    Ok(Outcome::Taken(standings))
}

fn take_one<S: Store>(
    bucket: &Bucket,
    agent: &str,
    now: Timestamp,
    store: &mut S,
) -> Result<Charge, Failure<S::Error>> {
    change(&key(bucket, agent), store, |state| {
        let charge = bucket::charge(bucket, state, now);
        let changed = match &charge {
            Charge::Taken { state, .. } => Some(*state),
            Charge::Spent(_) => None,
        };
        (changed, charge)
    })
}

/// A failure here leaves the call counted: that too refuses more than it should, and never less.
fn give_back<'b, S: Store>(
    buckets: impl Iterator<Item = &'b Bucket>,
    agent: &str,
    now: Timestamp,
    store: &mut S,
) -> Result<(), Failure<S::Error>> {
    for bucket in buckets {
        change(&key(bucket, agent), store, |state| (Some(bucket::give_back(bucket, state, now)), ()))?;
    }
    Ok(())
}

/// Reads, computes and swaps until nobody else was faster.
fn change<S: Store, T>(
    key: &[u8],
    store: &mut S,
    compute: impl Fn(State) -> (Option<State>, T),
) -> Result<T, Failure<S::Error>> {
    for _ in 0..TRIES {
        let (state, version) = read(key, store)?;
        let (changed, answer) = compute(state);
        let Some(changed) = changed else {
            return Ok(answer);
        };
        match store.swap(key, &changed.encode(), version).map_err(Failure::Store)? {
            Swap::Done => return Ok(answer),
            Swap::Lost => {}
        }
    }
    Err(Failure::Contention)
}

fn read<S: Store>(key: &[u8], store: &mut S) -> Result<(State, S::Version), Failure<S::Error>> {
    let (value, version) = store.read(key).map_err(Failure::Store)?;
    let state = match value {
        None => State::default(),
        Some(bytes) => State::decode(&bytes).ok_or(Failure::Unreadable)?,
    };
    Ok((state, version))
}

/// Names come from the policy only, so the number of keys is bounded; none of them holds a NUL.
fn key(bucket: &Bucket, agent: &str) -> Vec<u8> {
    const PREFIX: &[u8] = b"toolgate\0";
    match bucket.share {
        Share::EachAgent => [PREFIX, bucket.key.as_bytes(), b"\0", agent.as_bytes()].concat(),
        Share::AllAgents => [PREFIX, bucket.key.as_bytes(), b"\0"].concat(),
    }
}

#[cfg(test)]
mod tests;
