//! What `render` writes, judged by those who will read it: Kubernetes' own validation with the published definitions,
//! kustomize, Envoy Gateway's types, Prometheus' rule checker, and Envoy. Each of them must also refuse something, so
//! that it is known to judge.
//!
//! In: the variables `TOOLGATE_…` that `run_manifests` of `tests/run` sets.
//! Out: what they say. No server is started.

#![cfg(test)]

use policy_compiler::{
    files::NoFiles,
    render::{Manifest, Rendered, Target, Text, render},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use tempfile::TempDir;

/// All sources of identity, limits over all Envoys, and names that need care in YAML.
const POLICY: &str = "apiVersion: toolgate.dev/v1
kind: ToolPolicy
identity:
  - jwt: { provider: keycloak, agent: azp }
  - mtls: uri_san
  - api_key: { header: x-client-id }
  - header: x-agent-id
agents: { 'null': {}, dev-agent: { rate: { limit: 1/second, scope: global } } }
tool_groups: { web: { tools: ['1.0'], quota: { limit: 4000000000/day, scope: global, per: all } } }
tools:
  'on': { agents: [dev-agent], body_limit: 3MiB, rate: { limit: 60/minute, scope: global } }
  '1.0': { agents: [dev-agent], quota: { limit: 100/hour, scope: global } }
  a_b.C: { agents: ['null'] }
";

/// Every key of the values.
const VALUES: &str = "apiVersion: toolgate.dev/v1
kind: RenderValues
namespace: 'on'
gateway: { name: y, class: 'null', hostname: 1.2.3, port: 8443, certificate: yes-tls, proxies: '010' }
filter: { url: 'http://192.0.2.1:8080/x.wasm?a=b', sha256: 00000000000000000000000000000000000000000000000000000000000000aa }
upstreams:
  rest: { service: rest, port: 80, pods: { app.kubernetes.io/name: 'true' }, pod_port: 8080 }
  one: { host: 192.0.2.1, port: 80, tools: ['on'] }
  two: { host: tools.example.org, port: 443, tls: true, tools: ['1.0', a_b.C] }
agents: { namespace: 'no', pods: { role: '1' } }
identity:
  jwt:
    keycloak:
      issuer: https://sso.example.org/realms/agents
      audiences: ['1', tools]
      jwks: https://sso.example.org:8443/certs
      claims_to_headers: { x-agent-id: azp }
  mtls: { ca: agents-ca }
  api_key: { secret: agents-keys, header: x-key }
strict: true
global_limits: { redis_secret: '1.0', redis_certificate: 'no', timeout_milliseconds: 60000 }
monitoring: { namespace: monitoring, labels: { release: '1.0' } }
";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn path_of(variable: &str) -> PathBuf {
    PathBuf::from(env::var_os(variable).unwrap_or_else(|| panic!("{variable}: `tests/run manifests` sets it")))
}

fn rendered(policy: &str, values: &str, target: Target) -> Vec<Manifest> {
    let policy = Text { name: "policy.yaml", bytes: policy.as_bytes() };
    let values = Text { name: "values.yaml", bytes: values.as_bytes() };
    let Rendered { manifests, packing: _, values } = render(policy, &NoFiles, values, target).unwrap();
    assert!(!manifests.is_empty(), "{values:?}");
    manifests
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Writes manifests by file.
fn written<'a>(manifests: impl IntoIterator<Item = &'a Manifest>) -> TempDir {
    let mut files: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for manifest in manifests {
        files.entry(manifest.file).or_default().push(&manifest.text);
    }
    let folder = TempDir::new().unwrap();
    for (file, objects) in files {
        fs::write(folder.path().join(file), objects.join("---\n")).unwrap();
    }
    folder
}

fn validated(folder: &Path) -> Output {
    Command::new(path_of("TOOLGATE_KUBECTL_VALIDATE"))
        .arg(folder)
        .arg("--local-crds")
        .arg(path_of("TOOLGATE_DEFINITIONS"))
        .output()
        .unwrap()
}

#[test]
fn kubernetes_takes_each_manifest_of_the_repository() {
    let folder = TempDir::new().unwrap();
    for entry in fs::read_dir(root().join("manifests")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.ends_with(".yaml") && !["kustomization.yaml", "values.yaml", "envoy-gateway.yaml"].contains(&name) {
            fs::copy(&path, folder.path().join(name)).unwrap();
        }
    }
    let output = validated(folder.path());
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn kubernetes_takes_what_all_values_and_awkward_names_give() {
    let manifests = rendered(POLICY, VALUES, Target::Kubernetes);
    let folder = written(manifests.iter().filter(|manifest| manifest.is_object()));
    let output = validated(folder.path());
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(said(&output).matches("OK").count(), 11, "{}", said(&output));
}

#[test]
fn kubernetes_refuses_an_object_of_each_kind_with_a_key_that_does_not_exist() {
    let folder = TempDir::new().unwrap();
    let mut bad = 0;
    // Of the others, data may have any key.
    let has_keys =
        |manifest: &&Manifest| manifest.is_object() && !["Namespace", "ConfigMap"].contains(&manifest.kind.as_str());
    for manifest in rendered(POLICY, VALUES, Target::Kubernetes).iter().filter(has_keys) {
        bad += 1;
        let text = manifest.text.replacen("spec:\n", &format!("spec:\n  noSuchKey{bad}: 1\n"), 1);
        assert_ne!(text, manifest.text);
        fs::write(folder.path().join(format!("{bad}.yaml")), text).unwrap();
    }
    let output = said(&validated(folder.path()));
    assert!(bad > 10);
    for number in 1..=bad {
        assert!(output.contains(&format!("noSuchKey{number}:")), "{number}: {output}");
    }
}

/// What `kubectl apply -k` would apply: kustomize's own build of a folder.
fn built(folder: &Path) -> Output {
    Command::new(path_of("TOOLGATE_KUSTOMIZE")).arg("build").arg(folder).output().unwrap()
}

/// Kind and name of each object in a text of many.
fn named(text: &str) -> BTreeSet<String> {
    let objects = text.split("\n---\n");
    let line = |object: &str, start: &str| object.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
    objects.map(|object| format!("{}{}", line(object, "kind: "), line(object, "  name: "))).collect()
}

#[test]
fn kustomize_finds_all_objects_of_the_repository_and_of_all_values() {
    let manifests = rendered(POLICY, VALUES, Target::Kubernetes);
    let folder = written(&manifests);
    for folder in [folder.path(), &root().join("manifests")] {
        let output = built(folder);
        assert!(output.status.success(), "{}", said(&output));
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let objects = files.filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.ends_with(".yaml") && !["kustomization.yaml", "values.yaml", "envoy-gateway.yaml"].contains(&name)
        });
        let wanted: BTreeSet<String> = objects.flat_map(|path| named(&fs::read_to_string(path).unwrap())).collect();
        assert_eq!(named(&String::from_utf8(output.stdout).unwrap()), wanted);
        assert!(wanted.len() > 12, "{wanted:?}");
    }
    fs::remove_file(folder.path().join("routes.yaml")).unwrap();
    let output = built(folder.path());
    assert!(!output.status.success() && said(&output).contains("routes.yaml"), "{}", said(&output));
}

/// Envoy Gateway itself passes over keys that it does not know. These are its types, read strictly, and its own checks.
fn judged(configuration: &str) -> Output {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("envoy-gateway.yaml");
    fs::write(&file, configuration).unwrap();
    Command::new(path_of("TOOLGATE_SETTINGS")).arg(file).output().unwrap()
}

#[test]
fn envoy_gateway_knows_each_key_of_its_own_configuration() {
    let shipped = fs::read_to_string(root().join("manifests/envoy-gateway.yaml")).unwrap();
    let by_url = VALUES.replace("redis_secret: '1.0'", "redis: 'redis://192.0.2.1:6379'");
    for configuration in [&shipped, &own(VALUES), &own(&by_url)] {
        let output = judged(configuration);
        assert!(output.status.success(), "{}", said(&output));
    }
    for (good, bad) in [
        ("failClosed:", "failsClosed:"),
        ("rateLimitDeployment:", "rateLimitDeploy:"),
        ("enableBackend:", "enableBackends:"),
        ("type: Redis", "type: Memory"),
    ] {
        let output = judged(&own(VALUES).replace(good, bad));
        assert!(!output.status.success(), "{bad}: {}", said(&output));
    }
}

fn own(values: &str) -> String {
    let manifests = rendered(POLICY, values, Target::Kubernetes);
    manifests.into_iter().find(|manifest| manifest.kind == "EnvoyGateway").unwrap().text
}

/// The rules of the repository's PrometheusRule, as Prometheus reads them.
fn rules() -> String {
    let text = fs::read_to_string(root().join("manifests/prometheus-rule.yaml")).unwrap();
    let (_, spec) = text.split_once("\nspec:\n").unwrap();
    spec.lines().map(|line| format!("{}\n", line.strip_prefix("  ").unwrap())).collect()
}

fn promtool(arguments: &[&str], rules: &str) -> Output {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("rules.yaml"), rules).unwrap();
    fs::copy(root().join("tests/prometheus/alerts.yaml"), folder.path().join("alerts.yaml")).unwrap();
    Command::new(path_of("TOOLGATE_PROMTOOL")).args(arguments).current_dir(folder.path()).output().unwrap()
}

#[test]
fn prometheus_takes_the_alerts() {
    let output = promtool(&["check", "rules", "--lint=all", "--lint-fatal", "rules.yaml"], &rules());
    assert!(output.status.success(), "{}", said(&output));
    let bad = promtool(&["check", "rules", "rules.yaml"], &rules().replacen("sum by", "summ by", 1));
    assert!(!bad.status.success(), "{}", said(&bad));
}

#[test]
fn the_alerts_are_raised_when_they_should_be_and_only_then() {
    let output = promtool(&["test", "rules", "alerts.yaml"], &rules());
    assert!(output.status.success(), "{}", said(&output));
    let bad = promtool(&["test", "rules", "alerts.yaml"], &rules().replacen("> 0.2", "> 0.3", 1));
    assert!(!bad.status.success(), "{}", said(&bad));
}

#[test]
fn each_alert_has_a_unit_test() {
    let tests = fs::read_to_string(root().join("tests/prometheus/alerts.yaml")).unwrap();
    for alert in rules().lines().filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix("alert: ")) {
        assert!(tests.contains(&format!("alertname: {alert}\n")), "{alert}");
    }
}

/// What each Envoy says of a configuration.
fn checked(configuration: &str) -> Vec<Output> {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("envoy.yaml");
    fs::write(&file, configuration).unwrap();
    let programs = path_of("TOOLGATE_ENVOYS");
    let check = |program: PathBuf| {
        Command::new(program).args(["--mode", "validate", "--log-level", "warn", "-c"]).arg(&file).output().unwrap()
    };
    env::split_paths(&programs).map(check).collect()
}

#[test]
fn both_versions_of_the_proxy_take_the_configuration_of_the_repository() {
    let text = fs::read_to_string(root().join("envoy/envoy.yaml")).unwrap();
    let filter = path_of("TOOLGATE_FILTER");
    let text = text.replace("/etc/toolgate/toolgate_filter.wasm", filter.to_str().unwrap());
    let outputs = checked(&text);
    assert_eq!(outputs.len(), 2);
    for output in &outputs {
        assert!(output.status.success(), "{}", said(output));
    }
    for output in checked(&text.replace("normalize_path", "normalise_path")) {
        assert!(!output.status.success(), "{}", said(&output));
    }
}

#[test]
fn both_versions_of_the_proxy_take_tokens_certificates_and_global_limits() {
    let folder = TempDir::new().unwrap();
    let made = rcgen::generate_simple_self_signed(["tools.local".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let (certificate, key) = (certificate.display(), key.display());
    let filter = path_of("TOOLGATE_FILTER");
    let envoy = format!(
        "envoy: {{ filter: '{}', address: '::1', certificate: '{certificate}', private_key: '{key}', ca: '{certificate}', \
         rate_limit_service: {{ host: limits.example.org, port: 8081, tls: true }} }}\n",
        filter.display()
    );
    for sources in ["[{ jwt: { provider: keycloak, agent: azp } }, { mtls: uri_san }]", "{ mtls: uri_san }"] {
        let (head, rest) = POLICY.split_once("identity:\n").unwrap();
        let (_, rest) = rest.split_once("agents:").unwrap();
        let policy = format!("{head}identity: {sources}\nagents:{rest}");
        let values = if sources.contains("jwt") { VALUES.to_owned() } else { without_identity() };
        let values = values.replace("      claims_to_headers: { x-agent-id: azp }\n", "");
        let configuration = &rendered(&policy, &format!("{values}{envoy}"), Target::Envoy)[0].text;
        assert!(configuration.contains(".filters.http.ratelimit.v3"));
        for output in checked(configuration) {
            assert!(output.status.success(), "{configuration}\n{}", said(&output));
        }
        for output in checked(&configuration.replace("failure_mode_deny", "failure_mode_denied")) {
            assert!(!output.status.success(), "{}", said(&output));
        }
    }
}

fn without_identity() -> String {
    let (before, rest) = VALUES.split_once("identity:\n").unwrap();
    format!("{before}{}", rest.get(rest.find("strict:").unwrap()..).unwrap())
}
