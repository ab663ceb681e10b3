//! Nothing passes when something breaks: a bad configuration, a host that refuses, a client that lies.

#![cfg(test)]

use std::time::Duration;
use toolgate_engine::bundle::FORMAT;
use toolgate_tests::{
    gateway::{self, Headers},
    harness::{
        client::{Call, Framing, Protocol, http1::Http1Connection},
        envoy::{Envoy, Listener, Update},
        upstream::{Answer, Upstream},
        wait_for,
    },
};

const POLICY: &str = "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: { header: x-agent-id }\n\
    agents: { a: {} }\ntools:\n  search: { agents: [a], quota: 1000/month }\n";

const BOTH: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];

fn call() -> Call {
    Call::tool("search")
        .header("x-agent-id", "a")
        .header("content-type", "application/json")
        .body(r#"{"arguments":{"q":"x"}}"#)
}

/// Configurations that the filter must refuse, each with what is wrong with it.
fn bad_configs() -> Vec<(&'static str, String)> {
    let good = gateway::pack(POLICY, Headers::Held);
    let format = format!("\"format\":{FORMAT}");
    assert!(good.contains(&format), "{good}");
    let cut: String =
        good.chars().enumerate().filter(|(at, _)| !(200..240).contains(at)).map(|(_, letter)| letter).collect();
    vec![
        ("empty", String::new()),
        ("no JSON", "policy".to_owned()),
        ("another object", "{}".to_owned()),
        ("the policy itself", POLICY.to_owned()),
        ("another format", good.replace(&format, "\"format\":1")),
        ("an unknown key", good.replace(&format, &format!("{format},\"fail_open\":true"))),
        ("another digest", good.replace("sha256:", "sha256:0")),
        ("a cut policy", cut),
        ("two policies", format!("{good}{good}")),
    ]
}

fn listener_of(config: &str) -> Listener {
    Listener::new("main").filter(gateway::filter("main", config, Headers::Held).to_json())
}

#[test]
fn a_bad_configuration_stops_envoy_at_its_start() {
    for (what, config) in bad_configs() {
        let upstream = Upstream::start();
        let log = Envoy::start_expecting_refusal(&gateway::config(&upstream, [listener_of(&config)]));
        assert!(log.contains("Unable to create Wasm plugin"), "{what}: {log}");
        assert!(log.contains("toolgate: configuration refused"), "{what}: {log}");
    }
}

#[test]
fn a_bad_update_leaves_the_last_good_policy_in_force_on_every_worker() {
    let upstream = Upstream::start();
    let good = gateway::listener("main", POLICY, Headers::Held).exact_balance();
    let envoy = Envoy::start(&gateway::config(&upstream, [good.clone()]).concurrency(4).listeners_from_file());
    for (what, config) in bad_configs() {
        let update = envoy.update_listeners(&[listener_of(&config).exact_balance()]);
        assert!(matches!(update, Update::Refused { .. }), "{what}: {update:?}");
        upstream.clear();
        // More connections than workers, so that each worker gets some.
        for _ in 0..8 {
            let mut connection = Http1Connection::open(envoy.listener_addr("main")).unwrap();
            assert_eq!(connection.call(&call()).unwrap().status, 200, "{what}");
            assert_eq!(connection.call(&call().header("x-agent-id", "b")).unwrap().status, 401, "{what}");
        }
        assert_eq!(upstream.seen().len(), 8, "{what}");
    }
    let stricter = POLICY.replace("agents: [a]", "agents: []");
    let update = envoy.update_listeners(&[gateway::listener("main", &stricter, Headers::Held).exact_balance()]);
    assert!(matches!(update, Update::Accepted), "a good policy is taken after bad ones: {update:?}");
    let refused = wait_for(Duration::from_secs(5), || {
        let reply = call().send(Protocol::Http1, envoy.listener_addr("main")).unwrap();
        (reply.status == 403).then_some(())
    });
    assert!(refused.is_some(), "the stricter policy came into force");
    gateway::assert_no_trap(&envoy);
}

/// Every host function and callback that the filter uses.
const CAPABILITIES: [&str; 37] = [
    "proxy_abi_version_0_2_1",
    "_initialize",
    "malloc",
    "proxy_on_memory_allocate",
    "proxy_log",
    "proxy_get_current_time_nanoseconds",
    "proxy_get_buffer_bytes",
    "proxy_set_buffer_bytes",
    "proxy_get_header_map_pairs",
    "proxy_get_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_add_header_map_value",
    "proxy_remove_header_map_value",
    "proxy_send_local_response",
    "proxy_get_shared_data",
    "proxy_set_shared_data",
    "proxy_get_property",
    "proxy_set_property",
    "proxy_define_metric",
    "proxy_increment_metric",
    "proxy_record_metric",
    "proxy_on_context_create",
    "proxy_on_vm_start",
    "proxy_on_configure",
    "proxy_on_request_headers",
    "proxy_on_request_body",
    "proxy_on_request_trailers",
    "proxy_on_response_headers",
    "proxy_on_response_body",
    "proxy_on_response_trailers",
    "proxy_on_done",
    "proxy_on_log",
    "proxy_on_delete",
    "environ_sizes_get",
    "environ_get",
    "random_get",
    "fd_write",
];

/// The filter on a host that refuses one function.
fn without(function: &str) -> Listener {
    without_while(Headers::Held, function)
}

fn without_while(headers: Headers, function: &str) -> Listener {
    restricted(headers, function, if function.is_empty() { "whole" } else { function }, POLICY)
}

fn enforced_without(function: &str, listener: &str, policy: &str) -> Listener {
    restricted(Headers::Held, function, listener, policy)
}

/// The filter on a host that refuses these functions, with blanks between their names.
fn restricted(headers: Headers, functions: &str, listener: &str, policy: &str) -> Listener {
    let rest = CAPABILITIES.iter().filter(|name| functions.split(' ').all(|refused| refused != **name)).copied();
    let config = gateway::pack(policy, headers);
    let filter = gateway::filter(&format!("without-{listener}"), &config, headers).only_capabilities(rest);
    Listener::new(listener).filter(filter.to_json())
}

#[test]
fn a_host_that_does_not_say_who_calls_means_503_and_never_another_source() {
    let upstream = Upstream::start();
    let with =
        |source: &str| POLICY.replace("{ header: x-agent-id }", &format!("[{source}, {{ header: x-agent-id }}]"));
    let token = with("{ jwt: { provider: idp, agent: sub } }");
    let certificate = with("{ mtls: uri_san }");
    let listeners = [
        enforced_without("proxy_get_property", "token", &token),
        enforced_without("proxy_get_property", "certificate", &certificate),
        enforced_without("", "whole-token", &token),
        enforced_without("", "whole-certificate", &certificate),
        // A policy that wants nothing but the header asks for nothing else.
        enforced_without("proxy_get_property", "header", POLICY),
    ];
    let envoy = Envoy::start(&gateway::config(&upstream, listeners).concurrency(1));
    for protocol in BOTH {
        for listener in ["whole-token", "whole-certificate", "header"] {
            assert_eq!(call().send(protocol, envoy.listener_addr(listener)).unwrap().status, 200, "{listener}");
        }
        upstream.clear();
        for listener in ["token", "certificate"] {
            let reply = call().send(protocol, envoy.listener_addr(listener)).unwrap();
            assert_eq!((reply.status, reply.json()["reason"].as_str()), (503, Some("undecided_host")), "{listener}");
            let line = envoy.audit_lines(listener, 1).pop().unwrap();
            assert_eq!(line["reason"], "undecided_host", "{listener}");
        }
        assert!(upstream.seen().is_empty(), "{:?}", upstream.seen());
    }
    let counted = |text: &str| text.contains("tool_gateway_faults_total{call=\"proxy_get_property\"} 4");
    assert!(counted(&envoy.prometheus_until(counted)));
    gateway::assert_no_trap(&envoy);
}

/// A tool can send any status: without Envoy's own word, nobody knows whether the limit refused the call.
#[test]
fn a_host_that_does_not_say_who_answered_a_counted_call_means_503() {
    let upstream = Upstream::start();
    let policy = POLICY.replace("1000/month", "{ limit: 9/day, scope: global }");
    let listeners =
        [enforced_without("proxy_get_property", "counted", &policy), enforced_without("", "whole-counted", &policy)];
    let envoy = Envoy::start(&gateway::config(&upstream, listeners).concurrency(1));
    for protocol in BOTH {
        assert_eq!(call().send(protocol, envoy.listener_addr("whole-counted")).unwrap().status, 200);
        let reply = call().send(protocol, envoy.listener_addr("counted")).unwrap();
        assert_eq!((reply.status, reply.json()["reason"].as_str()), (503, Some("undecided_host")));
        let line = envoy.audit_lines("counted", 1).pop().unwrap();
        let told = (&line["decision"], &line["reason"], &line["status"]);
        assert_eq!(told, (&"deny".into(), &"undecided_host".into(), &503.into()));
    }
    gateway::assert_no_trap(&envoy);
}

#[test]
fn a_host_that_refuses_what_a_decision_needs_means_503() {
    let needed = [
        "proxy_get_current_time_nanoseconds",
        "proxy_get_header_map_pairs",
        "proxy_replace_header_map_value",
        "proxy_remove_header_map_value",
        "proxy_get_shared_data",
        "proxy_set_shared_data",
    ];
    let upstream = Upstream::start();
    let listeners = needed.iter().copied().chain([""]).map(without);
    let envoy = Envoy::start(&gateway::config(&upstream, listeners).concurrency(1));
    for protocol in BOTH {
        let reply = call().send(protocol, envoy.listener_addr("whole")).unwrap();
        assert_eq!(reply.status, 200, "{}", envoy.log());
        assert_eq!(upstream.seen().len(), 1, "a host that refuses nothing shows that the test can pass");
        upstream.clear();
        for function in needed {
            let spoofed = call().header("x-forwarded-agent", "admin");
            let reply = spoofed.send(protocol, envoy.listener_addr(function)).unwrap();
            assert_eq!(reply.status, 503, "without {function}: {}", reply.text());
            assert_eq!(reply.json()["reason"], "undecided_host", "without {function}");
            let line = envoy.audit_lines(function, 1).pop().unwrap();
            assert_eq!(
                (&line["decision"], &line["reason"]),
                (&"deny".into(), &"undecided_host".into()),
                "without {function}"
            );
        }
        assert!(upstream.seen().is_empty(), "{:?}", upstream.seen());
    }
    // One call by each protocol; the clock is asked for more than once.
    let counted = |text: &str, function: &str| {
        let name = format!("tool_gateway_faults_total{{call=\"{function}\"}} ");
        text.lines().any(|line| line.strip_prefix(&name).is_some_and(|count| count.parse::<u32>().unwrap() >= 2))
    };
    let faults = envoy.prometheus_until(|text| needed.iter().all(|function| counted(text, function)));
    for function in needed {
        assert!(counted(&faults, function), "a fault of {function} is not counted");
    }
    gateway::assert_no_trap(&envoy);
}

#[test]
fn a_host_that_does_not_let_go_of_a_body_in_pieces_means_503() {
    let upstream = Upstream::start();
    let listeners = ["proxy_set_buffer_bytes", ""].map(|function| without_while(Headers::SentAhead, function));
    let envoy = Envoy::start(&gateway::config(&upstream, listeners).concurrency(1));
    for protocol in BOTH {
        let pieces = call().framing(Framing::Chunked(vec![5, 5]));
        assert_eq!(pieces.send(protocol, envoy.listener_addr("whole")).unwrap().status, 200);
        upstream.clear();
        let reply = pieces.send(protocol, envoy.listener_addr("proxy_set_buffer_bytes")).unwrap();
        assert_eq!((reply.status, reply.json()["reason"].as_str()), (503, Some("undecided_host")));
        assert!(upstream.seen().iter().all(|seen| seen.body.is_empty() && !seen.complete), "{:?}", upstream.seen());
    }
    gateway::assert_no_trap(&envoy);
}

#[test]
fn a_host_that_shows_no_configuration_means_503_and_never_a_worker_without_the_filter() {
    let upstream = Upstream::start();
    let config = gateway::config(&upstream, [without("proxy_get_buffer_bytes")]).concurrency(4);
    let envoy = Envoy::start(&config);
    for _ in 0..16 {
        let reply = call().send(Protocol::Http1, envoy.listener_addr("proxy_get_buffer_bytes")).unwrap();
        assert_eq!((reply.status, reply.json()["reason"].as_str()), (503, Some("undecided_config")));
    }
    assert!(upstream.seen().is_empty());
}

#[test]
fn a_host_that_refuses_what_only_tells_of_a_decision_does_not_change_it() {
    let told = [
        "proxy_set_property",
        "proxy_define_metric",
        "proxy_increment_metric",
        "proxy_record_metric",
        "proxy_add_header_map_value",
        "proxy_get_header_map_value",
    ];
    let upstream = Upstream::start();
    let envoy = Envoy::start(&gateway::config(&upstream, told.map(without)).concurrency(1));
    for function in told {
        let address = envoy.listener_addr(function);
        assert_eq!(call().send(Protocol::Http1, address).unwrap().status, 200, "without {function}");
        let stranger =
            Call::tool("search").header("x-agent-id", "b").header("content-type", "application/json").body("{}");
        assert_eq!(stranger.send(Protocol::Http1, address).unwrap().status, 403, "without {function}");
    }
    let log = envoy.log();
    assert!(log.contains(r#""event":"tool_call""#), "an audit line that Envoy does not take stands in its log:\n{log}");
    gateway::assert_no_trap(&envoy);
}

#[test]
fn what_the_client_claims_to_be_trusted_never_arrives() {
    let upstream = Upstream::start();
    let listeners =
        [gateway::listener("held", POLICY, Headers::Held), gateway::listener("ahead", POLICY, Headers::SentAhead)];
    let envoy = Envoy::start(&gateway::config(&upstream, listeners));
    let trailers = [
        ("x-forwarded-agent", "admin"),
        ("x_forwarded_agent", "admin"),
        ("x-forwarded-agent-user", "root"),
        ("x_forwarded_agent-user", "root"),
        ("x-agent-trace", "kept"),
    ];
    let trailers = trailers.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).to_vec();
    for protocol in BOTH {
        for listener in ["held", "ahead"] {
            upstream.clear();
            let spoofed = call()
                .header("x-forwarded-agent", "admin")
                .header("X_Forwarded_Agent".to_ascii_lowercase(), "admin")
                .header("x-forwarded-agent", "root")
                .header("x-original-url", "/tools/other")
                .framing(Framing::ChunkedTrailers(trailers.clone()));
            assert_eq!(spoofed.send(protocol, envoy.listener_addr(listener)).unwrap().status, 200);
            let seen = upstream.seen().remove(0);
            assert_eq!(seen.header_values("x-forwarded-agent"), [b"a"], "{protocol:?} {listener}");
            let untrusted = ["x_forwarded_agent", "x-original-url"];
            assert!(untrusted.iter().all(|name| seen.header_values(name).is_empty()), "{seen:?}");
            let kept: Vec<_> = seen.trailers.iter().map(|(name, _)| String::from_utf8_lossy(name)).collect();
            assert_eq!(kept, ["x-agent-trace"], "{protocol:?} {listener}");
        }
    }
}

#[test]
fn a_client_that_leaves_before_the_end_is_audited_and_reaches_nobody() {
    let upstream = Upstream::start();
    let listener = gateway::listener("main", POLICY, Headers::Held);
    let envoy = Envoy::start(&gateway::config(&upstream, [listener]));
    let mut connection = Http1Connection::open(envoy.listener_addr("main")).unwrap();
    let head = "POST /tools/search HTTP/1.1\r\nhost: tools\r\nx-agent-id: a\r\ncontent-type: application/json\r\ncontent-length: 30\r\n\r\n{\"arguments\"";
    connection.write(head.as_bytes()).unwrap();
    drop(connection);
    let line = envoy.audit_lines("main", 1).pop().unwrap();
    assert_eq!(
        (&line["decision"], &line["reason"], &line["tool"]),
        (&"deny".into(), &"incomplete".into(), &"search".into())
    );
    assert!(upstream.seen().is_empty());
    gateway::assert_no_trap(&envoy);
}

#[test]
fn a_body_over_envoys_own_limit_is_refused_and_audited() {
    let upstream = Upstream::start();
    let listener = gateway::listener("main", POLICY, Headers::Held).buffer_limit_bytes(10_000);
    let envoy = Envoy::start(&gateway::config(&upstream, [listener]));
    let body = format!(r#"{{"arguments":{{"q":"{}"}}}}"#, "x".repeat(40_000));
    let large = Call::tool("search").header("x-agent-id", "a").header("content-type", "application/json").body(body);
    let reply = large.send(Protocol::Http1, envoy.listener_addr("main"));
    let status = reply.map_or_else(|failure| failure.received.map(|reply| reply.status), |reply| Some(reply.status));
    assert_eq!(status, Some(413));
    let line = envoy.audit_lines("main", 1).pop().unwrap();
    assert_eq!(
        (&line["decision"], &line["reason"], &line["status"]),
        (&"deny".into(), &"incomplete".into(), &413.into())
    );
    assert!(upstream.seen().is_empty());
}

#[test]
fn what_envoy_refuses_itself_stays_refused() {
    let upstream = Upstream::start();
    let envoy = Envoy::start(&gateway::config(&upstream, [gateway::listener("main", POLICY, Headers::Held)]));
    let body = r#"{"arguments":{}}"#;
    for (what, extra) in [
        ("a length and chunks", "content-length: 16\r\ntransfer-encoding: chunked"),
        ("two lengths", "content-length: 16\r\ncontent-length: 17"),
        ("a signed length", "content-length: +16"),
        ("a NUL", "content-length: 16\r\nx-other: a\0b"),
        ("a space before the colon", "content-length: 16\r\nx-agent-id : b"),
    ] {
        let request = format!(
            "POST /tools/search HTTP/1.1\r\nhost: tools\r\nx-agent-id: a\r\ncontent-type: application/json\r\n{extra}\r\n\r\n{body}"
        );
        let mut connection = Http1Connection::open(envoy.listener_addr("main")).unwrap();
        connection.write(request.as_bytes()).unwrap();
        assert_eq!(connection.read_reply().unwrap().status, 400, "{what}");
    }
    // What Envoy never showed the filter is no call, and its audit has no half-empty line for it.
    assert!(envoy.audit_lines("main", 5).iter().all(serde_json::Value::is_null));
    assert_eq!(call().send(Protocol::Http1, envoy.listener_addr("main")).unwrap().status, 200);
    let metrics = envoy.prometheus_until(|text| text.contains("tool_gateway_calls_total"));
    assert_eq!(metrics.lines().filter(|line| line.starts_with("tool_gateway_calls_total")).count(), 1, "{metrics}");
    upstream.clear();
    assert!(upstream.seen().is_empty(), "{:?}", upstream.seen());
}

#[test]
fn a_body_over_envoys_own_limit_is_refused_where_headers_are_sent_ahead() {
    let upstream = Upstream::start();
    let listener = gateway::listener("main", POLICY, Headers::SentAhead).buffer_limit_bytes(10_000);
    let envoy = Envoy::start(&gateway::config(&upstream, [listener]));
    let body = format!(r#"{{"arguments":{{"q":"{}"}}}}"#, "x".repeat(40_000));
    for pieces in [vec![], vec![5_000; 8]] {
        let large =
            Call::tool("search").header("x-agent-id", "a").header("content-type", "application/json").body(&body);
        let large = if pieces.is_empty() { large } else { large.framing(Framing::Chunked(pieces)) };
        let _ = large.send(Protocol::Http1, envoy.listener_addr("main"));
    }
    gateway::assert_no_trap(&envoy);
    assert_eq!(call().send(Protocol::Http1, envoy.listener_addr("main")).unwrap().status, 200);
    assert!(!upstream.seen().iter().any(|seen| seen.complete && seen.body.len() > 10_000));
}

const SERVER: &str = "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: { header: x-agent-id }\n\
    agents: { a: {} }\nservers:\n  git: { path: /mcp, tools: { search: { agents: [a] } } }\n";

#[test]
fn a_host_that_does_not_show_or_change_an_answer_lets_no_list_pass() {
    let list = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"secret"},{"name":"search"}]}}"#;
    let json = move |status| Answer::new(status).header("content-type", "application/json").body(list);
    let upstream = Upstream::answering(move |seen| match seen.header_values("x-answer").as_slice() {
        [b"events"] => Answer::events([list], Duration::from_millis(1)),
        // Only of an error is it asked who says it.
        [b"error"] => json(404),
        _ => json(200),
    });
    let refused = [
        "proxy_get_property",
        "proxy_get_header_map_pairs",
        "proxy_remove_header_map_value",
        "proxy_set_buffer_bytes",
        "proxy_get_buffer_bytes",
        // Such a host may refuse what the filter answers in place, too.
        "proxy_get_property proxy_send_local_response",
        "proxy_remove_header_map_value proxy_send_local_response",
    ];
    let listeners = refused.iter().map(|functions| enforced_without(functions, functions, SERVER));
    let whole = enforced_without("", "whole", SERVER);
    let envoy = Envoy::start(&gateway::config(&upstream, listeners.chain([whole])).concurrency(1));
    let ask = |listener: &str, protocol, answer: &str| {
        let call = Call::new("POST", "/mcp").header("x-agent-id", "a").header("content-type", "application/json");
        let call = call.header("x-answer", answer).body(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#);
        match call.send(protocol, envoy.listener_addr(listener)) {
            Ok(reply) => reply.text(),
            Err(failure) => failure.received.map(|reply| reply.text()).unwrap_or_default(),
        }
    };
    for protocol in BOTH {
        for answer in ["json", "events", "error"] {
            assert!(ask("whole", protocol, answer).contains("search"));
            for functions in refused {
                let got = ask(functions, protocol, answer);
                assert!(!got.contains("secret"), "{functions} {protocol:?} {answer}: {got}");
            }
        }
    }
    gateway::assert_no_trap(&envoy);
}
