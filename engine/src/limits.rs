//! Rates and quotas: takes a call out of every bucket that it is held to, or out of none.
//!
//! In: buckets, an agent, the time and a [`Store`]. Out: the standing of each limit, or which one is spent.
//! Knows nothing of tools and grants, and keeps nothing itself.

mod answer;
mod bucket;
mod fields;
mod state;

pub(crate) use answer::{Counted, Told, counted};
pub use bucket::{LimitKind, Standing};
pub(crate) use bucket::{is_consistent, rules_of};
pub(crate) use fields::fields;

use crate::bundle::{Bucket, Share};
use bucket::Spent;
use state::State;
use std::convert::Infallible;

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
    buckets: impl Iterator<Item = &'b Bucket>,
    agent: &str,
    now: Timestamp,
    store: &mut S,
) -> Result<Outcome, Failure<S::Error>> {
    let mut counters = Vec::new();
    for bucket in buckets {
        let counter = Counter::read(bucket, agent, store)?;
        if let Err(spent) = bucket::charge(bucket, counter.state, now) {
            return Ok(spent.into_outcome(bucket));
        }
        counters.push(counter);
    }
    for at in 0..counters.len() {
        let Some(counter) = counters.get_mut(at) else { continue };
        let refused = match counter.charge(now, store) {
            Ok(None) => continue,
            Ok(Some(spent)) => Ok(spent.into_outcome(counter.bucket)),
            Err(failure) => Err(failure),
        };
        for taken in counters.iter_mut().take(at) {
            taken.give_back(now, store)?;
        }
        return refused;
    }
    Ok(Outcome::Taken(counters.iter().flat_map(|counter| counter.standings(now)).collect()))
}

/// What is stored of one bucket for one agent, as it was last read or written.
struct Counter<'b, V> {
    bucket: &'b Bucket,
    key: Vec<u8>,
    state: State,
    /// Which version of the value this is; none, once it was written.
    version: Option<V>,
}

impl<'b, V> Counter<'b, V> {
    fn read<S: Store<Version = V>>(bucket: &'b Bucket, agent: &str, store: &mut S) -> Result<Self, Failure<S::Error>> {
        let key = key(bucket, agent);
        let (state, version) = read(&key, store)?;
        Ok(Self { bucket, key, state, version: Some(version) })
    }

    /// Takes one call out, or says which limit is spent meanwhile.
    fn charge<S: Store<Version = V>>(
        &mut self,
        now: Timestamp,
        store: &mut S,
    ) -> Result<Option<Spent>, Failure<S::Error>> {
        let bucket = self.bucket;
        Ok(self.change(store, |state| bucket::charge(bucket, state, now))?.err())
    }

    /// A failure here leaves the call counted: that too refuses more than it should, and never less.
    fn give_back<S: Store<Version = V>>(&mut self, now: Timestamp, store: &mut S) -> Result<(), Failure<S::Error>> {
        let bucket = self.bucket;
        let Ok(()) = self.change(store, |state| Ok::<_, Infallible>(bucket::give_back(bucket, state, now)))?;
        Ok(())
    }

    /// Computes and swaps until nobody else was faster. What was read before counts for the first try.
    fn change<S: Store<Version = V>, R>(
        &mut self,
        store: &mut S,
        compute: impl Fn(State) -> Result<State, R>,
    ) -> Result<Result<(), R>, Failure<S::Error>> {
        for _ in 0..TRIES {
            let (state, version) = match self.version.take() {
                Some(version) => (self.state, version),
                None => read(&self.key, store)?,
            };
            let changed = match compute(state) {
                Ok(changed) => changed,
                Err(refused) => return Ok(Err(refused)),
            };
            match store.swap(&self.key, &changed.encode(), version).map_err(Failure::Store)? {
                Swap::Done => {
                    self.state = changed;
                    return Ok(Ok(()));
                }
                Swap::Lost => {}
            }
        }
        Err(Failure::Contention)
    }

    fn standings(&self, now: Timestamp) -> impl Iterator<Item = Standing> {
        bucket::standings(self.bucket, self.state, now)
    }
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
