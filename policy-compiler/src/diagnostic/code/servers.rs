//! The manual entries of findings about MCP servers.
//!
//! In: nothing. Out: one [`About`] for each code; their numbers stand in `code`, too.
//! Finds nothing itself.

use super::{About, error, warning};

pub(super) const TWO_SERVERS: About = error(
    "TG058",
    "two servers stand at one path",
    "Nobody could say which of the two a message is for.",
    "Give each a path of its own, or each a host of its own.",
);

pub(super) const IDLE_SERVER: About = warning(
    "TG059",
    "no agent may use a server",
    "Nothing of it is granted to anybody, so that every message for it is refused.",
    "Grant a tool, a resource or a prompt of it, or take it out.",
);
