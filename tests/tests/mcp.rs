//! The official SDKs of MCP, clients and servers, through a real Envoy.
//!
//! What a client sees through Envoy is what it sees of the server itself.

#![cfg(test)]

use serde_json::{Value, json};
use std::net::SocketAddr;
use toolgate_tests::harness::{
    envoy::{Cluster, Envoy, EnvoyConfig, Listener},
    sdk::{self, Client, SdkServer, Server},
};

const OLDER: [&str; 3] = ["2025-03-26", "2025-06-18", "2025-11-25"];
const NEWEST: &str = "2026-07-28";
/// The client asks whether the server knows the newest version, and falls back to an older one.
const PROBED: &str = "auto";

/// What each client can be asked for.
fn versions(client: Client) -> Vec<&'static str> {
    match client {
        Client::OldTypeScript => OLDER.to_vec(),
        Client::Python | Client::NewTypeScript => [OLDER.as_slice(), &[NEWEST, PROBED]].concat(),
    }
}

/// Sends everything to the server. Streams may stay open, which Envoy would end after 15 seconds.
fn open(name: &str) -> Listener {
    Listener::new(name).route_config(json!({
        "name": "all",
        "virtual_hosts": [{
            "name": "all",
            "domains": ["*"],
            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "tools", "timeout": "0s"}}],
        }],
    }))
}

fn through(server: &SdkServer, listener: Listener) -> Envoy {
    Envoy::start(&EnvoyConfig::new().cluster(Cluster::http1("tools", server.address())).listener(listener))
}

/// Goes through the script with each client in each version, at the server and through Envoy.
fn same_through_envoy(kind: Server, script: &str) {
    let server = SdkServer::start(kind);
    let envoy = through(&server, open("open"));
    for client in [Client::Python, Client::OldTypeScript, Client::NewTypeScript] {
        for version in versions(client) {
            let steps = sdk::script(script, version);
            let see = |address: SocketAddr| client.run(address, version, &json!({}), &steps);
            let (direct, gated) = (see(server.address()), see(envoy.listener_addr("open")));
            // The reference server does not know the newest version, which must look the same, too.
            if kind != Server::Everything || version != NEWEST {
                assert_complete(&direct, &steps);
            }
            assert_same(&direct, &gated, &format!("{client:?} at {kind:?} in {version}"));
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

fn assert_same(direct: &[Value], gated: &[Value], what: &str) {
    let (direct, gated) = (json!(direct), json!(gated));
    assert!(direct == gated, "{what}: {}", difference("", &direct, &gated).unwrap_or_default());
}

/// Where two values first differ, and what they are there: whole ones fill screens.
fn difference(place: &str, one: &Value, other: &Value) -> Option<String> {
    if one == other {
        return None;
    }
    let members: Vec<String> = match (one, other) {
        (Value::Object(one), Value::Object(other)) => one.keys().chain(other.keys()).cloned().collect(),
        (Value::Array(one), Value::Array(other)) => (0..one.len().max(other.len())).map(|at| at.to_string()).collect(),
        _ => Vec::new(),
    };
    let inside = members.iter().find_map(|member| {
        let step = format!("/{}", member.replace('~', "~0").replace('/', "~1"));
        let (one, other) = (one.pointer(&step), other.pointer(&step));
        difference(&format!("{place}{step}"), one.unwrap_or(&Value::Null), other.unwrap_or(&Value::Null))
    });
    inside.or_else(|| Some(format!("at `{place}`:\n  {one}\n  {other}")))
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
    let envoy = through(&server, open("open").filter(meddling()));
    let steps = json!([{"do": "tools"}]);
    for client in [Client::Python, Client::OldTypeScript, Client::NewTypeScript] {
        let see = |address: SocketAddr| json!(client.run(address, "2025-11-25", &json!({}), &steps));
        let (direct, gated) = (see(server.address()), see(envoy.listener_addr("open")));
        let found = difference("", &direct, &gated).expect("the answer was changed");
        assert!(found.starts_with("at `/1/saw/pages/0/tools/0/description`"), "{client:?}: {found}");
    }
}
