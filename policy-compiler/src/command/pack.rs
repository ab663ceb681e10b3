//! `pack`: a policy becomes the plugin config.

use super::{
    CouldNotRun, Outcome, input,
    output::{self, Existing, Talk},
    verdict,
};
use clap::Args;
use policy_compiler::{OBJECT_BYTES, Packing, Source, diagnostic::Severity};
use std::path::PathBuf;
use toolgate_engine::bundle::Deployment;

/// Packs a policy into the plugin config, one line of JSON. Prints nothing unless the filter takes it.
#[derive(Debug, Args)]
pub(super) struct Pack {
    /// The policy; `-` is standard input.
    #[arg(value_name = "POLICY")]
    policy: PathBuf,
    /// Writes this file, in one step, instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// For an Envoy plugin with `allow_on_headers_stop_iteration: true`. Both must agree.
    #[arg(long)]
    hold_headers: bool,
    /// Takes warnings for errors.
    #[arg(long)]
    deny_warnings: bool,
}

impl Pack {
    pub(super) fn run(self, talk: &Talk) -> Result<Outcome, CouldNotRun> {
        let Self { policy, output, hold_headers, deny_warnings } = self;
        let input = input::read(&policy)?;
        let Packing { config, mut diagnostics, files } = super::pack(&input, Deployment { hold_headers })?;
        // Notes are for whoever writes the policy: `check` shows them.
        diagnostics.retain(|diagnostic| diagnostic.severity() != Severity::Note);
        talk.findings(&diagnostics, &Source::new(&input.name, &input.bytes), &files);
        let outcome = verdict(&diagnostics, deny_warnings);
        let Some(config) = config.filter(|_| outcome == Outcome::Clean) else {
            talk.say(&format!("{}: {}, nothing packed", input.name, output::summary(&diagnostics)));
            return Ok(Outcome::Findings);
        };
        let percent = config.len().saturating_mul(100) / OBJECT_BYTES;
        let size = format!("{} bytes, {percent} % of what a Kubernetes object holds", config.len());
        output::product(&format!("{config}\n"), output.as_deref(), Existing::Replace)?;
        talk.say(&format!("{}: packed, {size}", input.name));
        Ok(outcome)
    }
}
