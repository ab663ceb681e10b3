#![expect(clippy::cast_possible_truncation, reason = "numbers of tests are small")]

use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// One pattern, `ab`, by hand: two states, three classes with that of all other bytes, letters in either case.
fn ab() -> Vec<u8> {
    let classes = [5, 97, 0, 0, 0, 0, 0];
    let starts = [0, 0];
    // State 0 stays, but `a` discovers state 1.
    let first = [4 | 1, 1, 4 | 1];
    // State 1 is as state 0, but `a` leads to itself and `b` to what is found.
    let second = [4, 2 << 2, 2];
    [&[1][..], &classes, &[2], &starts, &first, &second].concat()
}

/// An automaton of literals in lower case, which match in either case: a tree with the way back from each state.
pub(crate) fn literals(literals: &[&str]) -> Automaton {
    let mut tree: Vec<Vec<Option<usize>>> = vec![vec![None; 256]];
    let mut ends: Vec<Option<usize>> = vec![None];
    for (pattern, literal) in literals.iter().enumerate() {
        let last = literal.bytes().fold(0, |state, byte| {
            let next = tree.len();
            let slot = *tree[state][usize::from(byte)].get_or_insert(next);
            if slot == next {
                tree.push(vec![None; 256]);
                ends.push(None);
            }
            slot
        });
        ends[last].get_or_insert(pattern);
    }
    let mut suffix = vec![0; tree.len()];
    let mut order = vec![0];
    for at in 0.. {
        let Some(&state) = order.get(at) else { break };
        for byte in (0..=u8::MAX).map(usize::from) {
            let back = if state == 0 { 0 } else { tree[suffix[state]][byte].unwrap_or(0) };
            match tree[state][byte] {
                Some(child) => {
                    suffix[child] = back;
                    ends[child] = ends[child].or(ends[back]);
                    order.push(child);
                }
                None => tree[state][byte] = Some(back),
            }
        }
    }
    // States that end a literal are no states but targets; what comes behind them is cut.
    let mut numbers = vec![None; tree.len()];
    let mut kept = vec![0];
    numbers[0] = Some(0);
    let mut rows = Vec::new();
    for at in 0.. {
        let Some(&state) = kept.get(at) else { break };
        let mut exceptions: Vec<(usize, Result<usize, usize>)> = Vec::new();
        for byte in (0..256).filter(|byte| !(65..=90).contains(byte)) {
            let target = tree[state][byte].unwrap();
            match (ends[target], numbers[target]) {
                (Some(pattern), _) => exceptions.push((byte, Err(pattern))),
                (None, Some(0)) => {}
                (None, Some(known)) => exceptions.push((byte, Ok(known))),
                (None, None) => {
                    numbers[target] = Some(kept.len());
                    exceptions.push((byte, Ok(usize::MAX)));
                    kept.push(target);
                }
            }
        }
        rows.push(exceptions);
    }
    let mut bytes = Vec::new();
    number(&mut bytes, literals.len());
    // Each byte but those of class 0 and upper-case letters is a class of its own.
    let class = |byte: usize| if byte > 90 { byte - 26 } else { byte };
    number(&mut bytes, 229 << 1 | 1);
    for byte in (1..256).filter(|byte| !(65..=90).contains(byte)) {
        let gap = if byte == 1 { 1 } else { 26 * u8::from(byte == 91) };
        bytes.extend([gap, 0, 0]);
    }
    number(&mut bytes, kept.len());
    bytes.extend([0, 0]);
    for exceptions in rows {
        number(&mut bytes, exceptions.len() << 2 | 1);
        bytes.push(1);
        let mut behind = 0;
        for (byte, target) in exceptions {
            let is_new = target == Ok(usize::MAX);
            number(&mut bytes, (class(byte) - behind) << 2 | usize::from(is_new));
            behind = class(byte) + 1;
            if !is_new {
                number(&mut bytes, target.unwrap_or_else(|pattern| kept.len() + pattern));
            }
        }
    }
    Automaton::from_bytes(bytes)
}

fn number(bytes: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn load(bytes: &[u8]) -> Result<ReadyAutomaton, BadAutomaton> {
    ReadyAutomaton::try_from(&Automaton::from_bytes(bytes.to_vec()))
}

#[test]
fn a_pattern_is_found_wherever_it_stands() {
    let ready = load(&ab()).unwrap();
    for text in ["ab", "xxabxx", "aab", "AB", "aB"] {
        assert_eq!(ready.find(text.as_bytes()), Some(PatternIndex(0)), "{text}");
    }
    for text in ["", "a", "ba", "a b", "ä"] {
        assert!(!ready.is_match(text.as_bytes()), "{text}");
    }
    assert_eq!((ready.patterns(), ready.states()), (1, 3));
}

#[test]
fn of_several_literals_the_one_that_ends_first_is_found() {
    let ready = ReadyAutomaton::try_from(&literals(&["rm -rf", "os.system", "stem", "a"])).unwrap();
    let find = |text: &str| ready.find(text.as_bytes()).map(|found| found.0);
    assert_eq!(find("xx RM -rf os.system"), Some(0));
    assert_eq!(find("os.system"), Some(1));
    assert_eq!(find("os.osystem"), Some(2));
    assert_eq!(find("bA"), Some(3));
    assert_eq!(find("rm rf"), None);
}

#[test]
fn damaged_bytes_are_refused_or_run_without_a_panic() {
    let good = ab();
    for at in 0..good.len() {
        assert!(load(&good[..at]).is_err(), "cut at {at}");
        for value in 0..=u8::MAX {
            let mut bytes = good.clone();
            bytes[at] = value;
            if let Ok(ready) = load(&bytes) {
                ready.find(b"xxabABab\xff\0");
            }
        }
    }
    assert!(load(&[&good[..], &[0]].concat()).is_err());
}

#[test]
fn a_few_bytes_cannot_ask_for_much_memory() {
    // 32,768 states with 256 classes each would need a table over the limit.
    let mut bytes = vec![1, 1];
    bytes.extend([0x80, 0x80, 0x02, 0, 0]);
    bytes.extend([1, 1].repeat(32_768));
    assert!(load(&bytes).is_err());
    let too_many = [1, 0, 0xff, 0xff, 0x7f, 0, 0, 1, 1];
    assert_eq!(load(&too_many).err(), Some(BadAutomaton("the number of states")));
}

#[test]
fn an_automaton_survives_the_bundle() {
    let automaton = Automaton::from_bytes(ab());
    let bytes = postcard::to_allocvec(&automaton).unwrap();
    assert_eq!(postcard::from_bytes::<Automaton>(&bytes), Ok(automaton));
}
