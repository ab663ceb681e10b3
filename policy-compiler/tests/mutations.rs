//! Damaged policies: whatever is read, the compiler ends, and what it accepts the engine loads.
//!
//! In: good policies and a seeded generator of damage; `ROUNDS` says how often. Out: no panic, and good spans.
//! Finds no particular mistake: that is what the other tests are for.

mod damage;

use damage::{Beside, Numbers, damage, good_policies};
use policy_compiler::{
    Packing, Source,
    diagnostic::{Diagnostic, Severity, human, json},
    pack_with,
};
use toolgate_engine::{bundle::Deployment, policy::Policy};

/// Every place is in the file, on the border of characters where the file is text, and runs forwards.
fn places_are_good(told: &[Diagnostic], source: &[u8]) {
    for found in told.iter().filter(|found| found.file == "p.yaml") {
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
    let mut numbers = Numbers::seeded();
    let (mut accepted, mut refused) = (0_u32, 0_u32);
    for _ in 0..rounds {
        let policy = numbers.pick(&policies);
        let other = numbers.pick(&policies);
        let source = damage(policy, other, &mut numbers);
        let packing = pack_with("p.yaml", &source, &Beside, Deployment::default()).unwrap();
        let Packing { config, diagnostics, files } = packing;
        places_are_good(&diagnostics, &source);
        human::render_with(&diagnostics, &Source::new("p.yaml", &source), &files, human::Colour::Always);
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
