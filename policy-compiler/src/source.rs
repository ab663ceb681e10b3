//! The text of a policy: checked bytes, lines and columns, and the tree of its YAML.
//!
//! In: a name and bytes. Out: a [`Source`] that places spans, and a [`Node`] tree in which all has its span.
//! Knows YAML and nothing of policies.

mod text;
mod tree;

pub use text::Source;
pub(crate) use tree::{Entry, Kind, Node};

use crate::diagnostic::Findings;

/// The largest policy that is read.
pub const MAX_SOURCE_BYTES: usize = 8 << 20;

/// How deep lists and mappings may stand in each other.
pub const MAX_DEPTH: usize = 32;

/// A stretch of the text, in bytes, without a byte order mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Reads the tree. Nothing means that the findings say why the text cannot be read at all.
pub(crate) fn read(source: &Source<'_>, bytes: &[u8], findings: &mut Findings) -> Option<Node> {
    text::check(source, bytes, findings)?;
    tree::read(source.text(), findings)
}
