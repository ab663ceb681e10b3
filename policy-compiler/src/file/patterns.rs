//! Entries of `blocked`: a text alone, or a mapping that says what it is and where it holds.
//!
//! In: a node. Out: the patterns that were written rightly.
//! Compiles nothing: whether an expression can be compiled is found out when the policy is lowered.

use super::{Named, Pattern, PatternKind, fields, fields::Fields, values};
use crate::{
    diagnostic::{Code, Finding, Findings, quoted},
    guess, sets,
    shape::{Shape, Table},
    source::{Kind, Node, Span},
};
use std::collections::HashMap;

/// The entries of a list without those that stand twice.
pub(super) fn patterns(node: &Node, table: &'static Table, findings: &mut Findings) -> Option<Vec<Pattern>> {
    let Kind::List(items) = &node.kind else {
        // Says what is wrong in the words of every other list.
        return values::texts(node, findings).map(|_| Vec::new());
    };
    let mut seen: HashMap<(PatternKind, String, Option<String>), Span> = HashMap::new();
    let mut patterns = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let Some(pattern) = pattern(item, at, table, findings) else { continue };
        let Pattern { kind, what, part } = &pattern;
        let same = if *kind == PatternKind::Literal { what.name.to_ascii_lowercase() } else { what.name.clone() };
        let key = (*kind, same, part.clone());
        if let Some(&first) = seen.get(&key) {
            let message = format!("{} stands twice in this list", quoted(&what.name));
            findings.add(Finding::new(Code::RepeatedEntry, item.span, message).label(first, "first written here"));
            continue;
        }
        seen.insert(key, item.span);
        patterns.push(pattern);
    }
    Some(patterns)
}

fn pattern(node: &Node, at: usize, table: &'static Table, findings: &mut Findings) -> Option<Pattern> {
    let named = |name, span| Named { name, span, at };
    if !matches!(node.kind, Kind::Map(_)) {
        let name = text(node, Shape::Literal, findings)?;
        return Some(Pattern { kind: PatternKind::Literal, what: named(name, node.span), part: None });
    }
    let read = |fields: &mut Fields<'_, '_>| {
        let part = fields.text_of_pattern("at");
        let kinds = [
            (PatternKind::Literal, fields.text_of_pattern("literal")),
            (PatternKind::Regex, fields.text_of_pattern("regex")),
            (PatternKind::Set, fields.text_of_pattern("set")),
        ];
        let mut given = kinds.into_iter().filter_map(|(kind, given)| Some((kind, given?)));
        let Some((kind, what)) = given.next() else {
            let finding = Finding::new(Code::MissingKey, node.span, "this entry does not say what is blocked");
            fields.findings.add(finding.help("add `literal`, `regex` or `set`"));
            return None;
        };
        if given.next().is_some() {
            let finding = Finding::new(Code::WrongType, node.span, "this entry says in several ways what is blocked");
            fields.findings.add(finding.help("write one of `literal`, `regex` and `set`; make an entry of each"));
            return None;
        }
        let part = match part {
            None => None,
            Some(part) => Some(part.value?),
        };
        Some(Pattern { kind, what: named(what.value?, what.span), part })
    };
    fields::read(node, node.span, table, findings, read).flatten()
}

pub(super) fn text(node: &Node, shape: Shape, findings: &mut Findings) -> Option<String> {
    let text = values::literal(node, findings)?;
    if text.is_empty() {
        let finding = Finding::new(Code::EmptyLiteral, node.span, "an entry is empty");
        findings.add(finding.help("write a text, or take the entry out"));
        return None;
    }
    match shape {
        Shape::Set if !sets::names().any(|name| name == text) => {
            let finding = Finding::new(Code::UnknownSet, node.span, format!("there is no set {}", quoted(text)));
            let known: Vec<_> = sets::names().collect();
            let meant = guess::meant(text, known.iter().copied());
            findings.add(finding.help(format!("known sets: {}", known.join(", "))).did_you_mean(meant));
            None
        }
        Shape::Pointer if !is_pointer(text) => {
            let finding = Finding::new(Code::BadPointer, node.span, format!("{} is no JSON Pointer", quoted(text)));
            let meant = (!text.contains(['/', '~'])).then(|| format!("/{text}"));
            findings.add(finding.help("write `/` before each name: `/sql`, `/filters/0/value`").did_you_mean(meant));
            None
        }
        _ => Some(text.to_owned()),
    }
}

/// Whether it is an RFC 6901 pointer to something inside.
fn is_pointer(text: &str) -> bool {
    text.starts_with('/') && text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']))
}
