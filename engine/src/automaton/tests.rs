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
