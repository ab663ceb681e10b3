//! `check`: all findings about policies.

use super::{CouldNotRun, Format, Outcome, input, output, output::Talk, verdict};
use clap::Args;
use policy_compiler::{
    Packing, Source,
    diagnostic::{Diagnostic, json},
};
use std::path::PathBuf;
use toolgate_engine::bundle::Deployment;

/// Checks policies and says all that is wrong with them.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The policies; `-` is standard input.
    #[arg(value_name = "POLICY", required = true)]
    policies: Vec<PathBuf>,
    /// How findings are written: for people to standard error, for programs to standard output.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Takes warnings for errors.
    #[arg(long)]
    deny_warnings: bool,
}

impl Check {
    /// Goes on after a file that cannot be read, so that one run says everything.
    pub(super) fn run(self, talk: &Talk) -> Result<Outcome, CouldNotRun> {
        let Self { policies, format, deny_warnings } = self;
        let mut all = Vec::new();
        let mut unread = None;
        for policy in &policies {
            let found = input::read(policy).and_then(|input| findings(&input, format, talk));
            match found {
                Ok(diagnostics) => all.extend(diagnostics),
                Err(CouldNotRun(why)) => {
                    if let Some(CouldNotRun(before)) = unread.replace(CouldNotRun(why)) {
                        talk.error(&before);
                    }
                }
            }
        }
        if format == Format::Json {
            let document = json::render(&all).map_err(|error| CouldNotRun(format!("cannot write JSON: {error}")))?;
            output::product(&format!("{document}\n"), None, output::Existing::Keep)?;
        }
        match unread {
            Some(why) => Err(why),
            None => Ok(verdict(&all, deny_warnings)),
        }
    }
}

fn findings(input: &input::Input, format: Format, talk: &Talk) -> Result<Vec<Diagnostic>, CouldNotRun> {
    let Packing { config: _, diagnostics, files } = super::pack(input, Deployment::default())?;
    if format == Format::Human {
        talk.findings(&diagnostics, &Source::new(&input.name, &input.bytes), &files);
        talk.say(&format!("{}: {}", input.name, output::summary(&diagnostics)));
    }
    Ok(diagnostics)
}
