//! The checked form of schemas, laid out for running.
//!
//! In and out: plain data. Each node has its rules by the type of value that they are for,
//! so that a value meets no rule that says nothing of it.

use super::{
    decimal::{Decimal, Divisor, Short},
    wire::{Format, Types},
};
use crate::json;

/// Stands for "no node".
pub(super) const NONE: u32 = u32::MAX;

/// All texts of a program.
pub(super) struct Texts {
    pub(super) text: String,
    /// Start and end of each text.
    pub(super) spans: Vec<(u32, u32)>,
}

impl Texts {
    pub(super) fn get(&self, at: u32) -> Option<&str> {
        let &(start, end) = self.spans.get(wide(at))?;
        self.text.get(wide(start)..wide(end))
    }

    fn bytes(&self, start: u32, end: u32) -> &[u8] {
        self.text.as_bytes().get(wide(start)..wide(end)).unwrap_or_default()
    }
}

pub(super) struct Node {
    pub(super) types: Types,
    /// It takes every value.
    pub(super) idle: bool,
    /// It has `unevaluatedItems` or `unevaluatedProperties`.
    pub(super) looks_back: bool,
    pub(super) general: Box<[General]>,
    pub(super) strings: Option<Box<Strings>>,
    pub(super) numbers: Option<Box<Numbers>>,
    pub(super) arrays: Option<Box<Arrays>>,
    pub(super) objects: Option<Box<Objects>>,
}

/// Rules for values of every type.
pub(super) enum General {
    Refer(Edge),
    AllOf(Box<[u32]>),
    AnyOf(Box<[u32]>),
    OneOf(Box<[u32]>),
    Not(u32),
    If { condition: u32, then: u32, otherwise: u32 },
    Among(Box<Values>),
}

/// A node, and the keyword that leads to it.
#[derive(Clone, Copy)]
pub(super) struct Edge {
    pub(super) node: u32,
    pub(super) keyword: &'static str,
}

/// The values of `enum` or `const`, by type.
pub(super) struct Values {
    pub(super) keyword: &'static str,
    pub(super) null: bool,
    pub(super) yes: bool,
    pub(super) no: bool,
    pub(super) numbers: Box<[Number]>,
    pub(super) strings: Names,
    pub(super) composites: Names,
}

#[derive(Default)]
pub(super) struct Strings {
    pub(super) min: Option<u32>,
    pub(super) max: Option<u32>,
    pub(super) patterns: Vec<u32>,
    pub(super) format: Option<Format>,
}

#[derive(Default)]
pub(super) struct Numbers {
    pub(super) limits: Vec<Limit>,
    pub(super) divisor: Option<Divisor>,
}

pub(super) struct Limit {
    pub(super) keyword: &'static str,
    pub(super) below: bool,
    pub(super) exclusive: bool,
    /// It lies beyond the integers that a double holds, on its own side.
    pub(super) is_wide: bool,
    pub(super) number: Number,
}

/// A number of a schema.
pub(super) struct Number {
    text: Box<str>,
    /// Its value, if that is written shortly.
    pub(super) short: Option<Short>,
}

impl Number {
    /// Of a text that is a number of JSON; other texts would have one value here and another there.
    pub(super) fn new(text: &str) -> Option<Self> {
        Some(text).filter(|text| json::is_number(text)).and_then(Decimal::read)?;
        Some(Self { text: text.into(), short: Short::read(text) })
    }

    pub(super) fn decimal(&self) -> Option<Decimal<'_>> {
        Decimal::read(&self.text)
    }
}

#[derive(Default)]
pub(super) struct Arrays {
    pub(super) first: Option<(&'static str, Box<[u32]>)>,
    pub(super) rest: Option<Edge>,
    pub(super) contains: Option<Contains>,
    pub(super) min: Option<u32>,
    pub(super) max: Option<u32>,
    pub(super) unique: bool,
    pub(super) unevaluated: Option<u32>,
}

pub(super) struct Contains {
    pub(super) node: u32,
    pub(super) min: Option<u32>,
    pub(super) max: Option<u32>,
    pub(super) evaluates: bool,
}

#[derive(Default)]
pub(super) struct Objects {
    pub(super) names: Names,
    /// How many names are required.
    pub(super) required: u32,
    pub(super) patterns: Box<[super::wire::Matched]>,
    pub(super) additional: Option<u32>,
    pub(super) property_names: Option<u32>,
    pub(super) min: Option<u32>,
    pub(super) max: Option<u32>,
    pub(super) dependents: Vec<Dependent>,
    pub(super) unevaluated: Option<u32>,
}

/// What holds if an object has a property.
pub(super) struct Dependent {
    pub(super) keyword: &'static str,
    pub(super) name: u32,
    pub(super) then: Then,
}

pub(super) enum Then {
    Has(Box<[u32]>),
    Holds(u32),
}

/// What is said of properties by name: a hash table, at most half full.
#[derive(Default)]
pub(super) struct Names {
    slots: Box<[Slot]>,
    /// Where each name's slot is, in the order in which the names were put in.
    order: Vec<u32>,
}

#[derive(Clone, Copy)]
pub(super) struct Slot {
    hash: u32,
    start: u32,
    end: u32,
    /// Its place in the order of names.
    rank: u32,
    pub(super) name: u32,
    /// Its schema, if there is one.
    pub(super) node: u32,
    pub(super) required: bool,
}

const FREE: Slot = Slot { hash: 0, start: 0, end: 0, rank: 0, name: NONE, node: NONE, required: false };

impl Names {
    /// A table with room for so many names.
    pub(super) fn with_room(names: usize) -> Self {
        let room = if names == 0 { 0 } else { names.saturating_mul(2).next_power_of_two() };
        Self { slots: vec![FREE; room].into(), order: Vec::with_capacity(names) }
    }

    /// The slot of a name that is put in, its own or a free one.
    pub(super) fn slot(&mut self, texts: &Texts, name: u32) -> Option<&mut Slot> {
        let &(start, end) = texts.spans.get(wide(name))?;
        let hash = hash(texts.bytes(start, end));
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = wide(hash) & mask;
        // INVARIANT: half of the slots stay free, so the loop ends.
        while self.slots.get(at).is_some_and(|slot| slot.name != NONE && slot.name != name) {
            at = at.saturating_add(1) & mask;
        }
        let slot = self.slots.get_mut(at)?;
        if slot.name == NONE {
            let rank = u32::try_from(self.order.len()).ok()?;
            *slot = Slot { hash, start, end, rank, name, ..FREE };
            self.order.push(u32::try_from(at).ok()?);
        }
        Some(slot)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// What is said of this name.
    #[inline]
    pub(super) fn find(&self, texts: &Texts, key: &[u8]) -> Option<&Slot> {
        let mask = self.slots.len().checked_sub(1)?;
        let hash = hash(key);
        let mut at = wide(hash) & mask;
        loop {
            let slot = self.slots.get(at)?;
            if slot.name == NONE {
                return None;
            }
            if slot.hash == hash && same(texts.bytes(slot.start, slot.end), key) {
                return Some(slot);
            }
            at = at.saturating_add(1) & mask;
        }
    }

    /// What is said of this name, which most often is the one behind the name that was looked up before.
    #[inline]
    pub(super) fn find_next(&self, texts: &Texts, key: &[u8], next: &mut usize) -> Option<&Slot> {
        let expected = self.order.get(*next).and_then(|&at| self.slots.get(wide(at)));
        if let Some(slot) = expected
            && same(texts.bytes(slot.start, slot.end), key)
        {
            *next = next.saturating_add(1);
            return Some(slot);
        }
        let slot = self.find(texts, key)?;
        *next = wide(slot.rank).saturating_add(1);
        Some(slot)
    }
}

/// Names are short: a call that compares them would cost more than the comparison.
#[inline]
fn same(one: &[u8], other: &[u8]) -> bool {
    let (words, tail) = one.as_chunks::<8>();
    let (other_words, other_tail) = other.as_chunks::<8>();
    one.len() == other.len() && last_word(tail) == last_word(other_tail) && words == other_words
}

/// Up to seven bytes as one number; those of the same count differ if the bytes do.
#[inline]
fn last_word(bytes: &[u8]) -> u64 {
    match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            u64::from(u32::from_le_bytes(*first)) | (u64::from(u32::from_le_bytes(*last)) << 32)
        }
        _ => bytes.iter().fold(0, |word, &byte| (word << 8) | u64::from(byte)),
    }
}

/// Not keyed: what is in a table is chosen by the policy alone, and a key that is looked up changes nothing.
#[inline]
fn hash(key: &[u8]) -> u32 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, tail) = key.as_chunks::<8>();
    let mut hash = last_word(tail).wrapping_add(key.len() as u64).wrapping_mul(FACTOR);
    for word in words {
        hash = (hash.rotate_left(23) ^ u64::from_le_bytes(*word)).wrapping_mul(FACTOR);
    }
    let [a, b, c, d, ..] = hash.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// Indexes are 32 bits wide in the program; no target of ours has a narrower `usize`.
pub(super) fn wide(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}
