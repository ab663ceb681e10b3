//! What `render` writes, told by what it means; that the objects are valid is judged in `tests/tests/judges.rs`.
//!
//! In: policies and values. Out: whether each manifest says what they say.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use policy_compiler::{
    diagnostic::Severity,
    files::NoFiles,
    render::{Manifest, Rendered, Target, Text, render},
};
use saphyr::{LoadableYamlNode as _, YamlOwned};

const HEADER_POLICY: &str = "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: { header: x-agent-id }\n\
    agents: { dev-agent: {} }\ntools: { search: { agents: [dev-agent] } }\n";

const TOKEN_POLICY: &str = "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\n\
    identity: { jwt: { provider: keycloak, agent: azp } }\n\
    agents: { dev-agent: {} }\ntools: { search: { agents: [dev-agent] } }\n";

const HEAD: &str = "apiVersion: toolgate.dev/v1\nkind: RenderValues\n";

const FILTER: &str = "filter: { url: \"https://example.org/x.wasm\", \
    sha256: 00000000000000000000000000000000000000000000000000000000000000aa }\n";

const UPSTREAM: &str = "upstreams: { tools: { service: tools, port: 8080 } }\n";

const KEYCLOAK: &str = "keycloak: { issuer: \"https://sso.example.org\", audiences: [tools], \
    jwks: \"https://sso.example.org/certs\"";

fn rendered(policy: &str, values: &str, target: Target) -> Rendered {
    let policy = Text { name: "policy.yaml", bytes: policy.as_bytes() };
    let values = Text { name: "values.yaml", bytes: values.as_bytes() };
    render(policy, &NoFiles, values, target).unwrap()
}

fn manifests(policy: &str, more: &str) -> Vec<Manifest> {
    let upstream = if more.contains("upstreams:") { "" } else { UPSTREAM };
    let values = format!("{HEAD}{FILTER}{upstream}{more}");
    let Rendered { manifests, packing: _, values: found } = rendered(policy, &values, Target::Kubernetes);
    assert!(!manifests.is_empty(), "{found:?}");
    manifests
}

fn read(text: &str) -> YamlOwned {
    YamlOwned::load_from_str(text).unwrap_or_else(|error| panic!("{error}: {text}")).remove(0)
}

/// All objects of a kind.
fn of_kind(manifests: &[Manifest], kind: &str) -> Vec<YamlOwned> {
    manifests.iter().filter(|manifest| manifest.kind == kind).map(|manifest| read(&manifest.text)).collect()
}

fn one(manifests: &[Manifest], kind: &str) -> YamlOwned {
    let mut all = of_kind(manifests, kind);
    assert_eq!(all.len(), 1, "{kind}");
    all.remove(0)
}

fn texts(list: &YamlOwned) -> Vec<String> {
    list.as_sequence().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// The headers that Envoy takes out of requests before any filter.
fn removed(manifests: &[Manifest]) -> Vec<String> {
    let spec = &one(manifests, "ClientTrafficPolicy")["spec"];
    spec["headers"].as_mapping_get("earlyRequestHeaders").map_or_else(Vec::new, |early| texts(&early["remove"]))
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let more = format!("identity: {{ jwt: {{ {KEYCLOAK} }} }} }}\nmonitoring: {{}}\n");
    assert_eq!(manifests(TOKEN_POLICY, &more), manifests(TOKEN_POLICY, &more));
}

#[test]
fn a_header_that_nothing_sets_is_removed_from_requests() {
    assert_eq!(removed(&manifests(HEADER_POLICY, "")), ["x-agent-id"]);
}

#[test]
fn a_header_that_is_set_from_a_claim_is_removed_before_that() {
    let more = format!("identity: {{ jwt: {{ {KEYCLOAK}, claims_to_headers: {{ x-agent-id: azp }} }} }} }}\n");
    let manifests = manifests(HEADER_POLICY, &more);
    assert_eq!(removed(&manifests), ["x-agent-id"]);
    let claim = &one(&manifests, "SecurityPolicy")["spec"]["jwt"]["providers"][0]["claimToHeaders"][0];
    assert_eq!((claim["header"].as_str(), claim["claim"].as_str()), (Some("x-agent-id"), Some("azp")));
}

#[test]
fn a_header_that_an_earlier_hop_sets_is_left() {
    let more = "identity: { trusted_headers: [x-agent-id] }\n";
    assert_eq!(removed(&manifests(HEADER_POLICY, more)), Vec::<String>::new());
}

#[test]
fn no_tool_sees_a_token_that_was_verified() {
    let more = format!("identity: {{ jwt: {{ {KEYCLOAK} }} }} }}\n");
    let route = one(&manifests(TOKEN_POLICY, &more), "HTTPRoute");
    let filter = &route["spec"]["rules"][0]["filters"][0]["requestHeaderModifier"];
    assert_eq!(texts(&filter["remove"]), ["authorization"]);
    let route = one(&manifests(HEADER_POLICY, ""), "HTTPRoute");
    assert!(route["spec"]["rules"][0].as_mapping_get("filters").is_none());
}

#[test]
fn envoy_gateway_is_told_which_of_its_extensions_the_objects_need() {
    let apis = |more: &str| {
        let manifests = manifests(HEADER_POLICY, more);
        let own = of_kind(&manifests, "EnvoyGateway").into_iter().next()?;
        let apis = &own["extensionApis"];
        Some(["enableBackend", "enableEnvoyPatchPolicy"].map(|api| apis.as_mapping_get(api)?.as_bool()))
    };
    assert_eq!(apis(""), None);
    assert_eq!(apis("strict: true\n"), Some([None, Some(true)]));
    assert_eq!(apis("upstreams: { web: { host: tools.example.org, port: 1 } }\n"), Some([Some(true), None]));
}

#[test]
fn a_token_is_needed_unless_there_is_another_way_to_say_who_calls() {
    let jwt = format!("jwt: {{ {KEYCLOAK} }} }}");
    let alone = manifests(TOKEN_POLICY, &format!("identity: {{ {jwt} }}\n"));
    assert!(one(&alone, "SecurityPolicy")["spec"]["jwt"].as_mapping_get("optional").is_none());
    let both = TOKEN_POLICY.replace(
        "identity: { jwt: { provider: keycloak, agent: azp } }",
        "identity: [{ jwt: { provider: keycloak, agent: azp } }, { mtls: uri_san }]",
    );
    let more = format!("gateway: {{ certificate: tls }}\nidentity: {{ {jwt}, mtls: {{ ca: agents-ca }} }}\n");
    let both = manifests(&both, &more);
    assert_eq!(one(&both, "SecurityPolicy")["spec"]["jwt"]["optional"].as_bool(), Some(true));
    let validation = &one(&both, "ClientTrafficPolicy")["spec"]["tls"]["clientValidation"];
    assert_eq!(validation["mode"].as_str(), Some("VerifyIfGiven"));
}

#[test]
fn a_certificate_is_required_where_it_is_the_only_way() {
    let policy = HEADER_POLICY.replace("header: x-agent-id", "mtls: uri_san");
    let manifests = manifests(&policy, "gateway: { certificate: tls }\nidentity: { mtls: { ca: agents-ca } }\n");
    let validation = &one(&manifests, "ClientTrafficPolicy")["spec"]["tls"]["clientValidation"];
    assert_eq!(validation["mode"].as_str(), Some("RequireAndVerify"));
    assert!(of_kind(&manifests, "SecurityPolicy").is_empty());
}

#[test]
fn the_client_of_an_api_key_is_told_in_the_header_that_the_policy_reads() {
    let policy = HEADER_POLICY.replace("header: x-agent-id", "api_key: { header: x-client-id }");
    let manifests = manifests(&policy, "identity: { api_key: { secret: agents-keys } }\n");
    let keys = &one(&manifests, "SecurityPolicy")["spec"]["apiKeyAuth"];
    assert_eq!(keys["forwardClientIDHeader"].as_str(), Some("x-client-id"));
    assert_eq!(keys["sanitize"].as_bool(), Some(true));
    assert_eq!(removed(&manifests), ["x-client-id"]);
}

#[test]
fn a_source_that_is_not_set_up_is_closed() {
    let policy = HEADER_POLICY.replace("header: x-agent-id", "api_key: { header: x-client-id }");
    let manifests = manifests(&policy, "");
    assert!(of_kind(&manifests, "SecurityPolicy").is_empty());
    assert_eq!(removed(&manifests), ["x-client-id"]);
}

#[test]
fn the_gateway_holds_every_body_that_the_policy_takes() {
    for (limit, buffer) in [("64KiB", "1Mi"), ("1048575", "1Mi"), ("1MiB", "2Mi"), ("4MiB", "5Mi")] {
        let policy = HEADER_POLICY.replace("search: {", &format!("search: {{ body_limit: {limit},"));
        let manifests = manifests(&policy, "");
        let written = one(&manifests, "ClientTrafficPolicy")["spec"]["connection"]["bufferLimit"].clone();
        assert_eq!(written.as_str(), Some(buffer), "{limit}");
    }
}

#[test]
fn strict_mode_patches_envoy_and_packs_the_policy_for_it() {
    for (strict, patches) in [("true", 1), ("false", 0)] {
        let manifests = manifests(HEADER_POLICY, &format!("strict: {strict}\n"));
        assert_eq!(of_kind(&manifests, "EnvoyPatchPolicy").len(), patches);
        let config = &one(&manifests, "EnvoyExtensionPolicy")["spec"]["wasm"][0]["config"];
        assert_eq!(config["hold_headers"].as_bool(), Some(patches == 1));
    }
}

#[test]
fn the_filter_never_fails_open() {
    let manifests = manifests(HEADER_POLICY, "");
    assert_eq!(one(&manifests, "EnvoyExtensionPolicy")["spec"]["wasm"][0]["failOpen"].as_bool(), Some(false));
}

#[test]
fn each_tool_goes_to_its_upstream_however_many_there_are() {
    let names: Vec<String> = (0..150).map(|at| format!("t{at}")).collect();
    let tools: String = names.iter().map(|name| format!("  {name}: {{ agents: [dev-agent] }}\n")).collect();
    let policy = HEADER_POLICY.replace("tools: { search: { agents: [dev-agent] } }\n", &format!("tools:\n{tools}"));
    let more = format!("upstreams: {{ web: {{ service: web, port: 1, tools: [{}] }} }}\n", names.join(","));
    let routes = of_kind(&manifests(&policy, &more), "HTTPRoute");
    assert_eq!(routes.len(), 3);
    let paths: Vec<String> = routes
        .iter()
        .flat_map(|route| route["spec"]["rules"][0]["matches"].as_sequence().unwrap())
        .map(|one| one["path"]["value"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(paths, names.iter().map(|name| format!("/tools/{name}")).collect::<Vec<_>>());
}

#[test]
fn agents_reach_the_port_on_which_the_proxy_listens() {
    for (port, pod_port) in [(80, 10_080), (443, 10_443), (8080, 8080)] {
        let manifests = manifests(HEADER_POLICY, &format!("gateway: {{ port: {port} }}\n"));
        let agents = &of_kind(&manifests, "NetworkPolicy")[0];
        assert_eq!(agents["spec"]["egress"][0]["ports"][0]["port"].as_integer(), Some(pod_port));
    }
}

#[test]
fn alerts_on_what_envoy_counts_are_for_the_routes_of_the_namespace() {
    let manifests = manifests(HEADER_POLICY, "namespace: research\nmonitoring: { namespace: monitoring }\n");
    let groups = one(&manifests, "PrometheusRule")["spec"]["groups"].clone();
    let rules = groups[0]["rules"].as_sequence().unwrap();
    let of_envoy = rules
        .iter()
        .map(|rule| rule["expr"].as_str().unwrap())
        .filter(|expression| expression.contains("envoy_") && !expression.contains("envoy_wasm_toolgate_"));
    let known: Vec<_> = of_envoy.map(|expression| expression.contains(r#"=~"httproute/research/.*""#)).collect();
    assert_eq!(known, [true; 3]);
}

#[test]
fn the_kustomization_lists_every_file_and_no_other() {
    let manifests = manifests(HEADER_POLICY, "strict: true\nmonitoring: {}\n");
    let objects = manifests.iter().filter(|manifest| manifest.is_object());
    let mut files: Vec<&str> = objects.map(|manifest| manifest.file).collect();
    files.dedup();
    assert_eq!(texts(&one(&manifests, "Kustomization")["resources"]), files);
}

#[test]
fn nothing_is_rendered_while_policy_or_values_have_an_error() {
    let good = format!("{HEAD}{FILTER}{UPSTREAM}");
    for (policy, values) in [("tools: {}\n", good.as_str()), (HEADER_POLICY, HEAD), (HEADER_POLICY, "")] {
        let Rendered { manifests, packing, values: found } = rendered(policy, values, Target::Kubernetes);
        assert!(manifests.is_empty());
        let errors = packing.diagnostics.iter().chain(&found).filter(|found| found.severity() == Severity::Error);
        assert!(errors.count() > 0);
    }
}

/// Limits of each kind, over all Envoys.
const GLOBAL_POLICY: &str = "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: { header: x-agent-id }\n\
    agents: { dev-agent: { rate: { limit: 5/second, scope: global } } }\n\
    tool_groups: { web: { tools: [search], quota: { limit: 9/hour, scope: global, per: all } } }\n\
    tools:\n  search: { agents: [dev-agent], rate: { limit: 60/minute, scope: global } }\n  \
    fetch: { agents: [dev-agent], quota: { limit: 7/day, scope: global } }\n";

const REDIS: &str = "redis://redis.limits.svc:6379";

fn counted() -> String {
    format!("strict: true\nglobal_limits: {{ redis: \"{REDIS}\" }}\n")
}

/// The fields that the filter sets for that policy.
const GLOBAL_FIELDS: [&str; 4] = [
    "x-toolgate-agent-5-second",
    "x-toolgate-group-4b5e57f6-9-hour",
    "x-toolgate-tool-60-minute",
    "x-toolgate-tool-7-day",
];

/// What is written for an Envoy alone: its configuration, and that of the service.
fn for_envoy(policy: &str, more: &str) -> Vec<YamlOwned> {
    let upstream = if more.contains("upstreams:") { "" } else { UPSTREAM };
    let values = format!("{HEAD}{upstream}{more}");
    let Rendered { manifests, packing: _, values: found } = rendered(policy, &values, Target::Envoy);
    assert!(!manifests.is_empty(), "{found:?}");
    manifests.iter().map(|manifest| read(&manifest.text)).collect()
}

const SERVICE: &str = "envoy: { rate_limit_service: { host: limits.example.org, port: 8081 } }\n";

#[test]
fn each_field_of_a_global_limit_is_counted_by_a_rule_that_all_routes_share() {
    let policy = &one(&manifests(GLOBAL_POLICY, &counted()), "BackendTrafficPolicy")["spec"];
    assert_eq!(policy["targetRefs"][0]["kind"].as_str(), Some("Gateway"));
    let rules = policy["rateLimit"]["global"]["rules"].as_sequence().unwrap();
    let told = |rule: &YamlOwned| {
        let field = &rule["clientSelectors"][0]["headers"][0];
        assert_eq!((field["type"].as_str(), rule["shared"].as_bool()), (Some("Distinct"), Some(true)));
        let limit = &rule["limit"];
        let text = |value: &YamlOwned| value.as_str().unwrap().to_owned();
        (text(&field["name"]), limit["requests"].as_integer().unwrap(), text(&limit["unit"]))
    };
    let wanted = [(5, "Second"), (9, "Hour"), (60, "Minute"), (7, "Day")];
    let wanted =
        GLOBAL_FIELDS.into_iter().zip(wanted).map(|(field, (count, unit))| (field.to_owned(), count, unit.to_owned()));
    assert_eq!(rules.iter().map(told).collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
}

#[test]
fn envoy_gateway_is_told_where_calls_are_counted_and_what_becomes_of_them_without_an_answer() {
    for (unanswered, closed) in [("", true), ("refuse", true), ("allow", false)] {
        let said = if unanswered.is_empty() {
            String::new()
        } else {
            format!("global_limits: {{ unanswered: {unanswered} }}\n")
        };
        let own = one(&manifests(&format!("{GLOBAL_POLICY}{said}"), &counted()), "EnvoyGateway");
        let limits = &own["rateLimit"];
        assert_eq!(limits["failClosed"].as_bool(), Some(closed), "{unanswered}");
        assert_eq!(limits["timeout"].as_str(), Some("100ms"));
        assert_eq!(limits["backend"]["redis"]["url"].as_str(), Some(REDIS));
        let variable = &own["provider"]["kubernetes"]["rateLimitDeployment"]["container"]["env"][0];
        assert_eq!(variable["name"].as_str(), Some("STOP_CACHE_KEY_INCREMENT_WHEN_OVERLIMIT"));
        assert_eq!(variable["value"].as_str(), Some("true"));
    }
}

#[test]
fn a_secret_and_a_certificate_lead_to_redis_too() {
    let more = "strict: true\nglobal_limits: { redis_secret: limits, redis_certificate: client, timeout_milliseconds: 1500 }\n";
    let own = one(&manifests(GLOBAL_POLICY, more), "EnvoyGateway");
    let redis = &own["rateLimit"]["backend"]["redis"];
    let secret = &redis["urlRef"]["secretKeyRef"];
    assert_eq!((secret["name"].as_str(), secret["key"].as_str()), (Some("limits"), Some("url")));
    assert_eq!(redis["tls"]["certificateRef"]["name"].as_str(), Some("client"));
    assert_eq!(own["rateLimit"]["timeout"].as_str(), Some("1500ms"));
    assert!(redis.as_mapping_get("url").is_none());
}

#[test]
fn envoy_alone_asks_for_the_fields_that_its_service_counts() {
    for (unanswered, closed) in [("refuse", true), ("allow", false)] {
        let policy = format!("{GLOBAL_POLICY}global_limits: {{ unanswered: {unanswered} }}\n");
        let written = for_envoy(&policy, SERVICE);
        let [envoy, service] = written.as_slice() else { panic!("two configurations: {written:?}") };
        let manager = &envoy["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
        let filters = manager["http_filters"].as_sequence().unwrap();
        let names: Vec<_> = filters.iter().map(|filter| filter["name"].as_str().unwrap()).collect();
        let order = ["envoy.filters.http.wasm", "envoy.filters.http.ratelimit", "envoy.filters.http.router"];
        assert_eq!(names, order, "a call that the filter refuses must not be counted");
        let filter = &filters[1]["typed_config"];
        assert_eq!(filter["failure_mode_deny"].as_bool(), Some(closed));
        assert_eq!(filter["timeout"].as_str(), Some("0.100s"));
        assert_eq!(filter["enable_x_ratelimit_headers"].as_str(), Some("DRAFT_VERSION_03"));
        assert_eq!(filter["domain"].as_str(), service["domain"].as_str());
        let routes = &manager["route_config"]["virtual_hosts"][0];
        assert!(texts(&routes["response_headers_to_remove"]).contains(&"x-ratelimit-limit".to_owned()));
        let asked = routes["rate_limits"].as_sequence().unwrap();
        let field = |asked: &YamlOwned| {
            let field = &asked["actions"][0]["request_headers"];
            assert_eq!(field["header_name"].as_str(), field["descriptor_key"].as_str());
            field["header_name"].as_str().unwrap().to_owned()
        };
        assert_eq!(asked.iter().map(field).collect::<Vec<_>>(), GLOBAL_FIELDS);
        let counted = service["descriptors"].as_sequence().unwrap();
        assert_eq!(counted.iter().map(|each| each["key"].as_str().unwrap()).collect::<Vec<_>>(), GLOBAL_FIELDS);
        let limit = &counted[1]["rate_limit"];
        assert_eq!((limit["unit"].as_str(), limit["requests_per_unit"].as_integer()), (Some("hour"), Some(9)));
        let clusters = envoy["static_resources"]["clusters"].as_sequence().unwrap();
        let name = filter["rate_limit_service"]["grpc_service"]["envoy_grpc"]["cluster_name"].as_str();
        let cluster = clusters.iter().find(|cluster| cluster["name"].as_str() == name).unwrap();
        assert!(cluster.as_mapping_get("typed_extension_protocol_options").is_some(), "gRPC needs HTTP/2");
    }
}

#[test]
fn no_tool_says_that_its_call_was_counted() {
    let told = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];
    let filters = &one(&manifests(GLOBAL_POLICY, &counted()), "HTTPRoute")["spec"]["rules"][0]["filters"];
    assert_eq!(texts(&filters[0]["responseHeaderModifier"]["remove"]), told);
    let rule = &one(&manifests(HEADER_POLICY, ""), "HTTPRoute")["spec"]["rules"][0];
    assert!(rule.as_mapping_get("filters").is_none());
}

#[test]
fn without_a_global_limit_nobody_is_asked_to_count() {
    let manifests = manifests(HEADER_POLICY, "strict: true\n");
    assert!(of_kind(&manifests, "BackendTrafficPolicy").is_empty());
    assert!(one(&manifests, "EnvoyGateway").as_mapping_get("rateLimit").is_none());
    let written = for_envoy(HEADER_POLICY, "");
    assert_eq!(written.len(), 1);
    let manager = &written[0]["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    assert_eq!(manager["http_filters"].as_sequence().unwrap().len(), 2);
}

#[test]
fn global_limits_are_not_rendered_for_headers_that_are_sent_ahead() {
    let values = format!("{HEAD}{FILTER}{UPSTREAM}{}", counted().replace("true", "false"));
    let Rendered { manifests, packing, values: _ } = rendered(GLOBAL_POLICY, &values, Target::Kubernetes);
    assert!(manifests.is_empty());
    let codes: Vec<_> = packing.diagnostics.iter().map(|found| found.code.id()).collect();
    assert!(codes.contains(&"TG057"), "{codes:?}");
}

#[test]
fn as_many_rules_are_rendered_as_envoy_gateway_takes() {
    for (count, codes) in [(256, [].as_slice()), (257, &["TG128"])] {
        let tool =
            |at: u32| format!("  t{at}: {{ agents: [dev-agent], quota: {{ limit: {at}/day, scope: global }} }}\n");
        let tools: String = (1..=count).map(tool).collect();
        let policy = HEADER_POLICY.replace("tools: { search: { agents: [dev-agent] } }\n", &format!("tools:\n{tools}"));
        let values = format!("{HEAD}{FILTER}{UPSTREAM}identity: {{ trusted_headers: [x-agent-id] }}\n{}", counted());
        let Rendered { manifests, packing: _, values: found } = rendered(&policy, &values, Target::Kubernetes);
        let errors = found.iter().filter(|found| found.severity() == Severity::Error);
        assert_eq!(errors.map(|found| found.code.id()).collect::<Vec<_>>(), codes);
        assert_eq!(manifests.is_empty(), !codes.is_empty());
    }
}

/// Servers under any host, under one of their own, and two at one path.
const SERVERS: &str = "servers:
  github: { path: /mcp/github, tools: { create_issue: { agents: [dev-agent] } } }
  notes: { path: /mcp/notes, host: notes.example.org, tools: { read: { agents: [dev-agent] } } }
  drafts: { path: /mcp/notes, host: drafts.example.org, tools: { read: { agents: [dev-agent] } } }
";

const MCP_UPSTREAM: &str = "upstreams:
  tools: { service: tools, port: 8080 }
  mcp: { service: mcp, port: 8081, servers: [github, notes, drafts] }
";

#[test]
fn each_server_goes_to_its_upstream_under_its_host_for_as_long_as_a_stream_lasts() {
    let manifests = manifests(&format!("{HEADER_POLICY}{SERVERS}"), MCP_UPSTREAM);
    let told = |route: &YamlOwned| {
        let (name, spec) = (&route["metadata"]["name"], &route["spec"]);
        let rule = &spec["rules"][0];
        let paths = rule["matches"].as_sequence().unwrap().iter().map(|one| &one["path"]);
        let paths = paths.map(|path| format!("{} {}", path["type"].as_str().unwrap(), path["value"].as_str().unwrap()));
        let timeout = rule.as_mapping_get("timeouts").and_then(|timeouts| timeouts["request"].as_str());
        let backend = rule["backendRefs"][0]["name"].as_str().unwrap();
        let host = texts(&spec["hostnames"]).join(" ");
        let paths: Vec<_> = paths.collect();
        [name.as_str().unwrap(), host.as_str(), &paths.join(" "), backend, timeout.unwrap_or("-")].join(", ")
    };
    assert_eq!(
        of_kind(&manifests, "HTTPRoute").iter().map(told).collect::<Vec<_>>(),
        [
            "tools, tools.local, PathPrefix /, tools, -",
            "mcp.servers.1, tools.local, Exact /mcp/github, mcp, 0s",
            "mcp.servers.2, notes.example.org, Exact /mcp/notes, mcp, 0s",
            "mcp.servers.3, drafts.example.org, Exact /mcp/notes, mcp, 0s",
        ]
    );
    let gateway = one(&manifests, "Gateway");
    let listeners = gateway["spec"]["listeners"].as_sequence().unwrap();
    let told = |listener: &YamlOwned| {
        let text = |key: &str| listener[key].as_str().unwrap().to_owned();
        (text("name"), text("hostname"), listener["port"].as_integer().unwrap())
    };
    let wanted = [("http", "tools.local"), ("http-1", "notes.example.org"), ("http-2", "drafts.example.org")];
    let wanted = wanted.map(|(name, host)| (name.to_owned(), host.to_owned(), 80));
    assert_eq!(listeners.iter().map(told).collect::<Vec<_>>(), wanted);
}

#[test]
fn a_server_under_the_host_of_the_gateway_needs_no_listener_of_its_own() {
    let servers = SERVERS.replace("notes.example.org", "tools.local");
    let manifests = manifests(&format!("{HEADER_POLICY}{servers}"), MCP_UPSTREAM);
    assert_eq!(one(&manifests, "Gateway")["spec"]["listeners"].as_sequence().unwrap().len(), 2);
    assert_eq!(of_kind(&manifests, "HTTPRoute").len(), 3, "its path stands beside that of `github`");
}

#[test]
fn envoy_alone_leads_to_servers_by_path_and_host() {
    let written = for_envoy(&format!("{HEADER_POLICY}{SERVERS}"), MCP_UPSTREAM);
    let manager = &written[0]["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let routes = &manager["route_config"];
    assert_eq!(routes["ignore_port_in_host_matching"].as_bool(), Some(true));
    let told = |host: &YamlOwned| {
        let route = |route: &YamlOwned| {
            let (by, to) = (&route["match"], &route["route"]);
            let text = |key: &str| to.as_mapping_get(key).map_or("-", |text| text.as_str().unwrap()).to_owned();
            let path = by.as_mapping_get("path").or_else(|| by.as_mapping_get("prefix")).unwrap().as_str().unwrap();
            format!("{path} {} {} {}", text("cluster"), text("timeout"), text("idle_timeout"))
        };
        let routes: Vec<_> = host["routes"].as_sequence().unwrap().iter().map(route).collect();
        format!("{}: {}", texts(&host["domains"]).join(" "), routes.join(", "))
    };
    let hosts = routes["virtual_hosts"].as_sequence().unwrap().iter().map(told).collect::<Vec<_>>();
    let (github, notes, others) = ("/mcp/github mcp 0s 0s", "/mcp/notes mcp 0s 0s", "/ tools 30s -");
    assert_eq!(
        hosts,
        [
            format!("notes.example.org: {github}, {notes}, {others}"),
            format!("drafts.example.org: {github}, {notes}, {others}"),
            format!("*: {github}, {others}"),
        ]
    );
}

#[test]
fn without_a_server_that_has_a_host_there_is_one_host() {
    let servers = SERVERS.lines().take(2).collect::<Vec<_>>().join("\n");
    let upstream = MCP_UPSTREAM.replace(", notes, drafts", "");
    let written = for_envoy(&format!("{HEADER_POLICY}{servers}\n"), &upstream);
    let manager = &written[0]["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let routes = &manager["route_config"];
    assert!(routes.as_mapping_get("ignore_port_in_host_matching").is_none());
    assert_eq!(routes["virtual_hosts"].as_sequence().unwrap().len(), 1);
}

/// Values in which every key has a text of the user.
const ALL: &str = r#"apiVersion: toolgate.dev/v1
kind: RenderValues
namespace: "good"
gateway: { name: "good", class: "good", hostname: "good", certificate: "good", proxies: "good" }
filter: { image: "good", sha256: 00000000000000000000000000000000000000000000000000000000000000aa, pull_secret: "good" }
upstreams:
  "good": { service: "good", port: 1, pods: { "good": "good" } }
  more: { host: "good", port: 1, tools: [search, "good"] }
agents: { namespace: "good", pods: { "good": "good" } }
identity:
  jwt: { "good": { issuer: "good", audiences: ["good"], jwks: "https://good", claims_to_headers: { x-agent-id: "good" } } }
  mtls: { ca: "good" }
  api_key: { secret: "good", header: "good" }
  trusted_headers: ["x-agent-id"]
strict: true
global_limits: { redis_secret: "good", redis_certificate: "good" }
monitoring: { namespace: "good", labels: { "good": "good" } }
envoy: { filter: "/good", address: 127.0.0.1, certificate: "/good", private_key: "/good", ca: "/good", rate_limit_service: { host: "good", port: 1 } }
"#;

#[test]
fn no_text_of_the_values_breaks_out() {
    let limited = "good: { agents: [dev-agent], rate: { limit: 1/minute, scope: global } }, search: {";
    let policy = HEADER_POLICY.replace("search: {", limited);
    let places: Vec<usize> = ALL.match_indices("good").map(|(at, _)| at).collect();
    assert!(places.len() > 30);
    for target in [Target::Kubernetes, Target::Envoy] {
        let good = shape(&rendered(&policy, ALL, target).manifests);
        assert!(!good.is_empty());
        for &at in &places {
            let (before, after) = ALL.split_at(at);
            for hostile in [r#"a\"b"#, r"a\nb: c", r"a\n---\nkind: Secret", "a'b", "a b", "$(x)", "{{x}}", "a: b # c"] {
                let values = format!("{before}{hostile}{}", after.strip_prefix("good").unwrap());
                let manifests = rendered(&policy, &values, target).manifests;
                assert!(manifests.is_empty() || (!hostile.contains(r"\n") && shape(&manifests) == good), "{values}");
            }
        }
    }
}

/// Of each object its kind and its lines: no text may add one.
fn shape(manifests: &[Manifest]) -> Vec<(String, usize)> {
    manifests.iter().map(|manifest| (manifest.kind.clone(), manifest.text.lines().count())).collect()
}

#[test]
fn a_path_of_strange_letters_stays_one_text() {
    let values = format!("{HEAD}{UPSTREAM}envoy: {{ filter: '/a \"b\": {{c}} # d' }}\n");
    let configuration = read(&rendered(HEADER_POLICY, &values, Target::Envoy).manifests[0].text);
    let listener = &configuration["static_resources"]["listeners"][0];
    let manager = &listener["filter_chains"][0]["filters"][0]["typed_config"];
    let plugin = &manager["http_filters"][0]["typed_config"]["config"];
    assert_eq!(plugin["vm_config"]["code"]["local"]["filename"].as_str(), Some("/a \"b\": {c} # d"));
}

#[test]
fn what_envoy_refuses_has_the_fields_of_an_audit_line() {
    let manifests = manifests(HEADER_POLICY, "");
    let line = &one(&manifests, "EnvoyProxy")["spec"]["telemetry"]["accessLog"]["settings"][1]["format"]["json"];
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/audit.md")).unwrap();
    let (_, table) = page.split_once("| field | type | meaning |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let fields: Vec<&str> = table.lines().filter_map(|row| Some(row.strip_prefix("| `")?.split_once('`')?.0)).collect();
    assert!(fields.len() > 10, "{fields:?}");
    // Only where a call was judged, or a token verified.
    for field in fields.into_iter().filter(|field| !["argument", "keyword", "unanswered", "user_id"].contains(field)) {
        assert!(line.as_mapping_get(field).is_some(), "{field}");
    }
}

const TWO_SERVERS: &str = "servers: { git: { path: /mcp/git, tools: { search: { agents: [dev-agent] } } }, \
    notes: { path: /mcp/notes, tools: { read: { agents: [dev-agent] } } } }\n";

#[test]
fn a_server_has_one_upstream_and_is_declared() {
    let policy = format!("{HEADER_POLICY}{TWO_SERVERS}");
    let told = |upstreams: &str| {
        let values = format!("{HEAD}{FILTER}upstreams: {{ tools: {{ service: tools, port: 8080 }}, {upstreams} }}\n");
        let Rendered { manifests, packing: _, values } = rendered(&policy, &values, Target::Kubernetes);
        let codes: Vec<_> = values.iter().map(|found| found.code.id()).filter(|code| *code != "TG124").collect();
        assert_eq!(manifests.is_empty(), codes.iter().any(|code| *code != "TG128"), "{codes:?}");
        codes
    };
    let git = "git: { service: git, port: 1, servers: [git, notes] }";
    assert_eq!(told(git), [""; 0]);
    assert_eq!(told("git: { service: git, port: 1, servers: [git] }"), ["TG122"]);
    assert_eq!(told(&format!("{git}, other: {{ service: o, port: 1, servers: [git] }}")), ["TG121"]);
    assert_eq!(told("git: { service: git, port: 1, servers: [git, notes, linear] }"), ["TG024"]);
}
