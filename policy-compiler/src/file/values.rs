//! Words, names and lists of them.
//!
//! In: a node. Out: the value, or nothing and a finding that says what to write.
//! Reads the text of scalars itself: no type is guessed.

use super::{Named, headers};
use crate::{
    diagnostic::{Code, Finding, Findings, quoted},
    guess,
    shape::{Names, Word, words},
    source::{Entry, Kind, Node, Span},
};
use std::collections::HashMap;
use toolgate_engine::names::{self, InvalidName};

/// Reports a value of the wrong type.
pub(super) fn wrong_type(node: &Node, wanted: &str, findings: &mut Findings) {
    wrong_type_with(node, wanted, None, findings);
}

pub(super) fn wrong_type_with(node: &Node, wanted: &str, help: Option<String>, findings: &mut Findings) {
    let found = match &node.kind {
        Kind::Refused => return,
        Kind::List(_) => "a list",
        Kind::Map(_) => "a mapping",
        Kind::Scalar { .. } if node.is_null() => "nothing",
        Kind::Scalar { .. } => "text",
    };
    let message = format!("expected {wanted}, found {found}");
    let finding = Finding::new(Code::WrongType, node.span, message);
    findings.add(match help {
        Some(help) => finding.help(help),
        None => finding,
    });
}

/// The text of a scalar, however it is quoted.
pub(super) fn text<'n>(node: &'n Node, findings: &mut Findings) -> Option<&'n str> {
    match &node.kind {
        Kind::Scalar { text, .. } if !node.is_null() => Some(text),
        _ => {
            wrong_type(node, "text", findings);
            None
        }
    }
}

/// The text of an entry that is a name or a literal: there, `null` is a text as any other.
pub(super) fn literal<'n>(node: &'n Node, findings: &mut Findings) -> Option<&'n str> {
    match &node.kind {
        Kind::Scalar { text, .. } => Some(text),
        _ => {
            wrong_type(node, "text", findings);
            None
        }
    }
}

pub(super) fn exactly(node: &Node, wanted: &'static str, findings: &mut Findings) {
    let Some(found) = text(node, findings) else { return };
    if found != wanted {
        let message = format!("expected `{wanted}`, found {}", quoted(found));
        let finding = Finding::new(Code::OtherVersion, node.span, message);
        findings.add(finding.help(format!("this compiler reads `{wanted}` only")));
    }
}

pub(super) fn word<T: Word>(node: &Node, findings: &mut Findings) -> Option<T> {
    let found = text(node, findings)?;
    if let Some((_, value)) = T::ALL.iter().find(|(word, _)| *word == found) {
        return Some(*value);
    }
    let known = words::<T>();
    let finding = Finding::new(Code::UnknownWord, node.span, format!("{} is not known here", quoted(found)));
    let meant = guess::meant(found, known.iter().copied());
    findings.add(finding.help(format!("write one of: {}", known.join(", "))).did_you_mean(meant));
    None
}

pub(super) fn header(node: &Node, findings: &mut Findings) -> Option<String> {
    let found = text(node, findings)?;
    if let Err(error) = names::header_name(found.as_bytes()) {
        let lower = found.to_ascii_lowercase().replace('_', "-");
        let meant = (names::header_name(lower.as_bytes()).is_ok() && !headers::is_reserved(&lower)).then_some(lower);
        let finding = Finding::new(Code::BadName, node.span, bad_name("header", found, error));
        findings.add(finding.help("write lower-case letters, digits and hyphens").did_you_mean(meant));
        return None;
    }
    if headers::is_reserved(found) {
        let message = format!("the header `{found}` already means something else");
        let finding = Finding::new(Code::ReservedHeader, node.span, message);
        findings.add(finding.help("use a header of your own, such as `x-agent-id`"));
        return None;
    }
    Some(found.to_owned())
}

/// A list of names. Whether they are declared is looked at later.
pub(super) fn list_of_names(node: &Node, findings: &mut Findings) -> Option<Vec<Named>> {
    list(node, Entries::Names, findings)
}

/// A list of texts that are not empty and differ in more than the case of ASCII letters.
pub(super) fn texts(node: &Node, findings: &mut Findings) -> Option<Vec<Named>> {
    list(node, Entries::Texts, findings)
}

/// What the entries of a list are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Entries {
    Names,
    Texts,
}

/// Entries of a list, without those that are empty texts or stand twice.
fn list(node: &Node, entries_are: Entries, findings: &mut Findings) -> Option<Vec<Named>> {
    let Kind::List(items) = &node.kind else {
        let help = match &node.kind {
            Kind::Scalar { text, .. } if !node.is_null() => Some(format!("write {}", quoted(&format!("[{text}]")))),
            Kind::Scalar { .. } => Some("write `[]` for an empty list".to_owned()),
            Kind::List(_) | Kind::Map(_) | Kind::Refused => None,
        };
        wrong_type_with(node, "a list", help, findings);
        return None;
    };
    let mut seen: HashMap<String, Span> = HashMap::new();
    let mut entries = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let Some(name) = literal(item, findings) else { continue };
        if name.is_empty() && entries_are == Entries::Texts {
            let finding = Finding::new(Code::EmptyLiteral, item.span, "an entry is empty");
            findings.add(finding.help("write a text, or take the entry out"));
            continue;
        }
        let same = match entries_are {
            Entries::Names => name.to_owned(),
            Entries::Texts => name.to_ascii_lowercase(),
        };
        if let Some(&first) = seen.get(&same) {
            let finding =
                Finding::new(Code::RepeatedEntry, item.span, format!("{} stands twice in this list", quoted(name)));
            findings.add(finding.label(first, "first written here"));
            continue;
        }
        seen.insert(same, item.span);
        entries.push(Named { name: name.to_owned(), span: item.span, at });
    }
    Some(entries)
}

/// The entries of a mapping whose keys are names of one kind.
pub(super) fn by_name<T>(
    node: &Node,
    names: Names,
    findings: &mut Findings,
    mut read: impl FnMut(Named, &Entry, &mut Findings) -> Option<T>,
) -> Option<Vec<T>> {
    let entries = match &node.kind {
        Kind::Map(entries) => entries.as_slice(),
        _ if node.is_null() => &[],
        _ => {
            let help = format!("write each {} as a key: `name: {{}}`", names.one());
            wrong_type_with(node, "a mapping", Some(help), findings);
            return None;
        }
    };
    let mut values = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        check_name(names, entry, findings);
        let name = Named { name: entry.name.clone(), span: entry.key, at };
        values.extend(read(name, entry, findings));
    }
    Some(values)
}

fn check_name(names: Names, entry: &Entry, findings: &mut Findings) {
    let bytes = entry.name.as_bytes();
    let checked = match names {
        Names::Agents => names::agent_id(bytes),
        Names::Tools => names::tool_name(bytes),
        Names::Groups | Names::ToolGroups | Names::Servers | Names::Schemas => names::group_name(bytes),
    };
    if let Err(error) = checked {
        let finding = Finding::new(Code::BadName, entry.key, bad_name(names.one(), &entry.name, error));
        let signs: Vec<_> = names.signs().chars().map(|sign| format!("`{sign}`")).collect();
        findings.add(match error {
            InvalidName::BadCharacter { .. } => {
                finding.help(format!("write ASCII letters, digits and {}", signs.join(" ")))
            }
            InvalidName::Empty | InvalidName::TooLong { .. } | InvalidName::Reserved => finding,
        });
    }
}

fn bad_name(what: &str, name: &str, error: InvalidName) -> String {
    let why = match error {
        InvalidName::BadCharacter { at } => match name.get(at..).and_then(|rest| rest.chars().next()) {
            Some(character) => format!("`{}` is not allowed", character.escape_debug()),
            None => error.to_string(),
        },
        InvalidName::Empty | InvalidName::TooLong { .. } | InvalidName::Reserved => error.to_string(),
    };
    let article = if what == "agent" { "an" } else { "a" };
    format!("{} cannot be the name of {article} {what}: {why}", quoted(name))
}
