//! Envoy's configuration for a test.
//!
//! In: listeners, filters, clusters and options. Out: the bootstrap and the listeners' file as
//! JSON. Writes no file and starts nothing.

use serde_json::{Map, Value, json};
use std::{net::SocketAddr, path::Path};

/// Prints what the filter wrote for the audit, and nothing around it.
const AUDIT_FORMAT: &str = "%FILTER_STATE(wasm.tool_gateway.audit:PLAIN)%\n";

/// A whole Envoy.
#[derive(Clone, Debug)]
pub struct EnvoyConfig {
    pub(super) concurrency: u32,
    pub(super) listeners: Vec<Listener>,
    clusters: Vec<Cluster>,
    stats_tags: Vec<Value>,
    pub(super) listeners_from_file: bool,
    pub(super) wasm_log_level: String,
}

impl Default for EnvoyConfig {
    fn default() -> Self {
        Self {
            concurrency: 1,
            listeners: Vec::new(),
            clusters: Vec::new(),
            stats_tags: Vec::new(),
            listeners_from_file: false,
            wasm_log_level: "info".to_owned(),
        }
    }
}

impl EnvoyConfig {
    /// One worker, nothing to listen on yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// This many workers.
    #[must_use]
    pub fn concurrency(mut self, workers: u32) -> Self {
        self.concurrency = workers;
        self
    }

    /// One more listener.
    #[must_use]
    pub fn listener(mut self, listener: Listener) -> Self {
        self.listeners.push(listener);
        self
    }

    /// One more place where calls can go.
    #[must_use]
    pub fn cluster(mut self, cluster: Cluster) -> Self {
        self.clusters.push(cluster);
        self
    }

    /// One more entry of `stats_config.stats_tags`.
    #[must_use]
    pub fn stats_tag(mut self, tag: Value) -> Self {
        self.stats_tags.push(tag);
        self
    }

    /// Serves the listeners from a watched file, so that they can be replaced while Envoy runs.
    #[must_use]
    pub fn listeners_from_file(mut self) -> Self {
        self.listeners_from_file = true;
        self
    }

    /// The log level of filters, if not `info`; Envoy itself only warns.
    #[must_use]
    pub fn wasm_log_level(mut self, level: &str) -> Self {
        level.clone_into(&mut self.wasm_log_level);
        self
    }

    /// The bootstrap of an Envoy that keeps its files in `directory`.
    pub(super) fn bootstrap(&self, directory: &Path) -> Value {
        let clusters: Vec<_> = self.clusters.iter().map(Cluster::to_json).collect();
        let mut bootstrap = json!({
            "node": {"id": "toolgate-tests", "cluster": "toolgate-tests"},
            "admin": {"address": any_port()},
            "static_resources": {"clusters": clusters},
            "stats_config": {"stats_tags": self.stats_tags},
            // Histograms are otherwise only counted up every five seconds.
            "stats_flush_on_admin": true,
        });
        let (key, value) = if self.listeners_from_file {
            let file = json!({
                "path": directory.join(LISTENERS_FILE),
                "watched_directory": {"path": directory.join(LISTENERS_DIRECTORY)},
            });
            let source = json!({"path_config_source": file, "resource_api_version": "V3"});
            ("/dynamic_resources", json!({"lds_config": source}))
        } else {
            let listeners: Vec<_> = each_json(&self.listeners, directory).collect();
            ("/static_resources/listeners", json!(listeners))
        };
        put(&mut bootstrap, key, value);
        bootstrap
    }
}

/// The watched folder, and the file in it that holds the listeners.
pub(super) const LISTENERS_DIRECTORY: &str = "watched";
pub(super) const LISTENERS_FILE: &str = "watched/listeners.json";

/// The file that a watched Envoy reads its listeners from.
pub(super) fn listeners_file(listeners: &[Listener], version: u64, directory: &Path) -> Value {
    let resources: Vec<_> = each_json(listeners, directory)
        .map(|mut listener| {
            let kind = "type.googleapis.com/envoy.config.listener.v3.Listener";
            put(&mut listener, "/@type", json!(kind));
            listener
        })
        .collect();
    json!({"version_info": version.to_string(), "resources": resources})
}

fn each_json<'a>(listeners: &'a [Listener], directory: &'a Path) -> impl Iterator<Item = Value> + 'a {
    listeners.iter().map(|listener| listener.to_json(directory))
}

/// The file that a listener writes its audit lines to.
pub(super) fn audit_file(listener: &str) -> String {
    format!("{listener}.audit.log")
}

/// A port on 127.0.0.1, HTTP/1 and HTTP/2, with its filters and routes.
///
/// HTTP/1 trailers are on, unlike Envoy's default: they are one of the ways around a filter.
#[derive(Clone, Debug)]
pub struct Listener {
    pub(super) name: String,
    filters: Vec<Value>,
    routes: Value,
    manager: Map<String, Value>,
    transport_socket: Option<Value>,
    own: Map<String, Value>,
}

impl Listener {
    /// A listener that sends all calls to the cluster `tools`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            filters: Vec::new(),
            routes: all_to("tools"),
            manager: Map::new(),
            transport_socket: None,
            own: Map::new(),
        }
    }

    /// The same one under another name; its filters share their VMs with it.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Sends all calls to this cluster.
    #[must_use]
    pub fn to_cluster(mut self, cluster: &str) -> Self {
        self.routes = all_to(cluster);
        self
    }

    /// A whole `route_config` in place of the one route.
    #[must_use]
    pub fn route_config(mut self, routes: Value) -> Self {
        self.routes = routes;
        self
    }

    /// One more HTTP filter, after those before it and before the router.
    #[must_use]
    pub fn filter(mut self, filter: Value) -> Self {
        self.filters.push(filter);
        self
    }

    /// One more HTTP filter, before all that are there.
    #[must_use]
    pub fn first_filter(mut self, filter: Value) -> Self {
        self.filters.insert(0, filter);
        self
    }

    /// How bytes travel, if not plainly.
    #[must_use]
    pub fn transport_socket(mut self, socket: Value) -> Self {
        self.transport_socket = Some(socket);
        self
    }

    /// Sets `normalize_path`.
    #[must_use]
    pub fn normalize_path(self, normalize: bool) -> Self {
        self.manager_field("normalize_path", json!(normalize))
    }

    /// Sets `per_connection_buffer_limit_bytes`.
    #[must_use]
    pub fn buffer_limit_bytes(self, limit: u32) -> Self {
        self.field("per_connection_buffer_limit_bytes", json!(limit))
    }

    /// Deals connections out to the workers in turn, so that each of them gets some.
    #[must_use]
    pub fn exact_balance(self) -> Self {
        self.field("connection_balance_config", json!({"exact_balance": {}}))
    }

    /// Any other field of the listener.
    #[must_use]
    pub fn field(mut self, key: &str, value: Value) -> Self {
        self.own.insert(key.to_owned(), value);
        self
    }

    /// Any other field of the HTTP connection manager.
    #[must_use]
    pub fn manager_field(mut self, key: &str, value: Value) -> Self {
        self.manager.insert(key.to_owned(), value);
        self
    }

    fn to_json(&self, directory: &Path) -> Value {
        let mut listener = json!({
            "name": self.name,
            "address": any_port(),
            "filter_chains": [{"filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": self.manager(directory),
            }]}],
        });
        if let Some(socket) = &self.transport_socket {
            put(&mut listener, "/filter_chains/0/transport_socket", socket.clone());
        }
        merge(&mut listener, &self.own);
        listener
    }

    fn manager(&self, directory: &Path) -> Value {
        let mut filters = self.filters.clone();
        filters.push(json!({
            "name": "envoy.filters.http.router",
            "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
        }));
        let mut manager = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": self.name,
            "codec_type": "AUTO",
            "http_protocol_options": {"enable_trailers": true},
            "route_config": self.routes,
            "http_filters": filters,
            "access_log": [{
                "name": "envoy.access_loggers.file",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                    "path": directory.join(audit_file(&self.name)),
                    "log_format": {"text_format_source": {"inline_string": AUDIT_FORMAT}},
                },
            }],
        });
        merge(&mut manager, &self.manager);
        manager
    }
}

/// A place where calls go.
#[derive(Clone, Debug)]
pub struct Cluster {
    name: String,
    address: SocketAddr,
    protocol_options: Value,
    own: Map<String, Value>,
}

impl Cluster {
    /// A server of HTTP/1, trailers included.
    #[must_use]
    pub fn http1(name: &str, address: SocketAddr) -> Self {
        let options = json!({"http_protocol_options": {"enable_trailers": true}});
        Self::new(name, address, options)
    }

    /// A server of HTTP/2 with prior knowledge.
    #[must_use]
    pub fn http2(name: &str, address: SocketAddr) -> Self {
        Self::new(name, address, json!({"http2_protocol_options": {}}))
    }

    fn new(name: &str, address: SocketAddr, protocol_options: Value) -> Self {
        Self { name: name.to_owned(), address, protocol_options, own: Map::new() }
    }

    /// Any other field of the cluster.
    #[must_use]
    pub fn field(mut self, key: &str, value: Value) -> Self {
        self.own.insert(key.to_owned(), value);
        self
    }

    fn to_json(&self) -> Value {
        // Envoy's own limit of 1024 would answer 503 under load, which tests could take for a decision.
        let limit = 100_000;
        let mut cluster = json!({
            "name": self.name,
            "type": "STATIC",
            "connect_timeout": "5s",
            "circuit_breakers": {"thresholds": [{
                "max_connections": limit, "max_pending_requests": limit, "max_requests": limit,
            }]},
            "load_assignment": {
                "cluster_name": self.name,
                "endpoints": [{"lb_endpoints": [{"endpoint": {"address": at(self.address)}}]}],
            },
            "typed_extension_protocol_options": {
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                    "explicit_http_config": self.protocol_options,
                },
            },
        });
        merge(&mut cluster, &self.own);
        cluster
    }
}

fn all_to(cluster: &str) -> Value {
    json!({
        "name": "all",
        "virtual_hosts": [{
            "name": "all",
            "domains": ["*"],
            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": cluster}}],
        }],
    })
}

fn any_port() -> Value {
    at(SocketAddr::from(([127, 0, 0, 1], 0)))
}

fn at(address: SocketAddr) -> Value {
    json!({"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}})
}

fn merge(object: &mut Value, fields: &Map<String, Value>) {
    for (key, value) in fields {
        put(object, &format!("/{key}"), value.clone());
    }
}

/// Sets the field at the end of a path whose other parts exist.
fn put(object: &mut Value, path: &str, value: Value) {
    let (parent, key) = path.rsplit_once('/').expect("a path begins with a slash");
    object
        .pointer_mut(parent)
        .and_then(Value::as_object_mut)
        .expect("the path leads to an object")
        .insert(key.to_owned(), value);
}
