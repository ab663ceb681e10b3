//! Texts that must have a form: names of Kubernetes objects, addresses, digests.
//!
//! In: a node and a [`Form`]. Out: the text, or nothing and a finding that says what to write.
//! Does not know what a form is for.

use super::{Named, values};
use crate::{
    diagnostic::{Code, Finding, Findings, quoted},
    shape::Form,
    source::{Entry, Kind, Node, Span},
};

pub(super) fn text(node: &Node, form: &Form, findings: &mut Findings) -> Option<String> {
    let found = values::text(node, findings)?;
    is_written(found, node.span, form, findings).then(|| found.to_owned())
}

pub(super) fn list(node: &Node, form: &Form, findings: &mut Findings) -> Option<Vec<Named>> {
    let mut entries = values::texts(node, findings)?;
    entries.retain(|entry| is_written(&entry.name, entry.span, form, findings));
    Some(entries)
}

pub(super) fn pairs(node: &Node, key: &Form, value: &Form, findings: &mut Findings) -> Option<Vec<(Named, String)>> {
    keyed(node, key, findings, |name, entry, findings| Some((name, text(&entry.value, value, findings)?)))
}

/// The entries of a mapping whose keys have a form.
pub(super) fn keyed<T>(
    node: &Node,
    form: &Form,
    findings: &mut Findings,
    mut read: impl FnMut(Named, &Entry, &mut Findings) -> Option<T>,
) -> Option<Vec<T>> {
    let Kind::Map(entries) = &node.kind else {
        values::wrong_type(node, "a mapping", findings);
        return None;
    };
    let mut values = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        is_written(&entry.name, entry.key, form, findings);
        let name = Named { name: entry.name.clone(), span: entry.key, at };
        values.extend(read(name, entry, findings));
    }
    Some(values)
}

fn is_written(found: &str, span: Span, form: &Form, findings: &mut Findings) -> bool {
    let holds = (form.holds)(found);
    if !holds {
        let finding = Finding::new(Code::BadForm, span, format!("{} is not {}", quoted(found), form.what));
        findings.add(finding.help(form.help));
    }
    holds
}
