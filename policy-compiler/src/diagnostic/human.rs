//! Findings for people, drawn as rustc draws its own.
//!
//! In: findings and the source they are about. Out: text, with colour if asked for.
//! Decides nothing about terminals and writes nowhere.

use super::{Diagnostic, Place, Severity};
use crate::source::Source;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Message, Origin, Renderer, Snippet};
use std::ops::Range;

/// Whether the text carries ANSI colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    Never,
    /// With ANSI colours.
    Always,
}

/// Draws all findings, each followed by an empty line.
pub fn render(diagnostics: &[Diagnostic], source: &Source<'_>, colour: Colour) -> String {
    let renderer = match colour {
        Colour::Never => Renderer::plain(),
        Colour::Always => Renderer::styled(),
    };
    let draw = |diagnostic| format!("{}\n\n", renderer.render(&[group(diagnostic, source)]));
    diagnostics.iter().map(draw).collect()
}

fn group<'a>(diagnostic: &'a Diagnostic, source: &'a Source<'_>) -> Group<'a> {
    let level = match diagnostic.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code.id());
    let group = match diagnostic.span {
        Some(span) => title.element(snippet(diagnostic, span, source)),
        None => title.element(Origin::path(diagnostic.file.as_str())),
    };
    group.elements(helps(diagnostic))
}

fn helps(diagnostic: &Diagnostic) -> impl Iterator<Item = Message<'_>> {
    let meant = diagnostic.did_you_mean.as_ref().map(|meant| format!("did you mean `{meant}`?"));
    meant.into_iter().chain(diagnostic.help.clone()).map(|help| Level::HELP.message(help))
}

/// Shows only the lines from the first to the last place, so that drawing costs nothing on long files.
fn snippet<'a>(diagnostic: &'a Diagnostic, span: Place, source: &'a Source<'_>) -> Snippet<'a, Annotation<'a>> {
    let lines = diagnostic.labels.iter().map(|label| label.span.start.line).chain([span.start.line]);
    let (first, last) = lines.fold((usize::MAX, 0), |(first, last), line| (first.min(line), last.max(line)));
    let from = source.line_start(first);
    let excerpt = source.text().get(from..source.line_start(last.saturating_add(1))).unwrap_or_default();
    let within = |place: Place| first_line(place, from, excerpt, source);
    let labels = diagnostic
        .labels
        .iter()
        .map(|label| AnnotationKind::Context.span(within(label.span)).label(label.message.as_str()));
    Snippet::source(excerpt)
        .line_start(first)
        .path(diagnostic.file.as_str())
        .annotation(AnnotationKind::Primary.span(within(span)))
        .annotations(labels)
}

/// The part of a place that is on its first line, as offsets into the excerpt.
fn first_line(place: Place, from: usize, excerpt: &str, source: &Source<'_>) -> Range<usize> {
    let offset = |at: usize| at.saturating_sub(source.mark_bytes()).saturating_sub(from);
    let start = offset(place.start.offset);
    let written = excerpt.get(start..offset(place.end.offset)).unwrap_or_default();
    let length = written.lines().next().unwrap_or_default().len();
    start..start.saturating_add(length)
}
