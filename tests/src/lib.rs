//! What every room of Toolgate must agree on, checked from outside.
//!
//! In: the built filter, packed policies and calls. Out: what a client, a tool and an
//! operator would see of them. Decides nothing about calls itself.

pub mod cases;
pub mod counting;
pub mod forged;
pub mod gateway;
pub mod harness;
pub mod identity;
pub mod interop;
pub mod signers;
