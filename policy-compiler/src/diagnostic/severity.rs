//! How bad a finding is.
//!
//! In: nothing. Out: [`Severity`] and its words.
//! Which code has which severity stands in `code`.

use serde::Serialize;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The policy is not packed.
    Error,
    /// The policy is packed; `--deny-warnings` refuses it.
    Warning,
    /// Something to know; never changes the exit code.
    Note,
}

impl Severity {
    /// The word that people and programs see.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}
