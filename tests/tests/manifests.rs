//! What the repository ships agrees with what its tools write.

#![cfg(test)]

use std::{collections::BTreeMap, fs, path::Path};
use toolgate_engine::bundle::{Deployment, encode};

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn sample() -> policy_compiler::Compiled {
    let files = BTreeMap::from([("schemas/fetch.json".to_owned(), read("envoy/schemas/fetch.json"))]);
    policy_compiler::compile_with("envoy/policy.yaml", read("envoy/policy.yaml").as_bytes(), &files)
}

#[test]
fn the_manifest_holds_the_sample_policy_as_it_is_packed() {
    let packed = encode(&sample().bundle.unwrap(), Deployment::default()).unwrap();
    let manifest = read("manifests/extension-policy.yaml");
    let config = manifest.lines().find_map(|line| line.strip_prefix("      config: "));
    assert_eq!(config, Some(packed.as_str()), "manifests/README.md says how to renew it");
    assert!(manifest.contains("failOpen: false"));
}

#[test]
fn local_and_gateway_configurations_take_the_same_labels_out_of_the_metrics() {
    let tags = |path: &str| -> Vec<String> {
        let text = read(path);
        text.lines().filter(|line| line.contains("tag_name:")).map(|line| line.trim().to_owned()).collect()
    };
    let local = tags("envoy/envoy.yaml");
    assert_eq!(local.len(), 5);
    assert_eq!(local, tags("manifests/envoy-proxy.yaml"));
}

#[test]
fn the_sample_policy_has_no_errors_and_says_what_is_worth_a_look() {
    let codes: Vec<_> = sample().diagnostics.iter().map(|finding| finding.code.id()).collect();
    // Certificates must be verified, both headers be protected, and one tool is in shadow mode.
    assert_eq!(codes, ["TG052", "TG051", "TG050", "TG046"]);
}
