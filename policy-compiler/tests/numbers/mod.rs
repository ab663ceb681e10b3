//! A seeded generator of numbers.
//!
//! In: nothing. Out: numbers that look random and are the same in each run.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

/// The state of the generator (xorshift).
pub struct Numbers(u64);

impl Numbers {
    pub fn seeded() -> Self {
        Self(0x1234_5678_9abc_def1)
    }

    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % end.max(1)
    }
}
