//! What `render` writes, and what is shipped, in the real Envoy Gateway, which starts its own Envoy and hands it the filter.

#![cfg(test)]

use policy_compiler::files::NoFiles;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};
use toolgate_tests::{
    harness::{
        PATIENCE,
        client::{Call, Protocol, Reply},
        envoy::Update,
        gateway::{EnvoyGateway, Resources, Site, Tools},
        load::{self, Load},
        named,
        upstream::{Answer, Upstream},
        wait_for,
    },
    identity::{Authority, Issuer, Names},
};

/// The agent is what a header says, which an earlier hop sets.
const TRUSTED: &str = "identity: { trusted_headers: [x-agent-id] }\n";

/// What `render` writes for a policy with these limits.
fn enforcing(limits: &str) -> Resources {
    with_values(limits, TRUSTED)
}

fn with_values(limits: &str, values: &str) -> Resources {
    let policy = format!(
        "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: {{ header: x-agent-id }}\n\
         agents: {{ a: {{}} }}\ntools:\n  search: {{ agents: [a], {limits}, arguments: {{ blocked: [bad] }} }}\n"
    );
    Resources::rendered(&policy, &NoFiles, values).workers(2)
}

fn call() -> Call {
    tool("search")
}

fn tool(name: &str) -> Call {
    Call::tool(name)
        .authority("tools.local")
        .header("content-type", "application/json")
        .body(r#"{"arguments":{"q":"x"}}"#)
}

fn send(gateway: &EnvoyGateway, call: &Call) -> Reply {
    call.send(Protocol::Http1, gateway.address()).unwrap()
}

/// Makes calls until `meanwhile` is done, and says what came of them all.
fn under_load(gateway: &EnvoyGateway, meanwhile: impl FnOnce()) -> Load {
    let done = AtomicBool::new(false);
    let request = call().header("x-agent-id", "a").http1_bytes();
    thread::scope(|scope| {
        let calls = scope.spawn(|| {
            let mut all = Load::default();
            while !done.load(Ordering::SeqCst) {
                let request = request.clone();
                all.add(&load::run(gateway.address(), 8, 500, move |_| request.clone()));
            }
            all
        });
        meanwhile();
        done.store(true, Ordering::SeqCst);
        calls.join().unwrap()
    })
}

/// There is no last good policy. Envoy has fetched the module only after it took the listener, so that it has refused
/// nothing: the alert knows such an Envoy by its clusters.
fn without_any_policy_no_call_passes(gateway: &EnvoyGateway) {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let reply = call().header("x-agent-id", "a").send(protocol, gateway.address()).unwrap();
        assert_eq!((reply.status, reply.text()), (503, String::new()));
    }
    assert!(gateway.status("EnvoyExtensionPolicy", "toolgate").contains("reason: Accepted\n"));
    for line in gateway.not_judged(2) {
        assert_eq!((&line["status"], &line["decision"]), (&json!(503), &json!("deny")), "{line}");
    }
    is_known_to_the_alert(gateway);
}

/// No filter has counted there, but `ToolCallsNotJudged` finds the Envoy and its errors.
fn is_known_to_the_alert(gateway: &EnvoyGateway) {
    let known = [
        "envoy_cluster_membership_total{envoy_cluster_name=\"httproute/agents/tools/rule/0\"} 1",
        "envoy_http_downstream_rq_xx{envoy_response_code_class=\"5\"",
    ];
    let metrics = gateway.prometheus_until(|text| known.iter().all(|known| text.contains(known)));
    assert!(known.iter().all(|known| metrics.contains(known)), "{metrics}");
}

/// The shipped resources with the Secrets and the ConfigMap that they name.
fn shipped(authority: &Authority, keys: &str) -> Resources {
    let (certificate, key) = authority.server("tools.local");
    Resources::shipped()
        .server_certificate("tools-local-tls", (&certificate, &key))
        .client_authority("agents-ca", &authority.pem())
        .with("SecurityPolicy", |policy| {
            policy["spec"]["jwt"]["providers"][0]["remoteJWKS"]["uri"] = json!(keys);
        })
}

#[test]
fn the_shipped_resources_are_accepted_and_enforced_with_audit_lines_and_metrics() {
    let [tools, mail, web] = [(); 3].map(|()| Upstream::start());
    let issuer = Issuer::new("https://sso.example.org/realms/agents");
    let (authority, keys) = (Authority::new(), issuer.serve());
    let servers = Tools::from(tools.address()).and("mail-server", mail.address()).and("web", web.address());
    let gateway = EnvoyGateway::start(&shipped(&authority, &keys.url()), servers);
    for (kind, name) in [
        ("GatewayClass", "toolgate"),
        ("Gateway", "tool-gateway"),
        ("HTTPRoute", "tools"),
        ("HTTPRoute", "mail"),
        ("HTTPRoute", "web"),
        ("ClientTrafficPolicy", "tool-gateway"),
        ("SecurityPolicy", "tool-gateway"),
        ("EnvoyExtensionPolicy", "toolgate"),
    ] {
        let status = gateway.status(kind, name);
        assert!(status.contains("reason: Accepted\n") && !status.contains("reason: Invalid"), "{kind}: {status}");
    }
    let client = authority.client().to_server("tools.local");
    let sends = |call: &Call| call.send_over(&client, Protocol::Http1, gateway.address()).unwrap();
    let by = |agent: &str, name: &str, body: &str| {
        let claims = json!({"azp": agent, "sub": "alice", "aud": "tools", "scope": format!("tool:{name}")});
        tool(name).body(body).header("authorization", format!("Bearer {}", issuer.token(&claims)))
    };
    let (search, mail_to) = (r#"{"arguments":{"q":"x"}}"#, r#"{"arguments":{"to":"a@example.org"}}"#);
    for (agent, name, body, server) in [
        ("research-agent", "search", search, &web),
        ("support-agent", "send_mail", mail_to, &mail),
        ("dev-agent", "read_ticket", search, &tools),
    ] {
        assert_eq!(sends(&by(agent, name, body)).status, 200, "{name}");
        assert_eq!(server.seen()[0].header_values("x-forwarded-agent"), [agent.as_bytes()]);
        assert_eq!(server.seen()[0].header_values("x-forwarded-agent-user"), [b"alice"]);
        assert_eq!(server.seen()[0].header_values("authorization"), Vec::<&[u8]>::new(), "no tool gets the token");
    }
    assert_eq!(sends(&by("dev-agent", "search", search)).json()["reason"], "tool_not_granted");
    assert_eq!(sends(&by("dev-agent", "nowhere", search)).json()["reason"], "tool_unknown");
    // Nothing but the token and the certificate says who calls.
    let claimed = call().header("x-agent-id", "research-agent").header("x-client-id", "research-agent");
    assert_eq!(sends(&claimed).json()["reason"], "identity_missing");
    let spiffe = ["spiffe://example.org/nobody".to_owned()];
    let names = Names { uri_sans: &spiffe, ..Names::default() };
    let known = authority.client_named(&authority, names).to_server("tools.local");
    let unknown = claimed.send_over(&known, Protocol::Http1, gateway.address()).unwrap();
    assert_eq!(unknown.json()["reason"], "agent_unknown");
    assert_eq!(sends(&call().header("authorization", "Bearer no.to.ken")).status, 401);
    assert_eq!([&tools, &mail, &web].map(|server| server.seen().len()), [1, 1, 1]);
    audited_and_counted(&gateway);
}

fn audited_and_counted(gateway: &EnvoyGateway) {
    let lines = gateway.judged(7);
    let told: Vec<_> = lines.iter().map(|line| (line["reason"].as_str(), line["status"].as_u64())).collect();
    let refused = |reason, status| (Some(reason), Some(status));
    assert_eq!(told[..3], [refused("granted", 200); 3]);
    let others = [("tool_not_granted", 403), ("tool_unknown", 404), ("identity_missing", 401), ("agent_unknown", 403)];
    assert_eq!(told[3..], others.map(|(reason, status)| refused(reason, status)));
    assert_eq!((&lines[0]["agent_id"], &lines[0]["user_id"]), (&json!("research-agent"), &json!("alice")));
    let other = gateway.not_judged(1).remove(0);
    assert_eq!(
        (&other["event"], &other["schema_version"], &other["status"]),
        (&json!("tool_call"), &json!(1), &json!(401))
    );
    let wanted = r#"tool_gateway_calls_total{agent_id="research-agent",tool="search",status="200"} 1"#;
    let metrics = gateway.prometheus_until(|text| text.contains(wanted));
    assert!(metrics.contains(wanted), "{metrics}");
    let tags = gateway.config_dump()["configs"][0]["bootstrap"]["stats_config"]["stats_tags"].clone();
    let names: Vec<_> = tags.as_array().unwrap().iter().map(|tag| tag["tag_name"].as_str().unwrap()).collect();
    assert!(names.contains(&"agent_id") && names.contains(&"from_zone"), "ours stand beside its own: {names:?}");
}

#[test]
fn a_module_of_another_digest_means_500_and_never_an_unjudged_call() {
    let tool = Upstream::start();
    let site = Site::new(tool.address());
    let filter = format!("filter: {{ url: \"{}\", sha256: {} }}\n", site.module_url(), "0".repeat(64));
    let other = with_values("rate: unlimited", &format!("{filter}{TRUSTED}"));
    let gateway = site.start(&other);
    let known = call().header("x-agent-id", "a");
    assert_eq!(send(&gateway, &known).status, 500, "from the start");
    is_known_to_the_alert(&gateway);
    assert!(tool.seen().is_empty());
    assert_eq!(gateway.replace(&enforcing("rate: unlimited")), Update::Accepted);
    assert_eq!(send(&gateway, &known).status, 200);
    tool.clear();
    assert_eq!(gateway.replace(&other), Update::Accepted);
    let status = gateway.status("EnvoyExtensionPolicy", "toolgate");
    assert!(status.contains("reason: Invalid"), "{status}");
    assert_eq!(send(&gateway, &known).status, 500);
    assert!(tool.seen().is_empty());
    assert_eq!(gateway.replace(&enforcing("rate: unlimited")), Update::Accepted);
    assert_eq!(send(&gateway, &known).status, 200);
}

#[test]
fn a_change_of_the_policy_keeps_quotas_and_loses_no_call() {
    let tool = Upstream::counting();
    let gateway = EnvoyGateway::start(&enforcing("quota: 2000/month"), tool.address());
    let load = under_load(&gateway, || {
        for rate in [90_000, 80_000] {
            let changed = enforcing(&format!("quota: 2000/month, rate: {rate}/second"));
            assert_eq!(gateway.replace(&changed), Update::Accepted);
        }
    });
    let all: u64 = load.statuses.values().sum();
    assert!(all > 3_000, "{load:?}");
    assert_eq!((load.count(200), load.count(429), load.broken), (2_000, all - 2_000, 0), "{load:?}");
    assert_eq!(tool.count_complete(), 2_000);
}

#[test]
fn a_broken_policy_is_refused_nothing_is_served_by_it_and_the_last_good_one_serves_on() {
    let tool = Upstream::counting();
    let good = enforcing("rate: unlimited");
    let broken = good.clone().with("EnvoyExtensionPolicy", |policy| {
        let config = &mut policy["spec"]["wasm"][0]["config"]["policy"];
        *config = json!(format!("AAAA{}", config.as_str().unwrap()));
    });
    let gateway = EnvoyGateway::start(&broken, tool.address());
    without_any_policy_no_call_passes(&gateway);
    assert_eq!((gateway.replace(&good), tool.count_started()), (Update::Accepted, 0));
    let load = under_load(&gateway, || {
        let Update::Refused { log } = gateway.replace(&broken) else { panic!("a broken policy was taken") };
        assert!(log.contains("Unable to create Wasm plugin"), "{log}");
        // Envoy Gateway does not know: why the README says that the compiler is the gate.
        assert!(gateway.status("EnvoyExtensionPolicy", "toolgate").contains("reason: Accepted\n"));
        assert_eq!(send(&gateway, &call()).json()["reason"], "identity_missing", "the old policy judges");
    });
    assert_eq!((load.statuses.len(), load.broken), (1, 0), "{load:?}");
    assert_eq!(load.count(200), tool.count_complete());
    let later = under_load(&gateway, || assert_eq!(gateway.replace(&enforcing("rate: 1/day")), Update::Accepted));
    assert_eq!(later.broken, 0, "{later:?}");
    assert_eq!(send(&gateway, &call().header("x-agent-id", "a")).status, 429, "the later policy judges");
    with_a_new_module_no_call_passes(&gateway, &broken, &tool);
    assert_eq!(gateway.replace(&good), Update::Accepted);
    assert_eq!(send(&gateway, &call().header("x-agent-id", "a")).status, 200);
}

/// A module that Envoy does not have yet is fetched when the listener is taken: it is too late to refuse the policy, and
/// the last good one is gone.
fn with_a_new_module_no_call_passes(gateway: &EnvoyGateway, broken: &Resources, tool: &Upstream) {
    let mut module = fs::read(named("TOOLGATE_FILTER")).unwrap();
    module.extend(b"\x00\x02\x01x");
    let sha256: String = Sha256::digest(&module).iter().map(|byte| format!("{byte:02x}")).collect();
    let server = Upstream::answering(move |_| Answer::new(200).body(&module));
    let url = format!("http://{}/filter.wasm", server.address());
    let both = broken.clone().with("EnvoyExtensionPolicy", |policy| {
        policy["spec"]["wasm"][0]["code"] = json!({"type": "HTTP", "http": {"url": url, "sha256": sha256}});
    });
    let before = tool.count_started();
    assert_eq!(gateway.replace(&both), Update::Accepted);
    let is_closed =
        wait_for(PATIENCE, || (send(gateway, &call().header("x-agent-id", "a")).status == 503).then_some(()));
    assert!(is_closed.is_some(), "{}", gateway.log());
    assert_eq!(tool.count_started(), before);
}
