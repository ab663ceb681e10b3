//! The command line of the policy compiler.
//!
//! In: arguments, files and standard input. Out: the product on standard output, talk on standard error.
//! Exit code 0: clean; 1: findings; 2: could not run.

mod command;

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    command::run(command::Arguments::parse())
}
