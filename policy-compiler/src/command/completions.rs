//! `completions`: a script that completes the command line.

use super::{
    Arguments, CouldNotRun, Outcome,
    output::{self, Existing},
};
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

/// Writes the completions of a shell.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// Which shell.
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> Result<Outcome, CouldNotRun> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "policy-compiler", &mut script);
        output::product(&String::from_utf8_lossy(&script), None, Existing::Keep)?;
        Ok(Outcome::Clean)
    }
}
