//! Compiles JSON Schemas to the form that the engine runs.
//!
//! In: documents, and which schemas in them values are judged by. Out: one [`Program`] for all of them, what a run
//! costs at most, and warnings; or every finding at once. Reads no files and no network: a reference leads to a
//! given document, or nowhere.

mod bound;
mod check;
mod dialect;
mod edges;
mod emit;
mod formats;
mod library;
mod merge;
mod mirror;
mod never;
mod pool;
mod resolve;
mod survey;
#[cfg(test)]
mod tests;
mod tree;

pub use dialect::Draft;
pub use mirror::{Mirror, Mirrors};
pub use tree::{Json, MAX_DEPTH};

use crate::regex::Budget;
use library::Library;
use toolgate_engine::schema::Program;

/// A JSON document that holds schemas.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its absolute URI, without a fragment: what references to it resolve to, unless it has an `$id`.
    pub uri: String,
    /// What it holds.
    pub root: Json,
}

/// What becomes of keywords and formats that are not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unknown {
    /// They are errors: what is not understood is not enforced.
    #[default]
    Error,
    /// They are ignored, as the specification has it.
    Ignore,
}

/// How schemas are compiled.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// What the URIs of documents that belong together begin with: a scheme and a path. No relative reference in them
    /// leads out of it. Those that have only a query behind it are parts of one document, and `#/schemas/name` in them is
    /// the part `?/schemas/name`.
    pub home: Option<&'static str>,
    /// What becomes of keywords and formats that are not known.
    pub unknown: Unknown,
    /// Whether strings are held to `format`; otherwise it only describes them.
    pub assert_formats: bool,
    /// How documents without `$schema` are read.
    pub draft: Draft,
    /// How large the automaton of one pattern may become.
    pub patterns: Budget,
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A keyword has a value that it does not take, or the schema cannot be compiled.
    Value,
    /// A keyword or format is not known.
    Unknown,
    /// A reference leads nowhere.
    Reference,
    /// An extension is not enforced.
    Extension,
    /// A keyword says nothing.
    Idle,
    /// No value can hold.
    NeverHolds,
    /// Judging by the schema takes many steps.
    Cost,
    /// What should be mirrored in a header field is not.
    Mirror,
    /// A header field has an underscore in its name.
    Underscore,
}

/// Something wrong in a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// What it is about.
    pub subject: Subject,
    /// [`Document::uri`] of the document; of an entry that leads nowhere, the entry.
    pub document: String,
    /// RFC 6901 pointer into the document.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Of a reference, the document that is not there.
    pub lost: Option<String>,
}

/// Schemas that were compiled.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// What the filter loads. Its entries are in the order in which they were asked for.
    pub program: Program,
    /// For each entry, how many steps a value takes at most for each value and key in it.
    pub bounds: Vec<u64>,
    /// What is allowed, and yet probably not meant.
    pub warnings: Vec<Finding>,
    /// Document and pointer of a `format` that strings are not held to, if there is any.
    pub annotation: Option<(String, String)>,
}

/// What entries lead to.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// URIs of documents that are needed and not there.
    pub missing: Vec<String>,
    /// URIs of documents that are there and not needed.
    pub unused: Vec<String>,
}

/// Follows all references from `entries` on.
pub fn reach(documents: &[Document], entries: &[String], options: Options) -> Reach {
    let mut library = Library::new(documents, options);
    for entry in entries {
        let _ = library.entry(entry);
    }
    library.link();
    let unused = library.unused().cloned().collect();
    let (errors, _) = library.findings();
    let mut missing: Vec<_> = errors.into_iter().filter_map(|finding| finding.lost).collect();
    missing.sort();
    missing.dedup();
    Reach { missing, unused }
}

/// What clients mirror of arguments in header fields, by the schemas that `entries` name: those of tools of MCP servers.
pub fn mirrors(documents: &[Document], entries: &[String], options: Options) -> Mirrors {
    let mut library = Library::new(documents, options);
    let sites: Vec<_> = entries.iter().map(|entry| library.entry(entry)).collect();
    library.link();
    mirror::mirrors(&library, &sites)
}

/// Compiles the schemas that `entries` name: URIs of documents, with a fragment for a schema inside.
pub fn compile(documents: &[Document], entries: &[String], options: Options) -> Result<Compiled, Vec<Finding>> {
    let mut library = Library::new(documents, options);
    let sites: Vec<_> = entries.iter().map(|entry| library.entry(entry)).collect();
    library.link();
    let emitted = emit::emit(&mut library, &sites);
    let annotation = library.annotation.take();
    let origins: Vec<_> = sites.iter().map(|site| library.origin(*site)).collect();
    let (mut findings, mut warnings) = library.findings();
    let merged = emitted.map(merge::merge);
    warnings.extend(merged.as_ref().map(|merged| never::warnings(merged, &origins)).unwrap_or_default());
    let compiled = merged.and_then(|merged| bound::bound(merged, &origins, &mut findings, &mut warnings));
    match compiled {
        Some((program, bounds)) if findings.is_empty() => Ok(Compiled { program, bounds, warnings, annotation }),
        _ => {
            findings.sort();
            findings.dedup();
            Err(findings)
        }
    }
}
