//! Folds all letters of a text: to ASCII, if that is what they stand for, or to nothing, if nobody sees them.
//!
//! In: a text. Out: the folded text, and text that was smuggled in letters that nobody sees; nothing if it stays.
//! Bytes that are no UTF-8 go as well: a pattern must not end at them, and lenient readers leave them out.

use super::{
    fold::{Fold, fold},
    kinds::{Kinds, kind},
};

/// How far behind its first byte a sign can reach; an entity with more zeros is not seen to become longer.
const LONGEST_SIGN: usize = 48;

/// What a text becomes.
#[derive(Debug, Default)]
pub(super) struct Folded {
    pub(super) text: Vec<u8>,
    pub(super) smuggled: Smuggled,
    /// Whether a sign may now reach further than before, as `&#49` does that had a wide `2` behind it.
    pub(super) is_longer: bool,
}

/// Bytes that were written in letters which nobody sees.
#[derive(Debug, Default)]
pub(super) struct Smuggled {
    /// By tag characters, one for each letter of ASCII.
    pub(super) tags: Vec<u8>,
    /// By variation selectors, one for each of 256 bytes.
    pub(super) selectors: Vec<u8>,
}

pub(super) fn fold_all(text: &[u8]) -> Option<Folded> {
    let mut folded = Folded::default();
    let mut has_changed = false;
    let mut rest = text;
    // What of `rest` is copied once something changes behind it.
    let mut kept = 0;
    loop {
        let behind = rest.get(kept..).unwrap_or_default();
        let Some(plain) = behind.iter().position(|&byte| kind(byte) & Kinds::FOLDED != 0) else { break };
        kept = kept.saturating_add(plain);
        let (before, special) = rest.split_at_checked(kept).unwrap_or((rest, &[]));
        let (letter, length) = letter(special);
        if letter.is_some_and(|letter| stays(letter, length)) {
            kept = kept.saturating_add(length);
            continue;
        }
        has_changed = true;
        folded.text.extend_from_slice(before);
        // What is no letter goes as if nobody saw it.
        folded.write(letter.unwrap_or('\0'));
        rest = special.get(length..).unwrap_or_default();
        kept = 0;
    }
    folded.text.extend_from_slice(rest);
    has_changed.then_some(folded)
}

/// An overlong form is another way to write a letter.
fn stays(letter: char, length: usize) -> bool {
    fold(letter) == Fold::Same && length == letter.len_utf8()
}

impl Folded {
    fn write(&mut self, letter: char) {
        self.smuggled.note(letter);
        let start = self.text.len();
        match fold(letter) {
            Fold::Same => self.text.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
            Fold::Gone => {}
            Fold::Ascii(byte) => self.text.push(byte),
            Fold::Text(text) => self.text.extend_from_slice(text.as_bytes()),
        }
        let (before, written) = self.text.split_at_checked(start).unwrap_or_default();
        if !self.is_longer && written.iter().all(|byte| byte.is_ascii_alphanumeric() || b"#{};".contains(byte)) {
            let tail = before.get(start.saturating_sub(LONGEST_SIGN)..).unwrap_or_default();
            self.is_longer = tail.iter().any(|byte| b"%&\\".contains(byte));
        }
    }
}

impl Smuggled {
    fn note(&mut self, letter: char) {
        let code = u32::from(letter);
        let below = |start: u32| u8::try_from(code.saturating_sub(start)).unwrap_or_default();
        match code {
            0xe0020..=0xe007e => self.tags.push(below(0xe0000)),
            // The first 16 selectors stand for control characters; emoji need the last of them.
            0xfe09 | 0xfe0a | 0xfe0d => self.selectors.push(b' '),
            0xe0110..=0xe01ef => self.selectors.push(below(0xe0100).saturating_add(16)),
            _ => {}
        }
    }
}

/// The first letter, if there is one, and how many bytes it has. Overlong forms count, since lenient decoders take
/// them.
fn letter(text: &[u8]) -> (Option<char>, usize) {
    let first = text.first().copied().unwrap_or_default();
    let (length, bits) = match first {
        0..0x80 => return (Some(char::from(first)), 1),
        0xc0..0xe0 => (2, first & 0x1f),
        0xe0..0xf0 => (3, first & 0x0f),
        0xf0..0xf8 => (4, first & 0x07),
        _ => return (None, 1),
    };
    let Some(rest) = text.get(1..length).filter(|rest| rest.iter().all(|byte| byte & 0xc0 == 0x80)) else {
        return (None, 1);
    };
    let code = rest.iter().fold(u32::from(bits), |code, byte| code << 6 | u32::from(byte & 0x3f));
    (char::from_u32(code), length)
}
