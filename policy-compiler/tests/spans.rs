//! Findings point at exactly what they are about, in bytes, lines and columns.
//!
//! In: policies with letters of several bytes, with a byte order mark, with other line ends. Out: the text under each span.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use policy_compiler::{
    compile,
    diagnostic::{Diagnostic, Severity},
};

const HEAD: &str =
    "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: { header: x-agent-id }\nagents: { a: {} }\n";

/// Codes with the text that is underlined, notes left out.
fn underlined(source: &str) -> Vec<(&'static str, &str)> {
    let told = compile("p.yaml", source.as_bytes()).diagnostics;
    told.iter()
        .filter(|found| found.severity() != Severity::Note)
        .map(|found| (found.code.id(), text_under(found, source)))
        .collect()
}

fn text_under<'a>(found: &Diagnostic, source: &'a str) -> &'a str {
    let span = found.span.unwrap();
    source.get(span.start.offset..span.end.offset).unwrap()
}

#[test]
fn letters_of_several_bytes_move_no_span() {
    let source = format!(
        "{HEAD}tools: {{ t: {{ description: \"💥ü\", mode: shadw, agents: [ä, 'é\u{301}' ], ráte: 5 }} }} # ö\n"
    );
    let wanted = [("TG014", "shadw"), ("TG022", "ä"), ("TG022", "'é\u{301}'"), ("TG010", "ráte")];
    assert_eq!(underlined(&source), wanted);
}

#[test]
fn a_byte_order_mark_and_other_line_ends_move_no_span() {
    let source = format!("\u{feff}{HEAD}tools:\n  t:\n    agents: [b]\n").replace('\n', "\r\n");
    assert_eq!(underlined(&source), [("TG022", "b")]);
    let told = compile("p.yaml", source.as_bytes()).diagnostics;
    let span = told.iter().find(|found| found.code.id() == "TG022").unwrap().span.unwrap();
    assert_eq!((span.start.line, span.start.column, span.end.column), (7, 14, 15));
}

#[test]
fn values_are_underlined_without_the_blanks_and_comments_around_them() {
    let values = r#"tools:
  t:
    agents:   'b''s'   # who
    description: [ "c\"" # or
      ]
    rate:  fast   # how
    quota: >-
      of
      ten

    mode:
      "slow"   # then
"#;
    let source = format!("{HEAD}{values}");
    let wanted = [
        ("TG012", "'b''s'"),
        ("TG012", "[ \"c\\\"\" # or\n      ]"),
        ("TG017", "fast"),
        ("TG018", "of\n      ten"),
        ("TG014", "\"slow\""),
    ];
    assert_eq!(underlined(&source), wanted);
}

#[test]
fn a_value_that_is_not_there_is_shown_at_its_key() {
    let source =
        format!("{HEAD}tools:\n  t:\n    agents: [a]\n    rate:\n    mode: # none\n    arguments: {{ blocked }}\n");
    let wanted = [("TG012", "rate"), ("TG012", "mode"), ("TG012", "blocked")];
    assert_eq!(underlined(&source), wanted);
}

#[test]
fn a_collection_is_underlined_to_its_end() {
    let source = format!(
        "{HEAD}tools:\n  t:\n    agents: {{ b: [c] }} \n    mode: [x,\n      y]\n    rate:\n    - one\n    - two  \n"
    );
    let wanted = [("TG012", "{ b: [c] }"), ("TG012", "[x,\n      y]"), ("TG012", "- one\n    - two")];
    assert_eq!(underlined(&source), wanted);
}

#[test]
fn columns_count_characters() {
    let source = format!("{HEAD}tools: {{ \"ünï\": {{ agents: [a], mode: x }} }}\n");
    let told = compile("p.yaml", source.as_bytes()).diagnostics;
    let mode = told.iter().find(|found| found.code.id() == "TG014").unwrap();
    let span = mode.span.unwrap();
    assert_eq!((span.start.line, span.start.column, span.end.column), (5, 38, 39));
    assert_eq!(text_under(mode, &source), "x");
}

#[test]
fn the_place_of_the_first_key_is_told_with_the_second() {
    let source = format!("{HEAD}tools:\n  'é' : {{ }}\n  é: {{ }}\n");
    let told = compile("p.yaml", source.as_bytes()).diagnostics;
    let twice = told.iter().find(|found| found.code.id() == "TG007").unwrap();
    assert_eq!(twice.span.unwrap().start.line, 7);
    let first = twice.labels.first().unwrap().span;
    assert_eq!((first.start.line, first.start.column, first.end.column), (6, 3, 6));
}
