//! Views of a text: what it says to a reader that decodes more than JSON.
//!
//! In: a text. Out: the text itself, then each view of it that differs, until the caller has seen enough.
//! Each view is at most a little longer than what it was made from, and all views of a call share one allowance.

mod base64;
mod decode;
mod entities;
mod escapes;
mod fold;
mod kinds;
mod table;
#[cfg(test)]
mod tests;

pub use fold::{Fold, GROWTH, fold};

use decode::{Decoded, Escapes, Smuggled};
use kinds::{Kinds, suspects};

/// How many layers of percent-encoding, entities and escapes, and how many of base64, are looked through.
pub const LAYERS: usize = 3;

/// How many bytes of views there may be for each byte of the arguments.
pub const ALLOWANCE_PER_BYTE: usize = 16;

/// How many bytes of views there may be besides, so that a short text can be looked through, too.
const ALLOWANCE: usize = 4096;

/// The views would be longer than the allowance: the text hides itself in more ways than are looked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLayered;

/// How many bytes of views a call may still need.
#[derive(Clone, Copy, Debug)]
pub struct Allowance(usize);

impl Allowance {
    /// For arguments of so many bytes.
    pub fn of(bytes: usize) -> Self {
        Self(bytes.saturating_mul(ALLOWANCE_PER_BYTE).saturating_add(ALLOWANCE))
    }

    fn take(&mut self, view: &[u8]) -> Result<(), TooLayered> {
        self.0 = self.0.checked_sub(view.len()).ok_or(TooLayered)?;
        Ok(())
    }
}

/// Shows a text and its views, until `look` finds something.
pub fn look_through<T>(
    text: &[u8],
    allowance: &mut Allowance,
    mut look: impl FnMut(&[u8]) -> Option<T>,
) -> Result<Option<T>, TooLayered> {
    match look(text) {
        None => look_behind(text, allowance, look),
        found => Ok(found),
    }
}

/// Shows the views of a text that was shown already.
pub(crate) fn look_behind<T>(
    text: &[u8],
    allowance: &mut Allowance,
    look: impl FnMut(&[u8]) -> Option<T>,
) -> Result<Option<T>, TooLayered> {
    let kinds = Kinds::of(text);
    if kinds.is_plain() {
        return Ok(None);
    }
    let mut search = Search { allowance, look, found: None, is_inside: false };
    match search.behind(text, &kinds, LAYERS) {
        Ok(()) => Ok(None),
        Err(End::Found) => Ok(search.found),
        Err(End::TooLayered) => Err(TooLayered),
    }
}

/// Which places of a JSON text, in order, may be in a string that is written with escapes or has a view that differs
/// from it. The function gives the first place from another one on.
pub(crate) fn strange(json: &str) -> impl FnMut(usize) -> Option<usize> {
    let mut places = suspects(json.as_bytes());
    move |from| places.next(from)
}

/// What the first layer makes of a text by undoing percent-encoding and entities; nothing if it has none.
pub fn decoded(text: &str) -> Option<String> {
    let has_one = |undone: &u8| Kinds::of(text.as_bytes()).has(*undone);
    [Kinds::PERCENT, Kinds::AMPERSAND].iter().any(has_one).then_some(())?;
    let ascii: String = text.chars().filter(char::is_ascii).collect();
    let decoded = decode::decode(ascii.as_bytes(), &Kinds::of(ascii.as_bytes()), Escapes::Keep)?;
    Some(String::from_utf8_lossy(&decoded.text).into_owned())
}

/// Why a search ends before all views were shown.
enum End {
    Found,
    TooLayered,
}

impl From<TooLayered> for End {
    fn from(TooLayered: TooLayered) -> Self {
        Self::TooLayered
    }
}

struct Search<'a, T, F> {
    allowance: &'a mut Allowance,
    look: F,
    found: Option<T>,
    /// Whether the text came out of base64.
    is_inside: bool,
}

impl<T, F: FnMut(&[u8]) -> Option<T>> Search<'_, T, F> {
    /// Shows the views of a text that was shown already.
    fn behind(&mut self, text: &[u8], kinds: &Kinds, layers: usize) -> Result<(), End> {
        self.beside(text, kinds, layers)?;
        self.chain(text, kinds, layers, Escapes::Keep)?;
        if kinds.has(Kinds::BACKSLASH) {
            self.chain(text, kinds, layers, Escapes::Undo)?;
        }
        Ok(())
    }

    /// Undoes one layer after the other, until nothing changes any more.
    fn chain(&mut self, text: &[u8], kinds: &Kinds, layers: usize, escapes: Escapes) -> Result<(), End> {
        let mut current = decode::decode(text, kinds, escapes);
        for left in (0..layers).rev() {
            let Some(Decoded { text, smuggled: Smuggled { tags, selectors } }) = current else { break };
            self.show(&text, |search, kinds| search.beside(&text, kinds, left))?;
            for hidden in [tags, selectors] {
                self.show_with_views(&hidden, left)?;
            }
            current = decode::decode(&text, &Kinds::of(&text), escapes);
        }
        Ok(())
    }

    /// What stands beside the chain: what base64 in the text says, and the text as a shell joins it.
    fn beside(&mut self, text: &[u8], kinds: &Kinds, layers: usize) -> Result<(), End> {
        self.inside(text, kinds, layers)?;
        if !kinds.has(Kinds::QUOTE | Kinds::BACKSLASH) {
            return Ok(());
        }
        let joined = decode::join(text);
        self.show(&joined, |search, kinds| search.inside(&joined, kinds, layers))
    }

    /// Looks into base64. Only what came out of base64 must have its own start where the run has it.
    fn inside(&mut self, text: &[u8], kinds: &Kinds, layers: usize) -> Result<(), End> {
        let Some(left) = layers.checked_sub(1) else { return Ok(()) };
        let offsets = if self.is_inside { 0..1 } else { 0..4 };
        let was_inside = std::mem::replace(&mut self.is_inside, true);
        for run in kinds.base64.iter().filter_map(|run| text.get(run.clone())) {
            base64::pieces(run, offsets.clone(), |piece| self.show_with_views(piece, left))?;
        }
        self.is_inside = was_inside;
        Ok(())
    }

    fn show_with_views(&mut self, text: &[u8], layers: usize) -> Result<(), End> {
        self.show(text, |search, kinds| search.behind(text, kinds, layers))
    }

    /// Shows a view, and goes on from it if it is not plain.
    fn show(&mut self, text: &[u8], go_on: impl FnOnce(&mut Self, &Kinds) -> Result<(), End>) -> Result<(), End> {
        self.allowance.take(text)?;
        self.found = (self.look)(text);
        if self.found.is_some() {
            return Err(End::Found);
        }
        let kinds = Kinds::of(text);
        if kinds.is_plain() { Ok(()) } else { go_on(self, &kinds) }
    }
}
