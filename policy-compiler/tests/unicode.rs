//! The engine's table of characters, held to Unicode.
//!
//! In: unicode-normalization and the properties that regex knows. Out: whether `engine/src/views/table.rs` is right.
//! `UPDATE=1` rewrites the table.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::{collections::BTreeSet, fs, path::PathBuf};
use toolgate_engine::views::{Fold, GROWTH, fold};
use unicode_normalization::UnicodeNormalization as _;

fn all() -> impl Iterator<Item = char> {
    ('\0'..=char::MAX).filter(|letter| !letter.is_ascii())
}

/// The ASCII that a letter becomes: by NFKC, by upper case (which folds more than lower case), or as white space.
fn wanted(letter: char) -> Option<String> {
    if matches!(letter, '\u{3002}' | '\u{ff61}') {
        // Resolvers of names take these full stops for dots (UTS #46).
        return Some(".".to_owned());
    }
    let ascii = |text: String| (!text.is_empty() && text.is_ascii()).then_some(text);
    let nfkc = ascii(letter.nfkc().collect());
    let upper = ascii(letter.to_uppercase().flat_map(|upper| upper.nfkc().collect::<Vec<_>>()).collect());
    let space = letter.is_whitespace().then(|| " ".to_owned());
    nfkc.or(space).or(upper.map(|upper| upper.to_ascii_lowercase()))
}

/// What the engine says that a letter becomes.
fn folded(letter: char) -> Option<String> {
    match fold(letter) {
        Fold::Same => None,
        Fold::Gone => Some(String::new()),
        Fold::Ascii(byte) => Some(char::from(byte).to_string()),
        Fold::Text(text) => Some(text.to_owned()),
    }
}

/// What Unicode says is not shown, and by hand: control characters, the blank of braille, marks of annotations.
fn invisible() -> BTreeSet<char> {
    let by_hand = r"\x{80}-\x{84}\x{86}-\x{9f}\x{2800}\x{fff9}-\x{fffb}";
    let pattern = regex::Regex::new(&format!(r"^[\p{{Default_Ignorable_Code_Point}}{by_hand}]$")).unwrap();
    all().filter(|letter| pattern.is_match(letter.encode_utf8(&mut [0; 4]))).collect()
}

fn table() -> String {
    let mut runs: Vec<(u32, u32, u8, u8)> = Vec::new();
    let mut texts = Vec::new();
    let mut pages = [0u64; 68];
    let invisible = invisible();
    for letter in all().filter(|letter| u32::from(*letter) < 0x11_0000) {
        let code = u32::from(letter);
        let wanted = wanted(letter).filter(|_| !invisible.contains(&letter));
        if wanted.is_none() && !invisible.contains(&letter) {
            continue;
        }
        pages[(code >> 8) as usize / 64] |= 1 << ((code >> 8) % 64);
        let Some(wanted) = wanted else { continue };
        assert!(wanted.len() <= GROWTH, "{letter:?} becomes {wanted}");
        if let [ascii] = *wanted.as_bytes() {
            match runs.last_mut() {
                Some((first, length, start, step))
                    if *first + *length == code
                        && *length < 200
                        && (*length == 1 || u32::from(*start) + *length * u32::from(*step) == u32::from(ascii))
                        && (ascii == *start || u32::from(ascii) == u32::from(*start) + *length) =>
                {
                    *step = u8::from(ascii != *start);
                    *length += 1;
                }
                _ => runs.push((code, 1, ascii, 0)),
            }
        } else {
            texts.push(format!("({code:#x}, {wanted:?})"));
        }
    }
    let runs: Vec<String> = runs
        .iter()
        .map(|(first, length, ascii, step)| format!("run({first:#x}, {length}, b{:?}, {step})", char::from(*ascii)))
        .collect();
    let (runs, texts) = (rows(&runs, 4), rows(&texts, 5));
    let pages: Vec<String> = pages.iter().map(|page| format!("{page:#x}")).collect();
    let pages = rows(&pages, 6);
    format!(
        "//! Characters beyond ASCII that become ASCII, by NFKC or by case folding.\n//!\n\
         //! Written by `policy-compiler/tests/unicode.rs` with UPDATE=1; not by hand.\n\n\
         use super::fold::Run;\n\n\
         /// A bit for each 256 characters: whether one of them becomes something else.\n\
         #[rustfmt::skip]\npub(super) const PAGES: [u64; 68] = [\n{pages}];\n\n\
         const fn run(first: u32, length: u8, ascii: u8, step: u8) -> Run {{\n    \
         Run {{ first, length, ascii, step }}\n}}\n\n\
         /// Characters that become one letter.\n#[rustfmt::skip]\npub(super) const RUNS: &[Run] = &[\n{runs}];\n\n\
         /// Characters that become several.\n#[rustfmt::skip]\npub(super) const TEXTS: &[(u32, &str)] = &[\n{texts}];\n"
    )
}

/// Some entries on each line.
fn rows(entries: &[String], each: usize) -> String {
    entries.chunks(each).map(|row| format!("    {},\n", row.join(", "))).collect()
}

#[test]
fn the_table_is_that_of_unicode() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../engine/src/views/table.rs");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, table()).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), table(), "run the tests with UPDATE=1");
}

#[test]
fn every_letter_folds_as_unicode_says() {
    let invisible = invisible();
    for letter in all() {
        let wanted = if invisible.contains(&letter) { Some(String::new()) } else { wanted(letter) };
        assert_eq!(folded(letter), wanted, "{letter:?} U+{:04X}", u32::from(letter));
    }
}
