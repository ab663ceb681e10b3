//! Writes a table in the packed form that the engine reads.
//!
//! In: a minimal table with its states in the order of discovery. Out: an [`Automaton`].
//! Each row is written as what differs from another one, which is how tables of text patterns stay small.

use super::determine::{Table, Target};
use toolgate_engine::automaton::{Automaton, row};

pub(super) fn write(table: &Table) -> Automaton {
    let mut writer = Writer { bytes: Vec::new(), table, discovered: Vec::new(), fallbacks: Vec::new() };
    writer.number(table.patterns);
    writer.classes();
    writer.number(table.rows.len());
    writer.starts();
    for state in 0..table.rows.len() {
        writer.row(state);
    }
    Automaton::from_bytes(writer.bytes)
}

struct Writer<'t> {
    bytes: Vec<u8>,
    table: &'t Table,
    /// As the reader keeps it: the first way to each state that was named so far.
    discovered: Vec<Option<(usize, usize)>>,
    fallbacks: Vec<usize>,
}

/// A run of classes whose target differs from the row below.
#[derive(Clone, Copy, Debug)]
struct Exception {
    first: usize,
    length: usize,
    target: Target,
}

/// What follows the head of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operand {
    None,
    Target(Target),
    Distance(usize),
}

/// A row that another one can be written upon.
struct Base {
    head: u32,
    operand: Operand,
    /// The state whose row it is; its own for a constant.
    state: usize,
    exceptions: Vec<Exception>,
}

impl Base {
    fn cost(&self) -> usize {
        let runs = self.exceptions.iter().filter(|exception| exception.length > 1).count();
        self.exceptions
            .len()
            .saturating_mul(2)
            .saturating_add(runs)
            .saturating_add(usize::from(self.operand != Operand::None))
    }
}

impl Writer<'_> {
    fn number(&mut self, value: usize) {
        let mut rest = value;
        while rest >= 0x80 {
            self.bytes.push(low_bits(rest) | 0x80);
            rest >>= 7;
        }
        self.bytes.push(low_bits(rest));
    }

    /// Runs of bytes that are not of class 0.
    fn classes(&mut self) {
        let of = |byte: u8| self.table.classes.get(usize::from(byte)).copied().unwrap_or_default();
        let folded = (b'a'..=b'z').all(|byte| of(byte) == of(byte.to_ascii_uppercase()));
        let class = |byte: u8| if folded && byte.is_ascii_uppercase() { 0 } else { of(byte) };
        let all: Vec<u8> = (0..=u8::MAX).collect();
        let runs: Vec<(u8, usize, usize)> = all
            .chunk_by(|left, right| class(*left) == class(*right))
            .filter_map(|run| run.first().map(|&first| (first, run.len(), class(first))))
            .filter(|(_, _, class)| *class != 0)
            .collect();
        self.number(runs.len() << 1 | usize::from(folded));
        let (mut behind, mut known) = (0, 0);
        for (first, length, class) in runs {
            self.number(usize::from(first).saturating_sub(behind));
            self.number(length.saturating_sub(1));
            behind = usize::from(first).saturating_add(length);
            let is_new = class > known;
            self.number(if is_new { 0 } else { class.saturating_add(1) });
            known = known.max(class);
        }
    }

    fn starts(&mut self) {
        let mut starts = self.table.starts.clone();
        starts.dedup();
        let uniform = starts.len() == 1;
        self.number(usize::from(!uniform));
        for start in if uniform { starts } else { self.table.starts.clone() } {
            if start == self.discovered.len() {
                self.discovered.push(None);
                self.number(0);
            } else {
                self.number(start.saturating_add(1));
            }
        }
    }

    fn row(&mut self, state: usize) {
        let Some(base) = self.best_base(state) else { return };
        let Base { head, operand, state: below, exceptions } = base;
        self.fallbacks.push(below);
        self.number(exceptions.len() << 2 | usize::try_from(head).unwrap_or_default());
        match operand {
            Operand::None => {}
            Operand::Target(target) => self.constant(state, target),
            Operand::Distance(distance) => self.number(distance),
        }
        let mut behind = 0;
        for Exception { first, length, target } in exceptions {
            let gap = first.saturating_sub(behind);
            let is_new = target == Target::State(self.discovered.len());
            self.number(gap << 2 | usize::from(length > 1) << 1 | usize::from(is_new));
            if length > 1 {
                self.number(length.saturating_sub(2));
            }
            if is_new {
                self.discovered.push(Some((state, first)));
            } else {
                self.number(self.name(target));
            }
            behind = first.saturating_add(length);
        }
    }

    fn constant(&mut self, state: usize, target: Target) {
        if target == Target::State(self.discovered.len()) {
            self.discovered.push(Some((state, 0)));
            self.number(0);
        } else {
            self.number(self.name(target).saturating_add(1));
        }
    }

    /// The number of a target; patterns come behind the states.
    fn name(&self, target: Target) -> usize {
        match target {
            Target::State(state) => state,
            Target::Found(pattern) => self.table.rows.len().saturating_add(pattern),
        }
    }

    /// The base that needs the fewest bytes; of equals, the first.
    fn best_base(&self, state: usize) -> Option<Base> {
        let row = self.table.rows.get(state)?;
        let on = |head: u32, operand: Operand, below: usize| {
            let base = self.table.rows.get(below).filter(|_| below < state)?;
            Some(Base { head, operand, state: below, exceptions: exceptions(row, |class| base.get(class).copied()) })
        };
        let origin = self.discovered.get(state).copied().flatten();
        let fallback = self.fallback(origin).and_then(|below| on(row::ON_FALLBACK, Operand::None, below));
        let earlier = [state.checked_sub(1), origin.map(|(from, _)| from)].into_iter().flatten();
        let earlier =
            earlier.filter_map(|below| on(row::ON_EARLIER, Operand::Distance(state.saturating_sub(below)), below));
        let bases = fallback
            .into_iter()
            .chain(on(row::ON_START, Operand::None, 0))
            .chain(self.on_constant(state, row))
            .chain(earlier);
        bases.min_by_key(Base::cost)
    }

    /// A row in which one target stands most often.
    fn on_constant(&self, state: usize, row: &[Target]) -> Option<Base> {
        let count = |target: &Target| row.iter().filter(|other| *other == target).count();
        let is_known = |target: &Target| match target {
            Target::State(state) => *state < self.discovered.len() || row.first() == Some(target),
            Target::Found(_) => true,
        };
        let mut candidates: Vec<Target> = row.to_vec();
        candidates.sort_unstable();
        candidates.dedup();
        candidates.retain(is_known);
        let most = candidates.into_iter().max_by_key(count)?;
        let exceptions = exceptions(row, |_| Some(most));
        Some(Base { head: row::CONSTANT, operand: Operand::Target(most), state, exceptions })
    }

    /// As the reader finds it.
    fn fallback(&self, origin: Option<(usize, usize)>) -> Option<usize> {
        let (from, class) = origin?;
        let base = self.fallbacks.get(from).copied()?;
        if base == from {
            return Some(0);
        }
        self.table.rows.get(base)?.get(class).map(|target| self.name(*target))
    }
}

fn exceptions(row: &[Target], base: impl Fn(usize) -> Option<Target>) -> Vec<Exception> {
    let mut exceptions: Vec<Exception> = Vec::new();
    for (class, &target) in row.iter().enumerate() {
        if base(class) == Some(target) {
            continue;
        }
        match exceptions.last_mut() {
            Some(last) if last.target == target && last.first.saturating_add(last.length) == class => {
                last.length = last.length.saturating_add(1);
            }
            _ => exceptions.push(Exception { first: class, length: 1, target }),
        }
    }
    exceptions
}

fn low_bits(value: usize) -> u8 {
    u8::try_from(value & 0x7f).unwrap_or_default()
}
