//! Who calls, by what a real Envoy verified: tokens, certificates and API keys that the tests make.

#![cfg(test)]

use serde_json::{Value, json};
use toolgate_tests::{
    forged::{bad_tokens, claims, now, spoofed},
    gateway::{self, Headers},
    harness::{
        client::{Call, Protocol, Reply, http1::Http1Connection, tls::TlsClient},
        envoy::Envoy,
        upstream::Upstream,
    },
    identity::{Authority, Clients, Issuer, Names, allow_missing_or_failed, api_key_filter, jwt_filter, only, told},
};

const BOTH: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];

fn policy(identity: &str) -> String {
    format!(
        "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: {identity}\n\
         agents: {{ a: {{}}, 'spiffe://acme.org/a': {{}}, a.acme.org: {{}} }}\n\
         tools: {{ search: {{ agents: [a, 'spiffe://acme.org/a', a.acme.org] }}, other: {{ agents: [] }} }}\n"
    )
}

fn call() -> Call {
    Call::tool("search").header("content-type", "application/json").body(r#"{"arguments":{}}"#)
}

fn bearer(token: &str) -> Call {
    call().header("authorization", format!("Bearer {token}"))
}

fn reason(reply: &Reply) -> String {
    reply.json()["reason"].as_str().unwrap_or_default().to_owned()
}

/// An Envoy whose JWT filter requires a good token, and one that lets calls pass without one.
fn token_gateway(upstream: &Upstream, issuer: &Issuer, identity: &str) -> Envoy {
    let mut provider = issuer.provider();
    provider["audiences"] = json!(["tools"]);
    let listener = |name: &str, requires: &Value| {
        gateway::listener(name, &policy(identity), Headers::Held)
            .first_filter(jwt_filter(&[("idp", provider.clone())], requires))
    };
    let listeners = [
        listener("strict", &json!({"provider_name": "idp"})),
        listener("lax", &allow_missing_or_failed(&["idp"])),
        listener("alone", &json!({"allow_missing_or_failed": {}})),
        listener(
            "missing",
            &json!({"requires_any": {"requirements": [
                {"provider_name": "idp"}, {"allow_missing": {}},
            ]}}),
        ),
    ];
    Envoy::start(&gateway::config(upstream, listeners).concurrency(1))
}

const LISTENERS: [&str; 4] = ["strict", "lax", "alone", "missing"];

#[test]
fn a_verified_token_names_the_agent_and_its_user() {
    let (upstream, issuer) = (Upstream::start(), Issuer::new("idp"));
    let envoy = token_gateway(&upstream, &issuer, "{ jwt: { provider: idp, agent: azp, user: sub } }");
    for protocol in BOTH {
        for listener in LISTENERS {
            let reply =
                bearer(&issuer.token(&claims(&json!({})))).send(protocol, envoy.listener_addr(listener)).unwrap();
            assert_eq!(reply.status, 200, "{listener}: {}", reply.text());
            assert_eq!(told(&upstream), ("a".to_owned(), "alice".to_owned()), "{listener}");
            let line = envoy.audit_lines(listener, 1).pop().unwrap();
            assert_eq!((&line["agent_id"], &line["user_id"]), (&json!("a"), &json!("alice")), "{listener}");
        }
    }
    let metrics = envoy.prometheus_until(|text| text.contains("agent_id=\"a\""));
    assert!(metrics.contains("agent_id=\"a\"") && !metrics.contains("alice"), "a user became a label:\n{metrics}");
    gateway::assert_no_trap(&envoy);
}

#[test]
fn a_token_that_is_not_verified_names_nobody_whatever_else_does() {
    let (upstream, issuer) = (Upstream::start(), Issuer::new("idp"));
    let envoy = token_gateway(
        &upstream,
        &issuer,
        "[{ jwt: { provider: idp, agent: azp, user: sub } }, { header: x-agent-id }]",
    );
    for protocol in BOTH {
        for (what, token) in bad_tokens(&issuer) {
            for listener in LISTENERS {
                let spoofed = bearer(&token).header("x-agent-id", "a");
                let reply = spoofed.send(protocol, envoy.listener_addr(listener)).unwrap();
                // Envoy itself says 403 of a token that is meant for somebody else.
                let refused = [401, 403].contains(&reply.status);
                assert!(refused, "{what} {listener}: {} {}", reply.status, reply.text());
                if ["lax", "alone"].contains(&listener) {
                    assert_eq!(
                        (reply.status, reason(&reply).as_str()),
                        (401, "identity_unverified"),
                        "{what} {listener}"
                    );
                    let challenge = "Bearer realm=\"toolgate\", error=\"invalid_token\"";
                    assert_eq!(reply.header("www-authenticate"), Some(challenge), "{what} {listener}");
                }
            }
        }
        for listener in ["lax", "alone", "missing"] {
            let reply = call().send(protocol, envoy.listener_addr(listener)).unwrap();
            assert_eq!((reply.status, reason(&reply).as_str()), (401, "identity_missing"), "{listener}");
            assert_eq!(reply.header("www-authenticate"), Some("Bearer realm=\"toolgate\""), "{listener}");
        }
    }
    assert!(upstream.seen().is_empty(), "{:?}", upstream.seen());
    let by_header = call().header("x-agent-id", "a").send(Protocol::Http1, envoy.listener_addr("lax")).unwrap();
    assert_eq!(by_header.status, 200, "without a token the next source is asked");
    gateway::assert_no_trap(&envoy);
}

#[test]
fn a_bad_token_in_another_field_is_only_seen_if_envoy_notes_that_it_failed() {
    let (upstream, issuer) = (Upstream::start(), Issuer::new("idp"));
    let mut provider = issuer.provider();
    provider["from_headers"] = json!([{"name": "x-token"}]);
    let policy = policy("[{ jwt: { provider: idp, agent: azp } }, { header: x-agent-id }]");
    let listener = |name: &str, provider: Value| {
        gateway::listener(name, &policy, Headers::Held)
            .first_filter(jwt_filter(&[("idp", provider)], &allow_missing_or_failed(&["idp"])))
    };
    let mut noted = provider.clone();
    noted["failed_status_in_metadata"] = json!("failed");
    let listeners = [listener("silent", provider), listener("noted", noted)];
    let envoy = Envoy::start(&gateway::config(&upstream, listeners).concurrency(1));
    let forged = Issuer::new("idp").token(&claims(&json!({})));
    let good = issuer.token(&claims(&json!({})));
    let answers = |listener: &str| {
        [call(), call().header("x-token", &forged), call().header("x-token", &good)].map(|call| {
            let reply = call.header("x-agent-id", "a").send(Protocol::Http1, envoy.listener_addr(listener)).unwrap();
            if reply.status == 200 { "200".to_owned() } else { reason(&reply) }
        })
    };
    // The limit that docs/policy.md names: nothing tells the filter of such a token.
    assert_eq!(answers("silent"), ["200", "200", "200"]);
    // Envoy notes a missing token as well.
    assert_eq!(answers("noted"), ["identity_unverified", "identity_unverified", "200"]);
}

#[test]
fn of_two_tokens_a_bad_one_is_never_hidden_by_a_good_one() {
    let (upstream, issuer) = (Upstream::start(), Issuer::new("idp"));
    let envoy = token_gateway(&upstream, &issuer, "{ jwt: { provider: idp, agent: azp, user: sub } }");
    let good = issuer.token(&claims(&json!({})));
    let other = Issuer::new("idp").token(&claims(&json!({"azp": "spiffe://acme.org/a", "sub": "root"})));
    for protocol in BOTH {
        for listener in LISTENERS {
            for values in [[&good, &other], [&other, &good]] {
                let sent =
                    values.iter().fold(call(), |call, token| call.header("authorization", format!("Bearer {token}")));
                let reply = sent.send(protocol, envoy.listener_addr(listener)).unwrap();
                // Envoy reads several fields as one; whichever it takes, only what it verified is told.
                for seen in upstream.seen() {
                    assert_eq!(only(&seen, "x-forwarded-agent"), "a", "{listener}");
                    assert_eq!(only(&seen, "x-forwarded-agent-user"), "alice", "{listener}");
                }
                assert!([200, 401].contains(&reply.status), "{listener}: {}", reply.text());
                upstream.clear();
            }
        }
    }
    gateway::assert_no_trap(&envoy);
}

#[test]
fn claims_may_stand_inside_of_others() {
    let (upstream, issuer) = (Upstream::start(), Issuer::new("idp"));
    let identity = "{ jwt: { provider: idp, agent: /act/sub, user: https://acme.org/user } }";
    let envoy = token_gateway(&upstream, &issuer, identity);
    let send = |changes: Value| {
        bearer(&issuer.token(&claims(&changes))).send(Protocol::Http2, envoy.listener_addr("strict")).unwrap()
    };
    let reply = send(json!({"act": {"sub": "a", "act": {"sub": "b"}}, "https://acme.org/user": "bob"}));
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(told(&upstream), ("a".to_owned(), "bob".to_owned()));
    let deep = (0..40).fold(json!("x"), |inside, _| json!({ "in": inside }));
    for changes in [
        json!({"act": {}, "https://acme.org/user": "bob"}),
        json!({"act": {"sub": "a"}}),
        json!({"act": {"sub": ["a"]}, "https://acme.org/user": "bob"}),
        json!({"act": {"sub": 1}, "https://acme.org/user": "bob"}),
        json!({"act": {"sub": null}, "https://acme.org/user": "bob"}),
        json!({"act": {"sub": "a"}, "https://acme.org/user": "bob\r\nx-forwarded-agent: root"}),
        json!({"act": {"sub": "a"}, "https://acme.org/user": "bob", "deep": deep}),
    ] {
        let reply = send(changes.clone());
        assert_eq!((reply.status, reason(&reply).as_str()), (401, "identity_malformed"), "{changes}");
    }
    assert!(upstream.seen().is_empty(), "{:?}", upstream.seen());
    gateway::assert_no_trap(&envoy);
}

#[test]
fn a_token_is_for_the_tools_that_it_lists() {
    let (upstream, issuer) = (Upstream::start(), Issuer::new("idp"));
    let scopes = "{ jwt: { provider: idp, agent: azp, scopes: { claim: scope, prefix: 'tool:' } } }";
    let envoy = token_gateway(&upstream, &issuer, scopes);
    for protocol in BOTH {
        let send = |tool: &str, scope: Value| {
            let token = issuer.token(&claims(&json!({ "scope": scope })));
            let call = Call::tool(tool).header("content-type", "application/json").body(r#"{"arguments":{}}"#);
            call.header("authorization", format!("Bearer {token}"))
                .send(protocol, envoy.listener_addr("strict"))
                .unwrap()
        };
        for scope in [json!("openid tool:search"), json!(["tool:search", "tool:fetch"])] {
            assert_eq!(send("search", scope.clone()).status, 200, "{scope}");
        }
        upstream.clear();
        for scope in [json!(""), json!("tool:fetch"), json!([]), json!(["tool:fetch"]), json!("search")] {
            let reply = send("search", scope.clone());
            assert_eq!((reply.status, reason(&reply).as_str()), (403, "scope_insufficient"), "{scope}");
            let challenge = "Bearer realm=\"toolgate\", error=\"insufficient_scope\", scope=\"tool:search\"";
            assert_eq!(reply.header("www-authenticate"), Some(challenge), "{scope}");
        }
        // Neither tool may be called, and the answers tell nothing of a scope.
        assert_eq!(reason(&send("missing", json!("tool:missing"))), "tool_unknown");
        let not_granted = send("other", json!("tool:fetch"));
        assert_eq!((reason(&not_granted).as_str(), not_granted.header("www-authenticate")), ("tool_not_granted", None));
        let without = issuer.token(&json!({"iss": "idp", "aud": "tools", "azp": "a", "exp": now() + 60}));
        let reply = bearer(&without).send(protocol, envoy.listener_addr("strict")).unwrap();
        assert_eq!((reply.status, reason(&reply).as_str()), (403, "scope_insufficient"));
        assert!(upstream.seen().is_empty(), "{:?}", upstream.seen());
    }
    gateway::assert_no_trap(&envoy);
}

/// What a certificate of these names is worth by each of the three sources.
fn by_each_name(tls: &TlsClient, protocol: Protocol, envoy: &Envoy) -> Vec<String> {
    let answer =
        |listener: &str| match call().header("x-agent-id", "a").send_over(tls, protocol, envoy.listener_addr(listener))
        {
            Ok(reply) if reply.status == 200 => "200".to_owned(),
            Ok(reply) => reason(&reply),
            Err(failure) => format!("{:?}", failure.kind).split('(').next().unwrap_or_default().to_owned(),
        };
    ["uri_san", "dns_san", "subject"].map(answer).to_vec()
}

fn names(uri: &str, dns: &str, common: &str) -> [Vec<String>; 3] {
    [uri, dns, common].map(|name| if name.is_empty() { vec![] } else { vec![name.to_owned()] })
}

fn client(authority: &Authority, issuer: &Authority, names: &[Vec<String>; 3]) -> TlsClient {
    let [uri_sans, dns_sans, common_names] = names;
    authority.client_named(issuer, Names { uri_sans, dns_sans, common_names })
}

fn certificate_gateway(upstream: &Upstream, authority: &Authority, clients: Clients, or_header: bool) -> Envoy {
    let rest = if or_header { ", { header: x-agent-id }" } else { "" };
    let listeners = ["uri_san", "dns_san", "subject"].map(|name| {
        let policy = policy(&format!("[{{ mtls: {name} }}{rest}]"));
        authority.secure(gateway::listener(name, &policy, Headers::Held), clients)
    });
    Envoy::start(&gateway::config(upstream, listeners).concurrency(1))
}

#[test]
fn a_verified_certificate_names_the_agent() {
    let (upstream, authority) = (Upstream::start(), Authority::new());
    let envoy = certificate_gateway(&upstream, &authority, Clients::Verified, true);
    for protocol in BOTH {
        let good = client(&authority, &authority, &names("spiffe://acme.org/a", "a.acme.org", "a"));
        assert_eq!(by_each_name(&good, protocol, &envoy), ["200", "200", "200"]);
        let agents: Vec<_> = upstream.seen().iter().map(|seen| only(seen, "x-forwarded-agent")).collect();
        assert_eq!(agents, ["spiffe://acme.org/a", "a.acme.org", "a"]);
        upstream.clear();
        let malformed = "identity_malformed";
        for (names, wanted) in [
            (names("", "", ""), [malformed, malformed, malformed]),
            (names("spiffe://acme.org/a", "", ""), ["200", malformed, malformed]),
            (names("", "a.acme.org", ""), [malformed, "200", malformed]),
            (names("", "", "a"), [malformed, malformed, "200"]),
            (names("spiffe://acme.org/b", "b.acme.org", "b"), ["agent_unknown"; 3]),
            (names("spiffe://acme.org/a?b", "*.acme.org", "a,CN=b"), [malformed; 3]),
            ([vec![], vec![], vec!["a".to_owned(), "b".to_owned()]], [malformed; 3]),
        ] {
            assert_eq!(by_each_name(&client(&authority, &authority, &names), protocol, &envoy), wanted, "{names:?}");
        }
        upstream.clear();
        assert_eq!(by_each_name(&authority.client(), protocol, &envoy), ["200"; 3], "the header is asked next");
        upstream.clear();
    }
    gateway::assert_no_trap(&envoy);
}

#[test]
fn without_a_certificate_or_with_one_of_another_ca_nobody_calls() {
    let (upstream, authority, other) = (Upstream::start(), Authority::new(), Authority::new());
    let envoy = certificate_gateway(&upstream, &authority, Clients::Verified, false);
    let good_names = names("spiffe://acme.org/a", "a.acme.org", "a");
    for protocol in BOTH {
        assert_eq!(by_each_name(&authority.client(), protocol, &envoy), ["identity_missing"; 3]);
        let forged = by_each_name(&client(&authority, &other, &good_names), protocol, &envoy);
        assert!(forged.iter().all(|end| !end.starts_with("200") && !end.starts_with("identity")), "{forged:?}");
    }
    assert!(upstream.seen().is_empty(), "{:?}", upstream.seen());
    // Over a plain connection there is no certificate, whatever a header says of one.
    let plain = gateway::listener("plain", &policy("{ mtls: uri_san }"), Headers::Held);
    let envoy = Envoy::start(&gateway::config(&upstream, [plain]).concurrency(1));
    let spoofed = call().header("x-forwarded-client-cert", "URI=spiffe://acme.org/a");
    for protocol in BOTH {
        let reply = spoofed.send(protocol, envoy.listener_addr("plain")).unwrap();
        assert_eq!((reply.status, reason(&reply).as_str()), (401, "identity_missing"));
    }
    assert!(upstream.seen().is_empty(), "{:?}", upstream.seen());
}

#[test]
fn an_envoy_that_accepts_untrusted_certificates_is_believed_as_the_note_says() {
    let (upstream, authority, other) = (Upstream::start(), Authority::new(), Authority::new());
    let envoy = certificate_gateway(&upstream, &authority, Clients::Untrusted, false);
    let forged = client(&authority, &other, &names("spiffe://acme.org/a", "a.acme.org", "a"));
    assert_eq!(by_each_name(&forged, Protocol::Http1, &envoy), ["200"; 3]);
}

#[test]
fn an_api_key_names_its_client_and_no_header_of_the_client_does() {
    let upstream = Upstream::start();
    let listener = gateway::listener("main", &policy("{ api_key: { header: x-client-id } }"), Headers::Held)
        .first_filter(api_key_filter(&[("a", "secret-a"), ("b", "secret-b")], "x-client-id"));
    let envoy = Envoy::start(&gateway::config(&upstream, [listener]).concurrency(1));
    let address = envoy.listener_addr("main");
    for protocol in BOTH {
        let with_key = |key: &str| call().header("x-api-key", key);
        assert_eq!(with_key("secret-a").send(protocol, address).unwrap().status, 200);
        assert_eq!(told(&upstream).0, "a");
        let spoofed = with_key("secret-a").header("x-client-id", "admin").header("x-client-id", "root");
        assert_eq!(spoofed.send(protocol, address).unwrap().status, 200);
        let seen = upstream.seen().remove(0);
        assert_eq!(seen.header_values("x-client-id"), [b"a"]);
        assert_eq!(told(&upstream).0, "a");
        let strange = with_key("secret-b").header("x-client-id", "a").send(protocol, address).unwrap();
        assert_eq!((strange.status, reason(&strange).as_str()), (403, "agent_unknown"));
        let twin = with_key("secret-a").header("x_client_id", "admin").send(protocol, address).unwrap();
        assert_eq!((twin.status, reason(&twin).as_str()), (401, "identity_ambiguous"));
        for refused in [call(), with_key("wrong"), with_key("")] {
            assert_eq!(refused.header("x-client-id", "a").send(protocol, address).unwrap().status, 401);
        }
        assert!(upstream.seen().is_empty(), "{:?}", upstream.seen());
    }
    gateway::assert_no_trap(&envoy);
}

#[test]
fn a_spoofed_trusted_field_never_arrives() {
    let (upstream, issuer) = (Upstream::start(), Issuer::new("idp"));
    let envoy = token_gateway(
        &upstream,
        &issuer,
        "[{ jwt: { provider: idp, agent: azp, user: sub } }, { header: x-agent-id }]",
    );
    let token = format!("Bearer {}", issuer.token(&claims(&json!({}))));
    let fields = ["x-forwarded-agent", "x-forwarded-agent-user"];
    let mut arrived = 0;
    for protocol in BOTH {
        for (proof, user) in [(("authorization", token.as_str()), "alice"), (("x-agent-id", "a"), "")] {
            for sent in fields.iter().flat_map(|field| spoofed(&call(), field, "admin")) {
                let sent = sent.header(proof.0, proof.1);
                let reply = sent.send(protocol, envoy.listener_addr("lax"));
                assert!(reply.is_ok_and(|reply| reply.status == 200), "{protocol:?} {sent:?}");
                let seen = upstream.seen();
                arrived += seen.len();
                assert_eq!(told(&upstream), ("a".to_owned(), user.to_owned()), "{protocol:?} {sent:?}");
                let all = seen[0].headers.iter().chain(&seen[0].trailers);
                let like = |name: &[u8]| String::from_utf8_lossy(name).to_ascii_lowercase().replace('_', "-");
                let trusted = all.filter(|(name, _)| fields.contains(&like(name).as_str()));
                assert_eq!(trusted.count(), if user.is_empty() { 1 } else { 2 }, "{protocol:?} {sent:?}");
            }
        }
    }
    assert_eq!(arrived, 64);
    gateway::assert_no_trap(&envoy);
}

#[test]
fn a_spoofed_identity_field_never_names_another_agent() {
    let upstream = Upstream::start();
    let listener = gateway::listener("main", &policy("{ header: x-agent-id }"), Headers::Held);
    let envoy = Envoy::start(&gateway::config(&upstream, [listener]).concurrency(1));
    let address = envoy.listener_addr("main");
    for protocol in BOTH {
        for sent in spoofed(&call(), "x-agent-id", "a.acme.org").into_iter().map(|call| call.header("x-agent-id", "a"))
        {
            let reply = sent.send(protocol, address).unwrap();
            for seen in upstream.seen() {
                assert_eq!(only(&seen, "x-forwarded-agent"), "a", "{protocol:?} {sent:?}");
                assert!(seen.trailers.iter().all(|(name, _)| !name.starts_with(b"x-forwarded")));
            }
            let in_trailers = reply.status == 200;
            assert!(in_trailers || reason(&reply) == "identity_ambiguous", "{protocol:?} {sent:?}: {}", reply.text());
            assert_eq!(upstream.seen().len(), usize::from(in_trailers));
            upstream.clear();
        }
        // A space around the value is none of it; it is the only agent that the request names.
        for value in ["a ", " a", "a\t"] {
            let reply = call().header("x-agent-id", value).send(protocol, address);
            let status = reply.as_ref().map_or(0, |reply| reply.status);
            assert!([0, 200, 400, 401].contains(&status), "{protocol:?} {value:?} {status}");
            for seen in upstream.seen() {
                assert_eq!(only(&seen, "x-forwarded-agent"), "a", "{protocol:?} {value:?}");
            }
            upstream.clear();
        }
    }
    for name in ["x-agent-id ", "x-forwarded-agent ", "x-forwarded-agent-user "] {
        let request = format!(
            "POST /tools/search HTTP/1.1\r\nhost: tools\r\nx-agent-id: a\r\n{name}: admin\r\n\
             content-type: application/json\r\ncontent-length: 16\r\n\r\n{{\"arguments\":{{}}}}"
        );
        let mut connection = Http1Connection::open(address).unwrap();
        connection.write(request.as_bytes()).unwrap();
        assert_eq!(connection.read_reply().unwrap().status, 400, "{name:?}");
    }
    assert!(upstream.seen().is_empty(), "{:?}", upstream.seen());
    gateway::assert_no_trap(&envoy);
}
