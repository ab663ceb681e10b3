//! Schemas of arguments, from wherever they stand, compiled to one program that all checks share.
//!
//! In: the schema of one `arguments` after the other, and the files. Out: entries of a program, and the program.
//! All findings about schemas are told here, each at its line in the policy or in its file.

mod documents;
mod places;

use super::{index, rules::Rules};
use crate::{
    diagnostic::{Code, Finding, Findings, quoted},
    file::{Arguments, Formats, Given, Named, PolicyFile, SchemaSource, SharedSchema},
    files::{Files, ReadFile},
    schema::{self, Compiled, Options, Subject},
};
use documents::{Documents, HOME};
use std::collections::{HashMap, HashSet};
use toolgate_engine::{
    bundle::{Mirror, Ruled},
    schema::Program,
};

/// The program of all schemas, and what was found out on the way.
pub(super) struct Finished {
    pub(super) program: Program,
    /// Files that were read for schemas.
    pub(super) files: Vec<ReadFile>,
    /// For each tool, the arguments that are mirrored in fields.
    pub(super) mirrors: Vec<Vec<Ruled<Mirror>>>,
}

/// All schemas so far.
pub(super) struct Schemas<'f> {
    documents: Documents<'f>,
    assert_formats: bool,
    /// URIs of the schemas that arguments are judged by.
    entries: Vec<String>,
    known: HashMap<String, u32>,
    /// Shared schemas: URI, name and place.
    shared: Vec<(String, Named)>,
    /// Whether the policy says what becomes of `format`.
    formats_said: bool,
    /// Document and pointer of what says that an argument is mirrored, where it counts.
    mirrored: HashSet<(String, String)>,
}

impl<'f> Schemas<'f> {
    pub(super) fn of(file: &PolicyFile, name: &str, files: &'f dyn Files) -> Self {
        let mut documents = Documents::beside(name, files);
        let mut shared = Vec::new();
        for SharedSchema { id, inline } in &file.schemas {
            if let Some(inline) = inline {
                let uri = documents.add_inline(&super::rules::pointer(&["schemas", &id.name]), inline);
                shared.push((uri, id.clone()));
            }
        }
        Self {
            documents,
            assert_formats: crate::file::value(file.schema_format.as_ref()) == Some(Formats::Assertion),
            entries: Vec::new(),
            known: HashMap::new(),
            shared,
            formats_said: file.schema_format.is_some(),
            mirrored: HashSet::new(),
        }
    }

    /// The entry of the schema that these arguments must hold to, with its rule.
    pub(super) fn entry(
        &mut self,
        arguments: &Arguments,
        path: &[&str],
        rules: &mut Rules,
        findings: &mut Findings,
    ) -> Option<Ruled<u32>> {
        let Given { span, value: Some(source) } = arguments.schema.as_ref()? else { return None };
        let path: Vec<_> = path.iter().copied().chain(["arguments", source.key()]).collect();
        let rule = rules.at(&path);
        let uri = match source {
            SchemaSource::Inline(inline) => self.documents.add_inline(&super::rules::pointer(&path), inline),
            SchemaSource::File(path) => self.documents.add_file(path, *span, findings)?,
        };
        let next = index(self.entries.len());
        let entry = *self.known.entry(uri.clone()).or_insert(next);
        if entry == next {
            self.entries.push(uri);
        }
        Some(Ruled { rule, value: entry })
    }

    /// The program of all entries. `own` are the schemas that tools have for themselves, if a server has them.
    pub(super) fn finish(mut self, own: &[Option<Ruled<u32>>], findings: &mut Findings) -> Finished {
        let options = Options { home: Some(HOME), assert_formats: self.assert_formats, ..Options::default() };
        let shared = self.shared.iter().map(|(uri, _)| uri.clone());
        let all: Vec<_> = self.entries.iter().cloned().chain(shared).collect();
        self.documents.load(&all, options, findings);
        let mirrors = self.mirrors(own, options, findings);
        let program = self.compiled(&self.entries, options, findings);
        self.check_unused(options, findings);
        Finished { program, files: self.documents.into_files(), mirrors }
    }

    /// What is mirrored of each tool's arguments.
    fn mirrors(
        &mut self,
        own: &[Option<Ruled<u32>>],
        options: Options,
        findings: &mut Findings,
    ) -> Vec<Vec<Ruled<Mirror>>> {
        let mut entries: Vec<u32> = own.iter().flatten().map(|schema| schema.value).collect();
        entries.sort_unstable();
        entries.dedup();
        let uris = entries.iter().filter_map(|&entry| self.entries.get(usize::try_from(entry).ok()?).cloned());
        let mirrors = schema::mirrors(self.documents.all(), &uris.collect::<Vec<_>>(), options);
        let schema::Mirrors { of_entries, findings: found, seen } = mirrors;
        found.into_iter().for_each(|finding| self.tell(finding, findings));
        self.mirrored = seen;
        let of_entry = |schema: &Ruled<u32>| {
            let of_entry = entries.binary_search(&schema.value).ok().and_then(|at| of_entries.get(at))?;
            let mirror = |schema::Mirror { suffix, pointer }: &schema::Mirror| Ruled {
                rule: schema.rule,
                value: Mirror { suffix: suffix.clone(), pointer: pointer.clone() },
            };
            Some(of_entry.iter().map(mirror).collect())
        };
        own.iter().map(|schema| schema.as_ref().and_then(of_entry).unwrap_or_default()).collect()
    }

    fn compiled(&self, entries: &[String], options: Options, findings: &mut Findings) -> Program {
        match schema::compile(self.documents.all(), entries, options) {
            Ok(Compiled { program, bounds: _, warnings, annotation }) => {
                warnings.into_iter().for_each(|finding| self.tell(finding, findings));
                if let Some((document, pointer)) = annotation.filter(|_| !self.formats_said) {
                    let message = "the policy does not say whether strings are held to `format`".to_owned();
                    let finding = self.documents.finding(Code::FormatUnsaid, &document, &pointer, true, message);
                    findings.add(finding.help("write `schema_format: assertion` or `schema_format: annotation`"));
                }
                program
            }
            Err(errors) => {
                errors.into_iter().for_each(|finding| self.tell(finding, findings));
                Program::default()
            }
        }
    }

    /// What nothing refers to is looked at all the same, so that it is right when something does.
    fn check_unused(&self, options: Options, findings: &mut Findings) {
        let unused = schema::reach(self.documents.all(), &self.entries, options).unused;
        let shared: Vec<_> = self.shared.iter().filter(|(uri, _)| unused.contains(uri)).collect();
        for (_, id) in &shared {
            let message = format!("no schema refers to the schema {}", quoted(&id.name));
            let finding = Finding::new(Code::UnusedSchema, id.span, message);
            findings.add(finding.help(format!("refer to it as `#/schemas/{}`, or take it out", id.name)));
        }
        let entries: Vec<_> = shared.into_iter().map(|(uri, _)| uri.clone()).collect();
        if !entries.is_empty() {
            self.compiled(&entries, options, findings);
        }
    }

    fn tell(&self, found: schema::Finding, findings: &mut Findings) {
        let schema::Finding { subject, document, pointer, message, help, lost } = found;
        if subject == Subject::Extension && self.mirrored.contains(&(document.clone(), pointer.clone())) {
            return;
        }
        let (code, of_key) = match subject {
            Subject::Value => (Code::BadSchema, false),
            Subject::Unknown => (Code::UnknownKeyword, !pointer.ends_with("/format")),
            Subject::Reference => (Code::LostReference, false),
            Subject::Extension => (Code::SchemaExtension, true),
            Subject::Idle => (Code::IdleKeyword, true),
            Subject::NeverHolds => (Code::NeverHolds, true),
            Subject::Cost => (Code::CostlySchema, true),
            Subject::Mirror => (Code::NotMirrored, true),
            Subject::Underscore => (Code::UnderscoredField, true),
        };
        let (code, message, help) = match lost.map(|uri| self.documents.unread(&uri)) {
            // What is wrong with a file that was read is told in that file.
            Some(Some(None)) => return,
            Some(Some(Some(why))) => (Code::UnreadFile, why, help),
            Some(None) => {
                let help = "put it into the folder of the policy, and refer to it by its relative path";
                (code, message, Some(help.to_owned()))
            }
            None => (code, message, help),
        };
        let finding = self.documents.finding(code, &document, &pointer, of_key, message);
        findings.add(help.into_iter().fold(finding, Finding::help));
    }
}
