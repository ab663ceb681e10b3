//! A program and all that it starts.
//!
//! In: a command and a folder for its logs. Out: whether it still runs, and what it has printed.
//! It ends, in whole, when the value is dropped and also when the process of the test is killed.

use super::{PATIENCE, wait_for};
use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    thread,
};

/// Ends its own process group when its input ends or the program does. The input is a pipe that this
/// process holds, so that no way of dying leaves anything behind.
const GUARD: &str = r#"("$@" </dev/null; kill -s KILL 0) & read -r _; kill -s KILL 0"#;

/// A running program.
#[derive(Debug)]
pub(super) struct Program {
    name: &'static str,
    guard: Child,
    lifeline: Option<ChildStdin>,
    output: PathBuf,
    errors: PathBuf,
}

impl Program {
    /// Starts it with these arguments and variables of its environment.
    pub(super) fn start(
        name: &'static str,
        program: &Path,
        arguments: &[OsString],
        variables: &[(&str, OsString)],
        folder: &Path,
    ) -> Self {
        let (output, errors) = (folder.join(format!("{name}.out")), folder.join(format!("{name}.err")));
        let mut guard = Command::new("sh")
            .args(["-c", GUARD, "sh"])
            .arg(program)
            .args(arguments)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .current_dir(folder)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(appended(&output))
            .stderr(appended(&errors))
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
        let lifeline = guard.stdin.take();
        Self { name, guard, lifeline, output, errors }
    }

    /// How it ended, if it did by itself.
    pub(super) fn exit_status(&mut self) -> Option<ExitStatus> {
        self.guard.try_wait().expect("a child can be asked")
    }

    /// Waits until it is as wanted.
    ///
    /// # Panics
    /// When it ends before, or patience does.
    pub(super) fn wait_until(&mut self, wanted: &str, mut ask: impl FnMut() -> bool) {
        let came = wait_for(PATIENCE * 3, || {
            if self.exit_status().is_some() {
                panic!("{} ended before {wanted}:\n{}", self.name, self.log());
            }
            ask().then_some(())
        });
        assert!(came.is_some(), "{} runs without {wanted}:\n{}", self.name, self.log());
    }

    /// Ends it and all that it started, at once.
    pub(super) fn end(&mut self) {
        drop(self.lifeline.take());
        drop(self.guard.wait());
    }

    /// What it has written as its product.
    pub(super) fn output(&self) -> String {
        text(&self.output)
    }

    /// All that it has written.
    pub(super) fn log(&self) -> String {
        format!("{}{}", text(&self.output), text(&self.errors))
    }
}

impl Drop for Program {
    #[expect(clippy::print_stderr, reason = "a failed test shows what its programs said")]
    fn drop(&mut self) {
        self.end();
        if thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            let end = lines.get(lines.len().saturating_sub(150)..).unwrap_or_default().join("\n");
            eprintln!("--- the end of what {} said ---\n{end}", self.name);
        }
    }
}

/// A program that opens its output anew, as Envoy does with `/dev/stdout`, must not write over other lines.
fn appended(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).expect("a log file can be made")
}

fn text(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}
