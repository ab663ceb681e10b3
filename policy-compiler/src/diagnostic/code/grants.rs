//! The manual entries of findings about grants that narrow arguments.
//!
//! In: nothing. Out: one [`About`] for each code; their numbers stand in `code`, too.
//! Finds nothing itself.

use super::{About, error, warning};

pub(super) const EMPTY_NARROWING: About = error(
    "TG085",
    "a narrowed grant checks nothing",
    "It reads as if it narrowed, and would let any arguments pass.",
    "Add a check to its `arguments`, or write the name alone.",
);

pub(super) const POINTLESS_NARROWING: About = error(
    "TG086",
    "another grant makes a narrowed grant pointless",
    "One grant that holds is enough, so whatever this one refuses, the other one lets pass: nothing is narrowed.",
    "Narrow the other grant, too, or take one of the two out.",
);

pub(super) const PARTIAL_NARROWING: About = warning(
    "TG087",
    "some of those that a grant narrows are granted more elsewhere",
    "One grant that holds is enough, so an agent of the group, or a tool of the tool group, is not held to this one.",
    "Take the agent out of the group or the tool out of the tool group if it is meant to have more; else narrow the other grant, too.",
);

pub(super) const REPEATED_CHECK: About = warning(
    "TG088",
    "a grant checks what every call is held to anyway",
    "It narrows nothing; perhaps a stricter check was meant.",
    "Make it stricter, or take it out.",
);

pub(super) const IMPOSSIBLE_GRANT: About = warning(
    "TG089",
    "no arguments can hold to a narrowed grant",
    "What it checks contradicts itself or what the tool checks, so that it grants nothing.",
    "Correct the checks, or take the grant out.",
);
