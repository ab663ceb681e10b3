//! What `values.yaml` says, with types.
//!
//! In: nothing. Out: [`Values`] and its parts; their `Default` is what holds unless said.
//! Reads and judges nothing.

use crate::{
    file::{Given, Named},
    source::Span,
};

/// Keys and values of labels, in the order of the file.
pub(in crate::render) type Labels = Vec<(String, String)>;

/// Where things are, and who verifies whom.
#[derive(Debug)]
pub(in crate::render) struct Values {
    pub(in crate::render) namespace: String,
    pub(in crate::render) gateway: Gateway,
    /// Nothing if it was not written, or written wrongly.
    pub(in crate::render) filter: Option<Filter>,
    pub(in crate::render) upstreams: Vec<Upstream>,
    pub(in crate::render) agents: Agents,
    pub(in crate::render) identity: Identity,
    pub(in crate::render) strict: bool,
    pub(in crate::render) global_limits: Option<GlobalLimits>,
    /// Nothing: neither alerts nor a dashboard.
    pub(in crate::render) monitoring: Option<Monitoring>,
    pub(in crate::render) envoy: Envoy,
    /// Where what is missing is reported.
    pub(in crate::render) start: Span,
}

#[derive(Debug)]
pub(in crate::render) struct Gateway {
    pub(in crate::render) name: String,
    pub(in crate::render) class: String,
    pub(in crate::render) hostname: String,
    pub(in crate::render) port: u32,
    pub(in crate::render) certificate: Option<String>,
    pub(in crate::render) proxies: String,
}

#[derive(Debug)]
pub(in crate::render) struct Filter {
    pub(in crate::render) code: FilterCode,
    pub(in crate::render) sha256: String,
    pub(in crate::render) pull_secret: Option<String>,
}

/// Where the filter is fetched.
#[derive(Debug)]
pub(in crate::render) enum FilterCode {
    Image(String),
    Url(String),
}

#[derive(Debug)]
pub(in crate::render) struct Upstream {
    pub(in crate::render) id: Named,
    pub(in crate::render) server: Server,
    pub(in crate::render) port: u32,
    pub(in crate::render) tls: bool,
    /// Nothing: all calls that no other upstream gets.
    pub(in crate::render) tools: Option<Vec<Named>>,
    /// MCP servers whose messages go there.
    pub(in crate::render) servers: Vec<Named>,
}

/// What answers the calls.
#[derive(Debug)]
pub(in crate::render) enum Server {
    Service { name: String, pods: Labels, pod_port: u32 },
    Host(String),
}

#[derive(Debug)]
pub(in crate::render) struct Agents {
    /// Nothing: that of all objects.
    pub(in crate::render) namespace: Option<String>,
    pub(in crate::render) pods: Labels,
}

#[derive(Debug, Default)]
pub(in crate::render) struct Identity {
    pub(in crate::render) providers: Vec<Provider>,
    /// The name of the CA's ConfigMap.
    pub(in crate::render) mtls: Option<Given<String>>,
    pub(in crate::render) api_key: Option<ApiKey>,
    pub(in crate::render) trusted_headers: Vec<Named>,
}

#[derive(Debug)]
pub(in crate::render) struct Provider {
    pub(in crate::render) id: Named,
    pub(in crate::render) issuer: String,
    pub(in crate::render) audiences: Vec<String>,
    pub(in crate::render) jwks: String,
    /// Headers, and the claims that they are set from.
    pub(in crate::render) claims: Vec<(Named, String)>,
}

#[derive(Debug)]
pub(in crate::render) struct ApiKey {
    pub(in crate::render) secret: String,
    pub(in crate::render) header: String,
    pub(in crate::render) span: Span,
}

/// How limits over all Envoys are counted.
#[derive(Debug)]
pub(in crate::render) struct GlobalLimits {
    pub(in crate::render) redis: Option<Redis>,
    /// The Secret with a client's certificate for it.
    pub(in crate::render) certificate: Option<String>,
    pub(in crate::render) timeout_milliseconds: u32,
    /// What of it was written first.
    pub(in crate::render) span: Option<Span>,
}

/// Where Envoy Gateway's rate limit service counts.
#[derive(Debug)]
pub(in crate::render) enum Redis {
    Url(String),
    /// The name of the Secret that has the URL.
    Secret(String),
}

/// The rate limit service of an Envoy alone.
#[derive(Debug)]
pub(in crate::render) struct RateLimitService {
    pub(in crate::render) host: String,
    pub(in crate::render) port: u32,
    pub(in crate::render) tls: bool,
    pub(in crate::render) span: Span,
}

#[derive(Debug, Default)]
pub(in crate::render) struct Monitoring {
    /// Nothing: that of all objects.
    pub(in crate::render) namespace: Option<String>,
    pub(in crate::render) labels: Labels,
}

#[derive(Debug)]
pub(in crate::render) struct Envoy {
    pub(in crate::render) filter: String,
    pub(in crate::render) address: String,
    pub(in crate::render) port: u32,
    pub(in crate::render) admin_port: u32,
    pub(in crate::render) certificate: Option<String>,
    pub(in crate::render) private_key: Option<String>,
    pub(in crate::render) ca: Option<String>,
    pub(in crate::render) rate_limit_service: Option<RateLimitService>,
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            name: "tool-gateway".to_owned(),
            class: "toolgate".to_owned(),
            hostname: "tools.local".to_owned(),
            port: 80,
            certificate: None,
            proxies: "envoy-gateway-system".to_owned(),
        }
    }
}

impl Default for GlobalLimits {
    fn default() -> Self {
        // Envoy's own 20 ms are less than a busy service needs now and then, and each such call may be refused.
        Self { redis: None, certificate: None, timeout_milliseconds: 100, span: None }
    }
}

impl Default for Agents {
    fn default() -> Self {
        Self { namespace: None, pods: vec![("toolgate.dev/role".to_owned(), "agent".to_owned())] }
    }
}

impl Default for Envoy {
    fn default() -> Self {
        Self {
            filter: "/etc/toolgate/toolgate_filter.wasm".to_owned(),
            address: "127.0.0.1".to_owned(),
            port: 10_000,
            admin_port: 9901,
            certificate: None,
            private_key: None,
            ca: None,
            rate_limit_service: None,
        }
    }
}
