//! JSON Schemas in their ready form, and the judgement of values by them.
//!
//! In: a [`Program`], which `policy-compiler` makes of schemas, and values of the JSON reader.
//! Out: "holds", or which value breaks which keyword. The value itself is never told.
//! Reads no schema: keywords, references and dialects are the compiler's.

mod canonical;
mod decimal;
mod evaluated;
mod format;
mod load;
mod ready;
mod run;
#[cfg(test)]
mod tests;
mod wire;

pub(crate) use decimal::ecmascript;
pub use decimal::{compare_numbers, count, is_divisor, is_number, is_whole};
pub use wire::{Constant, Entry, Format, Matched, Named, Node, Program, Requires, Rule, Types};

use crate::{
    automaton::ReadyAutomaton,
    json::{Admitted, Place, Value},
};
use ready::{Texts, wide};
use std::fmt;

/// No run takes more steps. A step looks at one value with one schema.
pub const MAX_STEPS: u64 = 4_000_000;

/// No run goes deeper: each value in a value and each schema in place of a schema is one deeper.
pub const MAX_NESTING: u32 = 400;

/// The keyword of a [`Failure`] whose run took too many steps or went too deep. No schema has such a keyword.
pub const BUDGET: &str = "budget";

/// How much memory the patterns of a program may take. Their bytes are few, but each can ask for much.
const MAX_PATTERN_BYTES: usize = 64 << 20;

/// Schemas that are ready to judge values.
pub struct Schemas {
    texts: Texts,
    patterns: Vec<ReadyAutomaton>,
    nodes: Vec<ready::Node>,
    entries: Vec<Entry>,
}

/// Why a program cannot be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadProgram(&'static str);

impl BadProgram {
    /// What is wrong with it.
    pub fn what(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for BadProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for BadProgram {}

/// A value that does not hold to its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which value: an RFC 6901 pointer from the judged value on.
    pub pointer: String,
    /// Which keyword it breaks. [`BUDGET`] if the run took too many steps, `false` if the whole schema is `false`.
    pub keyword: &'static str,
    /// How the run came to the keyword: an RFC 6901 pointer from the entry's schema on, through references.
    pub schema_pointer: String,
}

impl TryFrom<Program> for Schemas {
    type Error = BadProgram;

    fn try_from(mut program: Program) -> Result<Self, BadProgram> {
        let texts = load::texts(std::mem::take(&mut program.text), &program.text_lengths)?;
        let patterns = load::patterns(&program.patterns, MAX_PATTERN_BYTES)?;
        let entries = std::mem::take(&mut program.entries);
        let nodes = load::nodes(program, &texts)?;
        if entries.iter().any(|entry| wide(entry.node) >= nodes.len()) {
            return Err(BadProgram("an entry refers to a schema that is not there"));
        }
        Ok(Self { texts, patterns, nodes, entries })
    }
}

impl Schemas {
    /// How many schemas values can be judged by.
    pub fn entries(&self) -> usize {
        self.entries.len()
    }

    /// Judges a value by the schema of an entry. An entry that is not there holds for no value.
    pub fn run(&self, entry: u32, value: Value<'_>) -> Result<(), Failure> {
        self.run_admitting(entry, value, &mut Admitted::default())
    }

    /// The same, and admits numbers that a double does not hold: those that `const` or `enum` name, and integers that a
    /// limit on their side of zero bounds which lies itself beyond what a double holds. What `not` or a broken branch
    /// says of them, and what only decides or counts (`if`, `contains`), admits none.
    pub fn run_admitting(&self, entry: u32, value: Value<'_>, admitted: &mut Admitted) -> Result<(), Failure> {
        run::run(self, self.entries.get(wide(entry)).copied(), value, admitted)
    }
}

/// The one text that all spellings of a value share, for [`Constant::Composite`]; nothing if it is beyond all measure.
pub fn canonical_text(value: Value<'_>) -> Option<String> {
    canonical::canonical(value, MAX_NESTING)
}

/// Where a run failed, before anyone asks for it in words.
#[derive(Clone, Copy)]
struct Found {
    place: Place,
    /// None if the schema is `false`: the keyword is then the one that led there.
    keyword: Option<&'static str>,
}
