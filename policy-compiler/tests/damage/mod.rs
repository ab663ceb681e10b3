//! A seeded generator of damaged policies.
//!
//! In: policies that are good. Out: the same ones with some bytes changed, cut, doubled or mixed.
//! Judges nothing.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use policy_compiler::files::{Files, Unread};
use std::{fs, path::Path};

#[path = "../numbers/mod.rs"]
mod numbers;

pub use numbers::Numbers;

fn range(numbers: &mut Numbers, length: usize, longest: usize) -> std::ops::Range<usize> {
    let start = numbers.below(length + 1);
    start..(start + numbers.below(longest)).min(length)
}

/// Pieces that mean something to YAML or to the language.
const PIECES: &[&str] = &[
    "\n",
    "  ",
    "\t",
    ": ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\"",
    "'",
    "#",
    " #",
    "&a ",
    "*a",
    "!!str ",
    "<<: ",
    "---\n",
    "...\n",
    "|\n",
    ">-\n",
    "? ",
    "~",
    "null",
    "é",
    "💥",
    "\u{feff}",
    "\0",
    "\r",
    "\u{202e}",
    "0",
    "-1",
    "99999999999",
    "unlimited",
    "60/minute",
    "5/day",
    "64KiB",
    "shadow",
    "per: all",
    "burst: 5",
    "limit: 1/hour",
    "agents: [a]",
    "{ agent: a, arguments: { blocked: [x], max_string_length: 3 } }",
    "{ group: a, arguments: { schema: { type: string } } }",
    "agent: a",
    "group: a",
    "groups:",
    "tools:",
    "arguments: { blocked: [x] }",
    "max_string_length: 5",
    "%YAML 1.2\n---\n",
    "\\",
    "\\x00",
    "[[[[[[[[[[[[[[[[[[[[",
    "{{{{{{{{",
];

/// A policy with up to four places changed, some with pieces of another policy.
pub fn damage(policy: &[u8], other: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut policy = policy.to_vec();
    for _ in 0..=numbers.below(4) {
        let place = range(numbers, policy.len(), 40);
        match numbers.below(6) {
            0 => drop(policy.drain(place)),
            1 => drop(policy.splice(place.start..place.start, numbers.pick(PIECES).bytes())),
            2 => drop(policy.splice(place, numbers.pick(PIECES).bytes())),
            3 => {
                let copy = policy[place].to_vec();
                let at = numbers.below(policy.len() + 1);
                drop(policy.splice(at..at, copy));
            }
            4 => {
                let piece = other[range(numbers, other.len(), 80)].to_vec();
                drop(policy.splice(place, piece));
            }
            _ => policy[place].iter_mut().for_each(|byte| *byte ^= 1 << numbers.below(8)),
        }
    }
    policy
}

/// Policies that are accepted, or nearly.
pub fn good_policies() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = fs::read_dir(root.join("../tests/diagnostics")).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = folder
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.ends_with(".yaml") && (name.starts_with("clean-") || name.starts_with("several-"))
        })
        .chain([root.join("../envoy/policy.yaml"), root.join("src/command/init/policy.yaml")])
        .collect();
    paths.sort();
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

/// The files that these policies name.
pub struct Beside;

impl Files for Beside {
    fn read(&self, path: &str) -> Result<Vec<u8>, Unread> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folders = ["../tests/diagnostics", "../envoy"].into_iter();
        folders.filter_map(|folder| fs::read(root.join(folder).join(path)).ok()).next().ok_or(Unread::Missing)
    }
}
