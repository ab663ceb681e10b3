//! Compiles a Toolgate policy.
//!
//! In: the bytes of a YAML policy. Out: all findings, and the engine's bundle or the plugin config if none is an error.
//! Pure: reads no files, prints nothing; the binary does both.

pub mod diagnostic;
mod file;
mod guess;
mod lint;
mod lower;
mod narrowing;
mod packing;
pub mod regex;
pub mod schema;
pub mod sets;
mod shape;
mod source;

pub use packing::{OBJECT_BYTES, Packing, pack};
pub use shape::{API_VERSION, KIND, reference, schema};
pub use source::{MAX_DEPTH, MAX_SOURCE_BYTES, Source};

use diagnostic::{Diagnostic, Findings};
use toolgate_engine::bundle::Bundle;

/// What became of a policy.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The policy as the engine takes it; nothing if there is an error among the findings.
    pub bundle: Option<Bundle>,
    /// All findings, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

/// Compiles a policy. `name` is what findings call the file.
pub fn compile(name: &str, source: &[u8]) -> Compiled {
    let text = Source::new(name, source);
    let mut findings = Findings::default();
    let bundle = bundle_of(&text, source, &mut findings);
    let diagnostics = findings.placed(&text);
    let bundle = bundle.filter(|_| !diagnostic::has_errors(&diagnostics));
    Compiled { bundle, diagnostics }
}

fn bundle_of(text: &Source<'_>, bytes: &[u8], findings: &mut Findings) -> Option<Bundle> {
    let root = source::read(text, bytes, findings)?;
    let file = file::read(&root, findings);
    let lowered = lower::lower(&file, findings);
    narrowing::check(&file, &lowered.links, findings);
    lint::lint(&file, &lowered, findings);
    Some(lowered.bundle)
}
