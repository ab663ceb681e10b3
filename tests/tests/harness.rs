//! The harness against a real Envoy without a filter: what is sent must arrive, byte by byte.

#![cfg(test)]

use serde_json::json;
use std::time::Duration;
use toolgate_tests::harness::{
    Field,
    client::{Call, FailureKind, Framing, Protocol, http1::Http1Connection},
    envoy::{Cluster, Envoy, EnvoyConfig, FailurePolicy, Listener, Update, WasmFilter},
    load,
    upstream::{Answer, Seen, Upstream},
};

const BOTH: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];

/// An Envoy that passes everything on, in HTTP/1.
fn plain(upstream: &Upstream) -> EnvoyConfig {
    EnvoyConfig::new().cluster(Cluster::http1("tools", upstream.address())).listener(Listener::new("main"))
}

fn field(name: &str, value: &[u8]) -> Field {
    (name.as_bytes().to_vec(), value.to_vec())
}

fn framings() -> [Framing; 3] {
    [Framing::ContentLength, Framing::Chunked(vec![1, 4]), Framing::ChunkedTrailers(vec![field("x-end", b"\xffend")])]
}

/// The one request that the tool server has seen.
fn only(upstream: &Upstream) -> Seen {
    let mut seen = upstream.seen();
    assert_eq!(seen.len(), 1, "{seen:?}");
    seen.remove(0)
}

/// A filter in Lua, which every Envoy has, in place of ours.
fn lua(code: &str) -> serde_json::Value {
    json!({
        "name": "envoy.filters.http.lua",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": code},
        },
    })
}

/// Stops every call with this status.
fn refuse_with(status: u16) -> serde_json::Value {
    lua(&format!("function envoy_on_request(h) h:respond({{[':status'] = '{status}'}}, 'no') end"))
}

#[test]
fn every_framing_arrives_whole_over_every_protocol() {
    let upstream = Upstream::start();
    let config = plain(&upstream)
        .cluster(Cluster::http2("tools2", upstream.address()))
        .listener(Listener::new("second").to_cluster("tools2"));
    let envoy = Envoy::start(&config);
    for (listener, spoken) in [("main", "HTTP/1.1"), ("second", "HTTP/2.0")] {
        for protocol in BOTH {
            for framing in framings() {
                upstream.clear();
                let call = Call::tool("search").json(&json!({"arguments": {"q": "a"}})).framing(framing.clone());
                let reply = call.send(protocol, envoy.listener_addr(listener)).unwrap();
                let seen = only(&upstream);
                let what = format!("{listener} {protocol:?} {framing:?} {seen:?}");
                assert_eq!(reply.status, 200, "{what}");
                assert_eq!(reply.json()["ok"], json!(true), "{what}");
                assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/tools/search"));
                assert_eq!((seen.protocol.as_str(), seen.authority.as_str()), (spoken, "tools.test"));
                assert_eq!(seen.body, br#"{"arguments":{"q":"a"}}"#, "{what}");
                assert!(seen.complete, "{what}");
                let measured = framing == Framing::ContentLength;
                assert_eq!(seen.header_values("content-length").len(), usize::from(measured), "{what}");
                if let Framing::ChunkedTrailers(trailers) = framing {
                    assert_eq!(seen.trailers, trailers, "{what}");
                }
            }
        }
    }
    assert_eq!(upstream.malformed(), [""; 0]);
}

#[test]
fn duplicates_and_bytes_that_are_no_text_arrive_as_they_are() {
    let upstream = Upstream::start();
    let envoy = Envoy::start(&plain(&upstream));
    for protocol in BOTH {
        upstream.clear();
        let call = Call::tool("search")
            .header("x-agent-id", "one")
            .header("x-other", b"\xff\xc3\x28")
            .header("x-agent-id", "two");
        call.send(protocol, envoy.listener_addr("main")).unwrap();
        let seen = only(&upstream);
        assert_eq!(seen.header_values("x-agent-id"), [&b"one"[..], b"two"], "{protocol:?}");
        assert_eq!(seen.header_values("x-other"), [&b"\xff\xc3\x28"[..]], "{protocol:?}");
        assert!(seen.body.is_empty() && seen.complete);
    }
}

#[test]
fn a_request_that_is_cut_is_seen_as_far_as_it_came() {
    let upstream = Upstream::start();
    let envoy = Envoy::start(&plain(&upstream));
    let mut client = Http1Connection::open(envoy.listener_addr("main")).unwrap();
    client.write(b"POST /tools/search HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nfour").unwrap();
    while upstream.seen().first().is_none_or(|seen| seen.body.is_empty()) {
        std::thread::yield_now();
    }
    drop(client);
    while envoy.stat("http.main.downstream_rq_active") > 0 {
        std::thread::yield_now();
    }
    let seen = only(&upstream);
    assert_eq!((seen.body.as_slice(), seen.complete), (&b"four"[..], false));
    assert_eq!((upstream.count_started(), upstream.count_complete()), (1, 0));
}

#[test]
fn exact_bytes_are_answered_on_one_connection_in_turn() {
    let upstream = Upstream::start();
    let envoy = Envoy::start(&plain(&upstream));
    let mut client = Http1Connection::open(envoy.listener_addr("main")).unwrap();
    let call = Call::tool("search").body("{}");
    assert_eq!(client.call(&call).unwrap().status, 200);
    client.write(&call.http1_bytes()).unwrap();
    assert_eq!(client.read_reply().unwrap().status, 200);
    client.write(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n").unwrap();
    assert_eq!(client.read_reply().unwrap().status, 400);
    assert_eq!(client.read_reply().unwrap_err().kind, FailureKind::Closed);
    assert_eq!(upstream.count_complete(), 2);
}

#[test]
fn an_answer_keeps_its_status_headers_and_trailers() {
    let upstream = Upstream::answering(|seen| {
        assert!(seen.complete);
        Answer::new(503)
            .header("x-twice", "1")
            .header("x-twice", b"\xff")
            .pieces(["ab", "cd"], Duration::from_millis(10))
            .trailer("x-end", "1")
    });
    let envoy = Envoy::start(&plain(&upstream));
    for protocol in BOTH {
        let call = Call::tool("search").header("te", "trailers").body("{}");
        let reply = call.send(protocol, envoy.listener_addr("main")).unwrap();
        assert_eq!((reply.status, reply.text().as_str()), (503, "abcd"), "{protocol:?}");
        let twice: Vec<_> = reply.headers.iter().filter(|(name, _)| name == b"x-twice").collect();
        assert_eq!(twice, [&field("x-twice", b"1"), &field("x-twice", b"\xff")], "{protocol:?}");
        assert_eq!(reply.trailers, [field("x-end", b"1")], "{protocol:?}");
    }
}

#[test]
fn a_reply_that_breaks_off_is_a_failure_with_what_came_before() {
    let upstream = Upstream::answering(|_| Answer::new(200).body("half").cut_short());
    let envoy = Envoy::start(&plain(&upstream));
    for protocol in BOTH {
        let call = Call::tool("search").body("{}");
        let failure = call.send(protocol, envoy.listener_addr("main")).unwrap_err();
        let received = failure.received.unwrap();
        assert_eq!((received.status, received.text().as_str()), (200, "half"));
        match protocol {
            Protocol::Http1 => assert_eq!(failure.kind, FailureKind::Closed),
            Protocol::Http2 => assert!(matches!(failure.kind, FailureKind::Reset(_)), "{:?}", failure.kind),
        }
    }
}

#[test]
fn events_come_one_by_one() {
    let upstream = Upstream::answering(|_| Answer::events(["one", "two"], Duration::from_millis(200)));
    let envoy = Envoy::start(&plain(&upstream));
    let mut client = Http1Connection::open(envoy.listener_addr("main")).unwrap();
    client.write(&Call::tool("search").http1_bytes()).unwrap();
    let mut arrived = String::new();
    while !arrived.contains("data: one\n\n") {
        arrived.push_str(&String::from_utf8(client.read_some().unwrap()).unwrap());
    }
    assert!(!arrived.contains("data: two"), "{arrived}");
    while !arrived.contains("data: two\n\n") {
        arrived.push_str(&String::from_utf8(client.read_some().unwrap()).unwrap());
    }
}

#[test]
fn a_reply_that_comes_before_a_long_body_is_taken_is_still_read() {
    let upstream = Upstream::start();
    let listener = Listener::new("main").filter(refuse_with(403));
    let config = EnvoyConfig::new().cluster(Cluster::http1("tools", upstream.address())).listener(listener);
    let envoy = Envoy::start(&config);
    for protocol in BOTH {
        let call = Call::tool("search").body(vec![b'a'; 8 << 20]);
        let reply = call.send(protocol, envoy.listener_addr("main")).unwrap();
        assert_eq!((reply.status, reply.text().as_str()), (403, "no"), "{protocol:?}");
    }
    assert_eq!((upstream.count_started(), envoy.requests_begun("tools")), (0, 0));
}

#[test]
fn a_call_that_the_protocol_cannot_say_is_not_sent() {
    let upstream = Upstream::start();
    let envoy = Envoy::start(&plain(&upstream));
    let call = Call::tool("search").header("x-agent-id", "a\nb");
    let failure = call.send(Protocol::Http2, envoy.listener_addr("main")).unwrap_err();
    assert!(matches!(failure.kind, FailureKind::Unsendable(_)), "{:?}", failure.kind);
}

#[test]
fn listeners_are_replaced_while_envoy_runs() {
    let upstream = Upstream::start();
    let envoy = Envoy::start(&plain(&upstream).concurrency(2).listeners_from_file());
    let address = envoy.listener_addr("main");
    let status = || Call::tool("search").body("{}").send(Protocol::Http1, address).unwrap().status;
    assert_eq!(status(), 200);
    for wanted in [410, 411] {
        let update = envoy.update_listeners(&[Listener::new("main").filter(refuse_with(wanted))]);
        assert_eq!(update, Update::Accepted);
        assert_eq!(envoy.listener_addr("main"), address);
        assert_eq!([status(), status(), status(), status()], [wanted; 4]);
    }
    let Update::Refused { log } = envoy.update_listeners(&[Listener::new("main").filter(lua("not lua"))]) else {
        panic!("Envoy took a script that is none");
    };
    assert!(log.contains("script load error"), "{log}");
    assert_eq!(status(), 411);
    // Another buffer limit replaces the whole listener, not only its filters.
    let whole = Listener::new("main").buffer_limit_bytes(10_000);
    assert_eq!(envoy.update_listeners(&[whole]), Update::Accepted);
    assert_eq!(envoy.listener_addr("main"), address);
    assert_eq!([status(), status(), status(), status()], [200; 4]);
    assert_eq!(envoy.stat("listener_manager.listener_in_place_updated"), 2);
}

#[test]
fn a_configuration_that_envoy_refuses_shows_in_its_log() {
    let upstream = Upstream::start();
    let config = EnvoyConfig::new()
        .cluster(Cluster::http1("tools", upstream.address()))
        .listener(Listener::new("main").filter(lua("not lua")));
    let log = Envoy::start_expecting_refusal(&config);
    assert!(log.contains("script load error"), "{log}");
}

#[test]
fn an_audit_line_stands_there_for_every_call() {
    let upstream = Upstream::start();
    let writes_audit = json!({
        "name": "envoy.filters.http.set_filter_state",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config",
            "on_request_headers": [{
                "object_key": "wasm.tool_gateway.audit",
                "factory_key": "envoy.string",
                "format_string": {"text_format_source": {"inline_string": r#"{"event":"%REQ(:PATH)%"}"#}},
            }],
        },
    });
    let envoy = Envoy::start(&plain(&upstream).listener(Listener::new("audited").filter(writes_audit)));
    for protocol in BOTH {
        for listener in ["main", "audited"] {
            Call::tool("search").body("{}").send(protocol, envoy.listener_addr(listener)).unwrap();
        }
    }
    assert_eq!(envoy.audit_lines("main", 2), [json!(null), json!(null)]);
    let line = json!({"event": "/tools/search"});
    assert_eq!(envoy.audit_lines("audited", 2), [line.clone(), line]);
}

#[test]
fn statistics_carry_the_labels_of_their_tags() {
    let upstream = Upstream::start();
    let tag = json!({"tag_name": "listener_name", "regex": "^http\\.((.*?)\\.)downstream_rq_http2"});
    let envoy = Envoy::start(&plain(&upstream).stats_tag(tag));
    let call = Call::tool("search").body("{}");
    call.send(Protocol::Http2, envoy.listener_addr("main")).unwrap();
    assert_eq!(envoy.stat("http.main.downstream_rq_http2_total"), 1);
    assert_eq!(envoy.requests_begun("tools"), 1);
    let prometheus = envoy.prometheus();
    let wanted =
        r#"envoy_http_downstream_rq_http2_total{envoy_http_conn_manager_prefix="main",listener_name="main"} 1"#;
    assert!(prometheus.contains(wanted), "{prometheus}");
}

#[test]
fn histograms_count_every_call_soon() {
    let upstream = Upstream::start();
    let envoy = Envoy::start(&plain(&upstream));
    for calls in 1..4 {
        let call = Call::tool("search").body("{}");
        call.send(Protocol::Http1, envoy.listener_addr("main")).unwrap();
        let wanted = format!("envoy_http_downstream_rq_time_count{{envoy_http_conn_manager_prefix=\"main\"}} {calls}");
        let prometheus = envoy.prometheus_until(|text| text.lines().any(|line| line == wanted));
        assert!(prometheus.contains(&wanted), "{prometheus}");
    }
}

#[test]
fn a_load_counts_every_reply_and_costs_envoy_time() {
    let upstream = Upstream::counting();
    let envoy = Envoy::start(&plain(&upstream).concurrency(2));
    let before = envoy.cpu_time();
    let request = Call::tool("search").body("{}").http1_bytes();
    let load = load::run(envoy.listener_addr("main"), 16, 20_000, move |_| request.clone());
    assert_eq!((load.count(200), load.broken), (20_000, 0), "{load:?}");
    assert_eq!(upstream.count_complete(), 20_000);
    assert!(envoy.cpu_time() > before);
    assert!(envoy.rss_bytes() > 1 << 20);
}

#[test]
fn the_path_is_normalised_only_on_request() {
    let upstream = Upstream::start();
    let config = plain(&upstream).listener(Listener::new("normal").normalize_path(true));
    let envoy = Envoy::start(&config);
    for (listener, arrives) in [("main", "/tools/a/../search"), ("normal", "/tools/search")] {
        for protocol in BOTH {
            upstream.clear();
            Call::new("POST", "/tools/a/../search").send(protocol, envoy.listener_addr(listener)).unwrap();
            assert_eq!(only(&upstream).path, arrives, "{protocol:?}");
        }
    }
}

#[test]
fn a_buffer_limit_holds() {
    let upstream = Upstream::start();
    let reads_the_body = lua("function envoy_on_request(h) h:body() end");
    let listener = Listener::new("main").buffer_limit_bytes(20_000).filter(reads_the_body);
    let cluster = Cluster::http1("tools", upstream.address());
    let envoy = Envoy::start(&EnvoyConfig::new().cluster(cluster).listener(listener));
    for (length, status) in [(10_000, 200), (40_000, 413)] {
        let call = Call::tool("search").body(vec![b'a'; length]);
        let reply = call.send(Protocol::Http1, envoy.listener_addr("main"));
        assert_eq!(reply.unwrap().status, status);
    }
}

#[test]
fn balanced_connections_reach_every_worker() {
    let upstream = Upstream::start();
    let listener = Listener::new("main").exact_balance().field("stat_prefix", json!("main"));
    let cluster = Cluster::http1("tools", upstream.address());
    let config = EnvoyConfig::new().concurrency(4).cluster(cluster).listener(listener);
    let envoy = Envoy::start(&config);
    let connections: Vec<_> = (0..8).map(|_| Http1Connection::open(envoy.listener_addr("main")).unwrap()).collect();
    let stats = envoy.stats_until(|stats| stats["listener.main.downstream_cx_total"] == 8);
    for worker in 0..4 {
        assert_eq!(stats[&format!("listener.main.worker_{worker}.downstream_cx_active")], 2);
    }
    drop(connections);
}

/// The smallest module that Envoy takes for a filter: it has no callbacks.
fn empty_module() -> Vec<u8> {
    const MEMORY: u8 = 2;
    const FUNCTION: u8 = 0;
    let exports = [
        ("memory", MEMORY, 0),
        ("proxy_abi_version_0_2_1", FUNCTION, 0),
        ("_initialize", FUNCTION, 0),
        ("malloc", FUNCTION, 1),
    ];
    let mut export_section = vec![4];
    for (name, kind, index) in exports {
        export_section.push(u8::try_from(name.len()).unwrap());
        export_section.extend_from_slice(name.as_bytes());
        export_section.extend_from_slice(&[kind, index]);
    }
    let sections: [(u8, &[u8]); 5] = [
        // Types: () -> (), (i32) -> i32.
        (1, &[2, 0x60, 0, 0, 0x60, 1, 0x7f, 1, 0x7f]),
        // One function of each type.
        (3, &[2, 0, 1]),
        // A memory of one page.
        (5, &[1, 0, 1]),
        (7, &export_section),
        // Bodies: nothing, and `i32.const 0`.
        (10, &[2, 2, 0, 0x0b, 4, 0, 0x41, 0, 0x0b]),
    ];
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    for (id, content) in sections {
        module.extend_from_slice(&[id, u8::try_from(content.len()).unwrap()]);
        module.extend_from_slice(content);
    }
    module
}

#[test]
fn every_option_of_a_wasm_filter_is_known_to_envoy() {
    let upstream = Upstream::start();
    let directory = tempfile::tempdir().unwrap();
    let module = directory.path().join("empty.wasm");
    std::fs::write(&module, empty_module()).unwrap();
    let policies = [FailurePolicy::Closed, FailurePolicy::Reload, FailurePolicy::Open];
    let mut config = plain(&upstream);
    for (index, policy) in policies.into_iter().enumerate() {
        let filter = WasmFilter::new(&module)
            .name("empty")
            .root_id("root")
            .vm_id(&format!("vm{index}"))
            .configuration("{}")
            .failure_policy(policy)
            .allow_on_headers_stop_iteration(true)
            .only_capabilities(["proxy_log"]);
        config = config.listener(Listener::new(&format!("wasm{index}")).filter(filter.to_json()));
    }
    let envoy = Envoy::start(&config);
    for index in 0..policies.len() {
        let call = Call::tool("search").body("{}");
        let reply = call.send(Protocol::Http1, envoy.listener_addr(&format!("wasm{index}")));
        assert_eq!(reply.unwrap().status, 200);
    }
    assert_eq!(envoy.stat("wasm.empty.vm_reload_success"), 0);
    assert!(envoy.stats().contains_key("wasm.empty.vm_reload_success"));
    let dump = envoy.config_dump().to_string();
    for set in ["FAIL_RELOAD", "FAIL_OPEN", "allow_on_headers_stop_iteration", "allowed_capabilities"] {
        assert!(dump.contains(set), "{set} is not in {dump}");
    }
}

#[test]
fn a_module_that_is_not_there_is_refused_at_start() {
    let upstream = Upstream::start();
    let filter = WasmFilter::new("/nowhere/toolgate.wasm").to_json();
    let config = plain(&upstream).listener(Listener::new("wasm").filter(filter));
    let log = Envoy::start_expecting_refusal(&config);
    assert!(log.contains("/nowhere/toolgate.wasm"), "{log}");
}

#[test]
fn a_load_counts_calls_that_got_no_whole_reply() {
    let upstream = Upstream::answering(|seen| match seen.path.as_str() {
        "/tools/cut" => Answer::new(200).body("half").cut_short(),
        _ => Answer::new(404).header("connection", "close"),
    });
    let load = load::run(upstream.address(), 3, 9, |number| {
        Call::tool(if number % 3 == 0 { "cut" } else { "other" }).http1_bytes()
    });
    assert_eq!((load.count(404), load.broken), (6, 3), "{load:?}");
}
