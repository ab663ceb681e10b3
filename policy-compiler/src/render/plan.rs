//! What policy and values say together.
//!
//! In: both. Out: a [`Plan`] from which each manifest can be written without a question, and findings about the values.
//! What is not set up is closed: a header that nothing sets is removed from requests.

use super::{
    Target,
    values::{GlobalLimits, Upstream, Values},
};
use crate::{
    diagnostic::{Code, Finding, Findings, Severity, quoted},
    file::Named,
    guess,
    shape::forms,
};
use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
};
use toolgate_engine::bundle::{Bundle, GlobalRule, IdentitySource, Packed, Server as McpServer, Unanswered};

/// Envoy Gateway takes no more rules for one Gateway.
const MOST_RULES: usize = 256;

/// Everything that the manifests say.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) values: Values,
    pub(super) bundle: Bundle,
    /// The packed policy, one line of JSON.
    pub(super) config: String,
    /// What the rate limit service counts; nothing if no limit is global.
    pub(super) rules: Vec<GlobalRule>,
    /// Which credentials Envoy lets pass to the filter.
    pub(super) sources: Sources,
}

/// The policy's sources of identity, as far as the values set them up.
#[derive(Debug, Default)]
pub(super) struct Sources {
    /// Providers verify tokens: for the filter, or for a header that it reads.
    pub(super) tokens: bool,
    pub(super) certificates: bool,
    /// The header in which Envoy forwards the id of an API key's client.
    pub(super) api_key: Option<String>,
    pub(super) trusted_header: bool,
    /// Headers that the filter reads and that no client may send.
    pub(super) removed_headers: Vec<String>,
}

impl Sources {
    /// Whether a call may come without this kind of credential, since it may have another.
    pub(super) fn several(&self) -> bool {
        let kinds = [self.tokens, self.certificates, self.api_key.is_some(), self.trusted_header];
        kinds.into_iter().filter(|kind| *kind).count() > 1
    }
}

impl Plan {
    pub(super) fn of(values: Values, packed: Packed, config: &str, target: Target, findings: &mut Findings) -> Self {
        let Packed { bundle, digest: _, deployment: _, bundle_bytes: _ } = packed;
        // What is missing may have been written, and not been understood.
        let whole = !findings.any(|code| code.about().severity == Severity::Error);
        routes(&values, &bundle, findings);
        if whole {
            unrouted(&values, &bundle, findings);
            routes_of_servers(&values, &bundle, findings);
        }
        let mut missing = Findings::default();
        let sources = sources(&values, &bundle, target, if whole { findings } else { &mut missing });
        match target {
            Target::Kubernetes => {
                for_kubernetes(&values, whole, findings);
                hosts_of_routes(&values, &bundle, findings);
            }
            Target::Envoy => for_envoy(&values, findings),
        }
        let rules = bundle.global_rules();
        if whole {
            global_limits(&values, &rules, target, findings);
        }
        Self { values, bundle, config: config.to_owned(), rules, sources }
    }

    pub(super) fn largest_body(&self) -> u32 {
        self.bundle.tools.iter().map(|tool| tool.body_limit.value).max().unwrap_or_default()
    }

    /// A whole number of MiB, more than any body that the policy takes has.
    pub(super) fn buffer_mebibytes(&self) -> u32 {
        (self.largest_body() >> 20).saturating_add(1)
    }

    /// How calls wait for the rate limit service.
    pub(super) fn limits_timeout_milliseconds(&self) -> u32 {
        let limits = self.values.global_limits.as_ref();
        limits.map_or_else(|| GlobalLimits::default().timeout_milliseconds, |limits| limits.timeout_milliseconds)
    }

    /// Whether calls are refused for which that service gives no answer.
    pub(super) fn refuses_unanswered(&self) -> bool {
        match self.bundle.unanswered {
            Unanswered::Refuse => true,
            Unanswered::Allow => false,
        }
    }

    /// The MCP servers whose messages go to an upstream.
    pub(super) fn servers_of<'a>(&'a self, upstream: &'a Upstream) -> impl Iterator<Item = &'a McpServer> {
        upstream.servers.iter().filter_map(|server| self.bundle.servers.iter().find(|known| known.name == server.name))
    }

    /// The hosts that servers have for themselves, each once.
    pub(super) fn hosts_of_servers(&self) -> Vec<&str> {
        let mut known = HashSet::new();
        let hosts = self.bundle.servers.iter().filter_map(|server| server.host.as_deref());
        hosts.filter(|host| known.insert(*host)).collect()
    }

    /// What agents call.
    pub(super) fn listener(&self) -> &'static str {
        if self.values.gateway.certificate.is_some() { "https" } else { "http" }
    }
}

/// No tool may have two upstreams.
fn routes(values: &Values, bundle: &Bundle, findings: &mut Findings) {
    let mut first_without_tools: Option<&Upstream> = None;
    let mut upstream_of: HashMap<&str, &Named> = HashMap::new();
    for upstream in &values.upstreams {
        let Some(tools) = &upstream.tools else {
            if let Some(first) = first_without_tools {
                let finding = Finding::new(Code::RoutedTwice, upstream.id.span, "a second upstream has no `tools`");
                findings.add(finding.label(first.id.span, "this one gets all other calls").help("list its `tools`"));
            }
            first_without_tools = first_without_tools.or(Some(upstream));
            continue;
        };
        for tool in tools {
            declared(tool, bundle, findings);
            if let Some(first) = upstream_of.insert(&tool.name, tool) {
                let message = format!("calls of {} already have an upstream", quoted(&tool.name));
                let finding = Finding::new(Code::RoutedTwice, tool.span, message);
                findings.add(finding.label(first.span, "here").help("name it once"));
            }
        }
    }
}

/// No tool may be without one.
fn unrouted(values: &Values, bundle: &Bundle, findings: &mut Findings) {
    if values.upstreams.iter().any(|upstream| upstream.tools.is_none()) {
        return;
    }
    let routed: HashSet<&str> = values
        .upstreams
        .iter()
        .flat_map(|upstream| upstream.tools.iter().flatten())
        .map(|tool| tool.name.as_str())
        .collect();
    for tool in bundle.tools.iter().filter(|tool| tool.server.is_none() && !routed.contains(tool.name.as_str())) {
        let message = format!("calls of {} have no upstream", quoted(&tool.name));
        let help = "name it at an upstream, or leave `tools` out at one, which then gets all other calls";
        findings.add(Finding::new(Code::NotRouted, values.start, message).help(help));
    }
}

/// No server may have two upstreams.
fn routes_of_servers(values: &Values, bundle: &Bundle, findings: &mut Findings) {
    let mut upstream_of: HashMap<&str, &Named> = HashMap::new();
    for server in values.upstreams.iter().flat_map(|upstream| &upstream.servers) {
        if !bundle.servers.iter().any(|known| known.name == server.name) {
            let message = format!("no server is called {}", quoted(&server.name));
            let known = bundle.servers.iter().map(|server| server.name.as_str());
            let finding = Finding::new(Code::UnknownTool, server.span, message);
            let meant = guess::meant(&server.name, known);
            findings.add(finding.help("the policy does not declare it").did_you_mean(meant));
        }
        if let Some(first) = upstream_of.insert(&server.name, server) {
            let message = format!("messages for {} already have an upstream", quoted(&server.name));
            let finding = Finding::new(Code::RoutedTwice, server.span, message);
            findings.add(finding.label(first.span, "here").help("name it once"));
        }
    }
    // A route for all other calls ends streams too early.
    for server in bundle.servers.iter().filter(|server| !upstream_of.contains_key(server.name.as_str())) {
        let message = format!("messages for {} have no upstream", quoted(&server.name));
        let finding = Finding::new(Code::NotRouted, values.start, message);
        findings.add(finding.help("name it under `servers` at an upstream"));
    }
}

/// The Gateway API routes by names of DNS only.
fn hosts_of_routes(values: &Values, bundle: &Bundle, findings: &mut Findings) {
    for named in values.upstreams.iter().flat_map(|upstream| &upstream.servers) {
        let known = bundle.servers.iter().find(|known| known.name == named.name);
        let Some(host) = known.and_then(|server| server.host.as_deref()) else { continue };
        if !(forms::DNS_NAME.holds)(host) || host.parse::<IpAddr>().is_ok() {
            let message = format!("no route can be for the host {}", quoted(host));
            let finding = Finding::new(Code::NotRouted, named.span, message);
            findings.add(finding.help("give the server a DNS name as `host` in the policy, or none"));
        }
    }
}

fn declared(tool: &Named, bundle: &Bundle, findings: &mut Findings) {
    if bundle.tools.iter().any(|known| known.server.is_none() && known.name == tool.name) {
        return;
    }
    let known = bundle.tools.iter().filter(|tool| tool.server.is_none()).map(|tool| tool.name.as_str());
    let finding = Finding::new(Code::UnknownTool, tool.span, format!("no tool is called {}", quoted(&tool.name)));
    findings.add(finding.help("the policy does not declare it").did_you_mean(guess::meant(&tool.name, known)));
}

fn sources(values: &Values, bundle: &Bundle, target: Target, findings: &mut Findings) -> Sources {
    let mut sources = Sources::default();
    for source in &bundle.identity {
        match source {
            IdentitySource::Header(header) => header_source(header, values, &mut sources, findings),
            IdentitySource::ApiKey(header) => {
                sources.removed_headers.push(header.clone());
                let set_up = values.identity.api_key.is_some() && target == Target::Kubernetes;
                sources.api_key = sources.api_key.or_else(|| set_up.then(|| header.clone()));
                unset(set_up, values, "`api_key`", findings);
            }
            IdentitySource::Certificate(_) => {
                sources.certificates = match target {
                    Target::Kubernetes => values.identity.mtls.is_some(),
                    Target::Envoy => values.envoy.ca.is_some(),
                };
                unset(sources.certificates, values, "`mtls`", findings);
            }
            IdentitySource::Token(token) => {
                let set_up = values.identity.providers.iter().any(|provider| provider.id.name == token.provider);
                sources.tokens |= set_up;
                unset(set_up, values, &format!("`jwt` with the provider {}", quoted(&token.provider)), findings);
            }
        }
    }
    idle(values, bundle, findings);
    if let Some(key) = values.identity.api_key.as_ref().filter(|_| sources.api_key.is_some() && sources.several()) {
        let finding = Finding::new(Code::KeyForEveryCall, key.span, "calls without an API key are refused");
        findings.add(finding.help("the policy has other sources of identity, which these calls cannot use"));
    }
    sources
}

fn header_source(header: &String, values: &Values, sources: &mut Sources, findings: &mut Findings) {
    let identity = &values.identity;
    let from_claim =
        identity.providers.iter().any(|provider| provider.claims.iter().any(|(name, _)| name.name == *header));
    let trusted = identity.trusted_headers.iter().find(|trusted| trusted.name == *header);
    sources.tokens |= from_claim;
    match trusted {
        Some(trusted) => {
            sources.trusted_header = true;
            let message = format!("whoever can set `{header}` is that agent");
            let finding = Finding::new(Code::TrustedHeader, trusted.span, message);
            findings.add(finding.help("only a hop that removes and sets it may reach the gateway"));
        }
        // Early: before the filters that set it.
        None => sources.removed_headers.push(header.clone()),
    }
    unset(from_claim || trusted.is_some(), values, &format!("the header `{header}`"), findings);
}

fn unset(set_up: bool, values: &Values, what: &str, findings: &mut Findings) {
    if !set_up {
        let message = format!("no call has an identity from {what}");
        let finding = Finding::new(Code::UnsetSource, values.start, message);
        findings.add(finding.help("the policy asks this source, and the values do not set it up"));
    }
}

/// What the values set up and the policy does not ask for.
fn idle(values: &Values, bundle: &Bundle, findings: &mut Findings) {
    let reads = |header: &str| {
        bundle.identity.iter().any(|source| matches!(source, IdentitySource::Header(name) if name == header))
    };
    let mut add = |named: &Named, what: &str| {
        let message = format!("{what} {} is not in the policy", quoted(&named.name));
        findings.add(Finding::new(Code::IdleValue, named.span, message).help("`identity` in the policy has the names"));
    };
    for provider in &values.identity.providers {
        let named = bundle
            .identity
            .iter()
            .any(|source| matches!(source, IdentitySource::Token(token) if token.provider == provider.id.name));
        if !named && provider.claims.is_empty() {
            add(&provider.id, "the provider");
        }
        provider
            .claims
            .iter()
            .filter(|(header, _)| !reads(&header.name))
            .for_each(|(header, _)| add(header, "the header"));
    }
    values
        .identity
        .trusted_headers
        .iter()
        .filter(|header| !reads(&header.name))
        .for_each(|header| add(header, "the header"));
}

/// Limits that nobody counts, and somebody who has nothing to count.
fn global_limits(values: &Values, rules: &[GlobalRule], target: Target, findings: &mut Findings) {
    let (limits, service) = (values.global_limits.as_ref(), values.envoy.rate_limit_service.as_ref());
    if rules.is_empty() {
        let idle = [limits.map(|limits| limits.span.unwrap_or(values.start)), service.map(|service| service.span)];
        for span in idle.into_iter().flatten() {
            let finding = Finding::new(Code::IdleValue, span, "no limit of the policy is global");
            findings.add(finding.help("write `scope: global` in a rate or a quota, or take this out"));
        }
        return;
    }
    let (set_up, key) = match target {
        Target::Kubernetes => (limits.is_some_and(|limits| limits.redis.is_some()), "`redis` under `global_limits`"),
        Target::Envoy => (service.is_some(), "`rate_limit_service` under `envoy`"),
    };
    if !set_up {
        let finding = Finding::new(Code::MissingKey, values.start, "nobody counts the policy's global limits");
        findings.add(finding.help(format!("write {key}")));
    }
    if target == Target::Kubernetes && rules.len() > MOST_RULES {
        let message = format!("the policy's global limits need {} rules, {MOST_RULES} are the most", rules.len());
        let finding = Finding::new(Code::TooManyRules, values.start, message);
        findings.add(finding.help("let more tools, agents or tool groups have the same count and unit"));
    }
}

fn for_kubernetes(values: &Values, whole: bool, findings: &mut Findings) {
    if values.filter.is_none() && whole {
        let finding = Finding::new(Code::MissingKey, values.start, "the key `filter` is missing");
        findings.add(finding.help("`filter`: Envoy Gateway fetches the filter from there"));
    }
    if let Some(mtls) = values.identity.mtls.as_ref().filter(|_| values.gateway.certificate.is_none()) {
        let finding = Finding::new(Code::MissingKey, mtls.span, "agents' certificates are asked for without TLS");
        findings.add(finding.help("write `certificate` under `gateway`: agents then call by TLS"));
    }
}

fn for_envoy(values: &Values, findings: &mut Findings) {
    if let Some(key) = &values.identity.api_key {
        let finding = Finding::new(Code::NotStatic, key.span, "Envoy cannot read keys from a Secret");
        findings.add(finding.help("no call has an identity from an API key"));
    }
    let envoy = &values.envoy;
    if envoy.certificate.is_some() != envoy.private_key.is_some() || (envoy.ca.is_some() && envoy.certificate.is_none())
    {
        let message = "`certificate` and `private_key` go together, and `ca` needs both";
        findings.add(Finding::new(Code::MissingKey, values.start, message).help("write what is missing under `envoy`"));
    }
}
