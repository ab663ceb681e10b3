//! Views of a text: what it says to a reader that decodes more than JSON.
//!
//! In: a text. Out: the text itself, then each view of it that differs, until the caller has seen enough.
//! Up to [`LAYERS`] encodings are undone, in every order; all views of a text share one allowance of work.

mod base64;
mod decode;
mod entities;
mod escapes;
mod fold;
mod kinds;
mod letters;
mod names;
mod table;
#[cfg(test)]
mod tests;
mod undo;

pub use fold::{Fold, GROWTH, fold};

use decode::{Backslashes, Reading};
use kinds::Kinds;
use letters::{Folded, Smuggled};
use std::collections::BTreeSet;
use undo::Way;

/// How many layers of base64 are looked into, and how often letters are folded and signs undone in turns.
pub const LAYERS: usize = 3;

/// How many bytes of views there may be for each byte of the arguments.
pub const ALLOWANCE_PER_BYTE: usize = 40;

/// How many bytes of views there may be besides, so that a short text can be looked through, too.
const ALLOWANCE: usize = 4096;

/// How many bytes of views are kept, to show none of them twice. Of larger texts some are shown again.
const MOST_KEPT: usize = 8 << 20;

/// The views would be longer than the allowance: the text hides itself in more ways than are looked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLayered;

/// How many bytes of views may still be needed.
#[derive(Clone, Copy, Debug)]
pub struct Allowance(usize);

impl Allowance {
    /// For texts of so many bytes.
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
    if let Some(found) = look(text) {
        return Ok(Some(found));
    }
    let kinds = Kinds::of(text);
    if kinds.is_plain() {
        return Ok(None);
    }
    let mut search = Search { allowance, look, found: None };
    match search.views(text, &kinds, LAYERS) {
        Ok(()) => Ok(None),
        Err(End::Found) => Ok(search.found),
        Err(End::TooLayered) => Err(TooLayered),
    }
}

/// What a text becomes without percent-encoding, entities and letters that stand for ASCII; nothing if it stays.
pub fn decoded(text: &str) -> Option<String> {
    let folded = letters::fold_all(text.as_bytes()).map(|folded| folded.text);
    let way = Way { kinds: CODES, backslashes: Backslashes::Escape };
    let decoded = undo::undo(folded.as_deref().unwrap_or(text.as_bytes()), way, 0).ok().flatten();
    Some(String::from_utf8_lossy(&decoded.or(folded)?).into_owned())
}

/// Percent-encoding and entities.
const CODES: u8 = Kinds::PERCENT | Kinds::AMPERSAND;

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

/// A text without quotes, if they cut escapes in what it is decoded to.
fn mended(text: &[u8], decoded: &[u8]) -> Result<Option<Vec<u8>>, TooLayered> {
    if !decode::cuts_escapes(decoded) {
        return Ok(None);
    }
    let way = Way { kinds: CODES | Kinds::QUOTE, backslashes: Backslashes::Escape };
    undo::undo(text, way, Kinds::FOLDED | Kinds::BACKSLASH)
}

/// A text without one layer of escapes.
fn once(text: &[u8]) -> Option<Vec<u8>> {
    decode::decode(text, Reading { kind: Kinds::BACKSLASH, backslashes: Backslashes::Escape, waits_for: 0 })
}

fn folded(text: Vec<u8>) -> Vec<u8> {
    letters::fold_all(&text).map_or(text, |folded| folded.text)
}

/// How many quotes and backslashes there are.
fn quotes(text: &[u8]) -> usize {
    text.iter().filter(|&&byte| kinds::kind(byte) & (Kinds::BACKSLASH | Kinds::QUOTE) != 0).count()
}

struct Search<'a, T, F> {
    allowance: &'a mut Allowance,
    look: F,
    found: Option<T>,
}

/// A text whose views are shown, each of them once.
struct Level {
    shown: Vec<Vec<u8>>,
    /// What was looked into as base64.
    base64: BTreeSet<Vec<u8>>,
    layers: usize,
}

impl<T, F: FnMut(&[u8]) -> Option<T>> Search<'_, T, F> {
    /// Shows the views of a text that was shown already.
    fn views(&mut self, text: &[u8], kinds: &Kinds, layers: usize) -> Result<(), End> {
        let mut level = Level { shown: Vec::new(), base64: BTreeSet::new(), layers };
        self.inside(&mut level, text, kinds)?;
        let folded = if kinds.has(Kinds::FOLDED) { letters::fold_all(text) } else { None };
        let Some(Folded { text: folded, smuggled, is_longer }) = folded else {
            return self.signs(&mut level, text);
        };
        self.show(&mut level, &folded)?;
        self.smuggled(&level, &smuggled)?;
        if is_longer {
            self.signs(&mut level, text)?;
        }
        self.signs(&mut level, &folded)
    }

    /// Undoes signs in every way in which a reader could: a percent sign, an ampersand, a backslash and a quote each
    /// mean something to one and nothing to another.
    fn signs(&mut self, level: &mut Level, text: &[u8]) -> Result<(), End> {
        let escape = |kinds| Way { kinds, backslashes: Backslashes::Escape };
        let mut kinds = Kinds::of(text).signs();
        let decoded = if kinds & CODES == 0 { None } else { Some(self.show_way(level, text, escape(CODES))?) };
        kinds |= decoded.as_ref().map_or(0, |decoded| Kinds::of(decoded).signs());
        let mut once = None;
        if kinds & Kinds::BACKSLASH != 0 {
            once = self::once(text);
            if let Some(once) = &once {
                self.show(level, once)?;
            }
            let unescaped = self.show_way(level, text, escape(Kinds::BACKSLASH))?;
            kinds |= Kinds::of(&unescaped).signs();
        }
        if kinds & (Kinds::BACKSLASH | Kinds::QUOTE) == 0 {
            return Ok(());
        }
        let codes = kinds & CODES;
        let unquoted =
            self.show_way(level, text, escape(if codes == 0 { Kinds::QUOTE } else { CODES | Kinds::QUOTE }))?;
        if (kinds | Kinds::of(&unquoted).signs()) & Kinds::BACKSLASH == 0 {
            return Ok(());
        }
        // What one sign becomes can be another one, of any kind.
        kinds = if codes == 0 { Kinds::BACKSLASH | Kinds::QUOTE } else { Kinds::SIGNS };
        self.show_way(level, text, Way { kinds: kinds & !CODES, backslashes: Backslashes::Gone })?;
        if codes != 0 {
            self.show_way(level, text, Way { kinds, backslashes: Backslashes::Gone })?;
        }
        self.readers(level, text, kinds)?;
        if let Some(mended) = mended(text, decoded.as_deref().unwrap_or(text))? {
            self.readers(level, &mended, Kinds::SIGNS)?;
        }
        let once = once.filter(|once| Kinds::of(once).has(CODES | Kinds::BACKSLASH));
        once.map_or(Ok(()), |once| self.readers(level, &once, kinds))
    }

    /// What readers of escapes make of a text, and of what a shell or two left of it.
    fn readers(&mut self, level: &mut Level, text: &[u8], kinds: u8) -> Result<(), End> {
        let way = |kinds| Way { kinds, backslashes: Backslashes::Escape };
        self.show_way(level, text, way(kinds & !Kinds::QUOTE))?;
        self.show_way(level, text, way(kinds))?;
        self.shells(level, text)?;
        if kinds & CODES == 0 {
            return Ok(());
        }
        let decoded = self.show_way(level, text, way(CODES))?;
        if quotes(&decoded) == quotes(text) { Ok(()) } else { self.shells(level, &decoded) }
    }

    /// What a shell or two leave of a text, or of what its escapes say, and what readers of escapes make of that.
    fn shells(&mut self, level: &mut Level, text: &[u8]) -> Result<(), End> {
        let mut starts = vec![text.to_vec()];
        for _ in 1..LAYERS {
            let escaped = starts.iter().filter_map(|start| once(start)).map(folded);
            let escaped: Vec<_> = escaped.filter(|once| once.contains(&b'\\')).collect();
            starts.extend(escaped);
            starts = starts.iter().filter_map(|start| decode::unquote(start)).collect();
            starts.dedup();
            for start in &starts {
                self.shell(level, start)?;
            }
        }
        Ok(())
    }

    /// What readers of escapes make of what a shell left.
    fn shell(&mut self, level: &mut Level, unquoted: &[u8]) -> Result<(), End> {
        let way = Way { kinds: Kinds::SIGNS, backslashes: Backslashes::Escape };
        let folded = letters::fold_all(unquoted).map(|folded| folded.text);
        for start in folded.as_deref().into_iter().chain([unquoted]) {
            self.show(level, start)?;
            self.show_way(level, start, way)?;
            if let Some(mended) = mended(start, start)? {
                self.show_way(level, &mended, way)?;
            }
        }
        Ok(())
    }

    /// Undoes signs and folds letters in turns, and returns what is left.
    fn show_way(&mut self, level: &mut Level, text: &[u8], way: Way) -> Result<Vec<u8>, End> {
        let mut current = text.to_vec();
        for _ in 0..LAYERS {
            // A sign that could be longer waits for letters that are folded to a part of it.
            let has_changed = self.show_undone(level, &mut current, way, Kinds::FOLDED)?
                || self.show_undone(level, &mut current, way, 0)?;
            if !has_changed {
                return Ok(current);
            }
        }
        // What is left at last must hold no more signs.
        if undo::undo(&current, way, 0)?.is_some() { Err(End::TooLayered) } else { Ok(current) }
    }

    /// Undoes signs, then folds letters; says whether there may be more to undo.
    fn show_undone(&mut self, level: &mut Level, text: &mut Vec<u8>, way: Way, later: u8) -> Result<bool, End> {
        let Some(undone) = undo::undo(text, way, later)? else { return Ok(false) };
        self.show(level, &undone)?;
        let folded = letters::fold_all(&undone);
        *text = undone;
        let Some(Folded { text: folded, smuggled, .. }) = folded else { return Ok(false) };
        self.show(level, &folded)?;
        self.smuggled(level, &smuggled)?;
        *text = folded;
        Ok(true)
    }

    /// Shows a view, unless it was shown.
    fn show(&mut self, level: &mut Level, text: &[u8]) -> Result<(), End> {
        if level.shown.iter().any(|shown| shown == text) {
            return Ok(());
        }
        let kinds = self.look_at(text)?;
        let kept: usize = level.shown.iter().map(Vec::len).sum();
        if kept.saturating_add(text.len()) <= MOST_KEPT {
            level.shown.push(text.to_vec());
        }
        self.inside(level, text, &kinds)
    }

    fn look_at(&mut self, text: &[u8]) -> Result<Kinds, End> {
        self.allowance.take(text)?;
        self.found = (self.look)(text);
        if self.found.is_some() { Err(End::Found) } else { Ok(Kinds::of(text)) }
    }

    /// Shows what was smuggled in letters that nobody sees.
    fn smuggled(&mut self, level: &Level, Smuggled { tags, selectors }: &Smuggled) -> Result<(), End> {
        [tags, selectors].into_iter().try_for_each(|hidden| self.show_apart(hidden, level.layers))
    }

    /// Shows what base64 in a text says.
    fn inside(&mut self, level: &mut Level, text: &[u8], kinds: &Kinds) -> Result<(), End> {
        let layers = level.layers;
        for run in base64::runs(text, &kinds.base64) {
            if level.base64.insert(run.to_vec()) {
                base64::pieces(run, |piece| self.show_apart(piece, layers))?;
            }
        }
        Ok(())
    }

    /// Shows a text that stands in another one, one layer deeper, and its views.
    fn show_apart(&mut self, text: &[u8], layers: usize) -> Result<(), End> {
        let Some(layers) = layers.checked_sub(1) else { return Ok(()) };
        if text.is_empty() {
            return Ok(());
        }
        let kinds = self.look_at(text)?;
        if kinds.is_plain() { Ok(()) } else { self.views(text, &kinds, layers) }
    }
}
