//! Kubernetes resources of a test.
//!
//! In: what `render` writes for a policy and values, or what the repository ships, and what a test changes in it.
//! Out: JSON documents.
//! Knows their shape as far as tests change it; whether they are right is Envoy Gateway's to say.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use policy_compiler::{
    files::Files,
    render::{Rendered, Target, Text, render},
};
use serde_json::{Map, Value, json};
use std::{fs, path::Path};

/// What values need and most tests do not care for. The harness serves the module in the place of this image.
const HEAD: &str = "apiVersion: toolgate.dev/v1\nkind: RenderValues\n";
const FILTER: &str = "filter: { image: \"registry.example.org/toolgate:0.1.0\", \
    sha256: 0000000000000000000000000000000000000000000000000000000000000000 }\n";
const UPSTREAM: &str = "upstreams: { tools: { service: tools, port: 8080 } }\n";

/// Some resources.
#[derive(Clone, Debug)]
pub struct Resources(Vec<Value>);

impl Resources {
    /// What `manifests/kustomization.yaml` lists, and Envoy Gateway's own configuration.
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
        Self(names.chain(["envoy-gateway.yaml"]).flat_map(|name| read(name).0).collect())
    }

    /// What `render` writes for this policy and these values, which need not say where filter and tools are.
    ///
    /// # Panics
    /// When policy or values have errors.
    #[must_use]
    pub fn rendered(policy: &str, files: &dyn Files, values: &str) -> Self {
        let unless = |key: &str, other: &'static str| if values.contains(key) { "" } else { other };
        let values = [HEAD, unless("filter:", FILTER), unless("upstreams:", UPSTREAM), values].concat();
        let [policy, values] = [("policy.yaml", policy), ("values.yaml", &values)]
            .map(|(name, text)| Text { name, bytes: text.as_bytes() });
        let Rendered { manifests, packing, values } =
            render(policy, files, values, Target::Kubernetes).expect("what is rendered can be packed");
        assert!(!manifests.is_empty(), "nothing is rendered: {:?} {values:?}", packing.diagnostics);
        let objects = manifests.iter().filter(|manifest| manifest.kind != "Kustomization");
        Self(objects.flat_map(|manifest| Self::parse(&manifest.text).0).collect())
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

    /// Changes all resources of this kind, of which there may be none.
    #[must_use]
    pub fn each(mut self, kind: &str, change: impl FnMut(&mut Value)) -> Self {
        self.0.iter_mut().filter(|resource| resource["kind"] == kind).for_each(change);
        self
    }

    /// A Secret beside what is rendered.
    #[must_use]
    pub fn secret(self, name: &str, kind: &str, data: &[(&str, &str)]) -> Self {
        let data: Map<_, _> =
            data.iter().map(|(key, text)| ((*key).to_owned(), json!(BASE64_STANDARD.encode(text)))).collect();
        self.and_of_ours("Secret", name, &json!({"type": kind, "data": data}))
    }

    /// A server's certificate and its key, as PEM.
    #[must_use]
    pub fn server_certificate(self, name: &str, (certificate, key): (&str, &str)) -> Self {
        self.secret(name, "kubernetes.io/tls", &[("tls.crt", certificate), ("tls.key", key)])
    }

    /// The CA of clients' certificates, as PEM.
    #[must_use]
    pub fn client_authority(self, name: &str, certificate: &str) -> Self {
        self.and_of_ours("ConfigMap", name, &json!({"data": {"ca.crt": certificate}}))
    }

    /// An object of Kubernetes itself, in the namespace of the Gateway.
    fn and_of_ours(self, kind: &str, name: &str, more: &Value) -> Self {
        let namespace = self.get("Gateway")["metadata"]["namespace"].clone();
        let mut object = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}});
        for (key, value) in more.as_object().into_iter().flatten() {
            object[key] = value.clone();
        }
        self.and(object)
    }

    /// Only what Envoy Gateway takes from a folder. Its own configuration is no object: it is started with it.
    #[must_use]
    pub(super) fn for_envoy_gateway(mut self) -> Self {
        self.0.retain(|resource| resource["kind"] != "PrometheusRule" && resource["kind"] != "EnvoyGateway");
        self
    }

    /// Runs Envoy with this many workers.
    #[must_use]
    pub fn workers(self, workers: u32) -> Self {
        self.with("EnvoyProxy", |proxy| proxy["spec"]["concurrency"] = json!(workers))
    }

    /// The one resource of this kind.
    pub(super) fn get(&self, kind: &str) -> &Value {
        self.find(kind).unwrap_or_else(|| panic!("no {kind}"))
    }

    /// The first resource of this kind.
    pub(super) fn find(&self, kind: &str) -> Option<&Value> {
        self.0.iter().find(|resource| resource["kind"] == kind)
    }

    /// All of them, in the form that Envoy Gateway's file provider reads.
    pub(super) fn to_text(&self) -> String {
        self.0.iter().map(|resource| format!("---\n{resource}\n")).collect()
    }
}
