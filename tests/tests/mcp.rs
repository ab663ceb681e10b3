//! The official SDKs of MCP, clients and servers, through a real Envoy.
//!
//! What a client sees through Envoy, and through the filter if its agent may do all, is what it sees of the server.

#![cfg(test)]

use serde_json::{Map, Value, json};
use std::net::SocketAddr;
use toolgate_tests::{
    gateway::{self, Headers},
    harness::sdk::{self, Client, Pace, Run, SdkServer, Server, see},
    interop::{CLIENTS, NEWEST, OLDER, PROBED, assert_same, before, difference, filtered, listener, versions},
};

/// A way to the server through Envoy, which is to show what the server itself shows.
#[derive(Clone, Copy)]
struct Way {
    listener: &'static str,
    about: &'static str,
    is_judged: bool,
    http2: bool,
}

const HELD: Way = Way { listener: "held", about: "", is_judged: true, http2: false };
/// What is no matter of the version is tried in one with sessions and in the one without.
const OTHERS: [Way; 3] = [
    Way { listener: "open", about: ", without the filter", is_judged: false, http2: false },
    Way { listener: "ahead", about: ", headers sent ahead", is_judged: true, http2: false },
    Way { listener: "http2", about: ", over HTTP/2", is_judged: true, http2: true },
];

/// Goes through the script with each client in each of these versions: at the server, through Envoy alone, and through
/// the filter as an agent that may do all.
fn same_through_envoy(kind: Server, script: &str, asked: fn(Client) -> Vec<&'static str>) {
    let server = SdkServer::start(kind);
    let policy = policy(&server, script);
    let held = filtered("held", &policy, Headers::Held);
    let ahead = filtered("ahead", &policy, Headers::SentAhead);
    // Takes nothing else, and so what a client saw there came by HTTP/2.
    let http2 = held.clone().named("http2").manager_field("codec_type", json!("HTTP2"));
    let envoy = before(&server, [listener("open"), held, ahead, http2]);
    let run = |client: Client, version: &str, address: SocketAddr, steps: &[Value]| {
        Run::new(client, address, version, &json!({"x-agent-id": "all"}), &json!(steps))
    };
    let (mut runs, mut compared) = (Vec::new(), Vec::new());
    for client in CLIENTS {
        for version in asked(client) {
            let direct = runs.len();
            let steps = steps(script, kind, client, version);
            runs.push(run(client, version, server.address(), &steps));
            let others = OTHERS.into_iter().filter(|_| [OLDER[2], NEWEST].contains(&version));
            for way in [HELD].into_iter().chain(others) {
                compared.push((client, version, way, direct, runs.len()));
                let steps: Vec<_> = steps.iter().filter(|step| way.has(client, version, step)).cloned().collect();
                let through = run(client, version, envoy.listener_addr(way.listener), &steps);
                runs.push(if way.http2 { through.http2() } else { through });
            }
        }
    }
    // What the one script does to a tool, all clients see; what the other one resumes, the Python SDK's servers take
    // for another session's if there are several.
    let pace = if ["own", "resumed"].contains(&script) { Pace::InTurn } else { Pace::Together };
    let seen = see(&runs, pace);
    for (client, version, way, direct, through) in compared {
        let (mut direct, through) = (seen[direct].clone(), &seen[through]);
        let mut steps = steps(script, kind, client, version);
        // Some servers do not know the newest version, which must look the same, too.
        if !matches!(kind, Server::Everything | Server::OldPython) || version != NEWEST {
            assert_complete(&direct, &steps);
        }
        if direct.len() > 2 {
            let kept: Vec<_> = steps.iter().map(|step| way.has(client, version, step)).collect();
            let mut kept_lines = [true].into_iter().chain(kept).chain([true]);
            direct.retain(|_| kept_lines.next() == Some(true));
            steps.retain(|step| way.has(client, version, step));
        }
        let what = format!("{client:?} at {kind:?} in {version}{}", way.about);
        assert_eq!(direct.len(), through.len(), "{what}: {through:#?}");
        let expected = if way.is_judged { judged_as(&direct, through, &steps) } else { json!(direct) };
        assert_same(&expected, &json!(through), &what);
    }
    gateway::assert_no_trap(&envoy);
}

impl Way {
    /// The Python SDK's library of HTTP/2 never resets a stream, which is how a call is cancelled since 2026-07-28.
    fn has(self, client: Client, version: &str, step: &Value) -> bool {
        let is_of_cancelling = step["do"] == "cancel" || step["name"] == "waited";
        !(is_of_cancelling && self.http2 && client == Client::Python && [NEWEST, PROBED].contains(&version))
    }
}

/// The script's steps, without those that the policy refuses for the two that make more of them: the older Python
/// client ends its connection (`mcp_policy.rs` shows that), and the older Python server tells clients of a request that
/// broke off after its headers.
fn steps(script: &str, server: Server, client: Client, version: &str) -> Vec<Value> {
    let Value::Array(mut steps) = sdk::script(script, version) else { panic!("a script is a list") };
    if client == Client::OldPython || server == Server::OldPython {
        steps.retain(|step| step["granted"] != json!(false));
    }
    steps
}

/// What an agent that may do all is to see, by what it would see of the server: lists are its own, and what is no tool
/// at all is the policy's to tell.
fn judged_as(direct: &[Value], judged: &[Value], steps: &[Value]) -> Value {
    let mut expected = direct.to_vec();
    let mut is_refused = false;
    for (at, step) in steps.iter().enumerate() {
        if step["granted"] == json!(false) && expected.len() > at + 2 {
            assert!(judged[at + 1].to_string().contains("Unknown tool: absent"), "{:#}", judged[at + 1]);
            expected[at + 1] = judged[at + 1].clone();
            is_refused = true;
        }
    }
    let answers = expected.last_mut().and_then(|last| last["answers"].as_array_mut()).expect("answers stand last");
    if is_refused {
        answers.push(json!("POST 403 application/json"));
        answers.sort_by_key(Value::to_string);
        answers.dedup();
    }
    let mut expected = json!(expected);
    make_private(&mut expected);
    expected
}

fn make_private(value: &mut Value) {
    if let Some(scope) = value.get_mut("cacheScope") {
        *scope = json!("private");
    }
    match value {
        Value::Array(values) => values.iter_mut().for_each(make_private),
        Value::Object(members) => members.values_mut().for_each(make_private),
        _ => {}
    }
}

/// A policy by which the agent `all` may do all that the server has for any client: the reference server has more for
/// Python's.
fn policy(server: &SdkServer, script: &str) -> String {
    let steps = json!([{"do": "tools"}, {"do": "prompts"}]);
    let runs = [Client::Python, Client::OldTypeScript]
        .map(|client| Run::new(client, server.address(), OLDER[2], &json!({}), &steps));
    let seen = see(&runs, Pace::Together);
    let names = |at: usize, list: &str| -> Map<String, Value> {
        let pages = seen.iter().flat_map(|lines| lines[at]["saw"]["pages"].as_array().expect("a list was seen"));
        let entries = pages.flat_map(|page| page[list].as_array().into_iter().flatten());
        entries.map(|entry| (entry["name"].as_str().unwrap().to_owned(), json!({"agents": ["all"]}))).collect()
    };
    let below = if script == "everything" { "demo://resource/" } else { "docs://" };
    json!({
        "apiVersion": "toolgate.dev/v1",
        "kind": "ToolPolicy",
        "identity": {"header": "x-agent-id"},
        "agents": {"all": {}},
        "servers": {"sdk": {
            "path": "/mcp",
            "methods": ["logging/setLevel"],
            "tools": names(1, "tools"),
            "prompts": names(2, "prompts"),
            "resources": [{"prefix": below, "agents": ["all"]}],
        }},
    })
    .to_string()
}

/// A script that stops at its first step would be the same on both ways.
fn assert_complete(lines: &[Value], steps: &[Value]) {
    let connect_and_answers = 2;
    assert_eq!(lines.len(), steps.len() + connect_and_answers, "{lines:#?}");
    for line in lines {
        let missing = [line.pointer("/notifications/missing"), line.pointer("/questions/missing")];
        assert_eq!(missing, [None, None], "{line:#}");
    }
}

#[test]
fn a_client_of_the_python_server_sees_the_same_through_the_filter() {
    same_through_envoy(Server::Python, "own", versions);
}

#[test]
fn a_client_of_the_python_server_without_streams_sees_the_same_through_the_filter() {
    same_through_envoy(Server::PythonJson, "plain", versions);
}

#[test]
fn a_client_of_the_older_python_server_sees_the_same_through_the_filter() {
    same_through_envoy(Server::OldPython, "own", versions);
}

#[test]
fn a_client_of_the_typescript_server_sees_the_same_through_the_filter() {
    same_through_envoy(Server::TypeScript, "typed", versions);
}

#[test]
fn a_client_of_the_reference_server_sees_the_same_through_the_filter() {
    same_through_envoy(Server::Everything, "everything", versions);
}

/// The newest version has no resumption.
fn older(_client: Client) -> Vec<&'static str> {
    OLDER.to_vec()
}

#[test]
fn a_stream_that_client_or_server_cut_goes_on_through_the_filter_as_at_the_python_server() {
    same_through_envoy(Server::PythonStoring, "resumed", older);
}

#[test]
fn a_stream_that_client_or_server_cut_goes_on_through_the_filter_as_at_the_older_python_server() {
    same_through_envoy(Server::OldPython, "resumed", older);
}

/// A filter that makes one tool's description another one, in JSON and in streams.
fn meddling() -> Value {
    let code = "function envoy_on_response(answer)\n\
                  for chunk in answer:bodyChunks() do\n\
                    local bytes = chunk:getBytes(0, chunk:length())\n\
                    chunk:setBytes((bytes:gsub('two numbers', '2 numbers..')))\n\
                  end\n\
                end";
    json!({
        "name": "envoy.filters.http.lua",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": code},
        },
    })
}

#[test]
fn the_comparison_notices_a_changed_answer_to_each_client() {
    let server = SdkServer::start(Server::Python);
    let envoy = before(&server, [listener("open").filter(meddling())]);
    let steps = json!([{"do": "tools"}]);
    let addresses = [server.address(), envoy.listener_addr("open")];
    let run = |client| addresses.map(|address| Run::new(client, address, "2025-11-25", &json!({}), &steps));
    let seen = see(CLIENTS.map(run).as_flattened(), Pace::Together);
    for (client, seen) in CLIENTS.iter().zip(seen.chunks(addresses.len())) {
        let found = difference("", &json!(seen[0]), &json!(seen[1])).expect("the answer was changed");
        assert!(found.starts_with("at `/1/saw/pages/0/tools/0/description`"), "{client:?}: {found}");
    }
}
