//! Looks at all bytes of an entry whose window was seen.
//!
//! In: windows, then places of a text. Out: the entries that really stand there.
//! Sixty-four entries are looked at together, one byte after the other, until none is left.

use super::{
    entries::{Bytes, PLACES},
    window::{End, WINDOW, Window},
};
use std::collections::HashSet;

/// How many bytes of an entry can be before its window.
pub(super) const BEFORE: usize = PLACES - WINDOW;

/// All bytes that an entry can have around its window, which starts at [`BEFORE`].
const REACH: usize = BEFORE + PLACES;

/// The order in which they are looked at: the window, what is behind it, what is before it.
const ORDER: [usize; REACH] = [4, 5, 6, 7, 8, 9, 10, 11, 3, 2, 1, 0];

const BITS: usize = 64;

pub(super) struct Exact {
    classes: Classes,
    /// By word, place and class: the entries that take the class at the place.
    fits: Vec<u64>,
    /// By word and bit: what was seen if an entry stands there. Should entries ever be too many, some share a bit.
    marks: Vec<Vec<Mark>>,
    /// How many bits of the last word are taken.
    taken: usize,
}

/// The entries of one bucket: some bits of one word.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shelf {
    word: usize,
    bits: u64,
}

/// An entry that stands in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    /// The automaton that must look at it.
    pub(super) automaton: usize,
    pub(super) end: End,
    /// How far before its window it starts.
    pub(super) before: usize,
    /// How far behind the start of its window it ends.
    pub(super) behind: usize,
}

impl Exact {
    /// For windows whose bytes have these classes.
    pub(super) fn of(classes: Classes) -> Self {
        Self { classes, fits: Vec::new(), marks: Vec::new(), taken: BITS }
    }

    pub(super) fn classes(&self) -> &Classes {
        &self.classes
    }

    /// Takes up the windows of one bucket.
    pub(super) fn add(&mut self, windows: &[Window]) -> Shelf {
        if self.taken.saturating_add(windows.len()) > BITS {
            self.taken = 0;
            self.marks.resize_with(self.marks.len().saturating_add(BITS), Vec::new);
            let room = REACH.saturating_mul(self.classes.count());
            self.fits.resize(self.fits.len().saturating_add(room), 0);
        }
        let word = (self.marks.len() / BITS).saturating_sub(1);
        let mut shelf = Shelf { word, bits: 0 };
        for (at, window) in windows.iter().enumerate() {
            let bit = self.taken.saturating_add(at % BITS);
            shelf.bits |= 1 << bit;
            self.put(word, bit, window);
        }
        self.taken = self.taken.saturating_add(windows.len());
        shelf
    }

    fn put(&mut self, word: usize, bit: usize, window: &Window) {
        let Window { entry, end, automaton, before } = window;
        let behind = entry.places.len().saturating_sub(*before);
        let mark = Mark { automaton: *automaton, end: *end, before: *before, behind };
        self.marks.iter_mut().skip(word.saturating_mul(BITS)).skip(bit).take(1).for_each(|marks| marks.push(mark));
        let first = BEFORE.saturating_sub(*before);
        for place in 0..REACH {
            let bytes = place.checked_sub(first).and_then(|place| entry.places.get(place));
            let row = self.row(word, place);
            for (fits, byte) in self.fits.iter_mut().skip(row).zip(&self.classes.examples) {
                if bytes.is_none_or(|bytes| byte.is_some_and(|byte| bytes.has(byte))) {
                    *fits |= 1 << bit;
                }
            }
        }
    }

    fn row(&self, word: usize, place: usize) -> usize {
        word.saturating_mul(REACH).saturating_add(place).saturating_mul(self.classes.count())
    }

    /// The entries of a bucket that stand around a window which starts at this place.
    pub(super) fn standing(&self, shelf: Shelf, text: &[u8], at: usize) -> impl Iterator<Item = Mark> {
        let mut bits = shelf.bits;
        for place in ORDER {
            let byte = at.saturating_add(place).checked_sub(BEFORE).and_then(|at| text.get(at));
            let class = byte.map_or(0, |&byte| self.classes.of_byte(byte));
            let fits = self.fits.get(self.row(shelf.word, place).saturating_add(class));
            bits &= fits.copied().unwrap_or(u64::MAX);
            if bits == 0 {
                break;
            }
        }
        let marks = self.marks.get(shelf.word.saturating_mul(BITS)..).unwrap_or_default();
        std::iter::from_fn(move || {
            let bit = usize::try_from(bits.trailing_zeros()).ok().filter(|_| bits != 0)?;
            bits &= bits.wrapping_sub(1);
            marks.get(bit)
        })
        .flatten()
        .copied()
    }
}

/// Classes of bytes that no entry tells apart. Class 0 is that there is no byte.
pub(super) struct Classes {
    of_bytes: Box<[u16; 256]>,
    /// A byte of each class.
    examples: Vec<Option<u8>>,
}

impl Classes {
    pub(super) fn of<'w>(windows: impl Iterator<Item = &'w Window>) -> Self {
        let sets: HashSet<&Bytes> = windows.flat_map(|window| &window.entry.places).collect();
        let mut of_bytes = Box::new([1u16; 256]);
        sets.into_iter().for_each(|bytes| split(&mut of_bytes, bytes));
        let count = of_bytes.iter().copied().max().unwrap_or_default();
        let mut examples = vec![None; usize::from(count).saturating_add(1)];
        for (byte, &class) in (0..=u8::MAX).zip(of_bytes.iter()) {
            if let Some(example) = examples.get_mut(usize::from(class)) {
                *example = Some(byte);
            }
        }
        Self { of_bytes, examples }
    }

    pub(super) fn count(&self) -> usize {
        self.examples.len()
    }

    #[inline(always)]
    pub(super) fn of_byte(&self, byte: u8) -> usize {
        #[expect(clippy::indexing_slicing, reason = "every byte is an index of this array")]
        usize::from(self.of_bytes[usize::from(byte)])
    }

    /// The classes of a set of bytes. Any byte at all can also be none.
    pub(super) fn of_set(&self, bytes: &Bytes) -> Vec<usize> {
        let has = |example: &Option<u8>| example.map_or(*bytes == Bytes::ALL, |byte| bytes.has(byte));
        self.examples.iter().enumerate().filter(|(_, example)| has(example)).map(|(class, _)| class).collect()
    }
}

/// Splits each class into the bytes that are in a set and those that are not.
fn split(classes: &mut [u16; 256], bytes: &Bytes) {
    // What becomes of each class: without the set, and with it.
    let mut halves = [[0u16; 2]; 257];
    let mut count = 0u16;
    for (byte, class) in (0..=u8::MAX).zip(classes) {
        let Some([without, with]) = halves.get_mut(usize::from(*class)) else { continue };
        let half = if bytes.has(byte) { with } else { without };
        if *half == 0 {
            count = count.saturating_add(1);
            *half = count;
        }
        *class = *half;
    }
}
