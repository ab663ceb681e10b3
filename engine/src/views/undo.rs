//! Undoes signs of some kinds until none is left, however they stand in each other.
//!
//! In: a text and the kinds. Out: what is left at last; nothing if it stays the same.
//! Decides nothing: which kinds go together is said in `views`.

use super::{
    TooLayered,
    decode::{Backslashes, Reading, decode},
    kinds::{Kinds, all_kinds},
};

/// Kinds of signs, and what a backslash means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) kinds: u8,
    pub(super) backslashes: Backslashes,
}

/// How many rounds there may be; each undoes a layer of every kind, or several.
const ROUNDS: usize = 12;

/// A sign that could be longer is left if one of the `later` kinds is behind it.
pub(super) fn undo(text: &[u8], way: Way, later: u8) -> Result<Option<Vec<u8>>, TooLayered> {
    let mut undone: Option<Vec<u8>> = None;
    for _ in 0..ROUNDS {
        // What could be longer is read last, when nothing else is left to become a part of it.
        if !round(text, &mut undone, way, way.kinds | later) && !round(text, &mut undone, way, later) {
            return Ok(undone);
        }
    }
    Err(TooLayered)
}

/// Undoes one kind after the other, and says whether anything changed.
fn round(text: &[u8], undone: &mut Option<Vec<u8>>, way: Way, waits_for: u8) -> bool {
    let mut has_changed = false;
    let mut there = all_kinds(undone.as_deref().unwrap_or(text));
    for kind in [Kinds::PERCENT, Kinds::AMPERSAND, Kinds::BACKSLASH, Kinds::QUOTE] {
        if way.kinds & there & kind == 0 {
            continue;
        }
        let reading = Reading { kind, backslashes: way.backslashes, waits_for: waits_for & !kind };
        if let Some(decoded) = decode(undone.as_deref().unwrap_or(text), reading) {
            there |= all_kinds(&decoded);
            *undone = Some(decoded);
            has_changed = true;
        }
    }
    has_changed
}
