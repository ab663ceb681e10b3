//! The official SDKs of MCP, clients and servers, through a real Envoy.
//!
//! What a client sees through Envoy is what it sees of the server itself.

#![cfg(test)]

use serde_json::{Value, json};
use std::net::SocketAddr;
use toolgate_tests::{
    harness::sdk::{self, SdkServer, Server},
    interop::{CLIENTS, NEWEST, assert_same, before, difference, listener, versions},
};

/// Goes through the script with each client in each version, at the server and through Envoy.
fn same_through_envoy(kind: Server, script: &str) {
    let server = SdkServer::start(kind);
    let envoy = before(&server, [listener("open")]);
    for client in CLIENTS {
        for version in versions(client) {
            let steps = sdk::script(script, version);
            let see = |address: SocketAddr| client.run(address, version, &json!({}), &steps);
            let (direct, gated) = (see(server.address()), see(envoy.listener_addr("open")));
            // The reference server does not know the newest version, which must look the same, too.
            if kind != Server::Everything || version != NEWEST {
                assert_complete(&direct, &steps);
            }
            assert_same(&json!(direct), &json!(gated), &format!("{client:?} at {kind:?} in {version}"));
        }
    }
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
fn envoy_alone_changes_nothing_that_a_client_of_the_python_server_sees() {
    same_through_envoy(Server::Python, "own");
}

#[test]
fn envoy_alone_changes_nothing_that_a_client_of_the_python_server_without_streams_sees() {
    same_through_envoy(Server::PythonJson, "plain");
}

#[test]
fn envoy_alone_changes_nothing_that_a_client_of_the_typescript_server_sees() {
    same_through_envoy(Server::TypeScript, "typed");
}

#[test]
fn envoy_alone_changes_nothing_that_a_client_of_the_reference_server_sees() {
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
