//! The manual entries of findings about patterns.
//!
//! In: nothing. Out: one [`About`] for each code; their numbers stand in `code`, too.
//! Finds nothing itself.

use super::{About, error, note, warning};

pub(super) const EMPTY_LITERAL: About = error(
    "TG030",
    "a blocked text is empty",
    "Every text contains it: no call would pass.",
    "Write the text to block, or take the entry out.",
);

pub(super) const DEAD_LITERAL: About = warning(
    "TG031",
    "a blocked literal can never match",
    "Each tool that checks it refuses so long a string anyway.",
    "Shorten the literal, or raise `max_string_length`.",
);

pub(super) const BAD_PATTERN: About = error(
    "TG032",
    "a regular expression cannot be compiled",
    "A pattern that means nothing would block nothing.",
    "Correct what the message names. The syntax is that of Rust's `regex`: no look-around, no back-references.",
);

pub(super) const COSTLY_PATTERN: About = error(
    "TG033",
    "a pattern needs too large an automaton",
    "The filter holds it in memory, once for each worker, and every text runs through it.",
    "Shorten counted repetitions such as `.{1,500}`, or write `.*`. Several patterns cost less than one that joins them.",
);

pub(super) const MATCHES_ALL: About = error(
    "TG034",
    "a pattern matches the empty text",
    "Every text contains the empty text, so no call would pass; with anchors, none with an empty argument.",
    "Demand at least one letter: `+` in place of `*`. What may be empty is for a schema to say.",
);

pub(super) const NEVER_MATCHES: About = warning(
    "TG035",
    "a pattern can never match",
    "It blocks nothing, and something else was meant.",
    "Correct it, or take it out.",
);

pub(super) const ENCODED_PATTERN: About = warning(
    "TG036",
    "a blocked literal is itself encoded",
    "Texts are decoded before they are searched, so another encoding of the same would pass.",
    "Write what it decodes to; all its encodings are then found.",
);

pub(super) const UNKNOWN_SET: About = error(
    "TG037",
    "there is no such set of patterns",
    "A misspelt set would block nothing.",
    "Use one of the sets that the message lists; each has a page in [sets](sets).",
);

pub(super) const BAD_POINTER: About = error(
    "TG038",
    "`at` is no JSON Pointer",
    "A pattern for an argument that cannot be named would hold nowhere.",
    "Write `/` before each name, `~1` for a `/` in a name and `~0` for a `~`: `/filters/0/value`.",
);

pub(super) const PATTERN_COST: About = note(
    "TG039",
    "what a large pattern costs",
    "Its automaton takes memory in each worker and room in the packed policy.",
    "Nothing, if the pattern is worth it. `inspect` shows the cost of all patterns of a tool.",
);
