//! The verbs, and what they share: reading, writing, showing findings, exit codes.
//!
//! In: parsed arguments. Out: an exit code.
//! The only room that touches files and streams.

mod check;
mod completions;
mod folder;
mod init;
mod input;
mod inspect;
mod output;
mod pack;
mod pin;
mod render;
mod schema;

use clap::{Parser, Subcommand, ValueEnum};
use output::Talk;
use policy_compiler::{
    Packing,
    diagnostic::{Diagnostic, Severity},
};
use std::process::ExitCode;
use toolgate_engine::bundle::{BadConfig, Deployment};

/// Reads a Toolgate policy, says all that is wrong with it, and packs it for the filter.
#[derive(Debug, Parser)]
#[command(name = "policy-compiler", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 clean, 1 findings, 2 could not run. `-` is standard input or output.")]
pub struct Arguments {
    /// When to use colours on standard error.
    #[arg(long, value_enum, default_value_t = Colour::Auto, global = true)]
    color: Colour,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How findings and reports are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Human,
    /// For programs: one JSON document.
    Json,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Check(check::Check),
    Pack(pack::Pack),
    Inspect(inspect::Inspect),
    Pin(pin::PinCommand),
    Render(render::Render),
    Schema(schema::Schema),
    Init(init::Init),
    Completions(completions::Completions),
}

/// How a command ended that could run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Clean,
    Findings,
}

/// Why a command could not run. Whoever makes one has the words for it.
#[derive(Debug)]
struct CouldNotRun(String);

/// Runs the verb.
pub fn run(arguments: Arguments) -> ExitCode {
    let Arguments { color, verb } = arguments;
    let talk = Talk::on_stderr(color);
    let outcome = match verb {
        Verb::Check(check) => check.run(&talk),
        Verb::Pack(pack) => pack.run(&talk),
        Verb::Inspect(inspect) => inspect.run(&talk),
        Verb::Pin(pin) => pin.run(&talk),
        Verb::Render(render) => render.run(&talk),
        Verb::Schema(schema) => schema.run(),
        Verb::Init(init) => init.run(&talk),
        Verb::Completions(completions) => completions.run(),
    };
    match outcome {
        Ok(Outcome::Clean) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        Err(CouldNotRun(why)) => {
            talk.error(&why);
            ExitCode::from(2)
        }
    }
}

/// What findings mean for the exit code.
fn verdict(diagnostics: &[Diagnostic], deny_warnings: bool) -> Outcome {
    let counts = |diagnostic: &Diagnostic| match diagnostic.severity() {
        Severity::Error => true,
        Severity::Warning => deny_warnings,
        Severity::Note => false,
    };
    if diagnostics.iter().any(counts) { Outcome::Findings } else { Outcome::Clean }
}

/// Packs a policy; that the engine refuses what we made is our fault, not a finding.
fn pack(input: &input::Input, deployment: Deployment) -> Result<Packing, CouldNotRun> {
    policy_compiler::pack_with(&input.name, &input.bytes, &input.folder, deployment)
        .map_err(|error| refused_by_the_filter(&input.name, &error))
}

fn refused_by_the_filter(name: &str, error: &BadConfig) -> CouldNotRun {
    CouldNotRun(format!(
        "`{name}`: the filter would refuse the packed policy ({error}); this is a bug of policy-compiler"
    ))
}
