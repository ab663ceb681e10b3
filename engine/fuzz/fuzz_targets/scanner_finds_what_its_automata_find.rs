//! The scan of all patterns at once finds something where one of their automata does, run alone, and nowhere else.
//!
//! In: one pattern a line, a `/` before each that is a regular expression; an empty line; and the text.
//! What a literal says is found in the text as it stands, whatever else is looked for.

#![no_main]

use libfuzzer_sys::fuzz_target;
use toolgate_engine_fuzz::scan::{Verdict, both_ways, bundle_that_blocks};

/// More are no other case, and compile slowly.
const MAX_PATTERNS: usize = 8;

fuzz_target!(|bytes: &[u8]| {
    let input = String::from_utf8_lossy(bytes);
    let Some((patterns, text)) = input.split_once("\n\n") else { return };
    let entries: Vec<_> = patterns.lines().take(MAX_PATTERNS).map(entry).collect();
    let Some(bundle) = bundle_that_blocks(&entries) else { return };
    let verdict = both_ways(&bundle, text);
    let is_there = |literal: &serde_json::Value| literal.as_str().is_some_and(|literal| text.contains(literal));
    assert!(verdict == Verdict::Refused || !entries.iter().any(is_there), "a literal that is there is found");
});

fn entry(line: &str) -> serde_json::Value {
    match line.strip_prefix('/') {
        Some(regex) => serde_json::json!({ "regex": regex }),
        None => line.into(),
    }
}
