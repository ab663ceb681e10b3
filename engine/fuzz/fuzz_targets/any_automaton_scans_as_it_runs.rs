//! Automata that no compiler made are refused, or the scan finds with them what they find alone.
//!
//! In: two bytes that say how long the first automaton is, that, and another for the rest up to an empty line; then
//! the text. Both are put in the place of what a compiler made.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use toolgate_engine::{
    automaton::{Automaton, ReadyAutomaton},
    bundle::{Blocked, Bundle},
};
use toolgate_engine_fuzz::scan::{Scan, bundle_that_blocks};

static TEMPLATE: LazyLock<Bundle> =
    LazyLock::new(|| bundle_that_blocks(&["a".into()]).expect("one letter is a pattern"));

fuzz_target!(|bytes: &[u8]| {
    let Some((&[high, low], rest)) = bytes.split_first_chunk() else { return };
    let Some((one, rest)) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low]))) else { return };
    let Some(at) = rest.windows(2).position(|pair| pair == b"\n\n") else { return };
    let (other, text) = (&rest[..at], &rest[at + 2..]);
    let packed = [one, other].map(|bytes| Automaton::from_bytes(bytes.to_vec()));
    let good: Vec<_> = packed.iter().filter(|packed| ReadyAutomaton::try_from(*packed).is_ok()).cloned().collect();
    if !good.is_empty() {
        // Together they may be too large.
        let Ok(scan) = Scan::of(with(good)) else { return };
        scan.refuses(&String::from_utf8_lossy(text));
    }
});

/// The template with other automata, all of whose patterns stand for the rule of the one it had.
fn with(automata: Vec<Automaton>) -> Bundle {
    let mut bundle = TEMPLATE.clone();
    for checks in &mut bundle.checks {
        let Some(first) = checks.blocked.first().cloned() else { continue };
        let patterns = |automaton| ReadyAutomaton::try_from(automaton).map_or(0, |ready| ready.patterns());
        let rules = |automaton| first.rules.iter().copied().cycle().take(patterns(automaton) as usize).collect();
        let blocked = |(at, automaton)| Blocked { automaton: at, rules: rules(automaton), ..first.clone() };
        checks.blocked = (0..).zip(&automata).map(blocked).collect();
    }
    bundle.automata = automata;
    bundle
}
