//! Findings for people, drawn as rustc draws its own.
//!
//! In: findings and the source they are about. Out: text, with colour if asked for.
//! Decides nothing about terminals and writes nowhere.

use super::{Diagnostic, Label, Place, Position, Severity};
use crate::{files::ReadFile, source::Source};
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

/// Draws all findings about one file, each followed by an empty line.
pub fn render(diagnostics: &[Diagnostic], source: &Source<'_>, colour: Colour) -> String {
    render_with(diagnostics, source, &[], colour)
}

/// Draws all findings about a policy and the files that were read for it.
pub fn render_with(diagnostics: &[Diagnostic], source: &Source<'_>, files: &[ReadFile], colour: Colour) -> String {
    let renderer = match colour {
        Colour::Never => Renderer::plain(),
        Colour::Always => Renderer::styled(),
    };
    let others: Vec<_> = files.iter().map(|file| Source::new(&file.name, &file.bytes)).collect();
    let draw = |diagnostic: &Diagnostic| {
        let other = others.iter().find(|other| other.name() == diagnostic.file);
        let source = other.filter(|_| diagnostic.file != source.name()).unwrap_or(source);
        format!("{}\n\n", renderer.render(&[group(diagnostic, source)]))
    };
    diagnostics.iter().map(draw).collect()
}

fn group<'a>(diagnostic: &'a Diagnostic, source: &'a Source<'_>) -> Group<'a> {
    let level = match diagnostic.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code.id());
    let path = diagnostic.file.as_str();
    let Some(span) = diagnostic.span else {
        return title.element(Origin::path(path)).elements(helps(diagnostic));
    };
    let line = span.start.line;
    let lines = diagnostic.labels.iter().map(|label| label.span.start.line).chain([line]);
    if let Some(excerpt) = Excerpt::of(source, lines) {
        return title.element(excerpt.draw(path, span, &diagnostic.labels)).elements(helps(diagnostic));
    }
    let group = match Excerpt::of(source, [line]) {
        Some(excerpt) => title.element(excerpt.draw(path, span, &[])),
        None => title.element(Origin::path(path).line(line).char_column(span.start.column)),
    };
    group.elements(told(diagnostic)).elements(helps(diagnostic))
}

/// Places that are too far away to be drawn.
fn told(diagnostic: &Diagnostic) -> impl Iterator<Item = Message<'_>> {
    diagnostic.labels.iter().map(|Label { span, message }| {
        let Position { line, column, offset: _ } = span.start;
        Level::NOTE.message(format!("{}:{line}:{column}: {message}", diagnostic.file))
    })
}

fn helps(diagnostic: &Diagnostic) -> impl Iterator<Item = Message<'_>> {
    let meant = diagnostic.did_you_mean.as_ref().map(|meant| format!("did you mean `{meant}`?"));
    meant.into_iter().chain(diagnostic.help.clone()).map(|help| Level::HELP.message(help))
}

/// The lines from the first to the last place of a finding.
struct Excerpt<'a> {
    text: &'a str,
    /// Where it starts in the file, as offsets of places count.
    start: usize,
    first_line: usize,
}

impl<'a> Excerpt<'a> {
    /// Drawing takes time for each letter, and a longer excerpt helps nobody.
    const LONGEST_BYTES: usize = 8 << 10;

    /// Nothing if the excerpt would be too long.
    fn of(source: &'a Source<'_>, lines: impl IntoIterator<Item = usize>) -> Option<Self> {
        let lines = lines.into_iter();
        let (first, last) = lines.fold((usize::MAX, 0), |(first, last), line| (first.min(line), last.max(line)));
        let start = source.line_start(first);
        let text = source.text().get(start..source.line_start(last.saturating_add(1)))?;
        let start = start.saturating_add(source.mark_bytes());
        (text.len() <= Self::LONGEST_BYTES).then_some(Self { text, start, first_line: first })
    }

    fn draw(&self, path: &'a str, span: Place, labels: &'a [Label]) -> Snippet<'a, Annotation<'a>> {
        let labels = labels
            .iter()
            .map(|label| AnnotationKind::Context.span(self.first_line(label.span)).label(label.message.as_str()));
        Snippet::source(self.text)
            .line_start(self.first_line)
            .path(path)
            .annotation(AnnotationKind::Primary.span(self.first_line(span)))
            .annotations(labels)
    }

    /// The part of a place that is on its first line.
    fn first_line(&self, place: Place) -> Range<usize> {
        let start = place.start.offset.saturating_sub(self.start);
        let end = place.end.offset.saturating_sub(self.start).min(self.text.len());
        let written = self.text.get(start..end).unwrap_or_default();
        start..start.saturating_add(written.lines().next().unwrap_or_default().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile;

    fn told(source: &str) -> String {
        let told = compile("p.yaml", source.as_bytes()).diagnostics;
        render(&told, &Source::new("p.yaml", source.as_bytes()), Colour::Never)
    }

    #[test]
    fn a_line_that_is_too_long_to_look_at_is_named_and_not_drawn() {
        let text = told(&format!("a: [{}]\n", " ".repeat(9000)));
        assert!(text.contains("unknown key `a`\n--> p.yaml:1:1\n"), "{text}");
    }

    #[test]
    fn a_place_that_is_too_far_away_is_named_and_not_drawn() {
        let text = told(&format!("a: 1\n{}a: 2\n", "# between\n".repeat(900)));
        assert!(text.contains("902 | a: 2") && text.contains("note: p.yaml:1:1: first written here"), "{text}");
        assert!(!text.contains("  1 | a: 1\n..."), "{text}");
    }

    #[test]
    fn only_the_first_line_of_a_place_is_underlined() {
        let text = told("a: 1\ntools: [\n  x,\n  y ]\n");
        assert!(text.contains("2 | tools: [\n  |        ^\n"), "{text}");
    }
}
