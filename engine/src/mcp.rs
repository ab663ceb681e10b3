//! The Model Context Protocol over streamable HTTP, in four versions: what a message asks for, and how it is answered.
//!
//! In: bytes of bodies and streams, header fields, what the policy knows of a server. Out: calls to judge, refusals in the
//! protocol's own shape, answers without what an agent may not see. Decides on no grant and keeps no session.

mod call;
mod fields;
mod lookalike;
mod message;
mod refusal;
mod version;

pub use call::{Call, Target};
pub use fields::{Disagreement, Mirrored, agreed_version, confirm, is_origin_allowed, session, version_of_head};
pub use message::{Flaw, Id, Invalid, Message, Notification, Request, Response};
pub use refusal::{Recipient, Refusal, refuse};
pub use version::Version;

/// The key of `_meta` under which a request of 2026-07-28 names its version.
pub const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
