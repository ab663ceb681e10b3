//! Reads `values.yaml`.
//!
//! In: its text. Out: [`Values`], with the defaults filled in, and findings.
//! Does not know the policy: what both say together is looked at by `plan`.

mod types;

pub(super) use types::*;

use super::Switch;
use crate::{
    diagnostic::{Code, Finding, Findings},
    file::{
        Given, Named,
        fields::{self, Fields},
    },
    shape::VALUES,
    source::{self, Kind, Source, Span},
};

pub(super) fn read(text: &Source<'_>, bytes: &[u8], findings: &mut Findings) -> Option<Values> {
    let root = source::read(text, bytes, findings)?;
    let start = match &root.kind {
        Kind::Map(entries) => entries.first().map_or(root.span, |entry| entry.key),
        Kind::Scalar { .. } | Kind::List(_) | Kind::Refused => root.span,
    };
    fields::read(&root, start, &VALUES, findings, |fields| file(fields, start))
}

fn file(fields: &mut Fields<'_, '_>, start: Span) -> Values {
    fields.exactly("apiVersion");
    fields.exactly("kind");
    Values {
        namespace: text(fields, "namespace").unwrap_or_else(|| "agents".to_owned()),
        gateway: fields.object("gateway", gateway).unwrap_or_default(),
        filter: fields.object("filter", |fields| filter(fields, start)).flatten(),
        upstreams: upstreams(fields),
        agents: fields.object("agents", agents).unwrap_or_default(),
        identity: fields.object("identity", identity).unwrap_or_default(),
        strict: switch(fields, "strict"),
        global_limits: fields.object("global_limits", |fields| Some(global_limits(fields, start))).flatten(),
        monitoring: fields.object("monitoring", monitoring),
        envoy: fields.object("envoy", envoy).unwrap_or_default(),
        start,
    }
}

fn gateway(fields: &mut Fields<'_, '_>) -> Gateway {
    let unless = Gateway::default();
    let certificate = text(fields, "certificate");
    Gateway {
        name: text(fields, "name").unwrap_or(unless.name),
        class: text(fields, "class").unwrap_or(unless.class),
        hostname: text(fields, "hostname").unwrap_or(unless.hostname),
        port: number(fields, "port").unwrap_or(if certificate.is_some() { 443 } else { unless.port }),
        certificate,
        proxies: text(fields, "proxies").unwrap_or(unless.proxies),
    }
}

fn filter(fields: &mut Fields<'_, '_>, start: Span) -> Option<Filter> {
    let (image, url) = (fields.written("image"), fields.written("url"));
    let pull_secret = fields.written("pull_secret");
    if image.is_none() {
        only_for(fields, "image", "pull_secret", pull_secret.as_ref().map(|given| given.span));
    }
    let pull_secret = pull_secret.and_then(|given| given.value);
    let sha256 = text(fields, "sha256");
    let code = one_of(fields, start, ("image", image), ("url", url), FilterCode::Image, FilterCode::Url);
    Some(Filter { code: code?, sha256: sha256?, pull_secret })
}

fn upstreams(fields: &mut Fields<'_, '_>) -> Vec<Upstream> {
    let upstreams = fields.keyed("upstreams", |id, fields| {
        let (service, host) = (fields.written("service"), fields.written("host"));
        let port = number(fields, "port");
        let (pods, pod_port) = (fields.written_pairs("pods"), fields.integer("pod_port"));
        let tls = fields.word::<Switch>("tls");
        if service.is_some() {
            only_for(fields, "host", "tls", tls.as_ref().map(|given| given.span));
        } else {
            only_for(fields, "service", "pods", pods.as_ref().map(|given| given.span));
            only_for(fields, "service", "pod_port", pod_port.as_ref().map(|given| given.span));
        }
        let tools = fields.written_list("tools").map(|given| given.value.unwrap_or_default());
        let servers = fields.written_list("servers").map(|given| given.value.unwrap_or_default());
        // One that is for servers is not for all other calls.
        let tools = tools.or(servers.as_ref().map(|_| Vec::new()));
        let service_of = |name: String| Server::Service {
            pods: pods.map_or_else(|| vec![("app".to_owned(), name.clone())], plain),
            pod_port: pod_port.and_then(|given| given.value).or(port).unwrap_or_default(),
            name,
        };
        let server = one_of(fields, id.span, ("service", service), ("host", host), service_of, Server::Host);
        let tls = is_on(tls);
        Some(Upstream { id, server: server?, port: port?, tls, tools, servers: servers.unwrap_or_default() })
    });
    upstreams.and_then(|given| given.value).unwrap_or_default().into_iter().flatten().collect()
}

fn agents(fields: &mut Fields<'_, '_>) -> Agents {
    let unless = Agents::default();
    Agents { namespace: text(fields, "namespace"), pods: labels(fields, "pods").unwrap_or(unless.pods) }
}

fn identity(fields: &mut Fields<'_, '_>) -> Identity {
    let providers = fields.keyed("jwt", |id, fields| {
        let (issuer, jwks) = (text(fields, "issuer"), text(fields, "jwks"));
        let audiences = fields.written_list("audiences").and_then(|given| given.value);
        let claims = fields.written_pairs("claims_to_headers").and_then(|given| given.value).unwrap_or_default();
        let audiences = audiences?.into_iter().map(|audience| audience.name).collect();
        Some(Provider { id, issuer: issuer?, audiences, jwks: jwks?, claims })
    });
    Identity {
        providers: providers.and_then(|given| given.value).unwrap_or_default().into_iter().flatten().collect(),
        mtls: fields.object("mtls", |fields| fields.written("ca")).flatten(),
        api_key: fields.object("api_key", api_key).flatten(),
        trusted_headers: fields.written_list("trusted_headers").and_then(|given| given.value).unwrap_or_default(),
    }
}

fn api_key(fields: &mut Fields<'_, '_>) -> Option<ApiKey> {
    let header = text(fields, "header").unwrap_or_else(|| "x-api-key".to_owned());
    let Given { span, value } = fields.written("secret")?;
    Some(ApiKey { secret: value?, header, span })
}

fn global_limits(fields: &mut Fields<'_, '_>, start: Span) -> GlobalLimits {
    let unless = GlobalLimits::default();
    let (url, secret) = (fields.written("redis"), fields.written("redis_secret"));
    let certificate = fields.written("redis_certificate");
    let timeout = fields.integer("timeout_milliseconds");
    let spans = [&url, &secret, &certificate].map(|given| given.as_ref().map(|given| given.span));
    let span = spans.into_iter().flatten().next().or(timeout.as_ref().map(|given| given.span));
    if url.is_none() && secret.is_none() {
        only_for(fields, "redis", "redis_certificate", certificate.as_ref().map(|given| given.span));
    }
    let is_somewhere = url.is_some() || secret.is_some();
    let redis = || one_of(fields, start, ("redis", url), ("redis_secret", secret), Redis::Url, Redis::Secret);
    GlobalLimits {
        redis: if is_somewhere { redis() } else { None },
        certificate: certificate.and_then(|given| given.value),
        timeout_milliseconds: timeout.and_then(|given| given.value).unwrap_or(unless.timeout_milliseconds),
        span,
    }
}

fn rate_limit_service(fields: &mut Fields<'_, '_>) -> Option<RateLimitService> {
    let (host, port, tls) = (fields.written("host"), number(fields, "port"), switch(fields, "tls"));
    let Given { span, value } = host?;
    Some(RateLimitService { host: value?, port: port?, tls, span })
}

fn monitoring(fields: &mut Fields<'_, '_>) -> Monitoring {
    Monitoring { labels: labels(fields, "labels").unwrap_or_default(), namespace: text(fields, "namespace") }
}

fn envoy(fields: &mut Fields<'_, '_>) -> Envoy {
    let unless = Envoy::default();
    Envoy {
        filter: text(fields, "filter").unwrap_or(unless.filter),
        address: text(fields, "address").unwrap_or(unless.address),
        port: number(fields, "port").unwrap_or(unless.port),
        admin_port: number(fields, "admin_port").unwrap_or(unless.admin_port),
        certificate: text(fields, "certificate"),
        private_key: text(fields, "private_key"),
        ca: text(fields, "ca"),
        rate_limit_service: fields.object("rate_limit_service", rate_limit_service).flatten(),
    }
}

fn text(fields: &mut Fields<'_, '_>, name: &str) -> Option<String> {
    fields.written(name).and_then(|given| given.value)
}

fn number(fields: &mut Fields<'_, '_>, name: &str) -> Option<u32> {
    fields.integer(name).and_then(|given| given.value)
}

fn switch(fields: &mut Fields<'_, '_>, name: &str) -> bool {
    is_on(fields.word::<Switch>(name))
}

fn is_on(switch: Option<Given<Switch>>) -> bool {
    switch.and_then(|given| given.value).is_some_and(|Switch(on)| on)
}

fn labels(fields: &mut Fields<'_, '_>, name: &str) -> Option<Labels> {
    fields.written_pairs(name).map(plain)
}

fn plain(pairs: Given<Vec<(Named, String)>>) -> Labels {
    pairs.value.unwrap_or_default().into_iter().map(|(key, value)| (key.name, value)).collect()
}

/// A key that would do nothing, since the other one that it belongs to is not there.
fn only_for(fields: &mut Fields<'_, '_>, other: &str, key: &str, written: Option<Span>) {
    let Some(span) = written else { return };
    let finding = Finding::new(Code::WrongType, span, format!("`{key}` is for a `{other}`"));
    fields.findings.add(finding.help(format!("write `{other}`, or take `{key}` out")));
}

/// The value of the one key of two that stands there.
fn one_of<T>(
    fields: &mut Fields<'_, '_>,
    owner: Span,
    (first_key, first): (&str, Option<Given<String>>),
    (second_key, second): (&str, Option<Given<String>>),
    of_first: impl FnOnce(String) -> T,
    of_second: impl FnOnce(String) -> T,
) -> Option<T> {
    match (first, second) {
        (Some(first), None) => first.value.map(of_first),
        (None, Some(second)) => second.value.map(of_second),
        (Some(first), Some(second)) => {
            let message = format!("`{first_key}` and `{second_key}` stand side by side");
            let finding = Finding::new(Code::WrongType, second.span, message).label(first.span, "here");
            fields.findings.add(finding.help(format!("write one of `{first_key}` and `{second_key}`")));
            None
        }
        (None, None) => {
            let message = format!("neither `{first_key}` nor `{second_key}` stands here");
            fields.findings.add(Finding::new(Code::MissingKey, owner, message).help("write one of the two"));
            None
        }
    }
}
