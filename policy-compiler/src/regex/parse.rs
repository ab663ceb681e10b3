//! What both dialects have in common: parsing with regex-syntax, and its errors in our words.
//!
//! In: a pattern and the settings of its translation. Out: the pattern's meaning, or a refusal with its place.
//! Knows nothing of automata.

use super::Refusal;
use regex_syntax::{
    ast::{self, Ast, parse::ParserBuilder},
    hir::{self, Hir, translate::TranslatorBuilder},
};

/// How deep groups may stand in each other.
const MAX_NESTING: u32 = 100;

pub(super) fn ast(pattern: &str) -> Result<Ast, Refusal> {
    let parsed = ParserBuilder::new().nest_limit(MAX_NESTING).build().parse(pattern);
    parsed.map_err(|error| {
        let refusal = Refusal::new(error.span().start.offset, error.kind().to_string());
        match error.kind() {
            ast::ErrorKind::UnsupportedLookAround => {
                Refusal { message: "look-around is not supported".to_owned(), ..refusal }
                    .help("no automaton decides it in linear time; write what must stand there, or use two patterns")
            }
            ast::ErrorKind::UnsupportedBackreference => {
                Refusal { message: "back-references are not supported".to_owned(), ..refusal }
                    .help("no automaton decides them in linear time; write the alternatives out")
            }
            _ => refusal,
        }
    })
}

pub(super) fn hir(pattern: &str, ast: &Ast, settings: &TranslatorBuilder) -> Result<Hir, Refusal> {
    settings.build().translate(pattern, ast).map_err(|error: hir::Error| {
        let at = error.span().start.offset;
        match error.kind() {
            hir::ErrorKind::UnicodePropertyNotFound => Refusal::new(at, "there is no such Unicode property"),
            hir::ErrorKind::UnicodePropertyValueNotFound => Refusal::new(at, "this Unicode property has no such value"),
            kind => Refusal::new(at, kind.to_string()),
        }
    })
}
