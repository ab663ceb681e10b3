//! Which members or elements of one value were evaluated, for `unevaluatedProperties` and `unevaluatedItems`.
//!
//! In: ordinals of members or elements. Out: whether one was marked.
//! Knows nothing of schemas: [`super::run`] decides what marks and whose marks count.

/// Marks by ordinal. Nothing is allocated before the first one.
#[derive(Default)]
pub(super) struct Evaluated {
    all: bool,
    words: Vec<u64>,
}

impl Evaluated {
    pub(super) fn mark(&mut self, ordinal: usize) {
        let at = ordinal / 64;
        if at >= self.words.len() {
            self.words.resize(at.saturating_add(1), 0);
        }
        if let Some(word) = self.words.get_mut(at) {
            *word |= 1 << (ordinal % 64);
        }
    }

    pub(super) fn mark_all(&mut self) {
        self.all = true;
    }

    pub(super) fn has(&self, ordinal: usize) -> bool {
        self.all || self.words.get(ordinal / 64).is_some_and(|word| word & (1 << (ordinal % 64)) != 0)
    }

    /// Takes the marks of a schema that holds for the same value.
    pub(super) fn merge(&mut self, other: &Self) {
        self.all |= other.all;
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (word, more) in self.words.iter_mut().zip(&other.words) {
            *word |= more;
        }
    }
}
