//! Numbers that a double does not hold, and which of them somebody vouches for.
//!
//! In: a document whose reader noted such numbers, and the places that were admitted. Out: the first number that nobody
//! admitted. Decides on no number itself: schemas do.

use super::{Document, Malformed, Place, Problem, Value, wide};

/// Places of numbers that may stand in a document although a double does not hold them.
#[derive(Debug, Default)]
pub struct Admitted(Vec<Place>);

impl Admitted {
    /// Admits the number at a place. One that is judged by several rules in turn is kept once.
    pub(crate) fn admit(&mut self, place: Place) {
        if self.0.last() != Some(&place) {
            self.0.push(place);
        }
    }

    /// A mark to go back to.
    pub(crate) fn mark(&self) -> usize {
        self.0.len()
    }

    /// Takes back what was admitted since the mark.
    pub(crate) fn back_to(&mut self, mark: usize) {
        self.0.truncate(mark);
    }
}

impl Document<'_> {
    /// Whether the reader noted any number that a double does not hold.
    pub fn has_inexact(&self) -> bool {
        !self.inexact.is_empty()
    }

    /// Refuses the first noted number that was not admitted.
    pub fn require_admitted(&self, admitted: &Admitted) -> Result<(), Malformed> {
        if self.inexact.is_empty() {
            return Ok(());
        }
        let mut places: Vec<usize> = admitted.0.iter().map(|place| place.0).collect();
        places.sort_unstable();
        let stray = self.inexact.iter().find(|&&at| places.binary_search(&wide(at)).is_err());
        let Some(&stray) = stray else { return Ok(()) };
        let at = self.node(wide(stray)).map_or(0, |node| wide(node.start));
        Err(Malformed { at, problem: Problem::InexactNumber })
    }
}

impl Value<'_> {
    /// Places of the noted numbers in this value, itself included.
    pub(crate) fn inexact(self) -> impl Iterator<Item = Place> {
        let noted = &self.document.inexact;
        let first = noted.partition_point(|&at| wide(at) < self.at);
        let behind = self.document.behind(self.at);
        let rest = noted.get(first..).unwrap_or_default();
        rest.iter().map(|&at| wide(at)).take_while(move |&at| at < behind).map(Place)
    }
}
