//! Damaged policies: whatever is read, the compiler ends, and what it accepts the engine loads.
//!
//! In: good policies and a seeded generator of damage; `ROUNDS` says how often. Out: no panic, and good spans.
//! Finds no particular mistake: that is what the other tests are for.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use policy_compiler::{
    Packing, Source,
    diagnostic::{Diagnostic, Severity, human, json},
    pack,
};
use std::{fs, path::Path};
use toolgate_engine::{bundle::Deployment, policy::Policy};

/// Numbers that look random and are the same in each run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % end.max(1)
    }

    fn range(&mut self, length: usize, longest: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        start..(start + self.below(longest)).min(length)
    }
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

fn damage(policy: &[u8], other: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut policy = policy.to_vec();
    for _ in 0..=numbers.below(4) {
        let place = numbers.range(policy.len(), 40);
        match numbers.below(6) {
            0 => drop(policy.drain(place)),
            1 => drop(policy.splice(place.start..place.start, PIECES[numbers.below(PIECES.len())].bytes())),
            2 => drop(policy.splice(place, PIECES[numbers.below(PIECES.len())].bytes())),
            3 => {
                let copy = policy[place].to_vec();
                let at = numbers.below(policy.len() + 1);
                drop(policy.splice(at..at, copy));
            }
            4 => {
                let piece = other[numbers.range(other.len(), 80)].to_vec();
                drop(policy.splice(place, piece));
            }
            _ => policy[place].iter_mut().for_each(|byte| *byte ^= 1 << numbers.below(8)),
        }
    }
    policy
}

fn good_policies() -> Vec<Vec<u8>> {
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

/// Every place is in the file, on the border of characters where the file is text, and runs forwards.
fn places_are_good(told: &[Diagnostic], source: &[u8]) {
    for found in told {
        for span in found.span.iter().chain(found.labels.iter().map(|label| &label.span)) {
            assert!(span.start.offset <= span.end.offset, "{found:?}");
            assert!(span.start.line >= 1 && span.start.column >= 1 && span.start.line <= span.end.line, "{found:?}");
            if let Ok(text) = std::str::from_utf8(source) {
                assert!(text.get(span.start.offset..span.end.offset).is_some(), "{found:?}");
            }
        }
    }
}

#[test]
fn no_damage_makes_the_compiler_panic_or_accept_what_the_engine_refuses() {
    let rounds = std::env::var("ROUNDS").map_or(3000, |rounds| rounds.parse().unwrap());
    let policies = good_policies();
    let mut numbers = Numbers(0x1234_5678_9abc_def1);
    let (mut accepted, mut refused) = (0_u32, 0_u32);
    for _ in 0..rounds {
        let policy = &policies[numbers.below(policies.len())];
        let other = &policies[numbers.below(policies.len())];
        let source = damage(policy, other, &mut numbers);
        let Packing { config, diagnostics } = pack("p.yaml", &source, Deployment::default()).unwrap();
        places_are_good(&diagnostics, &source);
        human::render(&diagnostics, &Source::new("p.yaml", &source), human::Colour::Always);
        json::render(&diagnostics).unwrap();
        let errors = diagnostics.iter().any(|found| found.severity() == Severity::Error);
        assert_eq!(config.is_none(), errors, "{}", String::from_utf8_lossy(&source));
        match config {
            Some(config) => {
                assert!(Policy::load(config.as_bytes()).is_ok(), "{}", String::from_utf8_lossy(&source));
                accepted += 1;
            }
            None => refused += 1,
        }
    }
    // Otherwise the damage is too small or too great to prove anything.
    assert!(accepted > 0 && refused > accepted, "{accepted} accepted, {refused} refused");
}
