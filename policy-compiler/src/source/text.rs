//! Bytes of a policy as text, and where its lines are.
//!
//! In: bytes. Out: text that is fit to be read as YAML, and places with lines and columns.
//! Does not read YAML.

use super::{MAX_SOURCE_BYTES, Span};
use crate::diagnostic::{Code, Finding, Findings, Place, Position};
use std::borrow::Cow;

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// A policy's text together with its name, for placing and drawing findings.
pub struct Source<'a> {
    name: &'a str,
    text: Cow<'a, str>,
    mark_bytes: usize,
    line_starts: Vec<usize>,
    /// How many characters stand before each block of the text, so that a column costs the same on any line.
    characters: Vec<usize>,
}

/// Size of the blocks in which characters are counted.
const BLOCK: usize = 4096;

impl<'a> Source<'a> {
    /// Takes any bytes: what is not UTF-8 is replaced here, and refused by `compile`.
    pub fn new(name: &'a str, bytes: &'a [u8]) -> Self {
        let (mark_bytes, bytes) = match bytes.strip_prefix(BYTE_ORDER_MARK.as_bytes()) {
            Some(rest) => (BYTE_ORDER_MARK.len(), rest),
            None => (0, bytes),
        };
        let text = String::from_utf8_lossy(bytes);
        let line_starts =
            std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at.saturating_add(1))).collect();
        let blocks = text.as_bytes().chunks(BLOCK).scan(0_usize, |before, block| {
            let here = *before;
            *before = here.saturating_add(characters(block));
            Some(here)
        });
        let characters = blocks.collect();
        Self { name, text, mark_bytes, line_starts, characters }
    }

    /// The name, as the caller gave it.
    pub fn name(&self) -> &str {
        self.name
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Size of the byte order mark, which the text does not have and offsets count.
    pub(crate) fn mark_bytes(&self) -> usize {
        self.mark_bytes
    }

    /// Where a line starts, counted from 1; the end of the text for lines behind it.
    pub(crate) fn line_start(&self, line: usize) -> usize {
        self.line_starts.get(line.saturating_sub(1)).copied().unwrap_or(self.text.len())
    }

    pub(crate) fn place(&self, span: Span) -> Place {
        Place { start: self.position(span.start), end: self.position(span.end) }
    }

    fn characters_before(&self, at: usize) -> usize {
        let block = at / BLOCK;
        let start = block.saturating_mul(BLOCK);
        let in_block = self.text.as_bytes().get(start..at).map_or(0, characters);
        // The end of a text that fills its last block is in no block.
        match self.characters.get(block) {
            Some(before) => before.saturating_add(in_block),
            None => characters(self.text.as_bytes()),
        }
    }

    fn position(&self, at: usize) -> Position {
        let line = self.line_starts.partition_point(|&start| start <= at);
        let before = self.characters_before(at).saturating_sub(self.characters_before(self.line_start(line)));
        Position { line, column: before.saturating_add(1), offset: at.saturating_add(self.mark_bytes) }
    }
}

/// A character has one byte that does not continue another one.
fn characters(utf8: &[u8]) -> usize {
    utf8.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

/// Refuses what YAML does not allow, before the parser sees it: the parser takes a NUL for the end of the file.
pub(super) fn check(source: &Source<'_>, bytes: &[u8], findings: &mut Findings) -> Option<()> {
    if bytes.len() > MAX_SOURCE_BYTES {
        let message = format!("the policy has {} bytes, at most {MAX_SOURCE_BYTES} are read", bytes.len());
        findings.add(Finding::of_file(Code::TooLarge, message));
        return None;
    }
    if let Err(error) = std::str::from_utf8(bytes) {
        let start = error.valid_up_to().saturating_sub(source.mark_bytes());
        let end = start.saturating_add('\u{fffd}'.len_utf8());
        let finding = Finding::new(Code::NotUtf8, Span { start, end }, "this byte is not UTF-8");
        findings.add(finding.help("save the file as UTF-8"));
        return None;
    }
    check_characters(source.text(), findings)
}

fn check_characters(text: &str, findings: &mut Findings) -> Option<()> {
    let mut characters = text.char_indices().peekable();
    while let Some((start, character)) = characters.next() {
        let span = Span { start, end: start.saturating_add(character.len_utf8()) };
        match character {
            '\r' if characters.peek().is_none_or(|&(_, next)| next != '\n') => {
                let message = "a carriage return without a line feed ends a line for YAML only";
                let finding = Finding::new(Code::Syntax, span, message);
                findings.add(finding.help("end lines with a line feed"));
                return None;
            }
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                let code = u32::from(character);
                let message = format!("the invisible character U+{code:04X} makes text look like other text");
                let finding = Finding::new(Code::TextDirection, span, message);
                findings.add(finding.help("take it out, or write it as an escape in double quotes"));
            }
            _ if is_printable(character) => {}
            _ => {
                let message = format!("the character U+{:04X} may not stand in YAML", u32::from(character));
                let finding = Finding::new(Code::Syntax, span, message);
                findings.add(finding.help("write it as an escape in double quotes, such as \"\\x00\""));
                return None;
            }
        }
    }
    Some(())
}

/// `c-printable` of YAML 1.2.2.
fn is_printable(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_offsets_count_bytes() {
        let source = Source::new("p", "\u{feff}é: ü\nñ: x".as_bytes());
        let Place { start, end } = source.place(Span { start: 7, end: 9 });
        assert_eq!(start, Position { line: 2, column: 1, offset: 10 });
        assert_eq!(end, Position { line: 2, column: 2, offset: 12 });
    }

    #[test]
    fn columns_are_right_in_every_block_of_a_long_line() {
        let text = "é".repeat(BLOCK);
        let source = Source::new("p", text.as_bytes());
        for (column, (at, _)) in (1..).zip(text.char_indices()) {
            assert_eq!(source.place(Span { start: at, end: at }).start.column, column);
        }
        let end = text.len();
        assert_eq!(source.place(Span { start: end, end }).start.column, BLOCK + 1);
    }

    #[test]
    fn the_end_of_the_text_has_a_place() {
        let source = Source::new("p", b"a\n");
        assert_eq!(source.place(Span { start: 2, end: 2 }).start, Position { line: 2, column: 1, offset: 2 });
    }
}
