//! The scan of all patterns at once finds something where one of their automata does, run alone, and nowhere else.
//!
//! In: one pattern a line, a `/` before each that is a regular expression; an empty line; and the text. What a literal
//! says is found in the text as it stands, whatever else is looked for.

#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use std::{cell::RefCell, collections::HashMap, rc::Rc};
use toolgate_engine_fuzz::scan::{Scan, bundle_that_blocks};

/// More and longer ones are no other case, and compile slowly.
const MAX_PATTERNS: usize = 8;
const MAX_PATTERN_BYTES: usize = 120;

/// How many starts of the text are tried, each as a text of its own: far cheaper than another input.
const STARTS: usize = 12;

const KEPT: usize = 1000;

thread_local! {
    /// Patterns take a thousand times as long to compile as a text to be scanned, and most inputs share them.
    static SCANS: RefCell<HashMap<String, Option<Rc<Scan>>>> = RefCell::default();
}

fuzz_target!(|bytes: &[u8]| {
    let input = String::from_utf8_lossy(bytes);
    let Some((patterns, text)) = input.split_once("\n\n") else { return };
    if patterns.len() > MAX_PATTERN_BYTES {
        return;
    }
    let Some(scan) = scan(patterns) else { return };
    for (start, _) in text.char_indices().take(STARTS) {
        let text = &text[start..];
        let has_literal = literals(patterns).any(|literal| text.contains(literal));
        assert!(scan.refuses(text) || !has_literal, "a literal that is there is found");
    }
});

// Mostly only the text is changed, for the patterns are compiled then.
fuzz_mutator!(|input: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let text = input[..size].windows(2).position(|pair| pair == b"\n\n").map(|at| at + 2);
    let start = text.filter(|&start| !seed.is_multiple_of(64) && start < max_size).unwrap_or_default();
    start + fuzzer_mutate(&mut input[start..], size - start, max_size - start)
});

fn scan(patterns: &str) -> Option<Rc<Scan>> {
    SCANS.with_borrow_mut(|scans| {
        if scans.len() > KEPT {
            scans.clear();
        }
        scans.entry(patterns.to_owned()).or_insert_with(|| compiled(patterns)).clone()
    })
}

fn compiled(patterns: &str) -> Option<Rc<Scan>> {
    let entry = |line: &str| match line.strip_prefix('/') {
        Some(regex) => serde_json::json!({ "regex": regex }),
        None => line.into(),
    };
    let entries: Vec<_> = patterns.lines().take(MAX_PATTERNS).map(entry).collect();
    let scan = Scan::of(bundle_that_blocks(&entries)?);
    Some(Rc::new(scan.unwrap_or_else(|bad| panic!("what compiles can be loaded: {bad}"))))
}

fn literals(patterns: &str) -> impl Iterator<Item = &str> {
    patterns.lines().take(MAX_PATTERNS).filter(|line| !line.starts_with('/'))
}
