//! Regular expressions, compiled to the automata that the engine runs.
//!
//! In: a pattern in one of two dialects, and a budget. Out: an [`Automaton`] with its cost, or why there is none.
//! What an automaton cannot do in linear time (look-around, back-references) is refused, never approximated.

mod blocked;
mod determine;
mod ecma;
mod join;
mod minimize;
mod parse;
mod partition;
#[cfg(test)]
mod tests;
mod write;

pub use join::{Joined, Prepared, join};
use regex_syntax::hir::Hir;
use std::fmt;
use toolgate_engine::automaton::{Automaton, ReadyAutomaton};

/// How a pattern is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// ECMA-262 with the flag `u`, as JSON Schema wants it.
    Ecma,
    /// Rust's `regex`, for what is blocked: letters match in either case, `\d`, `\s`, `\w` and `\b` are ASCII,
    /// and a space stands for any run of white space.
    Rust,
}

/// How large an automaton may become.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// States.
    pub states: usize,
    /// Bytes of the table that the filter holds in memory.
    pub bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { states: 8192, bytes: 512 << 10 }
    }
}

/// What an automaton costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// States.
    pub states: usize,
    /// Bytes of the table that the filter holds in memory.
    pub bytes: usize,
}

/// A pattern that was compiled.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// What the filter runs.
    pub automaton: Automaton,
    /// What that costs.
    pub cost: Cost,
}

/// Why a pattern was not compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Offset in the pattern, in bytes.
    pub at: usize,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Whether the pattern is right but too costly.
    pub over_budget: bool,
}

impl Refusal {
    fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), help: None, over_budget: false }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.message, self.at)
    }
}

impl std::error::Error for Refusal {}

/// A pattern that was parsed and can be compiled, alone or with others.
#[derive(Clone, Debug)]
pub struct Pattern(Hir);

impl Pattern {
    /// Parses a regular expression.
    pub fn parse(pattern: &str, syntax: Syntax) -> Result<Self, Refusal> {
        match syntax {
            Syntax::Ecma => ecma::parse(pattern),
            Syntax::Rust => blocked::parse(pattern),
        }
        .map(Self)
    }

    /// A literal that is blocked: letters match in either case, white space matches any run of white space.
    pub fn literal(text: &str) -> Self {
        Self(blocked::literal(text))
    }

    /// The shortest text that it matches, in bytes; nothing if it matches none.
    pub fn shortest(&self) -> Option<usize> {
        self.0.properties().minimum_len()
    }
}

/// Compiles one pattern.
pub fn compile(pattern: &str, syntax: Syntax, budget: Budget) -> Result<Compiled, Refusal> {
    compile_all(&[Pattern::parse(pattern, syntax)?], budget)
}

/// Compiles several patterns into one automaton; the pattern with index `n` is found as pattern `n`.
pub fn compile_all(patterns: &[Pattern], budget: Budget) -> Result<Compiled, Refusal> {
    let hirs: Vec<&Hir> = patterns.iter().map(|Pattern(hir)| hir).collect();
    let automaton = determine::determine(&hirs, budget).map(|table| write::write(&minimize::minimize(table)))?;
    let ready = ReadyAutomaton::try_from(&automaton).map_err(|bad| too_large(bad.what()))?;
    let cost = Cost { states: ready.states(), bytes: ready.bytes() };
    if cost.states > budget.states || cost.bytes > budget.bytes {
        return Err(too_large(&format!("{} states, {} bytes", cost.states, cost.bytes)));
    }
    Ok(Compiled { automaton, cost })
}

fn too_large(what: &str) -> Refusal {
    let refusal = Refusal::new(0, format!("the pattern needs too large an automaton: {what}"));
    let help = "shorten counted repetitions such as `{1,100}`, or use ASCII classes in place of Unicode ones";
    Refusal { over_budget: true, ..refusal.help(help) }
}
