//! `render`: a policy and its values become manifests.

use super::{
    CouldNotRun, Outcome, input,
    output::{self, Existing, Talk},
    verdict,
};
use clap::{Args, ValueEnum};
use policy_compiler::{
    Packing, Source,
    diagnostic::Severity,
    render::{self, Manifest, Rendered, Text},
};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Writes manifests for Envoy Gateway, or a configuration for Envoy alone, from a policy and a file of values.
#[derive(Debug, Args)]
pub(super) struct Render {
    /// The policy; `-` is standard input.
    #[arg(value_name = "POLICY")]
    policy: PathBuf,
    /// Where things are, and who verifies whom: docs/render.md has all keys.
    #[arg(long, value_name = "FILE")]
    values: PathBuf,
    /// For what.
    #[arg(long, value_enum, default_value_t = Target::Kubernetes)]
    target: Target,
    /// Writes only objects of this kind, such as HTTPRoute. May stand several times.
    #[arg(long, value_name = "KIND")]
    kind: Vec<String>,
    /// The folder for the files; `-` is standard output, with all objects in one stream.
    #[arg(short, long, value_name = "FOLDER", default_value = "-")]
    output: PathBuf,
    /// Takes warnings for errors.
    #[arg(long)]
    deny_warnings: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Target {
    /// Objects for Envoy Gateway 1.9.
    Kubernetes,
    /// One static configuration.
    Envoy,
}

impl Render {
    pub(super) fn run(self, talk: &Talk) -> Result<Outcome, CouldNotRun> {
        let Self { policy, values, target, kind, output, deny_warnings } = self;
        let (policy, values) = (input::read(&policy)?, input::read(&values)?);
        let Rendered { manifests, packing, values: found } = rendered(&policy, &values, target)?;
        let Packing { config: _, diagnostics: mut all, files } = packing;
        all.retain(|diagnostic| diagnostic.severity() != Severity::Note);
        talk.findings(&all, &Source::new(&policy.name, &policy.bytes), &files);
        talk.findings(&found, &Source::new(&values.name, &values.bytes), &[]);
        all.extend(found);
        let outcome = verdict(&all, deny_warnings);
        if outcome == Outcome::Findings {
            talk.say(&format!("{}: {}, nothing rendered", policy.name, output::summary(&all)));
            return Ok(outcome);
        }
        write(&of_kinds(manifests, &kind)?, &output, talk)?;
        Ok(outcome)
    }
}

fn rendered(policy: &input::Input, values: &input::Input, target: Target) -> Result<Rendered, CouldNotRun> {
    let target = match target {
        Target::Kubernetes => render::Target::Kubernetes,
        Target::Envoy => render::Target::Envoy,
    };
    render::render(text(policy), &policy.folder, text(values), target)
        .map_err(|error| super::refused_by_the_filter(&policy.name, &error))
}

fn text(input: &input::Input) -> Text<'_> {
    Text { name: &input.name, bytes: &input.bytes }
}

fn of_kinds(manifests: Vec<Manifest>, kinds: &[String]) -> Result<Vec<Manifest>, CouldNotRun> {
    let known: BTreeSet<_> = manifests.iter().map(|manifest| manifest.kind.clone()).collect();
    let same = |kind: &String, other: &String| kind.eq_ignore_ascii_case(other);
    if let Some(kind) = kinds.iter().find(|kind| !known.iter().any(|known| same(known, kind))) {
        let known: Vec<_> = known.into_iter().collect();
        return Err(CouldNotRun(format!("no object is of the kind `{kind}`; there are: {}", known.join(", "))));
    }
    let wanted = |manifest: &Manifest| kinds.is_empty() || kinds.iter().any(|kind| same(kind, &manifest.kind));
    Ok(manifests.into_iter().filter(wanted).collect())
}

/// Objects of one file stand in it one after the other.
fn write(manifests: &[Manifest], output: &Path, talk: &Talk) -> Result<(), CouldNotRun> {
    if output == Path::new("-") {
        return output::product(&joined(&in_one_stream(manifests, talk)), None, Existing::Replace);
    }
    fs::create_dir_all(output)
        .map_err(|error| CouldNotRun(format!("cannot make the folder `{}`: {error}", output.display())))?;
    for objects in manifests.chunk_by(|one, next| one.file == next.file) {
        let Some(first) = objects.first() else { continue };
        let objects: Vec<_> = objects.iter().collect();
        output::product(&joined(&objects), Some(&output.join(first.file)), Existing::Replace)?;
    }
    Ok(())
}

/// What can be read as one: all objects, or a configuration. What stays out is told; but what lists the files is of no
/// use without them.
fn in_one_stream<'a>(manifests: &'a [Manifest], talk: &Talk) -> Vec<&'a Manifest> {
    let (objects, others): (Vec<_>, Vec<_>) = manifests.iter().partition(|manifest| manifest.is_object());
    let (shown, out) = match (objects.is_empty(), others.as_slice()) {
        (true, [first, out @ ..]) => (vec![*first], out),
        (_, out) => (objects, out),
    };
    for manifest in out.iter().filter(|manifest| manifest.kind != "Kustomization") {
        talk.say(&format!("{} is left out here: `--kind {}` prints it", manifest.file, manifest.kind));
    }
    shown
}

fn joined(manifests: &[&Manifest]) -> String {
    manifests.iter().map(|manifest| manifest.text.as_str()).collect::<Vec<_>>().join("---\n")
}
