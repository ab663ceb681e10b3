//! Kubernetes resources of a test.
//!
//! In: YAML, as it stands in `manifests/`, and what a test changes in it. Out: JSON documents.
//! Knows their shape as far as tests change it; whether they are right is Envoy Gateway's to say.

use serde_json::{Value, json};
use std::{fs, path::Path};

/// Some resources.
#[derive(Clone, Debug)]
pub struct Resources(Vec<Value>);

impl Resources {
    /// What `manifests/kustomization.yaml` lists.
    ///
    /// # Panics
    /// When a file is missing or no YAML.
    #[must_use]
    pub fn shipped() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests");
        let read = |name: &str| {
            let text = fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
            Self::parse(&text)
        };
        let list = read("kustomization.yaml").0;
        let names = list.first().and_then(|list| list.get("resources")).and_then(Value::as_array);
        let names = names.expect("kustomization.yaml lists resources").iter().filter_map(Value::as_str);
        Self(names.flat_map(|name| read(name).0).collect())
    }

    /// The documents of a YAML text.
    ///
    /// # Panics
    /// When it is no YAML.
    #[must_use]
    pub fn parse(yaml: &str) -> Self {
        let documents: Vec<Value> =
            serde_saphyr::from_multiple(yaml).unwrap_or_else(|error| panic!("the resources are no YAML: {error}"));
        Self(documents.into_iter().filter(|document| !document.is_null()).collect())
    }

    /// One more resource.
    #[must_use]
    pub fn and(mut self, resource: Value) -> Self {
        self.0.push(resource);
        self
    }

    /// Changes the one resource of this kind.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn with(mut self, kind: &str, change: impl FnOnce(&mut Value)) -> Self {
        change(self.0.iter_mut().find(|resource| resource["kind"] == kind).unwrap_or_else(|| panic!("no {kind}")));
        self
    }

    /// Without the resources of this kind.
    #[must_use]
    pub fn without(mut self, kind: &str) -> Self {
        self.0.retain(|resource| resource["kind"] != kind);
        self
    }

    /// Enforces this packed policy.
    ///
    /// # Panics
    /// When it is not JSON.
    #[must_use]
    pub fn enforcing(self, packed: &str) -> Self {
        let config: Value = serde_json::from_str(packed).expect("a packed policy is JSON");
        self.with("EnvoyExtensionPolicy", |policy| policy["spec"]["wasm"][0]["config"] = config)
    }

    /// Runs Envoy with this many workers.
    #[must_use]
    pub fn workers(self, workers: u32) -> Self {
        self.with("EnvoyProxy", |proxy| proxy["spec"]["concurrency"] = json!(workers))
    }

    /// The one resource of this kind.
    pub(super) fn get(&self, kind: &str) -> &Value {
        self.0.iter().find(|resource| resource["kind"] == kind).unwrap_or_else(|| panic!("no {kind}"))
    }

    /// All of them, in the form that Envoy Gateway's file provider reads.
    pub(super) fn to_text(&self) -> String {
        self.0.iter().map(|resource| format!("---\n{resource}\n")).collect()
    }
}
