//! Which kinds of bytes a text has, and so which views can differ from it.
//!
//! In: a text. Out: [`Kinds`] and the runs of base64; or, of a whole JSON text, the places that are worth a look.
//! One pass of a few operations for sixteen bytes. Changes nothing.

use crate::bytes::{ByteSets, Halves, LANES, Places, filled, lanes_in_any};
use std::ops::Range;
use wide::u8x16;

/// The shortest run of base64 that is looked into; 16 characters are 12 bytes.
pub(super) const SHORTEST_BASE64: usize = 16;

/// What a text holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kinds {
    any: u8,
    /// Where runs of base64 are that are long enough.
    pub(super) base64: Vec<Range<usize>>,
}

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
        let mut signs = u8x16::splat(0);
        let mut runs = Runs::default();
        let (blocks, tail) = text.as_chunks();
        for (at, block) in (0usize..).step_by(LANES).zip(blocks) {
            let halves = Halves::of(block);
            signs |= SIGNS.of(halves);
            runs.look(text, at, lanes_in_any(LETTERS.of(halves)));
        }
        let last = Halves::of(&filled(tail));
        signs |= SIGNS.of(last);
        let at = text.len().saturating_sub(tail.len());
        runs.look(text, at, lanes_in_any(LETTERS.of(last)));
        let signs = signs.to_array().into_iter().fold(0, |all, some| all | some);
        Self { any: kinds_of(signs), base64: runs.found }
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

/// The runs of base64 of a text, while it is looked through.
#[derive(Default)]
struct Runs {
    found: Vec<Range<usize>>,
    /// Behind the last run that was measured.
    measured: usize,
    letters: Letters,
}

impl Runs {
    /// Sixteen more bytes, as the sets that they are in.
    #[inline(always)]
    fn look(&mut self, text: &[u8], at: usize, letters: u32) {
        let starts = self.letters.push(letters);
        if starts != 0 {
            self.measure(text, at, starts);
        }
    }

    #[cold]
    fn measure(&mut self, text: &[u8], at: usize, mut starts: u32) {
        while starts != 0 {
            let lane = usize::try_from(starts.trailing_zeros()).unwrap_or_default();
            starts &= starts.wrapping_sub(1);
            let inside = at.saturating_add(lane).saturating_sub(LANES);
            if inside >= self.measured {
                let run = run_around(text, inside);
                self.measured = run.end;
                self.found.push(run);
            }
        }
    }
}

/// Which of the last 32 bytes are letters, the last one's bit the highest.
#[derive(Default)]
struct Letters(u32);

impl Letters {
    /// Sixteen more bytes. Says at which of the last 32 bytes there start as many letters as the shortest run has.
    #[inline(always)]
    fn push(&mut self, letters: u32) -> u32 {
        const _: () = assert!(SHORTEST_BASE64 > 8 && SHORTEST_BASE64 <= LANES);
        self.0 = self.0 >> LANES | letters << LANES;
        [1, 2, 4, SHORTEST_BASE64 - 8].into_iter().fold(self.0, |starts, step| starts & starts >> step)
    }
}

/// Places of a JSON text at which a string may have a view that differs from it. Where a string is left out, the letters
/// before it may be taken for the start of a run; there is no such run then.
pub(super) fn suspects(json: &[u8]) -> Places<'_, impl FnMut(&[u8; LANES]) -> u32> {
    let mut letters = Letters::default();
    Places::of(json, move |block| {
        let halves = Halves::of(block);
        let starts = letters.push(lanes_in_any(LETTERS.of(halves)));
        // A run of base64 is suspect where it starts, and where it enters these bytes.
        let enters = starts & 0xffff >= 1 << (LANES + 1 - SHORTEST_BASE64);
        lanes_in_any(SIGNS_IN_JSON.of(halves)) | starts >> LANES | u32::from(enters)
    })
}

/// Places of some kinds.
pub(super) fn places(text: &[u8], kinds: u8) -> Places<'_, impl FnMut(&[u8; LANES]) -> u32> {
    let sets = SETS.into_iter().filter(|(_, of_sets)| of_sets & kinds != 0).fold(0, |all, (sets, _)| all | sets);
    let wanted = u8x16::splat(sets);
    Places::of(text, move |block| lanes_in_any(SIGNS.of(Halves::of(block)) & wanted))
}

/// The whole run of letters that this place is in.
fn run_around(text: &[u8], at: usize) -> Range<usize> {
    let is_letter = |byte: &&u8| kind(**byte) & Kinds::LETTER != 0;
    let (before, behind) = text.split_at_checked(at).unwrap_or_default();
    let start = at.saturating_sub(before.iter().rev().take_while(is_letter).count());
    start..at.saturating_add(behind.iter().take_while(is_letter).count())
}

/// All kinds of a text's bytes.
pub(super) fn all_kinds(text: &[u8]) -> u8 {
    text.iter().fold(0, |all, &byte| all | kind(byte))
}

/// The kind of a byte, as a set of one or none.
#[inline(always)]
pub(super) fn kind(byte: u8) -> u8 {
    #[expect(clippy::indexing_slicing, reason = "every byte is an index of this array")]
    TABLE[usize::from(byte)]
}

/// All kinds but [`Kinds::LETTER`].
const SIGNS: ByteSets = SIGNS_IN_JSON.with(b'"', b'"', 4);

/// The same in a JSON text, where a quote that belongs to a string has a backslash before it.
const SIGNS_IN_JSON: ByteSets = ByteSets::EMPTY
    .with(b'%', b'&', 1)
    .with(b'\\', b'\\', 2)
    .with(b'\'', b'\'', 4)
    .with(b'^', b'^', 8)
    .with(b'`', b'`', 16)
    .with(0, 8, 32)
    .with(0xe, 0xf, 32)
    .with(0x7f, 0x7f, 64)
    .with(0x10, 0x1f, 128)
    .with(0x80, 0xff, 128);

/// The kinds that some sets of [`SIGNS`] stand for.
fn kinds_of(signs: u8) -> u8 {
    SETS.into_iter().filter(|(sets, _)| signs & sets != 0).fold(0, |kinds, (_, kind)| kinds | kind)
}

/// Sets of [`SIGNS`], and what they stand for.
const SETS: [(u8, u8); 4] = [
    (1, Kinds::PERCENT | Kinds::AMPERSAND),
    (2, Kinds::BACKSLASH),
    (4 | 8 | 16, Kinds::QUOTE),
    (32 | 64 | 128, Kinds::FOLDED),
];

/// [`Kinds::LETTER`].
const LETTERS: ByteSets = ByteSets::EMPTY
    .with(b'0', b'9', 1)
    .with(b'+', b'+', 2)
    .with(b'-', b'-', 2)
    .with(b'/', b'/', 2)
    .with(b'A', b'O', 4)
    .with(b'a', b'o', 4)
    .with(b'P', b'Z', 8)
    .with(b'p', b'z', 8)
    .with(b'_', b'_', 16)
    .with(b'\n', b'\n', 32)
    .with(b'\r', b'\r', 32);

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

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn sixteen_bytes_have_the_kinds_that_one_has() {
        for byte in 0..=u8::MAX {
            let both = Kinds::PERCENT | Kinds::AMPERSAND;
            let loosely = |kind: u8| if kind & both == 0 { kind } else { kind | both };
            let letter = if LETTERS.of_byte(byte) == 0 { 0 } else { Kinds::LETTER };
            assert_eq!(kinds_of(SIGNS.of_byte(byte)) | letter, loosely(kind(byte)), "{byte:#x}");
            assert_eq!(SIGNS_IN_JSON.of_byte(byte) != 0, byte != b'"' && SIGNS.of_byte(byte) != 0, "{byte:#x}");
        }
    }

    #[test]
    fn every_sign_and_every_run_is_noticed_wherever_it_stands() {
        for length in 0..70 {
            for at in 0..length {
                let mut text = vec![b' '; length];
                text[at] = b'%';
                assert!(Kinds::of(&text).has(Kinds::PERCENT));
                assert_eq!(suspects(&text).next(0), Some(at));
                assert_eq!(suspects(&text).next(at), Some(at));
                assert_eq!(suspects(&text).next(at + 1), None);
                for end in at..length {
                    let mut text = vec![b' '; length];
                    text[at..end].fill(b'x');
                    let is_long = end - at >= SHORTEST_BASE64;
                    let kinds = Kinds::of(&text);
                    assert_eq!(kinds.base64, Vec::from_iter(is_long.then_some(at..end)));
                    assert_eq!(kinds.is_plain(), !is_long);
                    let suspect = suspects(&text).next(0);
                    assert_eq!(suspect.is_some(), is_long);
                    assert!(suspect.is_none_or(|place| (at..end).contains(&place)), "{at}..{end}: {suspect:?}");
                }
            }
        }
    }

    #[test]
    fn each_of_several_runs_is_measured() {
        const N: usize = SHORTEST_BASE64;
        for gap in 1..40 {
            for before in 0..40 {
                let dots = |count| ".".repeat(count);
                let run = |length| "x".repeat(length);
                let text =
                    [dots(before), run(N), dots(1), run(N), dots(gap), run(N - 1), dots(1), run(40), dots(1), run(N)];
                let runs: Vec<_> =
                    Kinds::of(text.concat().as_bytes()).base64.into_iter().map(|run| run.len()).collect();
                assert_eq!(runs, [N, N, 40, N]);
            }
        }
    }
}
