//! `schema`: the JSON Schema of a policy, for editors.

use super::{
    CouldNotRun, Outcome,
    output::{self, Existing},
};
use clap::Args;
use std::path::PathBuf;

/// Writes the JSON Schema (2020-12) of a policy, for editors.
#[derive(Debug, Args)]
pub(super) struct Schema {
    /// Writes this file, in one step, instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Schema {
    pub(super) fn run(self) -> Result<Outcome, CouldNotRun> {
        let schema = policy_compiler::schema();
        output::product(&format!("{schema:#}\n"), self.output.as_deref(), Existing::Replace)?;
        Ok(Outcome::Clean)
    }
}
