//! The manual entries of findings about global limits.
//!
//! In: nothing. Out: one [`About`] for each code; their numbers stand in `code`, too.
//! Finds nothing itself.

use super::{About, error, warning};

pub(super) const NOT_GLOBAL: About = error(
    "TG054",
    "a limit cannot be counted globally as it is written",
    "The rate limit service counts in seconds, minutes, hours and days of the clock, and its weeks and months are none of the calendar.",
    "Take `burst` out; count per minute, hour or day; or write `scope: local`.",
);

pub(super) const GLOBAL_TWICE: About = error(
    "TG055",
    "two global limits would be counted as one",
    "The rate limit service tells limits apart by what they are for, their count and their unit.",
    "Of a rate and a quota that are the same, take one out. Call a tool group another name.",
);

pub(super) const GLOBAL_IN_SHADOW: About = warning(
    "TG056",
    "global limits are not tried out in `shadow` mode",
    "Only a call that is counted can be found to be too much, and a tool in this mode is not to be held up. Its calls count in no global limit.",
    "Write `mode: enforce`, or expect that the audit lines say nothing of these limits.",
);

pub(super) const HEADERS_NOT_HELD: About = error(
    "TG057",
    "global limits need headers that are held until the body is judged",
    "The rate limit filter counts a call when it gets its header: one that its body gets refused would have been counted.",
    "Pack with `--hold-headers` for an Envoy with `allow_on_headers_stop_iteration`; render with `strict: true`.",
);
