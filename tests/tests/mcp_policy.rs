//! What a policy takes away from MCP, as clients of the official SDKs see it: they are told, and go on.

#![cfg(test)]

use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use toolgate_engine::{
    json::{Bounds, Document},
    mcp::Pin,
};
use toolgate_tests::{
    gateway::{self, Headers},
    harness::{
        PATIENCE,
        client::{Call, Protocol},
        sdk::{Client, Pace, Run, SdkServer, Server, see},
        wait_for,
    },
    interop::{CLIENTS, NEWEST, OLDER, PROBED, assert_same, before, filtered, versions},
};

/// The agent `some` may do some of what the agent `all` may do.
fn policy(more: impl FnOnce(&mut Value)) -> String {
    let (all, some) = (json!({"agents": ["all"]}), json!({"agents": ["all", "some"]}));
    let mut policy = json!({
        "apiVersion": "toolgate.dev/v1",
        "kind": "ToolPolicy",
        "identity": {"header": "x-agent-id"},
        "agents": {"all": {}, "some": {}},
        "servers": {"sdk": {
            "path": "/mcp",
            "tools": {
                "add": some, "echo": some, "count": some, "ask": some,
                "picture": all, "fail": all, "change": all, "changing": all,
            },
            "prompts": {"review": all},
            "resources": [{"uri": "docs://readme", "agents": ["some"]}, {"prefix": "docs://", "agents": ["all"]}],
        }},
    });
    more(&mut policy);
    policy.to_string()
}

/// The server that most of these tests ask, for it remembers nothing of what they do. It ends with the last who asks.
fn server() -> Arc<SdkServer> {
    static SERVER: Mutex<Weak<SdkServer>> = Mutex::new(Weak::new());
    let mut server = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    server.upgrade().unwrap_or_else(|| {
        let started = Arc::new(SdkServer::start(Server::Python));
        *server = Arc::downgrade(&started);
        started
    })
}

/// Goes through what is to be run for each pair of a client and a version that it can be asked for, probing aside, and
/// checks what was seen. The older Python client has a test of its own: it does not go on after a refusal.
fn each<const RUNS: usize>(
    pace: Pace,
    mut runs: impl FnMut(Client, &'static str) -> [Run; RUNS],
    mut check: impl FnMut(Client, &'static str, &[Vec<Value>; RUNS]),
) {
    let clients = CLIENTS.into_iter().filter(|client| *client != Client::OldPython);
    let pairs: Vec<_> = clients
        .flat_map(|client| versions(client).into_iter().map(move |version| (client, version)))
        .filter(|(_, version)| version.starts_with("20"))
        .collect();
    let runs: Vec<_> = pairs.iter().flat_map(|(client, version)| runs(*client, version)).collect();
    let seen = see(&runs, pace);
    for ((client, version), seen) in pairs.into_iter().zip(seen.as_chunks().0) {
        check(client, version, seen);
    }
}

fn names(line: &Value, list: &str) -> Vec<String> {
    let pages = line["saw"]["pages"].as_array().unwrap_or_else(|| panic!("no list was seen: {line:#}"));
    let entries = pages.iter().flat_map(|page| page[list].as_array().unwrap());
    entries.map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
}

/// What a client makes of a refusal depends on the SDK; that it names the reason does not.
fn assert_refused(line: &Value, reason: &str, what: &str) {
    assert!(line.get("saw").is_none() && line.to_string().contains(reason), "{what}: {line:#}");
}

#[test]
fn a_client_sees_what_its_agent_may_and_goes_on_after_each_refusal() {
    let server = server();
    let envoy = before(&server, [filtered("judged", &policy(|_| {}), Headers::Held)]);
    let add = json!({"do": "call", "name": "add", "arguments": {"a": 2, "b": 3}});
    let steps = json!([
        {"do": "tools"}, add, {"do": "call", "name": "picture"}, {"do": "call", "name": "absent"}, add,
        {"do": "resources"}, {"do": "templates"}, {"do": "read", "uri": "docs://readme"},
        {"do": "read", "uri": "docs://picture"}, {"do": "read", "uri": "docs://absent"}, add,
        {"do": "prompts"}, {"do": "prompt", "name": "review", "arguments": {"text": "it"}}, add,
        {"do": "call", "name": "count", "arguments": {"to": 2}, "progress": 2},
    ]);
    let runs = |client, version| {
        [server.address(), envoy.listener_addr("judged")]
            .map(|address| Run::new(client, address, version, &json!({"x-agent-id": "some"}), &steps))
    };
    each(Pace::Together, runs, |client, version, [direct, lines]| {
        let what = format!("{client:?} in {version}");
        assert_eq!(lines.len(), direct.len(), "{what}: {lines:#?}");
        assert_eq!(names(&lines[1], "tools"), ["add", "echo", "count", "ask"], "{what}");
        assert_refused(&lines[3], "Unknown tool: picture", &what);
        // Whether there is such a tool is not told.
        let (hidden, absent) = (lines[3].to_string(), lines[4].to_string());
        assert_eq!(hidden.replace("picture", "absent"), absent, "{what}");
        assert_eq!(names(&lines[6], "resources"), ["readme"], "{what}");
        assert_eq!(names(&lines[7], "resourceTemplates"), Vec::<String>::new(), "{what}");
        assert_refused(&lines[9], "Unknown resource: docs://picture", &what);
        assert_eq!(lines[9].to_string().replace("picture", "absent"), lines[10].to_string(), "{what}");
        assert_eq!(names(&lines[12], "prompts"), Vec::<String>::new(), "{what}");
        assert_refused(&lines[13], "Unknown prompt: review", &what);
        for at in [0, 2, 5, 8, 11, 14, 15] {
            let mut direct = direct[at].clone();
            if version == NEWEST && direct["saw"].get("cacheScope").is_some() {
                direct["saw"]["cacheScope"] = json!("private");
            }
            assert_same(&direct, &lines[at], &format!("{what}, line {at}"));
        }
    });
    gateway::assert_no_trap(&envoy);
}

/// Lets all call `place`, whose field `Mcp-Param-Region` mirrors one of its arguments by this policy.
fn routed_by(argument: &str, kind: &str) -> String {
    let mut properties = json!({"region": {"type": "string"}, "floor": {"type": "integer", "x-mcp-header": "Floor"}});
    properties[argument] = json!({"type": kind, "x-mcp-header": "Region"});
    let schema = json!({"type": "object", "properties": properties});
    let tool = json!({"agents": ["all"], "arguments": {"schema": schema}});
    policy(|policy| policy["servers"]["sdk"]["tools"] = json!({"place": tool}))
}

#[test]
fn fields_that_clients_make_of_arguments_agree_with_them() {
    let server = server();
    let (agreeing, disagreeing) = (routed_by("region", "string"), routed_by("floor", "integer"));
    let listeners =
        [filtered("agreeing", &agreeing, Headers::Held), filtered("disagreeing", &disagreeing, Headers::Held)];
    let envoy = before(&server, listeners);
    let call = |region: &str, floor: i64| json!({"do": "call", "name": "place", "arguments": {"region": region, "floor": floor}});
    let steps = json!([
        {"do": "tools"}, call("us-west1", 42), call("München", -7), call(" padded ", 0),
        call("=?base64?eA==?=", 9_007_199_254_740_991), call("two\nlines", 1),
    ]);
    let agent = json!({"x-agent-id": "all"});
    let runs = |client, version| {
        [server.address(), envoy.listener_addr("agreeing"), envoy.listener_addr("disagreeing")]
            .map(|address| Run::new(client, address, version, &agent, &steps))
    };
    each(Pace::Together, runs, |client, version, [direct, agreeing, disagreeing]| {
        let what = format!("{client:?} in {version}");
        for at in 2..=6 {
            assert!(direct[at].get("saw").is_some(), "{what}: {:#}", direct[at]);
            assert_same(&direct[at], &agreeing[at], &format!("{what}, line {at}"));
            if version == NEWEST {
                assert_refused(&disagreeing[at], "mcp-param-region", &what);
            } else {
                assert_same(&direct[at], &disagreeing[at], &format!("{what}, line {at}"));
            }
        }
    });
    gateway::assert_no_trap(&envoy);
}

#[test]
fn an_agent_without_a_grant_cannot_even_connect() {
    let stranger = |policy: &mut Value| policy["agents"]["none"] = json!({});
    let server = server();
    let envoy = before(&server, [filtered("judged", &policy(stranger), Headers::Held)]);
    let agents = [json!({}), json!({"x-agent-id": "none"}), json!({"x-agent-id": "nobody"})];
    let steps = json!([{"do": "tools"}]);
    let runs = |client, version| {
        agents.each_ref().map(|headers| Run::new(client, envoy.listener_addr("judged"), version, headers, &steps))
    };
    each(Pace::Together, runs, |client, version, [unnamed, known, unknown]| {
        let is_refused = unnamed.iter().any(|line| line.get("error").is_some());
        let answers = &unnamed.last().unwrap()["answers"];
        assert!(
            is_refused && *answers == json!(["POST 401 application/json"]),
            "{client:?} in {version}: {unnamed:#?}"
        );
        for lines in [known, unknown] {
            let refused = lines.iter().find(|line| line.get("error").is_some());
            let refused = refused.unwrap_or_else(|| panic!("{lines:#?}"));
            let what = format!("{client:?} in {version}");
            // The body, which has the message's id, was not read; and without the id the Python SDK shows no reason.
            let reason = if client == Client::Python { "Server returned an error response" } else { "may not use" };
            assert_refused(refused, reason, &what);
            assert_eq!(lines.last().unwrap()["answers"], json!(["POST 403 application/json"]), "{what}");
        }
    });
}

#[test]
fn a_client_is_told_that_a_quota_is_spent() {
    let mut agents = 0;
    let policy = policy(|policy| {
        policy["servers"]["sdk"]["tools"]["echo"]["quota"] = json!("2/month");
        for number in 0..20 {
            policy["agents"][format!("a{number}")] = json!({});
        }
        let names: Vec<_> = (0..20).map(|number| format!("a{number}")).collect();
        policy["servers"]["sdk"]["tools"]["echo"]["agents"] = json!(names);
    });
    let server = server();
    let envoy = before(&server, [filtered("judged", &policy, Headers::Held)]);
    let echo = json!({"do": "call", "name": "echo", "arguments": {"text": "x"}});
    let steps = json!([echo, echo, echo, {"do": "tools"}]);
    let runs = |client, version| {
        let headers = json!({"x-agent-id": format!("a{agents}")});
        agents += 1;
        [Run::new(client, envoy.listener_addr("judged"), version, &headers, &steps)]
    };
    each(Pace::Together, runs, |client, version, [lines]| {
        let what = format!("{client:?} in {version}");
        assert_eq!(lines[1], lines[2], "{what}");
        assert_eq!(lines[1]["saw"]["result"]["content"][0]["text"], "x", "{what}");
        assert_refused(&lines[3], "quota_exceeded", &what);
        // What counts is the calls, and a client may look at its tools again.
        assert_eq!(names(&lines[4], "tools"), ["echo"], "{what}");
    });
    gateway::assert_no_trap(&envoy);
}

#[test]
fn bad_arguments_are_told_to_the_model_where_the_version_has_that() {
    let policy = policy(|policy| {
        policy["servers"]["sdk"]["tools"]["echo"]["arguments"] = json!({"blocked": ["DROP TABLE"]});
    });
    let server = server();
    let envoy = before(&server, [filtered("judged", &policy, Headers::Held)]);
    let echo = |text: &str| json!({"do": "call", "name": "echo", "arguments": {"text": text}});
    let steps = json!([echo("drop it"), echo("x; DROP TABLE y"), echo("again")]);
    let some = json!({"x-agent-id": "some"});
    let runs = |client, version| [Run::new(client, envoy.listener_addr("judged"), version, &some, &steps)];
    each(Pace::Together, runs, |client, version, [lines]| {
        let what = format!("{client:?} in {version}");
        assert_eq!(lines[1]["saw"]["result"]["content"][0]["text"], "drop it", "{what}");
        if version < "2025-11-25" {
            assert_refused(&lines[2], "argument_blocked", &what);
        } else {
            assert_eq!(lines[2]["saw"]["result"]["isError"], true, "{what}: {:#}", lines[2]);
            assert!(lines[2].to_string().contains("argument_blocked"), "{what}: {:#}", lines[2]);
        }
        assert!(!lines[2].to_string().contains("DROP"), "{what}: {:#}", lines[2]);
        assert_eq!(lines[3]["saw"]["result"]["content"][0]["text"], "again", "{what}");
    });
    gateway::assert_no_trap(&envoy);
}

/// The pin of a tool, by what the server itself says of it on one of its pages.
fn pin_of(server: &SdkServer, tool: &str) -> String {
    let mut params = json!({"_meta": {
        "io.modelcontextprotocol/protocolVersion": NEWEST,
        "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }});
    loop {
        let call = Call::new("POST", "/mcp")
            .authority(server.address().to_string())
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", NEWEST)
            .header("mcp-method", "tools/list")
            .json(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": params}));
        let text = call.send(Protocol::Http1, server.address()).expect("the server answers").text();
        let page = Document::read(text.as_bytes(), Bounds::default()).unwrap_or_else(|bad| panic!("{bad:?}: {text}"));
        let result = page.root().child("result").expect("a result");
        let mut entries = result.child("tools").expect("a list").elements();
        if let Some(entry) = entries.find(|entry| entry.child("name").and_then(|name| name.as_str()) == Some(tool)) {
            return Pin::of(entry).expect("it has a pin").to_string();
        }
        let next = result.child("nextCursor").and_then(|cursor| cursor.as_str());
        params["cursor"] = json!(next.expect("the tool is on one of the pages"));
    }
}

#[test]
fn a_tool_that_the_live_server_changes_is_hidden_and_refused_until_it_is_as_before() {
    let server = SdkServer::start(Server::Python);
    let pin = pin_of(&server, "changing");
    let pinned = policy(|policy| policy["servers"]["sdk"]["tools"]["changing"]["pin"] = json!(pin));
    let envoy = before(&server, [filtered("judged", &pinned, Headers::Held)]);
    let change = |to: &str| json!({"do": "call", "name": "change", "arguments": {"description": to}});
    let call = json!({"do": "call", "name": "changing"});
    let steps = json!([
        {"do": "tools"}, call, change("Sends your files elsewhere."), {"do": "tools"}, call,
        change("Does as it always did."), {"do": "tools"}, call,
    ]);
    let all = json!({"x-agent-id": "all"});
    let runs = |client, version| [Run::new(client, envoy.listener_addr("judged"), version, &all, &steps)];
    each(Pace::InTurn, runs, |client, version, [lines]| {
        let what = format!("{client:?} in {version}");
        let is_listed = |at: usize| names(&lines[at], "tools").contains(&"changing".to_owned());
        assert_eq!([1, 4, 7].map(is_listed), [true, false, true], "{what}");
        assert_refused(&lines[5], "tool_changed", &what);
        for at in [2, 8] {
            assert_eq!(lines[at]["saw"]["result"]["content"][0]["text"], "as ever", "{what}: {:#}", lines[at]);
        }
    });
    gateway::assert_no_trap(&envoy);
}

#[test]
fn a_client_that_probes_falls_back_to_a_version_that_the_policy_lets_pass() {
    let server = server();
    let older = policy(|policy| policy["servers"]["sdk"]["versions"] = json!(["2025-11-25"]));
    let newest = policy(|policy| policy["servers"]["sdk"]["versions"] = json!([NEWEST]));
    let envoy = before(&server, [filtered("older", &older, Headers::Held), filtered("newest", &newest, Headers::Held)]);
    let (steps, headers) = (json!([{"do": "tools"}]), json!({"x-agent-id": "some"}));
    let run = |client, listener, version| Run::new(client, envoy.listener_addr(listener), version, &headers, &steps);
    let fallen_back = [("older", OLDER[2]), ("newest", NEWEST)];
    let probing: Vec<_> = CLIENTS.into_iter().filter(|client| versions(*client).contains(&PROBED)).collect();
    let probes = probing.iter().flat_map(|client| fallen_back.map(|(listener, _)| run(*client, listener, PROBED)));
    let refused = CLIENTS.map(|client| run(client, "older", OLDER[0]));
    let seen = see(&probes.chain(refused).collect::<Vec<_>>(), Pace::Together);
    let (probed, refused) = seen.split_at(probing.len() * fallen_back.len());
    for (at, lines) in probed.iter().enumerate() {
        let version = fallen_back[at % fallen_back.len()].1;
        assert_eq!(lines[0]["saw"]["version"], version, "{:#}", lines[0]);
        assert_eq!(names(&lines[1], "tools"), ["add", "echo", "count", "ask"], "{lines:#?}");
    }
    for lines in refused {
        assert!(lines[0].get("error").or(lines[0].get("lost")).is_some(), "{:#}", lines[0]);
    }
}

/// This line of the SDK lets go of all that it has open at a status from 400 on.
#[test]
fn the_older_python_client_loses_its_connection_at_a_refusal_but_not_at_bad_arguments() {
    let policy = policy(|policy| {
        policy["servers"]["sdk"]["tools"]["echo"]["arguments"] = json!({"blocked": ["DROP TABLE"]});
        policy["servers"]["sdk"]["tools"]["count"]["quota"] = json!("0/month");
    });
    let server = server();
    let envoy = before(&server, [filtered("judged", &policy, Headers::Held)]);
    let echo = |text: &str| json!({"do": "call", "name": "echo", "arguments": {"text": text}});
    let call = |name: &str| json!({"do": "call", "name": name, "arguments": {"to": 1}});
    let refused = [(call("picture"), 403), (call("absent"), 403), (call("count"), 429)];
    let run = |version, agent: &str, steps: Value| {
        Run::new(Client::OldPython, envoy.listener_addr("judged"), version, &json!({"x-agent-id": agent}), &steps)
    };
    for version in OLDER {
        let first = || json!([{"do": "tools"}, echo("x; DROP TABLE y"), echo("again")]);
        let mut runs = vec![run(version, "nobody", first()), run(version, "some", first())];
        runs.extend(refused.iter().map(|(step, _)| run(version, "some", json!([echo("fine"), step, echo("again")]))));
        let seen = see(&runs, Pace::Together);
        assert!(seen[0][0]["lost"]["message"].as_str().unwrap().contains("403"), "{:#?}", seen[0]);
        assert_eq!(names(&seen[1][1], "tools"), ["add", "echo", "count", "ask"], "{version}");
        assert!(seen[1][2].to_string().contains("argument_blocked"), "{version}: {:#}", seen[1][2]);
        assert_eq!(seen[1][3]["saw"]["result"]["content"][0]["text"], "again", "{version}");
        for (lines, (step, status)) in seen[2..].iter().zip(&refused) {
            assert_eq!(lines[1]["saw"]["result"]["content"][0]["text"], "fine", "{version}: {step}");
            let lost = lines[2]["lost"]["message"].as_str().unwrap_or_default();
            assert!(lost.contains(&status.to_string()), "{version}: {step}: {lines:#?}");
        }
    }
    gateway::assert_no_trap(&envoy);
}

/// An older version's list that comes on another stream than its request's is cut all the same.
#[test]
fn a_list_that_is_fetched_by_its_last_event_shows_what_the_agent_may_call() {
    let server = SdkServer::start(Server::PythonStoring);
    let envoy = before(&server, [filtered("judged", &policy(|_| {}), Headers::Held)]);
    // The first event says where to resume, and nothing else.
    let steps = json!([{"do": "tools", "cut": 1}, {"do": "call", "name": "count", "arguments": {"to": 3}, "cut": 2}]);
    let some = json!({"x-agent-id": "some"});
    let run = |client| Run::new(client, envoy.listener_addr("judged"), OLDER[2], &some, &steps);
    for (client, lines) in CLIENTS.iter().zip(see(&CLIENTS.map(run), Pace::InTurn)) {
        assert_eq!(names(&lines[1], "tools"), ["add", "echo", "count", "ask"], "{client:?}");
        assert_eq!(lines[2]["saw"]["result"]["content"][0]["text"], "counted to 3", "{client:?}: {:#}", lines[2]);
    }
    // The list itself came as the answer to a GET, of each client.
    let resumed = || {
        let lines = envoy.audit_lines("judged", 1);
        lines.iter().filter(|line| line["http.request.method"] == "GET" && line.get("hidden").is_some()).count()
    };
    let all = wait_for(PATIENCE, || (resumed() >= CLIENTS.len()).then_some(()));
    assert!(all.is_some(), "{} lists were resumed", resumed());
    gateway::assert_no_trap(&envoy);
}

#[test]
fn what_a_user_answers_to_a_tool_is_checked_like_arguments() {
    let policy = policy(|policy| {
        policy["servers"]["sdk"]["tools"]["ask"]["arguments"] = json!({"blocked": ["Ada"]});
    });
    let server = server();
    let envoy = before(&server, [filtered("judged", &policy, Headers::Held)]);
    let steps = json!([{"do": "call", "name": "ask"}, {"do": "call", "name": "add", "arguments": {"a": 1, "b": 1}}]);
    let clients = [Client::Python, Client::NewTypeScript];
    let some = json!({"x-agent-id": "some"});
    let runs = clients.map(|client| Run::new(client, envoy.listener_addr("judged"), NEWEST, &some, &steps));
    for (client, lines) in clients.iter().zip(see(&runs, Pace::Together)) {
        assert!(lines[1].to_string().contains("argument_blocked"), "{client:?}: {:#}", lines[1]);
        assert_eq!(lines[2]["saw"]["result"]["structuredContent"]["sum"], 2, "{client:?}: {:#}", lines[2]);
    }
    gateway::assert_no_trap(&envoy);
}

#[test]
fn the_audit_line_tells_what_the_server_answered_whatever_the_status() {
    let server = server();
    let refuse = |policy: &mut Value| policy["servers"]["sdk"]["tools"]["refuse"] = json!({"agents": ["all"]});
    let call = |name: &str, arguments: Value| json!({"do": "call", "name": name, "arguments": arguments});
    let steps = json!([
        call("add", json!({"a": 1, "b": 1})),
        call("fail", json!({})),
        call("refuse", json!({})),
        call("ask", json!({}))
    ]);
    for version in [OLDER[2], NEWEST] {
        let envoy = before(&server, [filtered("judged", &policy(refuse), Headers::Held)]);
        let lines = Client::Python.run(envoy.listener_addr("judged"), version, &json!({"x-agent-id": "all"}), &steps);
        assert_eq!(lines.len(), 6, "{lines:#?}");
        let asked_again = version == NEWEST;
        let called = |lines: &[Value]| -> Vec<(String, String)> {
            let calls = lines.iter().filter(|line| line["mcp.method.name"] == "tools/call");
            calls.map(|line| (text(&line["tool"]), text(&line["outcome"]))).collect()
        };
        let mut expected = vec![("add", "ok"), ("fail", "tool_error"), ("refuse", "protocol_error"), ("ask", "ok")];
        if asked_again {
            expected.insert(3, ("ask", "input_required"));
        }
        let audited = wait_for(PATIENCE, || {
            Some(envoy.audit_lines("judged", 1)).filter(|lines| called(lines).len() >= expected.len())
        });
        let audited = audited.unwrap_or_else(|| envoy.audit_lines("judged", 1));
        let found = called(&audited);
        let found: Vec<_> = found.iter().map(|(tool, outcome)| (tool.as_str(), outcome.as_str())).collect();
        assert_eq!(found, expected, "{version}: {audited:#?}");
        for line in audited.iter().filter(|line| line["mcp.method.name"] == "tools/call") {
            assert_eq!((&line["mcp.protocol.version"], &line["server"]), (&json!(version), &json!("sdk")), "{line:#}");
            assert_eq!(line.get("session").is_some(), version != NEWEST, "{line:#}");
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
