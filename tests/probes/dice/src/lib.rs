//! Numbers that look random and are the same in every run and on every machine, for tests that generate their input.
//!
//! In: a seed. Out: numbers, by `SplitMix64`. Not for secrets.

/// Its seed, and then its state.
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// A number below `sides`.
    ///
    /// # Panics
    /// When there are no sides.
    pub fn roll(&mut self, sides: usize) -> usize {
        // What is below `sides` is one of its kind.
        (self.next() % sides as u64).try_into().unwrap_or_default()
    }

    /// True once in so many times.
    ///
    /// # Panics
    /// When there are no sides.
    pub fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    /// One of these.
    ///
    /// # Panics
    /// When there are none.
    #[expect(clippy::indexing_slicing, reason = "a number below the length is in the slice")]
    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())].clone()
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn its_numbers_are_those_of_splitmix64() {
        let mut dice = Dice(1_234_567);
        assert_eq!(
            [(); 3].map(|()| dice.next()),
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn every_side_comes_up() {
        let mut dice = Dice(1);
        let seen: std::collections::BTreeSet<_> = (0..100).map(|_| dice.pick(&["a", "b", "c"])).collect();
        assert_eq!(seen.len(), 3);
        assert!((0..100).all(|_| dice.one_in(1)) && (0..100).all(|_| dice.roll(6) < 6));
    }
}
