//! The engine's tables of characters and of their names, held to Unicode and HTML.
//!
//! In: unicode-normalization, the properties that regex knows, the entities of HTML. Out: whether
//! `engine/src/views/table.rs` and `names.rs` are right. `UPDATE=1` rewrites them.

#![cfg(test)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};
use toolgate_engine::views::{Allowance, Fold, GROWTH, fold, look_through};
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

/// The names of what is seen as ASCII, or not seen at all; those that browsers take without a semicolon; as HTML has
/// them.
fn named() -> (BTreeMap<&'static str, &'static str>, BTreeSet<&'static str>) {
    let is_seen_as_ascii = |letter: char| letter.is_ascii() || !matches!(fold(letter), Fold::Same);
    let ascii = entities::ENTITIES.iter().filter(|entity| entity.characters.chars().all(is_seen_as_ascii));
    let mut names = BTreeMap::new();
    let mut bare = BTreeSet::new();
    for entity in ascii {
        let name = entity.entity.trim_start_matches('&');
        names.insert(name.trim_end_matches(';'), entity.characters);
        if !name.ends_with(';') {
            bare.insert(name);
        }
    }
    (names, bare)
}

fn names() -> String {
    let (names, bare) = named();
    let longest = names.keys().map(|name| name.len()).max().unwrap();
    let entries: Vec<String> = names
        .iter()
        .map(|(name, characters)| {
            let characters: String = characters.chars().map(|letter| letter.escape_default().to_string()).collect();
            format!("({name:?}, \"{characters}\")")
        })
        .collect();
    let bare: Vec<String> = bare.iter().map(|name| format!("{name:?}")).collect();
    format!(
        "//! Names that HTML gives to characters which are ASCII, fold to it, or are not seen.\n//!\n\
         //! Written by `policy-compiler/tests/unicode.rs` with UPDATE=1; not by hand.\n\n\
         /// How long a name can be.\npub(super) const LONGEST_NAME: usize = {longest};\n\n\
         /// Names and what they stand for, in the order of bytes.\n\
         #[rustfmt::skip]\npub(super) const NAMES: &[(&str, &str)] = &[\n{}];\n\n\
         /// Names that browsers take without a semicolon.\n\
         #[rustfmt::skip]\npub(super) const BARE: &[&str] = &[\n{}];\n",
        rows(&entries, 4),
        rows(&bare, 10),
    )
}

/// Whether a file of the engine's views is what it must be; with `UPDATE=1`, makes it so.
fn is_fresh(file: &str, wanted: &str) -> bool {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../engine/src/views").join(file);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, wanted).unwrap();
    }
    fs::read_to_string(&path).unwrap() == wanted
}

#[test]
fn the_table_is_that_of_unicode() {
    assert!(is_fresh("table.rs", &table()), "run the tests with UPDATE=1");
}

#[test]
fn the_names_are_those_of_html() {
    assert!(is_fresh("names.rs", &names()), "run the tests with UPDATE=1");
}

#[test]
fn what_html_names_is_found_by_its_name() {
    let (names, bare) = named();
    assert!(names.len() > 290 && bare.len() >= 14, "{} {}", names.len(), bare.len());
    for (name, characters) in names {
        for text in [Some(format!("a&{name};b")), bare.contains(name).then(|| format!("a&{name}b"))] {
            let Some(text) = text else { continue };
            let found = look_through(text.as_bytes(), &mut Allowance::of(text.len()), |view| {
                (view == format!("a{characters}b").as_bytes()).then_some(())
            });
            assert_eq!(found, Ok(Some(())), "{text}");
        }
    }
}

#[test]
fn every_letter_folds_as_unicode_says() {
    let invisible = invisible();
    for letter in all() {
        let wanted = if invisible.contains(&letter) { Some(String::new()) } else { wanted(letter) };
        assert_eq!(folded(letter), wanted, "{letter:?} U+{:04X}", u32::from(letter));
    }
}
