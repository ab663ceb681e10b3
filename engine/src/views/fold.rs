//! Characters that look like ASCII or like nothing, one at a time.
//!
//! In: a character. Out: the ASCII that NFKC or case folding makes of it, or that it is not seen.
//! Knows only what ends in ASCII: for all other letters `policy-compiler` writes the forms into the pattern.

use super::table::{PAGES, RUNS, TEXTS};

/// How many letters one letter may become.
pub const GROWTH: usize = 4;

/// What a character becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// It stays.
    Same,
    /// It is not seen.
    Gone,
    /// One letter of ASCII.
    Ascii(u8),
    /// Several letters of ASCII.
    Text(&'static str),
}

/// Default_Ignorable_Code_Point of Unicode, the blank of braille and the marks of annotations. First and last of each
/// range.
const INVISIBLE: [(u32, u32); 18] = [
    (0xad, 0xad),
    (0x34f, 0x34f),
    (0x61c, 0x61c),
    (0x115f, 0x1160),
    (0x17b4, 0x17b5),
    (0x180b, 0x180f),
    (0x200b, 0x200f),
    (0x202a, 0x202e),
    (0x2060, 0x206f),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xfe00, 0xfe0f),
    (0xfeff, 0xfeff),
    (0xffa0, 0xffa0),
    (0xfff0, 0xfffb),
    (0x1bca0, 0x1bca3),
    (0x1d173, 0x1d17a),
    (0xe0000, 0xe0fff),
];

/// What a character becomes in the views.
pub fn fold(letter: char) -> Fold {
    let code = u32::from(letter);
    match code {
        9..=13 | 0x20..0x7f => return Fold::Same,
        // Control characters, but for the one that ends lines.
        0..0xa0 if code != 0x85 => return Fold::Gone,
        0xe0000.. => return if code <= 0xe0fff { Fold::Gone } else { Fold::Same },
        _ => {}
    }
    let page = usize::try_from(code >> 8).unwrap_or(usize::MAX);
    if PAGES.get(page / 64).is_none_or(|pages| pages >> (page % 64) & 1 == 0) {
        return Fold::Same;
    }
    if INVISIBLE.iter().any(|&(first, last)| (first..=last).contains(&code)) {
        return Fold::Gone;
    }
    run(code).or_else(|| text(code)).unwrap_or(Fold::Same)
}

/// Runs of characters that become one letter each.
fn run(code: u32) -> Option<Fold> {
    let at = RUNS.partition_point(|run| run.first <= code).checked_sub(1)?;
    let run = RUNS.get(at)?;
    let distance = u8::try_from(code.saturating_sub(run.first)).ok().filter(|distance| *distance < run.length)?;
    Some(Fold::Ascii(run.ascii.saturating_add(distance.saturating_mul(run.step))))
}

/// Characters that become several letters.
fn text(code: u32) -> Option<Fold> {
    let at = TEXTS.binary_search_by_key(&code, |(code, _)| *code).ok()?;
    TEXTS.get(at).map(|(_, text)| Fold::Text(text))
}

/// Consecutive characters.
pub(super) struct Run {
    pub(super) first: u32,
    pub(super) length: u8,
    /// What the first one becomes.
    pub(super) ascii: u8,
    /// 1 if each becomes the next letter, 0 if all become the same.
    pub(super) step: u8,
}
