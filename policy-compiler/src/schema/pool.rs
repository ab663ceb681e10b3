//! Texts and patterns of all schemas, each kept once.

use crate::regex::{self, Budget, Refusal, Syntax};
use std::collections::HashMap;
use toolgate_engine::automaton::Automaton;

#[derive(Default)]
pub(super) struct Pool {
    pub(super) text: String,
    pub(super) text_lengths: Vec<u32>,
    pub(super) patterns: Vec<Automaton>,
    texts_by_name: HashMap<String, u32>,
    patterns_by_name: HashMap<String, u32>,
}

impl Pool {
    /// The index of a text, which is added if it is new.
    pub(super) fn text(&mut self, text: &str) -> u32 {
        if let Some(&known) = self.texts_by_name.get(text) {
            return known;
        }
        let index = index(self.text_lengths.len());
        self.text.push_str(text);
        self.text_lengths.push(self::index(text.len()));
        self.texts_by_name.insert(text.to_owned(), index);
        index
    }

    /// The index of a pattern, which is compiled if it is new.
    pub(super) fn pattern(&mut self, pattern: &str, budget: Budget) -> Result<u32, Refusal> {
        if let Some(&known) = self.patterns_by_name.get(pattern) {
            return Ok(known);
        }
        let compiled = regex::compile(pattern, Syntax::Ecma, budget)?;
        let index = index(self.patterns.len());
        self.patterns.push(compiled.automaton);
        self.patterns_by_name.insert(pattern.to_owned(), index);
        Ok(index)
    }
}

/// Nothing has four thousand million parts: a policy is at most some mebibytes long.
pub(super) fn index(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
