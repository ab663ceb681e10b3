//! Decides on tool calls.
//!
//! In: bytes, a policy and the time. Out: what to do with the call, and the record of it.
//! Has no host, no clock, no files and no log: `filter` and `policy-compiler` bring those.

pub mod arguments;
pub mod audit;
pub mod automaton;
pub mod bundle;
mod bytes;
pub mod denial;
mod digest;
pub mod exchange;
pub mod identity;
pub mod json;
pub mod limits;
pub mod mcp;
pub mod names;
mod patterns;
pub mod pointer;
pub mod policy;
mod redact;
pub mod request;
pub mod schema;
pub mod views;
