//! The Model Context Protocol over streamable HTTP, in four versions: what a message asks for, and how it is answered.
//!
//! In: bytes of bodies and streams, header fields, what the policy knows of a server. Out: calls to judge, refusals in the
//! protocol's own shape, answers without what an agent may not see. Decides on no grant and keeps no session.

mod answer;
mod call;
mod fields;
mod list;
mod lookalike;
mod message;
mod objection;
mod opening;
mod pin;
mod refusal;
mod scan;
mod sse;
mod version;

pub use answer::{Awaited, Outcome, Passed, Said, Unfit, pass};
pub use call::{Call, Target};
pub(crate) use fields::known;
pub use fields::{
    Disagreement, MIRRORED_BY, Mirrored, agreed_version, confirm, confirm_argument, is_origin_allowed, session,
    version_of_head,
};
pub use list::{BadList, Entry, ListKind, Shown};
pub use message::{Flaw, Id, Invalid, Message, Notification, Request, Response};
pub use objection::Objection;
pub use pin::{Pin, canonical};
pub use refusal::{Recipient, Refusal, refuse};
pub use scan::{Finding, Suspicion, scan};
pub use sse::{Event, EventStream, Fate, TooLarge};
pub use version::Version;

/// The key of `_meta` under which a request of 2026-07-28 names its version.
pub const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";

#[cfg(test)]
mod tests;
