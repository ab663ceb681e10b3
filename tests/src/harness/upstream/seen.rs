//! The memory of the tool server.
//!
//! In: heads, frames and ends of requests. Out: copies of what was seen, and counts.

use crate::harness::Field;
use bytes::Bytes;
use http::{HeaderMap, request::Parts};
use hyper::body::Frame;
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// One request as the tool server saw it, as far as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub protocol: String,
    /// The method.
    pub method: String,
    /// Path and query, as sent.
    pub path: String,
    /// `:authority` or the `host` header.
    pub authority: String,
    /// Header bytes. Names in the order of their first arrival, duplicates in order behind it.
    pub headers: Vec<Field>,
    /// The body so far.
    pub body: Vec<u8>,
    /// Trailers, if any came.
    pub trailers: Vec<Field>,
    /// The request came to its end.
    pub complete: bool,
}

impl Seen {
    pub(super) fn from_head(head: &Parts) -> Self {
        let host = head.headers.get("host").map(|host| host.as_bytes());
        let authority = match head.uri.authority() {
            Some(authority) => authority.to_string(),
            None => String::from_utf8_lossy(host.unwrap_or_default()).into_owned(),
        };
        Self {
            protocol: format!("{:?}", head.version),
            method: head.method.to_string(),
            path: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            authority,
            headers: fields(&head.headers),
            body: Vec::new(),
            trailers: Vec::new(),
            complete: false,
        }
    }

    pub(super) fn add(&mut self, frame: Frame<Bytes>) {
        match frame.into_data() {
            Ok(data) => self.body.extend_from_slice(&data),
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    self.trailers = fields(&trailers);
                }
            }
        }
    }

    /// All values of the headers with this name, in order.
    #[must_use]
    pub fn header_values(&self, name: &str) -> Vec<&[u8]> {
        self.headers
            .iter()
            .filter(|(sent, _)| sent.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value.as_slice())
            .collect()
    }
}

fn fields(map: &HeaderMap) -> Vec<Field> {
    map.iter().map(|(name, value)| (name.as_str().as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
}

/// A request that may still be arriving.
#[derive(Clone)]
pub(super) struct Record(Arc<Mutex<Seen>>);

impl Record {
    pub(super) fn update(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut lock(&self.0));
    }

    pub(super) fn snapshot(&self) -> Seen {
        lock(&self.0).clone()
    }
}

/// All requests since the last `clear`.
///
/// A request that began before a `clear` belongs to an older epoch and counts no more.
#[derive(Default)]
pub(super) struct Ledger {
    records: Mutex<Vec<Record>>,
    malformed: Mutex<Vec<String>>,
    epoch: AtomicU64,
    started: AtomicU64,
    complete: AtomicU64,
}

impl Ledger {
    pub(super) fn start(&self) -> u64 {
        self.started.fetch_add(1, Ordering::SeqCst);
        self.epoch.load(Ordering::SeqCst)
    }

    pub(super) fn finish(&self, epoch: u64) {
        if epoch == self.epoch.load(Ordering::SeqCst) {
            self.complete.fetch_add(1, Ordering::SeqCst);
        }
    }

    pub(super) fn record(&self, seen: Seen) -> Record {
        let record = Record(Arc::new(Mutex::new(seen)));
        lock(&self.records).push(record.clone());
        record
    }

    pub(super) fn note_malformed(&self, reason: String) {
        lock(&self.malformed).push(reason);
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        lock(&self.records).iter().map(Record::snapshot).collect()
    }

    pub(super) fn malformed(&self) -> Vec<String> {
        lock(&self.malformed).clone()
    }

    pub(super) fn started(&self) -> u64 {
        self.started.load(Ordering::SeqCst)
    }

    pub(super) fn complete(&self) -> u64 {
        self.complete.load(Ordering::SeqCst)
    }

    pub(super) fn clear(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        lock(&self.records).clear();
        lock(&self.malformed).clear();
        self.started.store(0, Ordering::SeqCst);
        self.complete.store(0, Ordering::SeqCst);
    }
}

/// A test that panicked while it held the lock must not hide what was seen.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
