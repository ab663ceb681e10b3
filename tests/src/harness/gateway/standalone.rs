//! What resources for Kubernetes need in order to work on one machine, without it.
//!
//! In: the resources of a test, and where on this machine things are. Out: the same resources for Envoy Gateway's
//! host mode. Changes places only: addresses, ports, certificates, where the module comes from.

use super::resources::Resources;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::Path,
};

/// Where things are.
#[derive(Clone, Debug)]
pub(super) struct Places<'a> {
    /// The port that Envoy listens on.
    pub(super) port: u16,
    /// The servers of the tools.
    pub(super) tools: &'a Tools,
    /// The address of the module, and its digest.
    pub(super) module: (String, &'a str),
    /// The certificates that Envoy Gateway made for Envoy: certificate, key, CA; in base64.
    pub(super) certificates: [String; 3],
    /// The CA as a file.
    pub(super) ca: &'a Path,
    /// The rate limit service.
    pub(super) rate_limit: SocketAddr,
    /// How often resources were written before.
    pub(super) revision: u32,
}

/// Servers of tools on this machine, in place of Services and of hosts outside.
#[derive(Clone, Debug)]
pub struct Tools {
    all_others: SocketAddr,
    by_name: BTreeMap<String, SocketAddr>,
}

impl Tools {
    /// The server in place of the Service, or of the host's Backend, of this name.
    #[must_use]
    pub fn and(mut self, name: &str, server: SocketAddr) -> Self {
        self.by_name.insert(name.to_owned(), server);
        self
    }

    fn of(&self, name: &str) -> SocketAddr {
        self.by_name.get(name).copied().unwrap_or(self.all_others)
    }
}

/// One server for all tools.
impl From<SocketAddr> for Tools {
    fn from(all_others: SocketAddr) -> Self {
        Self { all_others, by_name: BTreeMap::new() }
    }
}

const GROUP: &str = "gateway.envoyproxy.io";
const SYSTEM: &str = "envoy-gateway-system";

/// Envoy Gateway's file provider merges what it reads into what it knows: a field that is no longer written stays in
/// an object of the same name. So these get another name each time.
const RENAMED: [&str; 2] = ["ClientTrafficPolicy", "SecurityPolicy"];

pub(super) fn adapted(resources: &Resources, places: &Places<'_>) -> Resources {
    let metadata = resources.get("Gateway")["metadata"].clone();
    let mut services = BTreeSet::new();
    let adapted = resources
        .clone()
        .for_envoy_gateway()
        .with("EnvoyProxy", |proxy| as_process(&mut proxy["spec"]))
        .with("Gateway", |gateway| {
            for listener in gateway["spec"]["listeners"].as_array_mut().into_iter().flatten() {
                listener["port"] = json!(places.port);
            }
        })
        .each("Backend", |backend| {
            let name = backend["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            backend["spec"] = server(places.tools.of(&name));
        })
        .each("HTTPRoute", |route| {
            let rules = route["spec"]["rules"].as_array_mut().into_iter().flatten();
            services.extend(rules.filter_map(|rule| calls_backend(&mut rule["backendRefs"][0])));
        })
        .with("EnvoyExtensionPolicy", |policy| {
            let code = &mut policy["spec"]["wasm"][0]["code"];
            // A test that names a place of its own keeps it.
            if code["image"]["url"].as_str().is_some_and(|url| url.starts_with("registry.example.org/")) {
                *code = json!({"type": "HTTP", "http": {"url": places.module.0, "sha256": places.module.1}});
            }
        });
    let renamed = RENAMED.iter().fold(adapted, |resources, kind| {
        resources.each(kind, |policy| {
            policy["metadata"]["name"] = json!(renamed(kind, &policy["metadata"]["name"], places.revision))
        })
    });
    let backends = services.iter().map(|name| backend(&metadata["namespace"], name, places.tools.of(name)));
    backends
        .fold(renamed, Resources::and)
        .and(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM}}))
        .and(secret(&places.certificates))
        .and(patch(&metadata, "on-this-machine", local_clusters(resources, places)))
}

/// The name under which Envoy Gateway knows a resource.
pub(super) fn renamed(kind: &str, name: &Value, revision: u32) -> String {
    let name = name.as_str().unwrap_or_default();
    if RENAMED.contains(&kind) { format!("{name}-{revision}") } else { name.to_owned() }
}

/// Envoy as a child process, which writes its access log at once and forgets what was replaced.
fn as_process(proxy: &mut Value) {
    proxy["provider"] = json!({"type": "Host", "host": {}});
    proxy["shutdown"] = json!({"drainTimeout": "2s"});
    proxy["extraArgs"] = json!(["--file-flush-interval-msec", "50"]);
}

/// Puts a Backend in the place of a Service, and names it.
fn calls_backend(reference: &mut Value) -> Option<String> {
    if reference["kind"] == "Backend" {
        return None;
    }
    let service = reference["name"].as_str()?.to_owned();
    *reference = json!({"group": GROUP, "kind": "Backend", "name": backend_name(&service)});
    Some(service)
}

fn backend_name(service: &str) -> String {
    format!("service-{service}")
}

fn backend(namespace: &Value, service: &str, tool: SocketAddr) -> Value {
    json!({
        "apiVersion": format!("{GROUP}/v1alpha1"),
        "kind": "Backend",
        "metadata": {"name": backend_name(service), "namespace": namespace},
        "spec": server(tool),
    })
}

fn server(tool: SocketAddr) -> Value {
    json!({"endpoints": [{"ip": {"address": tool.ip().to_string(), "port": tool.port()}}]})
}

/// By this certificate Envoy Gateway's own servers know its Envoy.
fn secret([certificate, key, ca]: &[String; 3]) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "envoy", "namespace": SYSTEM},
        "type": "kubernetes.io/tls",
        "data": {"tls.crt": certificate, "tls.key": key, "ca.crt": ca},
    })
}

/// Clusters that Envoy Gateway writes for Kubernetes only: names of Services, and a CA that a Pod has.
fn local_clusters(resources: &Resources, places: &Places<'_>) -> Vec<Value> {
    let ca = json!(places.ca);
    let mut changes = cluster("wasm_cluster", &ca, None);
    if resources.find("BackendTrafficPolicy").is_some() {
        changes.extend(cluster("ratelimit_cluster", &ca, Some(places.rate_limit.port())));
    }
    changes
}

fn cluster(name: &str, ca: &Value, port: Option<u16>) -> Vec<Value> {
    let endpoint = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
    let trusted = "/transport_socket/typed_config/common_tls_context/validation_context/trusted_ca/filename";
    let port = port.map(|port| (format!("{endpoint}/port_value"), json!(port)));
    [(trusted.to_owned(), ca.clone()), (format!("{endpoint}/address"), json!("127.0.0.1"))]
        .into_iter()
        .chain(port)
        .map(|(path, value)| {
            json!({
                "type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
                "name": name,
                "operation": {"op": "replace", "path": path, "value": value},
            })
        })
        .collect()
}

/// A resource that changes what Envoy Gateway sends to the Envoy of a Gateway.
pub(super) fn patch(gateway: &Value, name: &str, changes: Vec<Value>) -> Value {
    json!({
        "apiVersion": format!("{GROUP}/v1alpha1"),
        "kind": "EnvoyPatchPolicy",
        "metadata": {"name": name, "namespace": gateway["namespace"]},
        "spec": {
            "targetRef": {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": gateway["name"]},
            "type": "JSONPatch",
            "jsonPatches": changes,
        },
    })
}
