//! Compiles a Toolgate policy.
//!
//! In: the bytes of a YAML policy, and of the files that it names. Out: all findings, and the engine's bundle or the plugin config if none is an error.
//! Pure: reads no files, prints nothing; the binary does both.

pub mod diagnostic;
mod file;
pub mod files;
mod guess;
mod lint;
mod lower;
mod narrowing;
mod packing;
pub mod regex;
pub mod render;
pub mod schema;
pub mod sets;
mod shape;
mod source;

pub use packing::{OBJECT_BYTES, Packing, pack, pack_with};
pub use shape::{API_VERSION, KIND, VALUES_KIND, reference, schema, values_reference};
pub use source::{MAX_DEPTH, MAX_SOURCE_BYTES, Source};

use diagnostic::{Diagnostic, Findings};
use files::{Files, NoFiles, ReadFile};
use lower::Lowered;
use toolgate_engine::bundle::Bundle;

/// What became of a policy.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The policy as the engine takes it; nothing if there is an error among the findings.
    pub bundle: Option<Bundle>,
    /// All findings, in the order of the file; then those about other files.
    pub diagnostics: Vec<Diagnostic>,
    /// The files that were read besides the policy.
    pub files: Vec<ReadFile>,
}

/// Compiles a policy that names no files. `name` is what findings call the policy.
pub fn compile(name: &str, source: &[u8]) -> Compiled {
    compile_with(name, source, &NoFiles)
}

/// Compiles a policy, and the files that it names.
pub fn compile_with(name: &str, source: &[u8], files: &dyn Files) -> Compiled {
    let text = Source::new(name, source);
    let mut findings = Findings::default();
    let lowered = lowered(&text, source, files, &mut findings);
    let diagnostics = findings.placed(&text);
    let (bundle, files) =
        lowered.map_or((None, Vec::new()), |Lowered { bundle, links: _, files }| (Some(bundle), files));
    let bundle = bundle.filter(|_| !diagnostic::has_errors(&diagnostics));
    Compiled { bundle, diagnostics, files }
}

fn lowered(text: &Source<'_>, bytes: &[u8], files: &dyn Files, findings: &mut Findings) -> Option<Lowered> {
    let root = source::read(text, bytes, findings)?;
    let file = file::read(&root, findings);
    let lowered = lower::lower(&file, text.name(), files, findings);
    narrowing::check(&file, text.name(), &lowered, findings);
    lint::lint(&file, &lowered, findings);
    Some(lowered)
}
