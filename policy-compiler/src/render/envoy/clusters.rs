//! Where calls go, and where keys of token providers are fetched.
//!
//! In: a [`Plan`]. Out: clusters.
//! A name is looked up as it is: in a cluster of Kubernetes, write the Service's full name as `host`.

use super::{address, typed};
use crate::render::{
    plan::Plan,
    values::{Provider, Server, Upstream},
    yaml::{Map, map},
};
use std::net::IpAddr;

const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The name of an upstream's cluster.
pub(super) fn upstream_name(upstream: &Upstream) -> String {
    upstream.id.name.clone()
}

/// The name of the cluster with a provider's keys. No upstream has a `:` in its name.
pub(super) fn keys_name(provider: &Provider) -> String {
    format!("keys:{}", provider.id.name)
}

/// The name of the rate limit service's cluster. No upstream has a `_` in its name.
pub(super) const LIMITS_NAME: &str = "rate_limit_service";

pub(super) fn clusters(plan: &Plan) -> Vec<Map> {
    let upstreams = plan.values.upstreams.iter().map(|upstream| {
        let (Server::Service { name: host, .. } | Server::Host(host)) = &upstream.server;
        cluster(&upstream_name(upstream), host, upstream.port, upstream.tls)
    });
    let providers = plan.values.identity.providers.iter().filter(|_| plan.sources.tokens).map(|provider| {
        let (host, port, tls) = server_of(&provider.jwks);
        cluster(&keys_name(provider), host, port, tls)
    });
    let service = plan.values.envoy.rate_limit_service.iter().map(|service| {
        let http2 = map! { "explicit_http_config" => map! { "http2_protocol_options" => Map::default() } };
        let options = typed("envoy.extensions.upstreams.http.v3.HttpProtocolOptions").joined(http2);
        cluster(LIMITS_NAME, &service.host, service.port, service.tls).with(
            "typed_extension_protocol_options",
            map! { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions" => options },
        )
    });
    upstreams.chain(providers).chain(service).collect()
}

fn cluster(name: &str, host: &str, port: u32, tls: bool) -> Map {
    let kind = if host.parse::<IpAddr>().is_ok() { "STATIC" } else { "STRICT_DNS" };
    let endpoint = map! { "endpoint" => map! { "address" => address(host, port) } };
    map! {
        "name" => name,
        "type" => kind,
        "connect_timeout" => "2s",
        "load_assignment" => map! {
            "cluster_name" => name,
            "endpoints" => [map! { "lb_endpoints" => [endpoint] }],
        },
    }
    .with_some("transport_socket", tls.then(|| verified(host)))
}

/// TLS to a server whose name is in its certificate.
fn verified(host: &str) -> Map {
    let names = map! { "san_type" => "DNS", "matcher" => map! { "exact" => host } };
    let validation = map! {
        "trusted_ca" => map! { "filename" => CERTIFICATES },
        "match_typed_subject_alt_names" => [names],
    };
    let context = typed("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext")
        .with("sni", host)
        .with("common_tls_context", map! { "validation_context" => validation });
    map! { "name" => "envoy.transport_sockets.tls", "typed_config" => context }
}

/// Host, port and whether it is called by TLS, of a URL that has the form of one.
fn server_of(url: &str) -> (&str, u32, bool) {
    let tls = url.starts_with("https://");
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let server = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match server.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?))) {
        Some((host, port)) => (host, port, tls),
        None => (server, if tls { 443 } else { 80 }, tls),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_of_a_url_is_called_at_its_port() {
        assert_eq!(server_of("https://keys.example/jwks?x=1:2"), ("keys.example", 443, true));
        assert_eq!(server_of("http://keys.example:8080"), ("keys.example", 8080, false));
        assert_eq!(server_of("http://keys.example"), ("keys.example", 80, false));
    }
}
