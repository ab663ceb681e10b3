//! Who calls, as Envoy Gateway has it verified by what `render` writes: tokens, API keys, certificates, and no field of
//! the client.

#![cfg(test)]

use policy_compiler::files::NoFiles;
use serde_json::{Value, json};
use toolgate_tests::{
    forged::{bad_tokens, claims, spoofed},
    harness::{
        client::{Call, Protocol, Reply, http1::Http1Connection, tls::TlsClient},
        envoy::Update,
        gateway::{EnvoyGateway, Resources},
        upstream::{Seen, Upstream},
    },
    identity::{Authority, Issuer, Names, only, told},
};

const BOTH: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];
const HOST: &str = "tools.local";
const SPIFFE: &str = "spiffe://acme.org/ns/prod/sa/bot";

fn rendered(identity: &str, values: &str) -> Resources {
    let policy = format!(
        "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: {identity}\nagents: {{ a: {{}}, '{SPIFFE}': {{}} }}\n\
         tools:\n  search: {{ agents: [a, '{SPIFFE}'] }}\n  mail: {{ agents: [a], quota: 2/month }}\n"
    );
    // One worker, so that lines come in the order of the calls.
    Resources::rendered(&policy, &NoFiles, values).workers(1)
}

fn call() -> Call {
    tool("search")
}

fn tool(name: &str) -> Call {
    Call::tool(name).authority(HOST).header("content-type", "application/json").body(r#"{"arguments":{}}"#)
}

fn bearer(token: &str) -> Call {
    call().header("authorization", format!("Bearer {token}"))
}

fn reason(reply: &Reply) -> (u16, String) {
    (reply.status, reply.json()["reason"].as_str().unwrap_or_default().to_owned())
}

fn refused(status: u16, reason: &str) -> (u16, String) {
    (status, reason.to_owned())
}

/// The values of one provider, and what else stands there.
fn tokens(keys: &str, more: &str) -> String {
    format!("identity: {{ jwt: {{ idp: {{ issuer: idp, audiences: [tools], jwks: \"{keys}\"{more} }} }} }}\n")
}

#[test]
fn a_verified_token_says_who_calls() {
    let (upstream, issuer) = (Upstream::start(), Issuer::new("idp"));
    let keys = issuer.serve();
    let by_token = rendered("{ jwt: { provider: idp, agent: azp, user: sub } }", &tokens(&keys.url(), ""));
    let gateway = EnvoyGateway::start(&by_token, upstream.address());
    let good = bearer(&issuer.token(&claims(&json!({}))));
    let unknown = bearer(&issuer.token(&claims(&json!({"azp": "b"}))));
    let nameless = bearer(&issuer.token(&claims(&json!({"azp": 1}))));
    let mut before = 0;
    for protocol in BOTH {
        let sends = |call: &Call| call.send(protocol, gateway.address()).unwrap();
        assert_eq!(sends(&good).status, 200);
        assert_eq!(told(&upstream), ("a".to_owned(), "alice".to_owned()));
        assert_eq!(reason(&sends(&unknown)), refused(403, "agent_unknown"));
        assert_eq!(reason(&sends(&nameless)), refused(401, "identity_malformed"));
        let bad = bad_tokens(&issuer);
        for (what, token) in &bad {
            let reply = sends(&bearer(token).header("x-agent-id", "a").header("x-forwarded-agent", "a"));
            assert_eq!(reply.status, if what.contains("audience") { 403 } else { 401 }, "{what}");
            assert_ne!(reply.header("content-type"), Some("application/problem+json"), "{what}: Envoy's own refusal");
        }
        assert_eq!(sends(&call()).status, 401, "no token");
        assert!(upstream.seen().is_empty(), "{:?}", upstream.seen());
        let lines = gateway.not_judged(before + bad.len() + 1).split_off(before);
        assert_eq!(lines.len(), bad.len() + 1);
        before += lines.len();
        for line in lines {
            let details = line["details"].as_str().unwrap();
            assert!(details.starts_with("jwt_authn_access_denied"), "{line}");
        }
    }
    assert_same_schema(&gateway.judged(1)[0], &gateway.not_judged(1)[0]);
    // The policy reads a header, which Envoy sets from a claim.
    let claim = tokens(&keys.url(), ", claims_to_headers: { x-agent-id: azp }");
    assert_eq!(gateway.replace(&rendered("{ header: x-agent-id }", &claim)), Update::Accepted);
    for protocol in BOTH {
        let sends = |call: &Call| {
            let forged = call.clone().header("x-agent-id", "a").header("x-agent-id", "b");
            forged.send(protocol, gateway.address()).unwrap()
        };
        assert_eq!(sends(&good).status, 200);
        assert_eq!(told(&upstream).0, "a");
        assert_eq!(reason(&sends(&unknown)), refused(403, "agent_unknown"));
        let nameless = bearer(&issuer.token(&json!({"aud": "tools", "sub": "a"})));
        assert_eq!(reason(&sends(&nameless)), refused(401, "identity_missing"));
        assert_eq!(sends(&call()).status, 401);
    }
    assert!(upstream.seen().is_empty(), "{:?}", upstream.seen());
}

/// What Envoy refused is told in the schema of what the filter judged: every field is there, and of its type.
fn assert_same_schema(judged: &Value, not_judged: &Value) {
    for (field, value) in judged.as_object().unwrap() {
        // Only where a token was verified.
        if field != "user_id" {
            let told = &not_judged[field];
            assert_eq!(std::mem::discriminant(told), std::mem::discriminant(value), "{field}: {not_judged}");
        }
    }
    let told = ["event", "decision", "reason", "agent_id", "tool"].map(|field| not_judged[field].as_str().unwrap());
    assert_eq!(told, ["tool_call", "deny", "not_judged", "unknown", "unknown"]);
    assert_eq!((&not_judged["schema_version"], &not_judged["would_deny"]), (&judged["schema_version"], &json!(false)));
    assert_eq!(not_judged["request_id"].as_str().map(str::len), Some(36), "{not_judged}");
}

#[test]
fn an_api_key_says_who_calls() {
    let upstream = Upstream::start();
    let resources =
        rendered("{ api_key: { header: x-client-id } }", "identity: { api_key: { secret: agents-keys } }\n");
    let resources = resources.secret("agents-keys", "Opaque", &[("a", "key-of-a"), ("b", "key-of-b")]);
    let gateway = EnvoyGateway::start(&resources, upstream.address());
    let forged = call().header("x-client-id", "a").header("x-client-id", "a");
    for protocol in BOTH {
        let sends = |key: &str| forged.clone().header("x-api-key", key).send(protocol, gateway.address()).unwrap();
        assert_eq!(sends("key-of-a").status, 200);
        let seen = upstream.seen().remove(0);
        assert_eq!((only(&seen, "x-forwarded-agent"), only(&seen, "x-client-id")), ("a".to_owned(), "a".to_owned()));
        assert_eq!(only(&seen, "x-api-key"), "", "no tool sees the key");
        upstream.clear();
        assert_eq!(reason(&sends("key-of-b")), refused(403, "agent_unknown"), "a client, and no agent of the policy");
        assert_eq!(sends("key-of-nobody").status, 401);
        assert_eq!(forged.send(protocol, gateway.address()).unwrap().status, 401);
        assert!(upstream.seen().is_empty());
    }
    assert_eq!(gateway.judged(2)[1]["agent_id"], "b");
    let refused = gateway.not_judged(4);
    assert!(refused.len() == 4 && refused.iter().all(|line| line["status"] == 401), "{refused:?}");
}

#[test]
fn a_certificate_says_who_calls_by_its_spiffe_id() {
    let (upstream, authority, other) = (Upstream::start(), Authority::new(), Authority::new());
    let values = "gateway: { certificate: of-the-server }\nidentity: { mtls: { ca: of-the-clients } }\n";
    let (certificate, key) = authority.server(HOST);
    let resources = rendered("{ mtls: uri_san }", values)
        .server_certificate("of-the-server", (&certificate, &key))
        .client_authority("of-the-clients", &authority.pem());
    let gateway = EnvoyGateway::start(&resources, upstream.address());
    let of = |issuer: &Authority, id: &str| {
        let uri_sans = [id.to_owned()];
        authority.client_named(issuer, Names { uri_sans: &uri_sans, ..Names::default() }).to_server(HOST)
    };
    let spoofed = call().header("x-forwarded-client-cert", format!("URI={SPIFFE}")).header("x-forwarded-agent", SPIFFE);
    for protocol in BOTH {
        let sends = |client: &TlsClient| spoofed.send_over(client, protocol, gateway.address());
        assert_eq!(sends(&of(&authority, SPIFFE)).unwrap().status, 200);
        assert_eq!(told(&upstream).0, SPIFFE);
        let unknown = sends(&of(&authority, "spiffe://acme.org/ns/prod/sa/other")).unwrap();
        assert_eq!(reason(&unknown), refused(403, "agent_unknown"));
        // No other source is set up, so that no connection comes about.
        for stranger in [of(&other, SPIFFE), authority.client().to_server(HOST)] {
            assert!(sends(&stranger).is_err(), "{protocol:?}");
        }
        assert!(upstream.seen().is_empty(), "{:?}", upstream.seen());
    }
    assert_eq!(gateway.judged(4).len(), 4);
}

#[test]
fn what_an_authorization_rule_refuses_takes_nothing_from_a_quota() {
    let upstream = Upstream::start();
    // In strict mode: else a rule sees the head of a call before its body is judged, wherever it stands.
    let values = "strict: true\nidentity: { trusted_headers: [x-agent-id] }\n";
    let resources = rendered("{ header: x-agent-id }", values).and(json!({
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "SecurityPolicy",
        "metadata": {"name": "no-guests", "namespace": "agents"},
        "spec": {
            "targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "tool-gateway"}],
            "authorization": {"defaultAction": "Allow", "rules": [{
                "action": "Deny",
                "principal": {"headers": [{"name": "x-tenant", "values": ["guest"]}]},
            }]},
        },
    }));
    let gateway = EnvoyGateway::start(&resources, upstream.address());
    let sends = |tenant: &str| {
        let call = tool("mail").header("x-agent-id", "a").header("x-tenant", tenant);
        call.send(Protocol::Http1, gateway.address()).unwrap().status
    };
    assert_eq!(["guest"; 3].map(sends), [403; 3]);
    assert_eq!(["ours"; 3].map(sends), [200, 200, 429]);
    let lines = gateway.not_judged(3);
    let rbac = |line: &Value| line["details"].as_str().unwrap().starts_with("rbac_access_denied");
    assert!(lines.len() == 3 && lines.iter().all(rbac), "{lines:?}");
    // In Envoy Gateway's own order the filter would be asked first. Another VM has a quota of its own.
    let order = json!([{"name": "envoy.filters.http.wasm", "before": "envoy.filters.http.rbac"}]);
    let without = resources
        .with("EnvoyProxy", |proxy| proxy["spec"]["filterOrder"] = order)
        .with("EnvoyExtensionPolicy", |policy| policy["metadata"]["name"] = json!("first"));
    assert_eq!(gateway.replace(&without), Update::Accepted);
    assert_eq!(["guest", "guest", "ours"].map(sends), [403, 403, 429]);
}

/// The values of all fields that a tool could take for these, in header and trailers.
fn trusted(seen: &Seen, fields: &[&str]) -> Vec<String> {
    let like = |name: &[u8]| String::from_utf8_lossy(name).to_ascii_lowercase().replace('_', "-");
    let all = seen.headers.iter().chain(&seen.trailers);
    let trusted = all.filter(|(name, _)| fields.contains(&like(name).as_str()));
    trusted.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
}

#[test]
fn no_field_of_a_client_says_who_calls() {
    let (upstream, issuer) = (Upstream::start(), Issuer::new("idp"));
    let keys = issuer.serve();
    let identity = "[{ jwt: { provider: idp, agent: azp, user: sub } }, { header: x-agent-id }]";
    let gateway = EnvoyGateway::start(&rendered(identity, &tokens(&keys.url(), "")), upstream.address());
    let good = bearer(&issuer.token(&claims(&json!({}))));
    let fields = ["x-agent-id", "x-forwarded-agent", "x-forwarded-agent-user"];
    let mut passed = 0;
    for protocol in BOTH {
        for sent in fields.iter().flat_map(|field| spoofed(&good, field, SPIFFE)) {
            // A name with an underscore is refused by Envoy: by a reset of the stream in HTTP/2.
            let status = sent.send(protocol, gateway.address()).map_or(400, |reply| reply.status);
            let seen = upstream.seen();
            match status {
                // Refused by its trailers, when the tool may have seen the head, and never all of it.
                400 => assert!(seen.iter().all(|seen| !seen.complete), "{protocol:?} {sent:?}"),
                _ => assert_eq!((status, seen.len()), (200, 1), "{protocol:?} {sent:?}"),
            }
            seen.iter().for_each(|seen| assert_eq!(trusted(seen, &fields), ["a", "alice"], "{protocol:?} {sent:?}"));
            passed += usize::from(status == 200);
            upstream.clear();
        }
        for sent in fields.iter().flat_map(|field| spoofed(&call(), field, "a")) {
            let reply = sent.send(protocol, gateway.address());
            let refused = reply.as_ref().map_or(400, |reply| reply.status);
            assert!([400, 401].contains(&refused), "{protocol:?} {sent:?} {reply:?}");
        }
    }
    // In each protocol and of each field: two names with underscores are refused, and HTTP/2 trailers with such names.
    assert_eq!(passed, 3 * 6 + 3 * 5);
    for name in ["x-agent-id ", "x-forwarded-agent ", "x-forwarded-agent-user ", "x-agent-id\t"] {
        let request = format!(
            "POST /tools/search HTTP/1.1\r\nhost: {HOST}\r\n{name}: a\r\n\
             content-type: application/json\r\ncontent-length: 16\r\n\r\n{{\"arguments\":{{}}}}"
        );
        let mut connection = Http1Connection::open(gateway.address()).unwrap();
        connection.write(request.as_bytes()).unwrap();
        assert_eq!(connection.read_reply().unwrap().status, 400, "{name:?}");
    }
    assert!(upstream.seen().is_empty(), "{:?}", upstream.seen());
}
