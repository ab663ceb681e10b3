//! The official SDKs of MCP, clients and servers, through a real Envoy.
//!
//! What a client sees through Envoy, and through the filter if its agent may do all, is what it sees of the server.

#![cfg(test)]

use serde_json::{Map, Value, json};
use std::net::SocketAddr;
use toolgate_tests::{
    gateway::{self, Headers},
    harness::sdk::{self, SdkServer, Server},
    interop::{CLIENTS, NEWEST, OLDER, assert_same, before, difference, filtered, listener, versions},
};

/// Goes through the script with each client in each version: at the server, through Envoy alone, and through the filter
/// as an agent that may do all.
fn same_through_envoy(kind: Server, script: &str) {
    let server = SdkServer::start(kind);
    let policy = policy(&server, script);
    let held = filtered("held", &policy, Headers::Held);
    let ahead = filtered("ahead", &policy, Headers::SentAhead);
    let envoy = before(&server, [listener("open"), held, ahead]);
    for client in CLIENTS {
        for version in versions(client) {
            let steps = sdk::script(script, version);
            let see = |address: SocketAddr| client.run(address, version, &json!({"x-agent-id": "all"}), &steps);
            let direct = see(server.address());
            // The reference server does not know the newest version, which must look the same, too.
            if kind != Server::Everything || version != NEWEST {
                assert_complete(&direct, &steps);
            }
            let what = format!("{client:?} at {kind:?} in {version}");
            let held = see(envoy.listener_addr("held"));
            assert_same(&judged_as(&direct, &held, &steps), &json!(held), &what);
            // What is no matter of the version is tried in one with sessions and in the one without.
            if [OLDER[2], NEWEST].contains(&version) {
                let [open, ahead] = ["open", "ahead"].map(|name| see(envoy.listener_addr(name)));
                assert_same(&json!(direct), &json!(open), &format!("{what}, without the filter"));
                assert_same(&judged_as(&direct, &ahead, &steps), &json!(ahead), &format!("{what}, headers sent ahead"));
            }
        }
    }
    gateway::assert_no_trap(&envoy);
}

/// What an agent that may do all is to see, by what it would see of the server: lists are its own, and what is no tool
/// at all is the policy's to tell.
fn judged_as(direct: &[Value], judged: &[Value], steps: &Value) -> Value {
    let mut expected = direct.to_vec();
    let mut is_refused = false;
    for (at, step) in steps.as_array().into_iter().flatten().enumerate() {
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

/// A policy by which the agent `all` may do all that the server has for any client: some tools are for some of them.
fn policy(server: &SdkServer, script: &str) -> String {
    let steps = json!([{"do": "tools"}, {"do": "prompts"}]);
    let seen = CLIENTS.map(|client| client.run(server.address(), OLDER[2], &json!({}), &steps));
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
fn assert_complete(lines: &[Value], steps: &Value) {
    let connect_and_answers = 2;
    assert_eq!(lines.len(), steps.as_array().map_or(0, Vec::len) + connect_and_answers, "{lines:#?}");
    for line in lines {
        let missing = [line.pointer("/notifications/missing"), line.pointer("/questions/missing")];
        assert_eq!(missing, [None, None], "{line:#}");
    }
}

#[test]
fn a_client_of_the_python_server_sees_the_same_through_the_filter() {
    same_through_envoy(Server::Python, "own");
}

#[test]
fn a_client_of_the_python_server_without_streams_sees_the_same_through_the_filter() {
    same_through_envoy(Server::PythonJson, "plain");
}

#[test]
fn a_client_of_the_typescript_server_sees_the_same_through_the_filter() {
    same_through_envoy(Server::TypeScript, "typed");
}

#[test]
fn a_client_of_the_reference_server_sees_the_same_through_the_filter() {
    same_through_envoy(Server::Everything, "everything");
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
    for client in CLIENTS {
        let see = |address: SocketAddr| json!(client.run(address, "2025-11-25", &json!({}), &steps));
        let (direct, gated) = (see(server.address()), see(envoy.listener_addr("open")));
        let found = difference("", &direct, &gated).expect("the answer was changed");
        assert!(found.starts_with("at `/1/saw/pages/0/tools/0/description`"), "{client:?}: {found}");
    }
}
