//! The way of a call: class, Gateway, routes, upstreams.
//!
//! In: a [`Plan`]. Out: objects of the Gateway API, and the list of all files.
//! Judges no call: whatever has no route of its own goes to the filter too, which knows the tools.

use super::{
    limits::TOLD_LIMITS,
    plan::Plan,
    values::{Server, Upstream},
    yaml::{Map, Yaml, map},
};

use std::net::IpAddr;

pub(super) const GATEWAY_API: &str = "gateway.networking.k8s.io";
pub(super) const ENVOY_GATEWAY_API: &str = "gateway.envoyproxy.io";

/// By this name Envoy Gateway finds the classes that are its own.
pub(super) const CONTROLLER: &str = "gateway.envoyproxy.io/gatewayclass-controller";

/// The Gateway API takes no more matches in one rule, and no more in all rules of a route.
const MATCHES_OF_RULE: usize = 64;

/// The head of an object in the namespace of all of them.
pub(super) fn object(plan: &Plan, version: &str, kind: &str, name: &str) -> Map {
    map! {
        "apiVersion" => version,
        "kind" => kind,
        "metadata" => map! { "name" => name, "namespace" => &plan.values.namespace },
    }
}

/// What a policy of the whole Gateway is for.
pub(super) fn gateway_reference(plan: &Plan) -> Map {
    map! { "group" => GATEWAY_API, "kind" => "Gateway", "name" => &plan.values.gateway.name }
}

pub(super) fn gateway(plan: &Plan) -> Vec<Map> {
    let gateway = &plan.values.gateway;
    let namespace = map! {
        "apiVersion" => "v1",
        "kind" => "Namespace",
        "metadata" => map! { "name" => &plan.values.namespace },
    };
    let class = map! {
        "apiVersion" => format!("{GATEWAY_API}/v1"),
        "kind" => "GatewayClass",
        "metadata" => map! { "name" => &gateway.class },
        "spec" => map! { "controllerName" => CONTROLLER },
    };
    let proxy = map! { "group" => ENVOY_GATEWAY_API, "kind" => "EnvoyProxy", "name" => &gateway.name };
    let gateway = object(plan, &format!("{GATEWAY_API}/v1"), "Gateway", &gateway.name).with(
        "spec",
        map! {
            "gatewayClassName" => &gateway.class,
            "infrastructure" => map! { "parametersRef" => proxy },
            "listeners" => listeners(plan),
        },
    );
    vec![namespace, class, gateway]
}

/// The one of all calls, and one for each other host that only a server has.
fn listeners(plan: &Plan) -> Vec<Map> {
    let name = |at: usize| if at == 0 { plan.listener().to_owned() } else { format!("{}-{at}", plan.listener()) };
    hosts(plan).into_iter().enumerate().map(|(at, host)| listener(plan, name(at), host)).collect()
}

/// All hosts that agents call, the gateway's own first.
fn hosts(plan: &Plan) -> Vec<&str> {
    let own = plan.values.gateway.hostname.as_str();
    let others = plan.hosts_of_servers().into_iter().filter(|host| *host != own);
    std::iter::once(own).chain(others).collect()
}

fn listener(plan: &Plan, name: String, host: &str) -> Map {
    let gateway = &plan.values.gateway;
    let tls = gateway.certificate.as_ref().map(|certificate| {
        map! { "mode" => "Terminate", "certificateRefs" => [map! { "kind" => "Secret", "name" => certificate }] }
    });
    map! {
        "name" => name,
        "protocol" => if tls.is_some() { "HTTPS" } else { "HTTP" },
        "port" => gateway.port,
        "hostname" => host,
    }
    .with_some("tls", tls)
}

/// For each upstream its routes, and an object for each host.
pub(super) fn routes(plan: &Plan) -> Vec<Map> {
    plan.values.upstreams.iter().flat_map(|upstream| upstream_objects(plan, upstream)).collect()
}

fn upstream_objects(plan: &Plan, upstream: &Upstream) -> Vec<Map> {
    let name = &upstream.id.name;
    let matches = match &upstream.tools {
        None => vec![path_match("PathPrefix", "/".to_owned())],
        Some(tools) => tools.iter().map(|tool| path_match("Exact", format!("/tools/{}", tool.name))).collect(),
    };
    let host = plan.values.gateway.hostname.as_str();
    // No upstream has a dot in its name, so no two routes have one name.
    let routes = matches.chunks(MATCHES_OF_RULE).enumerate().map(|(at, matches)| {
        let name = if at == 0 { name.clone() } else { format!("{name}.{}", at.saturating_add(1)) };
        route(plan, upstream, Way { name, host, matches: matches.to_vec(), streams: false })
    });
    routes.chain(routes_of_servers(plan, upstream)).chain(backend(plan, upstream)).collect()
}

/// Those of its servers, by host: each path of a route holds for each of its hosts.
fn routes_of_servers(plan: &Plan, upstream: &Upstream) -> Vec<Map> {
    let own = plan.values.gateway.hostname.as_str();
    let of_host = |host: &str| -> Vec<Map> {
        let servers = plan.servers_of(upstream).filter(|server| server.host.as_deref().unwrap_or(own) == host);
        servers.map(|server| path_match("Exact", server.path.clone())).collect()
    };
    let hosts = hosts(plan).into_iter().map(|host| (host, of_host(host)));
    let parts = hosts.flat_map(|(host, matches)| {
        let parts: Vec<_> = matches.chunks(MATCHES_OF_RULE).map(<[Map]>::to_vec).collect();
        parts.into_iter().map(move |matches| (host, matches))
    });
    let route = |(at, (host, matches)): (usize, (&str, Vec<Map>))| {
        let name = format!("{}.servers.{}", upstream.id.name, at.saturating_add(1));
        route(plan, upstream, Way { name, host, matches, streams: true })
    };
    parts.enumerate().map(route).collect()
}

fn path_match(kind: &str, path: String) -> Map {
    map! { "path" => map! { "type" => kind, "value" => path } }
}

/// What comes to an upstream, and how.
struct Way<'a> {
    /// The name of the route.
    name: String,
    host: &'a str,
    matches: Vec<Map>,
    /// Answers may be streams.
    streams: bool,
}

fn route(plan: &Plan, upstream: &Upstream, way: Way<'_>) -> Map {
    let Way { name, host, matches, streams } = way;
    let server = match &upstream.server {
        Server::Service { name, .. } => map! { "name" => name, "port" => upstream.port },
        Server::Host(_) => map! { "group" => ENVOY_GATEWAY_API, "kind" => "Backend", "name" => &upstream.id.name },
    };
    let rule = map! { "matches" => matches }.with_some("filters", filters(plan)).with("backendRefs", [server]);
    // A stream may last as long as both sides want, and be silent: Envoy Gateway takes this for both.
    let rule = rule.with_some("timeouts", streams.then(|| map! { "request" => "0s" }));
    object(plan, &format!("{GATEWAY_API}/v1"), "HTTPRoute", &name).with(
        "spec",
        map! {
            "parentRefs" => [map! { "name" => &plan.values.gateway.name }],
            "hostnames" => [host],
            "rules" => [rule],
        },
    )
}

fn filters(plan: &Plan) -> Option<Vec<Map>> {
    let (token, limits) = (plan.sources.tokens.then(without_token), (!plan.rules.is_empty()).then(without_limits));
    Some(token.into_iter().chain(limits).collect()).filter(|filters: &Vec<Map>| !filters.is_empty())
}

/// Before the rate limit filter adds its own.
fn without_limits() -> Map {
    let removed = map! {
        /// No tool may say that its call was counted.
        "remove" => TOLD_LIMITS,
    };
    map! { "type" => "ResponseHeaderModifier", "responseHeaderModifier" => removed }
}

/// Envoy Gateway hands a verified token on; Envoy alone takes it out by itself.
fn without_token() -> Map {
    let removed = map! {
        /// No tool sees the token: with it, a tool could call others in the agent's name.
        "remove" => ["authorization"],
    };
    map! { "type" => "RequestHeaderModifier", "requestHeaderModifier" => removed }
}

fn backend(plan: &Plan, upstream: &Upstream) -> Option<Map> {
    let Server::Host(host) = &upstream.server else { return None };
    let endpoint = match host.parse::<IpAddr>() {
        Ok(_) => map! { "ip" => map! { "address" => host, "port" => upstream.port } },
        Err(_) => map! { "fqdn" => map! { "hostname" => host, "port" => upstream.port } },
    };
    let tls = upstream.tls.then(|| map! { "wellKnownCACertificates" => "System", "sni" => host });
    let spec = map! { "endpoints" => [endpoint] }.with_some("tls", tls);
    let version = format!("{ENVOY_GATEWAY_API}/v1alpha1");
    Some(object(plan, &version, "Backend", &upstream.id.name).with("spec", spec))
}

pub(super) fn kustomization(files: &[&str]) -> Map {
    map! {
        /// `kubectl apply -k` applies what is listed here. Written by `policy-compiler render`.
        "apiVersion" => "kustomize.config.k8s.io/v1beta1",
        "kind" => "Kustomization",
        "resources" => Yaml::from(files.to_vec()),
    }
}
