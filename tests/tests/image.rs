//! The filter as an OCI image: what `envoy/image` writes, and the real Envoy Gateway that pulls it.

#![cfg(test)]

use policy_compiler::files::NoFiles;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::{fs, path::PathBuf};
use toolgate_tests::harness::{
    client::{Call, Protocol, Reply},
    envoy::Update,
    gateway::{EnvoyGateway, Resources},
    named,
    upstream::{Answer, Seen, Upstream},
};
use wasmparser::{Operator, Parser, Payload};

const POLICY: &str = "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: { header: x-agent-id }\n\
    agents: { a: {} }\ntools:\n  search: { agents: [a], arguments: { blocked: [bad] } }\n";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn layout() -> PathBuf {
    named("TOOLGATE_IMAGE")
}

fn index() -> Value {
    serde_json::from_slice(&fs::read(layout().join("index.json")).unwrap()).unwrap()
}

/// The digest of the one image in the layout, without the name of the algorithm.
fn digest() -> String {
    index()["manifests"][0]["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap().to_owned()
}

fn blob(sha256: &str) -> Option<Vec<u8>> {
    fs::read(layout().join("blobs/sha256").join(sha256)).ok()
}

/// A registry that has this image alone and only gives.
fn registry(request: &Seen) -> Answer {
    let found = match request.path.strip_prefix("/v2/") {
        Some("") => Some(Vec::new()),
        Some("toolgate/manifests/0.1.0") => blob(&digest()),
        Some(path) => path.rsplit_once("/sha256:").and_then(|(_, name)| blob(name)),
        None => None,
    };
    found.map_or(Answer::new(404), |body| Answer::new(200).header("content-type", MANIFEST).body(body))
}

/// What `render` writes, with the image of this digest in this registry.
fn pulling(registry: &Upstream, sha256: &str) -> Resources {
    let image = format!("{}/toolgate:0.1.0", registry.address());
    let values = format!(
        "filter: {{ image: \"{image}\", sha256: \"{sha256}\" }}\nidentity: {{ trusted_headers: [x-agent-id] }}\n"
    );
    Resources::rendered(POLICY, &NoFiles, &values)
}

fn search(gateway: &EnvoyGateway, text: &str) -> Reply {
    let call = Call::tool("search").authority("tools.local").header("x-agent-id", "a");
    let call = call.header("content-type", "application/json").body(json!({"arguments": {"q": text}}).to_string());
    call.send(Protocol::Http1, gateway.address()).unwrap()
}

#[test]
fn the_image_holds_the_built_module_and_depends_on_nothing_else() {
    let module = fs::read(named("TOOLGATE_FILTER")).unwrap();
    let config = json!({
        "mediaType": "application/vnd.module.wasm.config.v1+json",
        "digest": format!("sha256:{}", sha256(b"{}")),
        "size": 2,
    });
    let mut first = config.clone();
    first["annotations"] = json!({"org.opencontainers.image.title": "runtime-config.json"});
    let wanted = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config,
        "layers": [first, {
            "mediaType": "application/vnd.module.wasm.content.layer.v1+wasm",
            "digest": format!("sha256:{}", sha256(&module)),
            "size": module.len(),
            "annotations": {"org.opencontainers.image.title": "plugin.wasm"},
        }],
        "annotations": {"org.opencontainers.image.created": "1970-01-01T00:00:00Z"},
    });
    let manifest = blob(&digest()).unwrap();
    assert_eq!(sha256(&manifest), digest());
    assert_eq!(serde_json::from_slice::<Value>(&manifest).unwrap(), wanted);
    assert_eq!(blob(&sha256(&module)).unwrap(), module);
    let version: Value = serde_json::from_slice(&fs::read(layout().join("oci-layout")).unwrap()).unwrap();
    assert_eq!((version, index()["manifests"].as_array().unwrap().len()), (json!({"imageLayoutVersion": "1.0.0"}), 1));
}

#[test]
fn no_folder_of_the_machine_that_built_it_is_in_the_module() {
    let module = fs::read(named("TOOLGATE_FILTER")).unwrap();
    let holds = |text: &str| module.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    assert!(holds("crates/") && holds("proxy-wasm-"), "where its crates were");
    assert!(!holds(&format!("{}/", std::env::var("HOME").unwrap())) && !holds("/registry/src/"));
}

/// Flags of a build can take the place of those that ask for them, and nothing but the speed would tell.
#[test]
fn the_module_has_vector_instructions() {
    let module = fs::read(named("TOOLGATE_FILTER")).unwrap();
    let bodies = Parser::new(0).parse_all(&module).filter_map(|part| match part.unwrap() {
        Payload::CodeSectionEntry(body) => Some(body),
        _ => None,
    });
    let loads = bodies.flat_map(|body| body.get_operators_reader().unwrap().into_iter().collect::<Vec<_>>());
    assert!(loads.map(Result::unwrap).any(|operator| matches!(operator, Operator::V128Load { .. })));
}

#[test]
fn envoy_gateway_pulls_the_image_by_its_digest_and_another_digest_means_500() {
    let (tool, images) = (Upstream::start(), Upstream::answering(registry));
    let right = pulling(&images, &digest());
    let gateway = EnvoyGateway::start(&right, tool.address());
    assert_eq!(search(&gateway, "good").status, 200);
    assert_eq!(search(&gateway, "bad").json()["reason"], "argument_blocked");
    assert_eq!(tool.count_complete(), 1);
    let asked: Vec<_> = images.seen().into_iter().map(|request| request.path).collect();
    let module = sha256(&fs::read(named("TOOLGATE_FILTER")).unwrap());
    assert!(asked.contains(&format!("/v2/toolgate/blobs/sha256:{module}")), "{asked:?}");
    tool.clear();
    assert_eq!(gateway.replace(&pulling(&images, &"0".repeat(64))), Update::Accepted);
    let status = gateway.status("EnvoyExtensionPolicy", "toolgate");
    assert!(status.contains("reason: Invalid") && status.contains(&digest()), "{status}");
    assert_eq!(search(&gateway, "good").status, 500);
    assert!(tool.seen().is_empty());
    assert_eq!(gateway.replace(&right), Update::Accepted);
    assert_eq!(search(&gateway, "good").status, 200);
}
