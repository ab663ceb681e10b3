//! Which kinds of bytes a text has, and so which views can differ from it.
//!
//! In: a text. Out: [`Kinds`] and the runs of base64. One pass of a few operations a byte.
//! Changes nothing.

use std::ops::Range;

/// The shortest run of base64 that is looked into; 11 characters are 8 bytes, `rm -rf /`.
pub(super) const SHORTEST_BASE64: usize = 11;

/// What a text holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kinds {
    any: u8,
    /// Where runs of base64 are that are long enough.
    pub(super) base64: Vec<Range<usize>>,
}

/// Kinds of signs, in the order in which they are undone where that makes no difference.
impl Kinds {
    pub(super) const PERCENT: u8 = 1;
    pub(super) const AMPERSAND: u8 = 2;
    pub(super) const BACKSLASH: u8 = 4;
    /// What shells take away: quotes, backticks and carets.
    pub(super) const QUOTE: u8 = 8;
    /// All of these.
    pub(super) const SIGNS: u8 = 15;
    /// Bytes of characters beyond ASCII, and control characters.
    pub(super) const FOLDED: u8 = 16;
    /// A byte of the alphabet of base64, or a line's end inside of it.
    pub(super) const LETTER: u8 = 128;

    pub(super) fn of(text: &[u8]) -> Self {
        let (words, tail) = text.as_chunks::<4>();
        let mut any = 0;
        let mut base64 = Vec::new();
        // Behind the last run that was measured.
        let mut measured = 0;
        let mut is_behind_letters = false;
        for (at, word) in words.iter().enumerate() {
            let (some, all) = word.iter().fold((0, u8::MAX), |(some, all), &byte| {
                let kind = kind(byte);
                (some | kind, all & kind)
            });
            any |= some;
            let is_letters = all & Self::LETTER != 0;
            // A run of 11 holds two whole words of letters, wherever it starts.
            if is_letters && is_behind_letters && at.saturating_mul(4) >= measured {
                let run = run_around(text, at.saturating_mul(4));
                measured = run.end;
                base64.extend(Some(run).filter(|run| run.len() >= SHORTEST_BASE64));
            }
            is_behind_letters = is_letters;
        }
        any = tail.iter().fold(any, |any, &byte| any | kind(byte));
        Self { any: any & !Self::LETTER, base64 }
    }

    /// Whether no view differs from the text.
    pub(super) fn is_plain(&self) -> bool {
        self.any == 0 && self.base64.is_empty()
    }

    /// The kinds of signs that are there.
    pub(super) fn signs(&self) -> u8 {
        self.any & Self::SIGNS
    }

    /// Whether one of these kinds is there.
    pub(super) fn has(&self, kinds: u8) -> bool {
        self.any & kinds != 0
    }
}

/// The whole run of letters that this place is in.
fn run_around(text: &[u8], at: usize) -> Range<usize> {
    let is_letter = |byte: &&u8| kind(**byte) & Kinds::LETTER != 0;
    let (before, behind) = text.split_at_checked(at).unwrap_or_default();
    let start = at.saturating_sub(before.iter().rev().take_while(is_letter).count());
    start..at.saturating_add(behind.iter().take_while(is_letter).count())
}

/// All kinds of a text's bytes.
pub(super) fn kinds_of(text: &[u8]) -> u8 {
    text.iter().fold(0, |all, &byte| all | kind(byte))
}

/// The kind of a byte, as a set of one or none.
#[inline(always)]
pub(super) fn kind(byte: u8) -> u8 {
    #[expect(clippy::indexing_slicing, reason = "every byte is an index of this array")]
    TABLE[usize::from(byte)]
}

static TABLE: [u8; 256] = table();

#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "evaluated when the engine is built")]
const fn table() -> [u8; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        table[at] = kind_of(at as u8);
        at += 1;
    }
    table
}

const fn kind_of(byte: u8) -> u8 {
    match byte {
        b'%' => Kinds::PERCENT,
        b'&' => Kinds::AMPERSAND,
        b'\\' => Kinds::BACKSLASH,
        b'\'' | b'"' | b'`' | b'^' => Kinds::QUOTE,
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' | b'-' | b'_' | b'\n' | b'\r' => Kinds::LETTER,
        b'\t' | 0xb | 0xc => 0,
        0..0x20 | 0x7f..=0xff => Kinds::FOLDED,
        _ => 0,
    }
}
