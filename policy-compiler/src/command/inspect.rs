//! `inspect`: what is in a packed policy.

mod automata;
mod identity;
mod report;
mod schemas;
mod table;

use super::{
    CouldNotRun, Format, Outcome, input,
    output::{self, Existing, Talk},
};
use clap::Args;
use report::Report;
use std::path::PathBuf;
use toolgate_engine::{
    bundle::{self, BadConfig, Packed},
    policy::Policy,
};

/// Says what is in a packed policy, or what is wrong with it.
#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// The plugin config that `pack` wrote; `-` is standard input.
    #[arg(value_name = "CONFIG")]
    config: PathBuf,
    /// How the report is written.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

impl Inspect {
    pub(super) fn run(self, talk: &Talk) -> Result<Outcome, CouldNotRun> {
        let Self { config, format } = self;
        let input = input::read(&config)?;
        let packed = match load(&input.bytes) {
            Ok(packed) => packed,
            Err(error) => {
                talk.error(&format!("`{}`: {error}", input.name));
                talk.help(advice(&error));
                return Ok(Outcome::Findings);
            }
        };
        let report = Report::of(&packed, input.bytes.trim_ascii().len());
        let text = match format {
            Format::Human => table::render(&report),
            Format::Json => serde_json::to_string_pretty(&report)
                .map(|json| format!("{json}\n"))
                .map_err(|error| CouldNotRun(format!("cannot write JSON: {error}")))?,
        };
        output::product(&text, None, Existing::Keep)?;
        Ok(Outcome::Clean)
    }
}

/// Takes only what the filter would take.
fn load(config: &[u8]) -> Result<Packed, BadConfig> {
    let packed = bundle::decode(config)?;
    Policy::load(config)?;
    Ok(packed)
}

fn advice(error: &BadConfig) -> &'static str {
    match error {
        BadConfig::NotPacked(_) => {
            "`inspect` reads what `policy-compiler pack` writes; a policy itself is read by `check`"
        }
        BadConfig::OtherFormat(_) => "pack the policy with the compiler of the same version as the filter",
        BadConfig::Corrupt(_) | BadConfig::OtherDigest | BadConfig::Inconsistent(_) => {
            "it was changed after it was packed: pack the policy again"
        }
    }
}
