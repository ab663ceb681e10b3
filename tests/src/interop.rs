//! What clients and servers of the official SDKs see of each other, with and without an Envoy between them.
//!
//! In: clients, servers and listeners. Out: versions that can be asked for, an Envoy before a server, and the first
//! difference of what was seen. Knows nothing of what a policy means.

use crate::{
    gateway::{self, Headers},
    harness::{
        envoy::{Cluster, Envoy, EnvoyConfig, Listener},
        sdk::{Client, SdkServer},
    },
};
use serde_json::{Value, json};
use toolgate_engine::pointer;

/// All clients there are.
pub const CLIENTS: [Client; 4] = [Client::Python, Client::OldPython, Client::OldTypeScript, Client::NewTypeScript];

/// Versions with sessions.
pub const OLDER: [&str; 3] = ["2025-03-26", "2025-06-18", "2025-11-25"];

/// The version without.
pub const NEWEST: &str = "2026-07-28";

/// Not a version: the client asks whether the server knows the newest one, and falls back to an older one.
pub const PROBED: &str = "auto";

/// What a client can be asked for.
#[must_use]
pub fn versions(client: Client) -> Vec<&'static str> {
    match client {
        Client::OldPython | Client::OldTypeScript => OLDER.to_vec(),
        Client::Python | Client::NewTypeScript => [OLDER.as_slice(), &[NEWEST, PROBED]].concat(),
    }
}

/// A listener that sends everything to the server. Streams may stay open, which Envoy would end after 15 seconds.
#[must_use]
pub fn listener(name: &str) -> Listener {
    Listener::new(name).route_config(json!({
        "name": "all",
        "virtual_hosts": [{
            "name": "all",
            "domains": ["*"],
            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "tools", "timeout": "0s"}}],
        }],
    }))
}

/// The same one, on which a policy is enforced.
#[must_use]
pub fn filtered(name: &str, policy: &str, headers: Headers) -> Listener {
    let config = gateway::pack(policy, headers);
    listener(name).filter(gateway::filter(name, &config, headers).to_json())
}

/// An Envoy before the server, in which the requests of one session go to either of two workers.
#[must_use]
pub fn before(server: &SdkServer, listeners: impl IntoIterator<Item = Listener>) -> Envoy {
    let config = EnvoyConfig::new().cluster(Cluster::http1("tools", server.address()));
    let listeners = listeners.into_iter().map(Listener::exact_balance);
    Envoy::start(&listeners.fold(config.concurrency(2), EnvoyConfig::listener))
}

/// Fails if two ways to the server show different things.
///
/// # Panics
/// When they do; the message has the first difference.
pub fn assert_same(one: &Value, other: &Value, what: &str) {
    assert!(one == other, "{what}: {}", difference("", one, other).unwrap_or_default());
}

/// Where two values first differ, and what they are there: whole ones fill screens.
#[must_use]
pub fn difference(place: &str, one: &Value, other: &Value) -> Option<String> {
    if one == other {
        return None;
    }
    let members: Vec<String> = match (one, other) {
        (Value::Object(one), Value::Object(other)) => one.keys().chain(other.keys()).cloned().collect(),
        (Value::Array(one), Value::Array(other)) => (0..one.len().max(other.len())).map(|at| at.to_string()).collect(),
        _ => Vec::new(),
    };
    let inside = members.iter().find_map(|member| {
        let step = pointer::below("", member);
        let (one, other) = (one.pointer(&step), other.pointer(&step));
        difference(&format!("{place}{step}"), one.unwrap_or(&Value::Null), other.unwrap_or(&Value::Null))
    });
    inside.or_else(|| Some(format!("at `{place}`:\n  {one}\n  {other}")))
}
