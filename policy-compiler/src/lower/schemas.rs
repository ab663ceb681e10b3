//! Schemas of arguments, from wherever they stand, compiled to one program that all checks share.
//!
//! In: the schema of one `arguments` after the other, and the files. Out: entries of a program, and the program.
//! All findings about schemas are told here, each at its line in the policy or in its file.

mod documents;
mod places;

use super::{index, rules::Rules};
use crate::{
    diagnostic::{Code, Finding, Findings},
    file::{Arguments, Formats, Given, PolicyFile, SchemaSource},
    files::{Files, ReadFile},
    schema::{self, Compiled, Options, Subject},
};
use documents::{Documents, HOME};
use std::collections::HashMap;
use toolgate_engine::{bundle::Ruled, schema::Program};

/// All schemas so far.
pub(super) struct Schemas<'f> {
    documents: Documents<'f>,
    assert_formats: bool,
    /// URIs of the schemas that arguments are judged by.
    entries: Vec<String>,
    known: HashMap<String, u32>,
}

impl<'f> Schemas<'f> {
    pub(super) fn of(file: &PolicyFile, name: &str, files: &'f dyn Files) -> Self {
        let mut documents = Documents::beside(name, files);
        for shared in &file.schemas {
            if let Some(inline) = &shared.inline {
                documents.add_inline(&format!("/schemas/{}", shared.id.name), inline);
            }
        }
        let assert_formats = crate::file::value(file.schema_format.as_ref()) == Some(Formats::Assertion);
        Self { documents, assert_formats, entries: Vec::new(), known: HashMap::new() }
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

    /// The program of all entries, and the files that were read for it.
    pub(super) fn into_program(mut self, findings: &mut Findings) -> (Program, Vec<ReadFile>) {
        let options = Options { home: Some(HOME), assert_formats: self.assert_formats, ..Options::default() };
        self.documents.load(&self.entries, options, findings);
        let program = match schema::compile(self.documents.all(), &self.entries, options) {
            Ok(Compiled { program, bounds: _, warnings }) => {
                warnings.into_iter().for_each(|finding| self.tell(finding, findings));
                program
            }
            Err(errors) => {
                errors.into_iter().for_each(|finding| self.tell(finding, findings));
                Program::default()
            }
        };
        (program, self.documents.into_files())
    }

    fn tell(&self, found: schema::Finding, findings: &mut Findings) {
        let schema::Finding { subject, document, pointer, message, help, lost } = found;
        let (code, of_key) = match subject {
            Subject::Value => (Code::BadSchema, false),
            Subject::Unknown => (Code::UnknownKeyword, !pointer.ends_with("/format")),
            Subject::Reference => (Code::LostReference, false),
            Subject::Extension => (Code::SchemaExtension, true),
            Subject::Idle => (Code::IdleKeyword, true),
            Subject::Cost => (Code::CostlySchema, true),
        };
        let message = match lost.and_then(|uri| self.documents.unread(&uri)) {
            // What is wrong with a file that was read is told in that file.
            Some(None) => return,
            Some(Some(why)) => why,
            None => message,
        };
        let finding = self.documents.finding(code, &document, &pointer, of_key, message);
        findings.add(help.into_iter().fold(finding, Finding::help));
    }
}
