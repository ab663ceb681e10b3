//! Reads the packed form of an automaton and unfolds its table.
//!
//! In: bytes. Out: a [`ReadyAutomaton`] in which every transition leads to a state, or what is wrong.
//! Memory is bounded before it is taken.

use super::{BadAutomaton, MAX_ENTRIES, MAX_STATES, ReadyAutomaton, State, row};

pub(super) fn read(bytes: &[u8]) -> Result<ReadyAutomaton, BadAutomaton> {
    let mut bytes = Bytes(bytes);
    let patterns = bytes.number()?;
    let (classes, count) = classes(&mut bytes)?;
    let states = bytes.number()?;
    if patterns == 0 || states == 0 || wide(states) > MAX_STATES {
        return Err(BadAutomaton("the number of states"));
    }
    let limit = states.saturating_add(patterns);
    let (Ok(found), Ok(patterns), Ok(_)) = (State::try_from(states), State::try_from(patterns), State::try_from(limit))
    else {
        return Err(BadAutomaton("the number of patterns"));
    };
    // One more for the end of the text.
    let width = wide(count).saturating_add(1).next_power_of_two();
    if wide(states).saturating_mul(width) > MAX_ENTRIES {
        return Err(BadAutomaton("the size of the table"));
    }
    let mut rows = Rows {
        table: Vec::with_capacity(wide(states).saturating_mul(width)),
        width,
        count,
        states,
        limit,
        discovered: Vec::with_capacity(wide(states)),
        fallbacks: Vec::with_capacity(wide(states)),
    };
    let starts = rows.starts(&mut bytes)?;
    for state in 0..states {
        rows.row(state, &mut bytes)?;
    }
    if !bytes.0.is_empty() || rows.discovered.len() != wide(states) {
        return Err(BadAutomaton("its length"));
    }
    let end_class = u16::try_from(count).map_err(|_| BadAutomaton("the number of classes"))?;
    let shift = width.trailing_zeros();
    Ok(ReadyAutomaton { classes, end_class, table: rows.table, shift, found, patterns, starts })
}

/// Runs of bytes and their classes; what no run holds is class 0. If folded, upper-case letters are as lower-case ones.
fn classes(bytes: &mut Bytes<'_>) -> Result<([u8; 256], u32), BadAutomaton> {
    let bad = BadAutomaton("the classes of bytes");
    let mut classes = [0u8; 256];
    let head = bytes.number()?;
    let (mut at, mut count) = (0usize, 1u32);
    for _ in 0..(head >> 1) {
        let gap = bytes.number()?;
        let length = bytes.number()?;
        let class = match bytes.number()? {
            0 => {
                count = count.saturating_add(1);
                count.saturating_sub(1)
            }
            known => known.saturating_sub(1),
        };
        let class = u8::try_from(class).ok().filter(|_| class < count).ok_or(bad)?;
        let start = at.saturating_add(wide(gap));
        at = start.saturating_add(wide(length)).saturating_add(1);
        classes.get_mut(start..at).ok_or(bad)?.fill(class);
    }
    if head & 1 == 1 {
        let lower: Vec<u8> = classes.iter().skip(usize::from(b'a')).take(26).copied().collect();
        classes.get_mut(usize::from(b'A')..=usize::from(b'Z')).ok_or(bad)?.copy_from_slice(&lower);
    }
    Ok((classes, count))
}

/// The table while it grows, in the order in which states are discovered from the starts.
struct Rows {
    table: Vec<State>,
    width: usize,
    /// How many classes of bytes there are.
    count: u32,
    states: u32,
    /// The states and the patterns together.
    limit: u32,
    /// From which state and by which class each state was first reached; the starts from none.
    discovered: Vec<Option<(u32, u32)>>,
    /// The state whose row each row was built on.
    fallbacks: Vec<u32>,
}

impl Rows {
    /// One state for all classes, or one for each class of the byte before, and for the start of the text.
    fn starts(&mut self, bytes: &mut Bytes<'_>) -> Result<Vec<State>, BadAutomaton> {
        let how_many = match bytes.number()? {
            0 => 1,
            1 => self.count.saturating_add(1),
            _ => return Err(BadAutomaton("where it starts")),
        };
        (0..how_many)
            .map(|_| {
                let start = match bytes.number()? {
                    0 => self.discover(None)?,
                    known => known.saturating_sub(1),
                };
                let is_seen = wide(start) < self.discovered.len();
                if is_seen { narrow(start) } else { Err(BadAutomaton("where it starts")) }
            })
            .collect()
    }

    fn row(&mut self, state: u32, bytes: &mut Bytes<'_>) -> Result<(), BadAutomaton> {
        let Some(&origin) = self.discovered.get(wide(state)) else {
            return Err(BadAutomaton("a state that nothing leads to"));
        };
        let head = bytes.number()?;
        let start = self.table.len();
        let base = match head & 3 {
            row::CONSTANT => {
                let target = bytes.number()?;
                let target = if target == 0 { self.discover(Some((state, 0)))? } else { target.saturating_sub(1) };
                self.table.resize(start.saturating_add(self.width), self.checked(target)?);
                state
            }
            row::ON_START => self.copy_row(0, state)?,
            row::ON_FALLBACK => self.copy_row(self.fallback(origin)?, state)?,
            _ => {
                let distance = bytes.number()?;
                self.copy_row(state.saturating_sub(distance), state)?
            }
        };
        self.fallbacks.push(base);
        let mut class = 0;
        for _ in 0..(head >> 2) {
            class = self.exception(state, class, bytes)?;
        }
        Ok(())
    }

    /// Copies the row of an earlier state.
    fn copy_row(&mut self, from: u32, state: u32) -> Result<u32, BadAutomaton> {
        if from >= state {
            return Err(BadAutomaton("a row that builds on a later one"));
        }
        let from_at = wide(from).saturating_mul(self.width);
        self.table.extend_from_within(from_at..from_at.saturating_add(self.width));
        Ok(from)
    }

    /// Where the state that the origin was built on leads by the same class: for literals, the longest suffix.
    fn fallback(&self, origin: Option<(u32, u32)>) -> Result<u32, BadAutomaton> {
        let bad = BadAutomaton("a row that builds on nothing");
        let (from, class) = origin.ok_or(bad)?;
        let base = self.fallbacks.get(wide(from)).copied().ok_or(bad)?;
        if base == from {
            return Ok(0);
        }
        let at = wide(base).saturating_mul(self.width).saturating_add(wide(class));
        self.table.get(at).map(|&state| u32::from(state)).ok_or(bad)
    }

    /// One run of classes that lead elsewhere than in the row below. Returns the class behind it.
    fn exception(&mut self, state: u32, class: u32, bytes: &mut Bytes<'_>) -> Result<u32, BadAutomaton> {
        let head = bytes.number()?;
        let first = class.saturating_add(head >> 2);
        let length = if head & 2 == 0 { 1 } else { bytes.number()?.saturating_add(2) };
        let behind = first.saturating_add(length);
        // The class behind the last one is the end of the text.
        if behind > self.count.saturating_add(1) {
            return Err(BadAutomaton("a transition by no class"));
        }
        let target = if head & 1 == 1 { self.discover(Some((state, first)))? } else { bytes.number()? };
        let target = self.checked(target)?;
        let row = wide(state).saturating_mul(self.width);
        let span = row.saturating_add(wide(first))..row.saturating_add(wide(behind));
        self.table.get_mut(span).ok_or(BadAutomaton("a transition by no class"))?.fill(target);
        Ok(behind)
    }

    fn discover(&mut self, origin: Option<(u32, u32)>) -> Result<u32, BadAutomaton> {
        let state = u32::try_from(self.discovered.len()).unwrap_or(u32::MAX);
        if state >= self.states {
            return Err(BadAutomaton("more states than there are"));
        }
        self.discovered.push(origin);
        Ok(state)
    }

    fn checked(&self, target: u32) -> Result<State, BadAutomaton> {
        if target < self.limit { narrow(target) } else { Err(BadAutomaton("a transition to no state")) }
    }
}

/// What is still to be read.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    /// An unsigned number in groups of seven bits, the lowest first.
    fn number(&mut self) -> Result<u32, BadAutomaton> {
        let mut value = 0u32;
        for shift in [0, 7, 14, 21] {
            let (&byte, rest) = self.0.split_first().ok_or(BadAutomaton("it ends too early"))?;
            self.0 = rest;
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(BadAutomaton("a number is too large"))
    }
}

fn narrow(state: u32) -> Result<State, BadAutomaton> {
    State::try_from(state).map_err(|_| BadAutomaton("a transition to no state"))
}

fn wide(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
