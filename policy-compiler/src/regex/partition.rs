//! Finds out which states of a table mean the same, by Hopcroft's algorithm.
//!
//! In: a table. Out: a block for each state; states of one block cannot be told apart by any text.
//! Time in proportion to the transitions, times the logarithm of the states: a table of thousands takes milliseconds.
#![expect(clippy::indexing_slicing, reason = "states, blocks and classes are indexes of the tables made for them")]

use super::determine::{Table, Target};
use std::collections::HashMap;

/// The block of each state, and how many blocks there are. At the end of the text only what is found may differ.
pub(super) fn partition(table: &Table) -> (Vec<usize>, usize) {
    let states = table.rows.len();
    let sources = Sources::of(table);
    let mut blocks = Blocks::of(&first_blocks(table), states + table.patterns);
    let mut waiting: Vec<usize> = (0..blocks.ranges.len()).collect();
    let mut is_waiting = vec![true; waiting.len()];
    while let Some(splitter) = waiting.pop() {
        is_waiting[splitter] = false;
        let targets = blocks.members(splitter).to_vec();
        for class in 0..table.width {
            for &target in &targets {
                for &source in sources.of_target(class, target) {
                    blocks.mark(source);
                }
            }
            for (old, new) in blocks.split() {
                // Of two halves, the smaller one tells all that both would.
                let smaller = if blocks.members(new).len() <= blocks.members(old).len() { new } else { old };
                is_waiting.push(false);
                let next = if is_waiting[old] { new } else { smaller };
                is_waiting[next] = true;
                waiting.push(next);
            }
        }
    }
    blocks.of_states(states)
}

/// States by what the end of the text finds in them; each pattern that is found is a state of its own.
fn first_blocks(table: &Table) -> Vec<usize> {
    let mut seen: HashMap<Target, usize> = HashMap::new();
    let by_end = table.rows.iter().map(|row| row.last().copied().unwrap_or(Target::State(0)));
    let found = (0..table.patterns).map(|pattern| Target::State(1 + pattern));
    let keys: Vec<Target> = by_end.chain(found).collect();
    keys.into_iter()
        .map(|key| {
            let next = seen.len();
            *seen.entry(key).or_insert(next)
        })
        .collect()
}

/// For each class and target, the states from which the class leads there.
struct Sources {
    /// Where the sources of a target start; by class, then by target.
    starts: Vec<usize>,
    sources: Vec<usize>,
    targets: usize,
}

impl Sources {
    fn of(table: &Table) -> Self {
        let targets = table.rows.len() + table.patterns;
        let number = |target: &Target| match target {
            Target::State(state) => *state,
            Target::Found(pattern) => table.rows.len() + pattern,
        };
        let mut starts = vec![0; table.width * targets + 1];
        for row in &table.rows {
            for (class, target) in row.iter().take(table.width).enumerate() {
                starts[class * targets + number(target) + 1] += 1;
            }
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut free = starts.clone();
        let mut sources = vec![0; table.width * table.rows.len()];
        for (source, row) in table.rows.iter().enumerate() {
            for (class, target) in row.iter().take(table.width).enumerate() {
                let slot = &mut free[class * targets + number(target)];
                sources[*slot] = source;
                *slot += 1;
            }
        }
        Self { starts, sources, targets }
    }

    fn of_target(&self, class: usize, target: usize) -> &[usize] {
        let at = class * self.targets + target;
        &self.sources[self.starts[at]..self.starts[at + 1]]
    }
}

/// A partition of states, in which some states are marked.
struct Blocks {
    /// All states; those of a block stand together, its marked ones first.
    order: Vec<usize>,
    /// Where each state stands in the order.
    places: Vec<usize>,
    of: Vec<usize>,
    /// Where each block starts and ends, and how many of its states are marked.
    ranges: Vec<(usize, usize, usize)>,
    /// Blocks that have marked states.
    touched: Vec<usize>,
}

impl Blocks {
    fn of(first: &[usize], states: usize) -> Self {
        let mut order: Vec<usize> = (0..states).collect();
        order.sort_by_key(|&state| first[state]);
        let mut places = vec![0; states];
        let mut ranges: Vec<(usize, usize, usize)> = Vec::new();
        for (place, &state) in order.iter().enumerate() {
            places[state] = place;
            match ranges.get_mut(first[state]) {
                Some(range) => range.1 = place + 1,
                None => ranges.push((place, place + 1, 0)),
            }
        }
        Self { order, places, of: first.to_vec(), ranges, touched: Vec::new() }
    }

    fn members(&self, block: usize) -> &[usize] {
        let (start, end, _) = self.ranges[block];
        &self.order[start..end]
    }

    fn mark(&mut self, state: usize) {
        let block = self.of[state];
        let (start, _, marked) = self.ranges[block];
        let (place, free) = (self.places[state], start + marked);
        if place < free {
            return;
        }
        let other = self.order[free];
        self.order.swap(place, free);
        self.places[state] = free;
        self.places[other] = place;
        if marked == 0 {
            self.touched.push(block);
        }
        self.ranges[block].2 = marked + 1;
    }

    /// Makes a new block of the marked states of each block, unless all of it is marked.
    fn split(&mut self) -> Vec<(usize, usize)> {
        let mut halves = Vec::new();
        for block in std::mem::take(&mut self.touched) {
            let (start, end, marked) = self.ranges[block];
            self.ranges[block].2 = 0;
            if start + marked == end {
                continue;
            }
            let new = self.ranges.len();
            self.ranges[block].0 = start + marked;
            self.ranges.push((start, start + marked, 0));
            for place in start..start + marked {
                self.of[self.order[place]] = new;
            }
            halves.push((block, new));
        }
        halves
    }

    /// Numbers blocks anew, without those of patterns.
    fn of_states(&self, states: usize) -> (Vec<usize>, usize) {
        let mut numbers: HashMap<usize, usize> = HashMap::new();
        let mut number = |block: &usize| {
            let next = numbers.len();
            *numbers.entry(*block).or_insert(next)
        };
        let of = self.of.iter().take(states).map(&mut number).collect();
        (of, numbers.len())
    }
}
