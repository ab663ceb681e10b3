//! Entries of `agents` and `groups` where they grant something: a name alone, or a mapping that narrows the grant.
//!
//! In: a node. Out: the grants that were written rightly.
//! Does not know whether a name is declared, or what another grant says.

use super::{Granted, Named, Narrowing, fields, fields::Fields, read, values};
use crate::{
    diagnostic::{Code, Finding, Findings, quoted},
    shape::{Names, Table},
    source::{Kind, Node, Span},
};
use std::collections::HashMap;

/// The entries of a list without names that stand twice alone. Narrowed grants of one name are alternatives.
pub(super) fn grants(
    node: &Node,
    names: Names,
    table: &'static Table,
    findings: &mut Findings,
) -> Option<Vec<Granted>> {
    let Kind::List(items) = &node.kind else {
        // Says what is wrong in the words of every other list.
        return values::list_of_names(node, findings).map(|_| Vec::new());
    };
    let mut seen: HashMap<String, Span> = HashMap::new();
    let mut grants = Vec::new();
    for (at, item) in items.iter().enumerate() {
        if matches!(item.kind, Kind::Map(_)) {
            grants.extend(narrowed(item, at, names, table, findings));
            continue;
        }
        let Some(name) = values::literal(item, findings) else { continue };
        if let Some(&first) = seen.get(name) {
            let message = format!("{} stands twice in this list", quoted(name));
            findings.add(Finding::new(Code::RepeatedEntry, item.span, message).label(first, "first written here"));
            continue;
        }
        seen.insert(name.to_owned(), item.span);
        grants.push(Granted { who: Named { name: name.to_owned(), span: item.span, at }, narrowing: None });
    }
    Some(grants)
}

/// INVARIANT: what is written as a mapping never becomes a grant for any arguments. Without `arguments` that could be
/// read there is an error, so that nothing is packed; the name is kept, to be told if it is wrong, too.
fn narrowed(node: &Node, at: usize, names: Names, table: &'static Table, findings: &mut Findings) -> Option<Granted> {
    if let Some(finding) = of_other_list(node, names) {
        findings.add(finding);
        return None;
    }
    let fill = |fields: &mut Fields<'_, '_>| {
        let who = fields.one_of(names.one(), names);
        let arguments = fields.object("arguments", read::arguments).unwrap_or_default();
        let who = who?;
        let who = Named { name: who.value?, span: who.span, at };
        Some(Granted { who, narrowing: Some(Narrowing { span: node.span, arguments }) })
    };
    fields::read(node, node.span, table, findings, fill).flatten()
}

/// A group among agents, or an agent among groups.
fn of_other_list(node: &Node, names: Names) -> Option<Finding> {
    let other = if names == Names::Agents { Names::Groups } else { Names::Agents };
    let Kind::Map(entries) = &node.kind else { return None };
    let key = entries.iter().find(|entry| entry.name == other.one())?.key;
    let message = format!("`{}` has no place in `{}`", other.one(), names.key());
    Some(Finding::new(Code::UnknownKey, key, message).help(format!("list it under `{}`", other.key())))
}
