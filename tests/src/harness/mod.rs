//! Runs calls through a real Envoy, from a client that can send any bytes to a tool server
//! that remembers every request.
//!
//! All calls block, so that a test needs no runtime. What breaks in the harness itself
//! panics with what was tried; what the other side does is a value.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "only tests call the harness: a broken one must stop them, and waiting for a real process needs a clock"
)]

pub mod client;
pub mod envoy;
pub mod gateway;
pub mod load;
mod process;
pub mod ratelimit;
pub mod redis;
pub mod sdk;
pub mod upstream;

use std::{
    env,
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    thread::{self, sleep},
    time::{Duration, Instant},
};

/// A header or trailer as it stood on the wire: name and value are bytes.
pub type Field = (Vec<u8>, Vec<u8>);

/// How long anything may take before the harness gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Asks again until there is an answer; `None` when `patience` is at its end.
pub fn wait_for<T>(patience: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() >= deadline {
            return None;
        }
        sleep(Duration::from_millis(5));
    }
}

/// The program, module or folder that a variable of the environment names.
///
/// # Panics
/// When it names nothing.
#[must_use]
pub fn named(variable: &str) -> PathBuf {
    env::var_os(variable).map(PathBuf::from).unwrap_or_else(|| {
        panic!("{variable} names nothing: run these tests with `tests/run`, which fetches and builds all")
    })
}

/// Runs a future to its end on a thread of its own, for the caller may already be inside a runtime.
fn run_apart<T: Send, F: Future<Output = T>>(begin: impl FnOnce() -> F + Send) -> T {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime can be built").block_on(async { begin().await })
    };
    thread::scope(|scope| scope.spawn(run).join().expect("what runs apart does not panic"))
}

/// A port that nobody listens on now. Some programs must be told theirs; others are asked for it, which is better.
fn free_port() -> u16 {
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port can be bound");
    probe.local_addr().expect("a bound socket has an address").port()
}
