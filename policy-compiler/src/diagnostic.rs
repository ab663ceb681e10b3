//! One finding about a policy, and the list that all rooms add theirs to.
//!
//! In: a code, a span, words. Out: [`Diagnostic`]s in the order of the file, each with its lines and columns.
//! Prints nothing: `human` and `json` make the text, the commands write it.

mod code;
pub mod human;
pub mod json;
mod severity;

pub use code::{About, Code};
pub use severity::Severity;

use crate::source::{Source, Span};
use serde::Serialize;

/// A point in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in Unicode scalar values, from 1.
    pub column: usize,
    /// Offset in bytes, from 0; a byte order mark counts.
    pub offset: usize,
}

/// A stretch of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Where it starts.
    pub start: Position,
    /// Where it ends; this point is outside.
    pub end: Position,
}

/// Another place that a finding speaks of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Label {
    /// Where.
    pub span: Place,
    /// What is there.
    pub message: String,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which kind of finding; the severity follows from it.
    pub code: Code,
    /// The file, as the caller named it.
    pub file: String,
    /// Where; nothing if the finding is about the file as a whole.
    pub span: Option<Place>,
    /// What is wrong, in one line.
    pub message: String,
    /// Other places it speaks of.
    pub labels: Vec<Label>,
    /// What to do.
    pub help: Option<String>,
    /// What was probably meant, to be written in place of the span.
    pub did_you_mean: Option<String>,
}

impl Diagnostic {
    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.code.about().severity
    }
}

/// Whether one of the findings is an error.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.severity() == Severity::Error)
}

/// A finding whose spans are still plain offsets.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    code: Code,
    span: Option<Span>,
    /// Another file than the policy, and where in it.
    other: Option<(String, Option<Place>)>,
    message: String,
    labels: Vec<(Span, String)>,
    help: Option<String>,
    did_you_mean: Option<String>,
}

impl Finding {
    pub(crate) fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self { span: Some(span), ..Self::of_file(code, message) }
    }

    /// A finding about the file as a whole.
    pub(crate) fn of_file(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            span: None,
            other: None,
            message: message.into(),
            labels: Vec::new(),
            help: None,
            did_you_mean: None,
        }
    }

    /// Is about another file than the policy.
    pub(crate) fn in_other(mut self, source: &Source<'_>, span: Option<Span>) -> Self {
        self.other = Some((source.name().to_owned(), span.map(|span| source.place(span))));
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn label(mut self, span: Span, message: impl Into<String>) -> Self {
        self.labels.push((span, message.into()));
        self
    }

    /// Takes an option, since most guesses may fail.
    pub(crate) fn did_you_mean(mut self, meant: Option<String>) -> Self {
        self.did_you_mean = meant;
        self
    }

    fn placed(self, source: &Source<'_>) -> Diagnostic {
        let Self { code, span, other, message, labels, help, did_you_mean } = self;
        let label = |(span, message)| Label { span: source.place(span), message };
        let here = || (source.name().to_owned(), span.map(|span| source.place(span)));
        let (file, span) = other.unwrap_or_else(here);
        Diagnostic {
            code,
            file,
            span,
            message,
            labels: labels.into_iter().map(label).collect(),
            help,
            // A guess is to be typed, so one with control characters helps nobody.
            did_you_mean: did_you_mean.filter(|meant| !meant.contains(char::is_control)),
        }
    }
}

/// Text of the user in backticks: short, and without what a terminal would obey.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown = String::new();
    for character in text.chars().take(LONGEST) {
        match character {
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => shown.extend(character.escape_unicode()),
            _ if character.is_control() => shown.extend(character.escape_default()),
            _ => shown.push(character),
        }
    }
    let more = if text.chars().nth(LONGEST).is_some() { "…" } else { "" };
    format!("`{shown}{more}`")
}

/// All findings so far.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Finding>);

/// How many findings are kept: a file of 8 MiB has room for millions.
const MOST_FINDINGS: usize = 100_000;

impl Findings {
    /// Adds a finding. The one that is too many becomes an error itself, so that none is lost in silence.
    pub(crate) fn add(&mut self, finding: Finding) {
        if self.0.len() < MOST_FINDINGS {
            self.0.push(finding);
        } else if self.0.len() == MOST_FINDINGS {
            let finding =
                Finding::of_file(Code::TooManyFindings, format!("there are more than {MOST_FINDINGS} findings"));
            self.0.push(finding.help("correct those above, then check again"));
        }
    }

    pub(crate) fn any(&self, wanted: fn(Code) -> bool) -> bool {
        self.0.iter().any(|finding| wanted(finding.code))
    }

    /// The findings in the order of the file; then those about the whole file, then those about other files.
    pub(crate) fn placed(mut self, source: &Source<'_>) -> Vec<Diagnostic> {
        let order = |finding: &Finding| {
            let span = finding.span.unwrap_or(Span { start: usize::MAX, end: usize::MAX });
            let other =
                finding.other.as_ref().map(|(name, place)| (name.clone(), place.map(|place| place.start.offset)));
            (span.start, span.end, other, finding.code)
        };
        self.0.sort_by_cached_key(order);
        self.0.into_iter().map(|finding| finding.placed(source)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_the_user_cannot_drive_a_terminal() {
        assert_eq!(quoted("a\u{1b}[31mb\n"), "`a\\u{1b}[31mb\\n`");
        assert_eq!(quoted("\u{202e}x"), "`\\u{202e}x`");
    }

    #[test]
    fn long_text_of_the_user_is_cut_between_characters() {
        assert_eq!(quoted(&"é".repeat(61)), format!("`{}…`", "é".repeat(60)));
        assert_eq!(quoted(&"é".repeat(60)), format!("`{}`", "é".repeat(60)));
    }
}
