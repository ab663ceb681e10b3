//! Keys that another reader may take for a key that is judged.
//!
//! In: a key, and the keys that mean something. Out: whether it is one of them to a reader that is less exact.
//! Readers fold case (`ſ` is an `s` and `K` a `k` to Go), trim, or take `input_responses` for `inputResponses`.

use crate::views::{Fold, fold};

/// Whether a key is none of the known ones, but looks like one.
pub(super) fn is_lookalike(key: &str, known: &[&str]) -> bool {
    !known.contains(&key) && known.iter().any(|known| letters(key).eq(letters(known)))
}

/// The letters and digits that are left when case, signs, blanks and what nobody sees are gone.
fn letters(key: &str) -> impl Iterator<Item = char> {
    key.chars().flat_map(plain).filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase)
}

/// What a letter stands for: itself, nothing, or ASCII.
fn plain(letter: char) -> impl Iterator<Item = char> {
    let (alone, text) = match fold(letter) {
        // Its lower case is an `i` with a dot above, which some readers leave out.
        Fold::Same if letter == '\u{130}' => (Some('i'), ""),
        Fold::Same => (Some(letter), ""),
        Fold::Gone => (None, ""),
        Fold::Ascii(byte) => (Some(char::from(byte)), ""),
        Fold::Text(text) => (None, text),
    };
    alone.into_iter().chain(text.chars())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const KNOWN: &[&str] = &["name", "arguments", "inputResponses", "_meta", "task"];

    #[test]
    fn what_a_lenient_reader_takes_for_a_known_key_is_a_lookalike() {
        for key in [
            "Name",
            "NAME",
            "nAme",
            " name",
            "name ",
            "name\t",
            "na\u{200b}me",
            "name\0",
            "ｎａｍｅ",
            "argument\u{17f}",
            "Arguments",
            "tas\u{212a}",
            "\u{130}nputResponses",
            "\u{131}nputResponses",
            "input_responses",
            "inputresponses",
            "input-responses",
            "meta",
            "Meta",
            "__meta",
            "\u{1d42d}ask",
        ] {
            assert!(is_lookalike(key, KNOWN), "{key:?}");
        }
    }

    #[test]
    fn known_keys_and_others_are_none() {
        for key in ["name", "arguments", "inputResponses", "_meta", "names", "argument", "title", "", "_", "nаme"] {
            assert!(!is_lookalike(key, KNOWN), "{key:?}");
        }
    }
}
