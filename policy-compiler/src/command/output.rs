//! Standard output, standard error, and files that are replaced in one step.
//!
//! In: finished text. Out: the same text somewhere else.
//! A reader that went away is no failure: it has seen what it wanted.

use super::{Colour, CouldNotRun};
use anstream::{AutoStream, ColorChoice};
use policy_compiler::{
    Source,
    diagnostic::{Diagnostic, Severity, human},
    files::ReadFile,
};
use std::{
    io::{self, ErrorKind, Write},
    path::Path,
};

/// What is said beside the product.
pub(super) struct Talk {
    choice: ColorChoice,
}

impl Talk {
    pub(super) fn on_stderr(colour: Colour) -> Self {
        let choice = match colour {
            Colour::Auto => AutoStream::choice(&io::stderr()),
            Colour::Always => ColorChoice::Always,
            Colour::Never => ColorChoice::Never,
        };
        Self { choice }
    }

    /// Says one line. Nobody is left to hear of it if that fails.
    pub(super) fn say(&self, line: &str) {
        self.write(&format!("{line}\n"));
    }

    pub(super) fn error(&self, line: &str) {
        self.write(&format!("\u{1b}[1m\u{1b}[91merror\u{1b}[0m: {line}\n"));
    }

    pub(super) fn help(&self, line: &str) {
        self.write(&format!("  = \u{1b}[1mhelp\u{1b}[0m: {line}\n"));
    }

    /// Draws findings about a policy and its files.
    pub(super) fn findings(&self, diagnostics: &[Diagnostic], source: &Source<'_>, files: &[ReadFile]) {
        self.write(&human::render_with(diagnostics, source, files, human::Colour::Always));
    }

    fn write(&self, text: &str) {
        let mut stream = AutoStream::new(io::stderr().lock(), self.choice);
        let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
    }
}

/// Whether a file that is there may be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existing {
    Replace,
    Keep,
}

/// Writes the product to a file, or to standard output if there is none or it is `-`.
pub(super) fn product(text: &str, path: Option<&Path>, existing: Existing) -> Result<(), CouldNotRun> {
    match path.filter(|path| *path != Path::new("-")) {
        Some(path) => file(path, text, existing),
        None => stdout(text),
    }
}

fn stdout(text: &str) -> Result<(), CouldNotRun> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(CouldNotRun(format!("cannot write to standard output: {error}"))),
    }
}

/// Writes a file in one step: a reader sees the old one, or the whole new one.
fn file(path: &Path, text: &str, existing: Existing) -> Result<(), CouldNotRun> {
    write_file(path, text, existing).map_err(|error| {
        let hint = if error.kind() == ErrorKind::AlreadyExists { "; `--force` replaces it" } else { "" };
        CouldNotRun(format!("cannot write `{}`: {error}{hint}", path.display()))
    })
}

fn write_file(path: &Path, text: &str, existing: Existing) -> io::Result<()> {
    // What is written through a link goes to where it points, as with any other tool.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    if let Some(permissions) = permissions(&path) {
        builder.permissions(permissions);
    }
    let mut file = builder.prefix(".policy-compiler-").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    let persisted = match existing {
        Existing::Replace => file.persist(&path),
        Existing::Keep => file.persist_noclobber(&path),
    };
    persisted.map(|_| ()).map_err(|error| error.error)
}

/// Those of the file that is replaced; those that the user's mask gives for a new one.
#[cfg(unix)]
fn permissions(path: &Path) -> Option<std::fs::Permissions> {
    use std::os::unix::fs::PermissionsExt as _;
    Some(std::fs::metadata(path).map_or_else(|_| std::fs::Permissions::from_mode(0o666), |old| old.permissions()))
}

#[cfg(not(unix))]
fn permissions(_: &Path) -> Option<std::fs::Permissions> {
    None
}

/// `2 errors, 1 warning`, or `clean`.
pub(super) fn summary(diagnostics: &[Diagnostic]) -> String {
    let count = |severity: Severity| {
        let count = diagnostics.iter().filter(|diagnostic| diagnostic.severity() == severity).count();
        let plural = if count == 1 { "" } else { "s" };
        (count > 0).then(|| format!("{count} {}{plural}", severity.word()))
    };
    let counts: Vec<_> = [Severity::Error, Severity::Warning].into_iter().filter_map(count).collect();
    if counts.is_empty() { "clean".to_owned() } else { counts.join(", ") }
}
