#![expect(clippy::cast_possible_truncation, reason = "numbers of tests are small")]

use super::*;
use crate::automaton::tests::literals;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn scanner(automata: &[&[&str]]) -> Scanner {
    let ready = |of_one: &&[&str]| Arc::new(ReadyAutomaton::try_from(&literals(of_one)).unwrap());
    Scanner::new(automata.iter().map(ready).collect())
}

/// Numbers that look random and are the same in every run.
fn numbers(mut seed: u64) -> impl FnMut(usize) -> usize {
    move |below| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    }
}

#[test]
fn each_pattern_is_found_and_named() {
    let scanner = scanner(&[&["rm -rf", "drop table"], &["os.system", "q"]]);
    let find = |text: &str| scanner.find(text.as_bytes()).map(|found| (found.automaton, found.pattern.0));
    assert_eq!(find("........ ........ RM -rf"), Some((0, 0)));
    assert_eq!(find("drop TABLE"), Some((0, 1)));
    assert_eq!(find("oos.system"), Some((1, 0)));
    assert_eq!(find("-------------Q"), Some((1, 1)));
    assert_eq!(find("rm rf drop tble os.syst"), None);
    assert_eq!(find(""), None);
}

#[test]
fn the_prefilter_loses_no_match() {
    let mut number = numbers(7);
    for _ in 0..300 {
        let alphabet = 2 + number(3);
        let mut word = |most: usize| -> String {
            (0..1 + number(most)).map(|_| char::from(b'a' + number(alphabet) as u8)).collect()
        };
        let patterns: Vec<Vec<String>> = (0..3).map(|_| (0..6).map(|_| word(12)).collect()).collect();
        let borrowed: Vec<Vec<&str>> = patterns.iter().map(|one| one.iter().map(String::as_str).collect()).collect();
        let automata: Vec<&[&str]> = borrowed.iter().map(Vec::as_slice).collect();
        let scanner = scanner(&automata);
        for _ in 0..20 {
            let text = word(40);
            let wanted = patterns.iter().flatten().any(|pattern| text.contains(pattern));
            let found = scanner.find(text.as_bytes());
            assert_eq!(found.is_some(), wanted, "{text} {patterns:?}");
            if let Some(Found { automaton, pattern }) = found {
                assert!(text.contains(&patterns[automaton][pattern.0 as usize]), "{text} {patterns:?}");
            }
        }
    }
}
