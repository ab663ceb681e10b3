//! What the repository ships is what its tools write. `UPDATE=1` rewrites it.

#![cfg(test)]

use policy_compiler::render::{Manifest, Rendered, Target, Text, render};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn files() -> BTreeMap<String, String> {
    BTreeMap::from([("schemas/fetch.json".to_owned(), read("envoy/schemas/fetch.json"))])
}

/// What `render` writes for the sample policy and these values, by file.
fn rendered(values: &str, target: Target) -> BTreeMap<&'static str, String> {
    let (policy, text) = (read("envoy/policy.yaml"), read(values));
    let policy = Text { name: "envoy/policy.yaml", bytes: policy.as_bytes() };
    let Rendered { manifests, packing: _, values } =
        render(policy, &files(), Text { name: values, bytes: text.as_bytes() }, target).unwrap();
    let mut by_file: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for Manifest { file, kind: _, text } in manifests {
        by_file.entry(file).or_default().push(text);
    }
    assert!(!by_file.is_empty(), "{values:?}");
    by_file.into_iter().map(|(file, objects)| (file, objects.join("---\n"))).collect()
}

/// Whether a folder holds these very files.
fn assert_fresh(folder: &str, fresh: &BTreeMap<&str, String>) {
    for (file, wanted) in fresh {
        let name = format!("{folder}/{file}");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(path(&name), wanted).unwrap();
        }
        assert!(fs::read_to_string(path(&name)).is_ok_and(|text| text == *wanted), "{name}: UPDATE=1 renews it");
    }
}

#[test]
fn the_manifests_are_what_render_writes_for_the_sample() {
    let fresh = rendered("manifests/values.yaml", Target::Kubernetes);
    assert_fresh("manifests", &fresh);
    let known: BTreeSet<String> =
        fresh.keys().copied().chain(["README.md", "values.yaml"]).map(str::to_owned).collect();
    let there: BTreeSet<String> = fs::read_dir(path("manifests"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(there, known);
}

#[test]
fn the_configuration_of_the_local_envoy_is_what_render_writes_for_the_sample() {
    assert_fresh("envoy", &rendered("envoy/values.yaml", Target::Envoy));
}

#[test]
fn the_sample_policy_has_no_errors_and_says_what_is_worth_a_look() {
    let sample = policy_compiler::compile_with("envoy/policy.yaml", read("envoy/policy.yaml").as_bytes(), &files());
    let codes: Vec<_> = sample.diagnostics.iter().map(|finding| finding.code.id()).collect();
    // Certificates must be verified, both headers be protected, and one tool is in shadow mode.
    assert_eq!(codes, ["TG052", "TG051", "TG050", "TG046"]);
}
