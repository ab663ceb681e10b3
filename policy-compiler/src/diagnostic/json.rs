//! Findings for programs.
//!
//! In: the findings of all files. Out: one JSON document, described in `docs/diagnostics.md`.
//! Raises [`FORMAT`] when a field changes its meaning or goes; new fields may come without that.

use super::{Code, Diagnostic, Label, Place, Severity};
use serde::Serialize;

/// The form of the document.
pub const FORMAT: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    format: u32,
    errors: usize,
    warnings: usize,
    notes: usize,
    diagnostics: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Item<'a> {
    code: Code,
    severity: Severity,
    message: &'a str,
    file: &'a str,
    span: Option<Place>,
    labels: &'a [Label],
    help: Option<&'a str>,
    did_you_mean: Option<&'a str>,
}

/// The document, without a line feed at its end.
pub fn render(diagnostics: &[Diagnostic]) -> serde_json::Result<String> {
    let count = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity() == severity).count();
    serde_json::to_string_pretty(&Document {
        format: FORMAT,
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
        notes: count(Severity::Note),
        diagnostics: diagnostics.iter().map(item).collect(),
    })
}

fn item(diagnostic: &Diagnostic) -> Item<'_> {
    let Diagnostic { code, file, span, message, labels, help, did_you_mean } = diagnostic;
    Item {
        code: *code,
        severity: diagnostic.severity(),
        message,
        file,
        span: *span,
        labels,
        help: help.as_deref(),
        did_you_mean: did_you_mean.as_deref(),
    }
}
