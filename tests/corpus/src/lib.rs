//! The cases that every runner must agree on.
//!
//! In: the files of `tests/cases`. Out: policies, calls and what must become of them; and the native runner.
//! Starts no Envoy: `toolgate-tests` runs the same files there.

mod file;
mod native;
mod verified;

pub use file::{Call, Case, CaseFile, Certificate, Framing, HOST, Token, Want, all, all_with_headers_held};
pub use native::{Got, Native, code_of, compile, pack};
