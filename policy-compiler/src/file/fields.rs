//! One mapping, read key by key against its table.
//!
//! In: a node and the [`Table`] of its keys. Out: settings with their places.
//! A key that nobody takes is refused when the mapping is closed, whether or not the table knows it.

use super::{
    Allowance, Given, Granted, Named, Pattern, Resource, SchemaSource, SharedSchema, Source, amounts, grants, identity,
    limits, patterns, schemas, servers, values, written,
};
use crate::{
    diagnostic::{Code, Finding, Findings, quoted},
    guess,
    shape::{Names, Shape, Table, Word, words},
    source::{Entry, Kind, Node, Span},
};
use toolgate_engine::bundle::{Quota, Rate};

/// A name and the list that stands under it.
pub(super) type NamedList = (Named, Given<Vec<Named>>);

/// The keys of a mapping that were not taken yet.
pub(crate) struct Fields<'n, 'f> {
    table: &'static Table,
    /// The key that the mapping belongs to.
    owner: Span,
    entries: Vec<&'n Entry>,
    pub(crate) findings: &'f mut Findings,
}

/// Opens a mapping, reads it and closes it. An empty value is an empty mapping.
pub(crate) fn read<T>(
    node: &Node,
    owner: Span,
    table: &'static Table,
    findings: &mut Findings,
    fill: impl FnOnce(&mut Fields<'_, '_>) -> T,
) -> Option<T> {
    let entries = match &node.kind {
        Kind::Map(entries) => entries.iter().collect(),
        _ if node.is_null() => Vec::new(),
        _ => {
            let keys = format!("its keys are: {}", table.names().join(", "));
            values::wrong_type_with(node, "a mapping", Some(keys), findings);
            return None;
        }
    };
    let mut fields = Fields { table, owner, entries, findings };
    let value = fill(&mut fields);
    fields.close();
    Some(value)
}

impl<'n> Fields<'n, '_> {
    pub(crate) fn exactly(&mut self, name: &str) {
        let Some((wanted, entry)) = self.take(name, |shape| match shape {
            Shape::Exactly(wanted) => Some(wanted),
            _ => None,
        }) else {
            return;
        };
        values::exactly(&entry.value, wanted, self.findings);
    }

    pub(crate) fn text(&mut self, name: &str) -> Option<Given<String>> {
        let ((), entry) = self.take(name, |shape| matches!(shape, Shape::Text).then_some(()))?;
        Some(self.given(entry, |node, findings| values::text(node, findings).map(str::to_owned)))
    }

    pub(crate) fn header(&mut self, name: &str) -> Option<Given<String>> {
        let ((), entry) = self.take(name, |shape| matches!(shape, Shape::Header).then_some(()))?;
        Some(self.given(entry, values::header))
    }

    pub(crate) fn integer(&mut self, name: &str) -> Option<Given<u32>> {
        let (range, entry) = self.take(name, |shape| match shape {
            Shape::Integer { least, most } => Some(least..=most),
            _ => None,
        })?;
        Some(self.given(entry, |node, findings| amounts::integer(node, range, findings)))
    }

    pub(super) fn size(&mut self, name: &str) -> Option<Given<u32>> {
        let (range, entry) = self.take(name, |shape| match shape {
            Shape::Size { least, most } => Some(least..=most),
            _ => None,
        })?;
        Some(self.given(entry, |node, findings| amounts::size(node, range, findings)))
    }

    pub(crate) fn word<T: Word>(&mut self, name: &str) -> Option<Given<T>> {
        let ((), entry) = self.take(name, |shape| match shape {
            Shape::Word(known) => (known() == words::<T>()).then_some(()),
            _ => None,
        })?;
        Some(self.given(entry, values::word))
    }

    pub(super) fn rate(&mut self, name: &str) -> Option<Given<Allowance<Rate>>> {
        let (table, entry) = self.take(name, |shape| match shape {
            Shape::Rate(table) => Some(table),
            _ => None,
        })?;
        Some(self.given(entry, |node, findings| limits::rate(node, entry.key, table, findings)))
    }

    pub(super) fn plain_rate(&mut self, name: &str) -> Option<Given<Option<Rate>>> {
        let ((), entry) = self.take(name, |shape| matches!(shape, Shape::PlainRate).then_some(()))?;
        Some(self.given(entry, amounts::rate))
    }

    pub(super) fn quota(&mut self, name: &str) -> Option<Given<Allowance<Quota>>> {
        let (table, entry) = self.take(name, |shape| match shape {
            Shape::Quota(table) => Some(table),
            _ => None,
        })?;
        Some(self.given(entry, |node, findings| limits::quota(node, entry.key, table, findings)))
    }

    pub(super) fn plain_quota(&mut self, name: &str) -> Option<Given<Option<Quota>>> {
        let ((), entry) = self.take(name, |shape| matches!(shape, Shape::PlainQuota).then_some(()))?;
        Some(self.given(entry, amounts::quota))
    }

    pub(super) fn list_of(&mut self, name: &str, names: Names) -> Option<Given<Vec<Named>>> {
        let ((), entry) = self.take(name, |shape| match shape {
            Shape::ListOf(of) => (of == names).then_some(()),
            _ => None,
        })?;
        Some(self.given(entry, values::list_of_names))
    }

    /// One declared name.
    pub(super) fn one_of(&mut self, name: &str, names: Names) -> Option<Given<String>> {
        let ((), entry) = self.take(name, |shape| match shape {
            Shape::Name(of) => (of == names).then_some(()),
            _ => None,
        })?;
        Some(self.given(entry, |node, findings| values::literal(node, findings).map(str::to_owned)))
    }

    pub(super) fn grants(&mut self, names: Names) -> Option<Given<Vec<Granted>>> {
        let (table, entry) = self.take(names.key(), |shape| match shape {
            Shape::Grants(of, table) => (of == names).then_some(table),
            _ => None,
        })?;
        Some(self.given(entry, |node, findings| grants::grants(node, names, table, findings)))
    }

    pub(super) fn texts(&mut self, name: &str) -> Option<Given<Vec<Named>>> {
        let ((), entry) = self.take(name, |shape| matches!(shape, Shape::Texts).then_some(()))?;
        Some(self.given(entry, values::texts))
    }

    pub(super) fn patterns(&mut self, name: &str) -> Option<Given<Vec<Pattern>>> {
        let (table, entry) = self.take(name, |shape| match shape {
            Shape::Patterns(table) => Some(table),
            _ => None,
        })?;
        Some(self.given(entry, |node, findings| patterns::patterns(node, table, findings)))
    }

    /// One of the texts that say what a pattern is, or where it holds.
    pub(super) fn text_of_pattern(&mut self, name: &str) -> Option<Given<String>> {
        let (shape, entry) = self.take(name, |shape| match shape {
            Shape::Literal | Shape::Regex | Shape::Set | Shape::Pointer => Some(shape),
            _ => None,
        })?;
        Some(self.given(entry, |node, findings| patterns::text(node, shape, findings)))
    }

    /// One source of identity, or a list of them.
    pub(super) fn sources(&mut self, name: &str) -> Option<Given<Vec<Source>>> {
        let (table, entry) = self.take(name, |shape| match shape {
            Shape::Sources(table) => Some(table),
            _ => None,
        })?;
        Some(self.given(entry, |node, findings| identity::sources(node, entry.key, table, findings)))
    }

    /// One of the texts that say what of a token counts.
    pub(super) fn text_of_token(&mut self, name: &str) -> Option<Given<String>> {
        let (shape, entry) = self.take(name, |shape| match shape {
            Shape::Provider | Shape::Claim | Shape::ScopePrefix => Some(shape),
            _ => None,
        })?;
        Some(self.given(entry, |node, findings| identity::text(node, shape, findings)))
    }

    /// The schema under `schema`, or in the file that `schema_file` names.
    pub(super) fn schema(&mut self) -> Option<Given<SchemaSource>> {
        let inline = self.take("schema", |shape| matches!(shape, Shape::Schema).then_some(()));
        let file = self.take("schema_file", |shape| matches!(shape, Shape::File).then_some(()));
        match (inline, file) {
            (Some((_, inline)), Some((_, file))) => {
                let message = "the schema stands both here and in a file";
                let finding = Finding::new(Code::WrongType, file.key, message).label(inline.key, "here");
                self.findings.add(finding.help("write one of `schema` and `schema_file`"));
                Some(Given { span: file.value.span, value: None })
            }
            (Some((_, entry)), None) => {
                Some(self.given(entry, |node, findings| schemas::inline(node, findings).map(SchemaSource::Inline)))
            }
            (None, Some((_, entry))) => {
                Some(self.given(entry, |node, findings| schemas::file(node, findings).map(SchemaSource::File)))
            }
            (None, None) => None,
        }
    }

    /// The schemas that others refer to by name.
    pub(super) fn shared_schemas(&mut self) -> Vec<SharedSchema> {
        let Some(((), entry)) = self.take(Names::Schemas.key(), |shape| matches!(shape, Shape::Schemas).then_some(()))
        else {
            return Vec::new();
        };
        let shared = values::by_name(&entry.value, Names::Schemas, self.findings, |id, entry, findings| {
            Some(SharedSchema { id, inline: schemas::inline(&entry.value, findings) })
        });
        shared.unwrap_or_default()
    }

    pub(crate) fn object<T: Default>(&mut self, name: &str, fill: impl FnOnce(&mut Fields<'_, '_>) -> T) -> Option<T> {
        let (table, entry) = self.take(name, |shape| match shape {
            Shape::Object(table) => Some(table),
            _ => None,
        })?;
        read(&entry.value, entry.key, table, self.findings, fill)
    }

    /// A mapping from names to mappings.
    pub(super) fn named<T>(
        &mut self,
        names: Names,
        mut fill: impl FnMut(Named, &mut Fields<'_, '_>) -> T,
    ) -> Option<Given<Vec<T>>> {
        let (table, entry) = self.take(names.key(), |shape| match shape {
            Shape::Named(of, table) => (of == names).then_some(table),
            _ => None,
        })?;
        Some(self.given(entry, |node, findings| {
            values::by_name(node, names, findings, |name, entry, findings| {
                // What is no mapping still declares its name, so that references to it are not blamed as well.
                let empty = Node { span: entry.key, kind: Kind::Map(Vec::new()) };
                let name_again = name.clone();
                let mut missing = Findings::default();
                read(&entry.value, entry.key, table, findings, |fields| fill(name, fields))
                    .or_else(|| read(&empty, entry.key, table, &mut missing, |fields| fill(name_again, fields)))
            })
        }))
    }

    /// A mapping from names to lists of names.
    pub(super) fn named_lists(&mut self, names: Names, of: Names) -> Option<Given<Vec<NamedList>>> {
        let ((), entry) = self.take(names.key(), |shape| match shape {
            Shape::NamedLists(keys, items) => (keys == names && items == of).then_some(()),
            _ => None,
        })?;
        Some(self.given(entry, |node, findings| {
            values::by_name(node, names, findings, |name, entry, findings| {
                let value = values::list_of_names(&entry.value, findings);
                Some((name, Given { span: entry.value.span, value }))
            })
        }))
    }

    /// A text of a form.
    pub(crate) fn written(&mut self, name: &str) -> Option<Given<String>> {
        let (form, entry) = self.take(name, |shape| match shape {
            Shape::Written(form) => Some(form),
            _ => None,
        })?;
        Some(self.given(entry, |node, findings| written::text(node, form, findings)))
    }

    /// A list of texts of a form.
    pub(crate) fn written_list(&mut self, name: &str) -> Option<Given<Vec<Named>>> {
        let (form, entry) = self.take(name, |shape| match shape {
            Shape::WrittenList(form) => Some(form),
            _ => None,
        })?;
        Some(self.given(entry, |node, findings| written::list(node, form, findings)))
    }

    /// A mapping from texts of one form to texts of another.
    pub(crate) fn written_pairs(&mut self, name: &str) -> Option<Given<Vec<(Named, String)>>> {
        let ((key, value), entry) = self.take(name, |shape| match shape {
            Shape::WrittenPairs(key, value) => Some((key, value)),
            _ => None,
        })?;
        Some(self.given(entry, |node, findings| written::pairs(node, key, value, findings)))
    }

    /// A mapping from texts of a form to mappings with known keys.
    pub(crate) fn keyed<T>(
        &mut self,
        name: &str,
        mut fill: impl FnMut(Named, &mut Fields<'_, '_>) -> T,
    ) -> Option<Given<Vec<T>>> {
        let ((form, table), entry) = self.take(name, |shape| match shape {
            Shape::Keyed(form, table) => Some((form, table)),
            _ => None,
        })?;
        Some(self.given(entry, |node, findings| {
            written::keyed(node, form, findings, |name, entry, findings| {
                read(&entry.value, entry.key, table, findings, |fields| fill(name, fields))
            })
        }))
    }

    /// The list of resources.
    pub(super) fn resources(&mut self) -> Option<Vec<Resource>> {
        let (table, entry) = self.take("resources", |shape| match shape {
            Shape::Resources(table) => Some(table),
            _ => None,
        })?;
        servers::resources(&entry.value, table, self.findings)
    }

    fn given<T>(&mut self, entry: &Entry, read: impl FnOnce(&Node, &mut Findings) -> Option<T>) -> Given<T> {
        Given { span: entry.value.span, value: read(&entry.value, self.findings) }
    }

    /// Takes a key whose shape in the table is the one that the caller reads.
    fn take<S>(&mut self, name: &str, of: impl FnOnce(Shape) -> Option<S>) -> Option<(S, &'n Entry)> {
        let key = self.table.key(name)?;
        let shape = of(key.shape)?;
        let Some(at) = self.entries.iter().position(|entry| entry.name == name) else {
            if key.required {
                let finding = Finding::new(Code::MissingKey, self.owner, format!("the key `{name}` is missing"));
                self.findings.add(finding.help(format!("`{name}`: {}", key.about)));
            }
            return None;
        };
        Some((shape, self.entries.swap_remove(at)))
    }

    fn close(self) {
        let known = self.table.names();
        for entry in self.entries {
            let finding = Finding::new(Code::UnknownKey, entry.key, format!("unknown key {}", quoted(&entry.name)));
            let meant = guess::meant(&entry.name, known.iter().copied());
            self.findings.add(match self.table.home_of(&entry.name) {
                Some(home) => finding.help(format!("{} belongs in `{home}`", quoted(&entry.name))),
                None if meant.is_some() => finding.did_you_mean(meant),
                None => finding.help(format!("known keys here: {}", known.join(", "))),
            });
        }
    }
}
