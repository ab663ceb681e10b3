//! `init`: a first policy with comments.

use super::{
    CouldNotRun, Outcome,
    output::{self, Existing, Talk},
};
use clap::Args;
use std::path::{Path, PathBuf};

const FIRST_POLICY: &str = include_str!("init/policy.yaml");

/// Writes a first policy with comments.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// The file to write; `-` is standard output.
    #[arg(short, long, value_name = "FILE", default_value = "policy.yaml")]
    output: PathBuf,
    /// Replaces a file that is there.
    #[arg(long)]
    force: bool,
}

impl Init {
    pub(super) fn run(self, talk: &Talk) -> Result<Outcome, CouldNotRun> {
        let existing = if self.force { Existing::Replace } else { Existing::Keep };
        output::product(FIRST_POLICY, Some(&self.output), existing)?;
        if self.output != Path::new("-") {
            let file = self.output.display();
            talk.say(&format!("wrote `{file}`; next: policy-compiler check {file}"));
        }
        Ok(Outcome::Clean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy_compiler::diagnostic::Severity;

    #[test]
    fn the_first_policy_is_clean() {
        let compiled = policy_compiler::compile("policy.yaml", FIRST_POLICY.as_bytes());
        assert!(compiled.bundle.is_some());
        let loud: Vec<_> =
            compiled.diagnostics.iter().filter(|diagnostic| diagnostic.severity() != Severity::Note).collect();
        assert!(loud.is_empty(), "{loud:?}");
    }
}
