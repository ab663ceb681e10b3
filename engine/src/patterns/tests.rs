use super::{window::Window, *};
use crate::automaton::tests::literals;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn ready(automata: &[&[&str]]) -> Vec<Arc<ReadyAutomaton>> {
    automata.iter().map(|of_one| Arc::new(ReadyAutomaton::try_from(&literals(of_one)).unwrap())).collect()
}

fn scanner(automata: &[&[&str]]) -> Scanner {
    Scanner::new(ready(automata))
}

/// A scanner for each way in which patterns can be looked for.
fn scanners(automata: &[&[&str]]) -> Vec<Scanner> {
    let automata = ready(automata);
    let ways = [(End::First, false), (End::First, true), (End::Last, false), (End::Last, true)];
    let forced = ways.map(|(end, is_many)| {
        let windows = |automaton: &ReadyAutomaton, index| Window::all_at(end, automaton, index);
        let prefilter = OnceLock::from(Prefilter::with(&automata, windows, |_| is_many));
        Scanner { automata: automata.clone(), prefilter }
    });
    forced.into_iter().chain([Scanner::new(automata)]).collect()
}

const LETTERS: [char; 4] = ['a', 'b', 'c', 'd'];

/// Numbers that look random and are the same in every run.
fn numbers(mut seed: u64) -> impl FnMut(usize) -> usize {
    move |below| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed >> 33).unwrap() % below
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
    for round in 0..80 {
        let alphabet = 2 + number(3);
        let mut word = |most: usize| -> String { (0..1 + number(most)).map(|_| LETTERS[number(alphabet)]).collect() };
        let automata = if round % 20 == 0 { 40 } else { 3 };
        let patterns: Vec<Vec<String>> = (0..automata).map(|_| (0..6).map(|_| word(12)).collect()).collect();
        let borrowed: Vec<Vec<&str>> = patterns.iter().map(|one| one.iter().map(String::as_str).collect()).collect();
        let automata: Vec<&[&str]> = borrowed.iter().map(Vec::as_slice).collect();
        for scanner in scanners(&automata) {
            for _ in 0..20 {
                let text = word(60);
                let wanted = patterns.iter().flatten().any(|pattern| text.contains(pattern));
                let found = scanner.find(text.as_bytes());
                assert_eq!(found.is_some(), wanted, "{text} {patterns:?}");
                if let Some(Found { automaton, pattern }) = found {
                    let pattern = usize::try_from(pattern.0).unwrap();
                    assert!(text.contains(&patterns[automaton][pattern]), "{text} {patterns:?}");
                }
            }
        }
    }
}

#[test]
fn a_match_is_found_wherever_it_stands() {
    let literals: &[&str] = &["a", "bc", "rm -rf", "drop table", "a b c d e f g h i j k"];
    for (at, literal) in literals.iter().enumerate() {
        for scanner in scanners(&[&literals[at..=at], &["other", "patterns"]]) {
            for before in 0..70 {
                for behind in [0, 1, 2, 3, 15, 16, 17, 40] {
                    let text = format!("{}{literal}{}", "-".repeat(before), "-".repeat(behind));
                    assert!(scanner.find(text.as_bytes()).is_some(), "{text}");
                    let broken = text.replace(literal, &literal.replace(['a', 'c', 'f'], "-"));
                    assert_eq!(scanner.find(broken.as_bytes()), None, "{broken}");
                }
            }
        }
    }
}

#[test]
fn of_several_texts_the_first_that_has_a_match_is_found() {
    let mut number = numbers(3);
    for _ in 0..200 {
        let mut word = |most: usize| -> String { (0..number(most)).map(|_| LETTERS[number(3)]).collect() };
        let patterns: Vec<String> = (0..4).map(|_| format!("a{}", word(9))).collect();
        let borrowed: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let texts: Vec<String> = (0..8).map(|_| word(14)).collect();
        let all = texts.join("\"");
        let mut spans = Vec::new();
        for text in &texts {
            let start = spans.last().map_or(0, |span: &Range<usize>| span.end + 1);
            spans.push(start..start + text.len());
        }
        let wanted = texts.iter().position(|text| patterns.iter().any(|pattern| text.contains(pattern)));
        for scanner in scanners(&[&borrowed]) {
            let text_at = |at| spans.iter().find(|span| span.contains(&at)).cloned();
            let found = scanner.find_among(all.as_bytes(), text_at).map(|(span, _)| span);
            assert_eq!(found, wanted.map(|at| spans[at].clone()), "{texts:?} {patterns:?}");
        }
    }
}
