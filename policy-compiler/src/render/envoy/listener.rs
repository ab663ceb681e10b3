//! The listener that agents call: what Envoy refuses by itself, who verifies whom, the filter, and the routes.
//!
//! In: a [`Plan`]. Out: the listener.
//! Has no filter that is not needed.

use super::{
    address,
    clusters::{LIMITS_NAME, keys_name, upstream_name},
    typed,
};
use crate::render::{
    limits,
    observe::{AUDIT_LINE, JUDGED, NOT_JUDGED, unjudged_line},
    plan::Plan,
    policies::FILTER_NAME,
    values::Provider,
    yaml::{Map, map},
};
use toolgate_engine::bundle::Server as McpServer;

pub(super) fn listener(plan: &Plan) -> Map {
    let envoy = &plan.values.envoy;
    let manager = map! {
        "name" => "envoy.filters.network.http_connection_manager",
        "typed_config" => connection_manager(plan),
    };
    let chain = map! { "filters" => [manager] }.with_some("transport_socket", tls(plan));
    map! {
        "name" => "tool_calls",
        "address" => address(&envoy.address, envoy.port),
        /// Above the largest `body_limit` of the policy. Otherwise Envoy refuses a large body before the
        /// filter can, with a 413 that names no reason.
        "per_connection_buffer_limit_bytes" => plan.buffer_mebibytes() << 20,
        "filter_chains" => [chain],
    }
}

fn tls(plan: &Plan) -> Option<Map> {
    let envoy = &plan.values.envoy;
    let certificate = map! {
        "certificate_chain" => map! { "filename" => envoy.certificate.as_ref()? },
        "private_key" => map! { "filename" => envoy.private_key.as_ref()? },
    };
    let authority = envoy.ca.as_ref().map(|ca| map! { "trusted_ca" => map! { "filename" => ca } });
    let required = authority.is_some().then(|| plan.sources.certificates && !plan.sources.several());
    let common = map! { "tls_certificates" => [certificate] }.with_some("validation_context", authority);
    let context = typed("envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext")
        .with("common_tls_context", common)
        .with_some("require_client_certificate", required);
    Some(map! { "name" => "envoy.transport_sockets.tls", "typed_config" => context })
}

fn connection_manager(plan: &Plan) -> Map {
    let settings = map! {
        "stat_prefix" => "tool_calls",
        /// The peer is the client: what it says of itself in x-forwarded-for and, from outside,
        /// in x-request-id is not believed.
        "use_remote_address" => true,
        /// A tool must see the path that was judged: Envoy writes each path in one way, and refuses
        /// `%2F` and `%5C`, which servers read in two.
        "normalize_path" => true,
        "merge_slashes" => true,
        "path_with_escaped_slashes_action" => "REJECT_REQUEST",
        "common_http_protocol_options" => map! {
            /// Many servers take `x_agent_id` for `x-agent-id`. The filter refuses twins of the headers
            /// that it reads; this refuses them for all headers, also those that only the tool reads.
            "headers_with_underscores_action" => "REJECT_REQUEST",
        },
        /// A call is held in memory until its body is whole: it must not take for ever.
        "request_headers_timeout" => "10s",
        "request_timeout" => "30s",
    };
    typed("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager")
        .joined(settings)
        .joined(removed_headers(plan))
        .joined(map! {
            "access_log" => [
                log(JUDGED, map! { "text_format_source" => map! { "inline_string" => AUDIT_LINE } }),
                log(NOT_JUDGED, map! { "json_format" => unjudged_line() }),
            ],
            "http_filters" => filters(plan),
            "route_config" => route_config(plan),
        })
}

/// Before any filter, so that those who verify can set them.
fn removed_headers(plan: &Plan) -> Map {
    let removed = &plan.sources.removed_headers;
    if removed.is_empty() {
        return Map::default();
    }
    let mutations: Vec<Map> = removed.iter().map(|header| map! { "remove" => header }).collect();
    let mutation = typed("envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation")
        .with("mutations", mutations);
    let extension = map! {
        "name" => "envoy.http.early_header_mutation.header_mutation",
        "typed_config" => mutation,
    };
    map! {
        /// No client may send what the filter trusts. Those who verify set it later.
        "early_header_mutation_extensions" => [extension],
    }
}

fn log(expression: &str, format: Map) -> Map {
    let filter =
        typed("envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter").with("expression", expression);
    let filter = map! { "name" => "envoy.access_loggers.extension_filters.cel", "typed_config" => filter };
    map! {
        "name" => "envoy.access_loggers.stdout",
        "filter" => map! { "extension_filter" => filter },
        "typed_config" => typed("envoy.extensions.access_loggers.stream.v3.StdoutAccessLog").with("log_format", format),
    }
}

fn filters(plan: &Plan) -> Vec<Map> {
    let router = map! {
        "name" => "envoy.filters.http.router",
        "typed_config" => typed("envoy.extensions.filters.http.router.v3.Router"),
    };
    let tokens = plan.sources.tokens.then(|| tokens(plan));
    let limits = (!plan.rules.is_empty()).then(|| global_limits(plan));
    tokens.into_iter().chain([toolgate(plan)]).chain(limits).chain([router]).collect()
}

/// Behind the filter, so that only calls count that it found good.
fn global_limits(plan: &Plan) -> Map {
    let timeout = plan.limits_timeout_milliseconds();
    let service = map! { "envoy_grpc" => map! { "cluster_name" => LIMITS_NAME } };
    let filter = typed("envoy.extensions.filters.http.ratelimit.v3.RateLimit")
        .with("domain", limits::DOMAIN)
        .with_comments(
            &[" How long a call waits for an answer, and what becomes of it without one."],
            "timeout",
            format!("{}.{:03}s", timeout / 1000, timeout % 1000),
        )
        .with("failure_mode_deny", plan.refuses_unanswered())
        .with_comments(
            &[" By these fields of the answer, the filter knows that a call was counted."],
            "enable_x_ratelimit_headers",
            "DRAFT_VERSION_03",
        )
        .with("rate_limit_service", map! { "transport_api_version" => "V3", "grpc_service" => service });
    map! { "name" => "envoy.filters.http.ratelimit", "typed_config" => filter }
}

fn toolgate(plan: &Plan) -> Map {
    let machine = map! {
        /// Rates and quotas are counted per vm_id: it must stay the same for ever.
        "vm_id" => FILTER_NAME,
        "runtime" => "envoy.wasm.runtime.v8",
        "code" => map! { "local" => map! { "filename" => &plan.values.envoy.filter } },
    };
    let plugin = map! {
        "name" => FILTER_NAME,
        "vm_config" => machine,
        "configuration" => typed("google.protobuf.StringValue").with_comments(
            &[" What `policy-compiler pack --hold-headers` prints."],
            "value",
            &plan.config,
        ),
        /// A worker whose filter crashed answers 503 and loads it again.
        "failure_policy" => "FAIL_RELOAD",
        /// Holds the header of a call until its body is judged, so that nothing of a refused
        /// call reaches a tool. The policy must be packed with --hold-headers for it.
        "allow_on_headers_stop_iteration" => true,
    };
    map! {
        "name" => "envoy.filters.http.wasm",
        "typed_config" => typed("envoy.extensions.filters.http.wasm.v3.Wasm").with("config", plugin),
    }
}

fn tokens(plan: &Plan) -> Map {
    let providers = &plan.values.identity.providers;
    let by_name = providers.iter().fold(Map::default(), |map, each| map.with(&each.id.name, provider(each)));
    let one = |provider: &Provider| map! { "provider_name" => &provider.id.name };
    // Missing is none of the others; one that is there and bad is refused all the same.
    let missing = plan.sources.several().then(|| map! { "allow_missing" => Map::default() });
    let any: Vec<Map> = providers.iter().map(one).chain(missing).collect();
    let required = match any.as_slice() {
        [only] => only.clone(),
        _ => map! { "requires_any" => map! { "requirements" => any } },
    };
    let rule = map! { "match" => map! { "prefix" => "/" }, "requires" => required };
    let filter = typed("envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication")
        .with("providers", by_name)
        .with("rules", [rule]);
    map! { "name" => "envoy.filters.http.jwt_authn", "typed_config" => filter }
}

fn provider(provider: &Provider) -> Map {
    let Provider { id, issuer, audiences, jwks, claims } = provider;
    let keys = map! { "uri" => jwks, "cluster" => keys_name(provider), "timeout" => "5s" };
    let claims: Vec<Map> =
        claims.iter().map(|(header, claim)| map! { "header_name" => &header.name, "claim_name" => claim }).collect();
    map! {
        "issuer" => issuer,
        "audiences" => audiences.clone(),
        "remote_jwks" => map! { "http_uri" => keys, "cache_duration" => "300s" },
        /// The filter finds the verified token by this name.
        "payload_in_metadata" => &id.name,
    }
    .with_some("claim_to_headers", Some(claims).filter(|claims| !claims.is_empty()))
}

/// The hosts that servers have for themselves, and all others.
fn route_config(plan: &Plan) -> Map {
    let hosts = plan.hosts_of_servers();
    // The filter passes over the port, too.
    let ignores_ports = (!hosts.is_empty()).then_some(true);
    let all = hosts.into_iter().map(Some).chain([None]);
    let all: Vec<Map> = all.map(|host| virtual_host(plan, host)).collect();
    Map::default().with_some("ignore_port_in_host_matching", ignores_ports).with("virtual_hosts", all)
}

fn virtual_host(plan: &Plan, host: Option<&str>) -> Map {
    let name = host.map_or_else(|| "tools".to_owned(), |host| format!("tools.{host}"));
    map! { "name" => name, "domains" => [host.unwrap_or("*")] }
        .with_some("rate_limits", limits::descriptors(plan))
        .with_some("response_headers_to_remove", (!plan.rules.is_empty()).then_some(limits::TOLD_LIMITS))
        .with("routes", routes(plan, host))
}

/// Tools and servers by their exact path first, then all other calls.
fn routes(plan: &Plan, host: Option<&str>) -> Vec<Map> {
    let to = |cluster: String| map! { "cluster" => cluster, "timeout" => "30s" };
    let named = plan.values.upstreams.iter().flat_map(|upstream| {
        let tools = upstream.tools.iter().flatten();
        tools.map(move |tool| {
            let path = format!("/tools/{}", tool.name);
            map! { "match" => map! { "path" => path }, "route" => to(upstream_name(upstream)) }
        })
    });
    let is_called = |server: &&McpServer| server.host.is_none() || server.host.as_deref() == host;
    let of_servers = plan.values.upstreams.iter().flat_map(|upstream| {
        plan.servers_of(upstream).filter(is_called).map(move |server| {
            // A stream may last as long as both sides want, and be silent.
            let to = map! { "cluster" => upstream_name(upstream), "timeout" => "0s", "idle_timeout" => "0s" };
            map! { "match" => map! { "path" => &server.path }, "route" => to }
        })
    });
    let others = plan.values.upstreams.iter().filter(|upstream| upstream.tools.is_none());
    let others =
        others.map(|upstream| map! { "match" => map! { "prefix" => "/" }, "route" => to(upstream_name(upstream)) });
    named.chain(of_servers).chain(others).collect()
}
