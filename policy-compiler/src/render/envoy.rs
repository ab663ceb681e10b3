//! A static configuration for an Envoy without Kubernetes.
//!
//! In: a [`Plan`]. Out: the whole bootstrap, with the packed policy in it.
//! What names objects of Kubernetes has no place here; `plan` has said so.

mod clusters;
mod listener;

use super::{
    observe,
    plan::Plan,
    yaml::{Map, map},
};

/// The name of the message that the configuration is.
pub(super) const KIND: &str = "Bootstrap";

pub(super) fn configuration(plan: &Plan) -> Map {
    let admin = address("127.0.0.1", plan.values.envoy.admin_port);
    map! {
        /// Toolgate in an Envoy of its own, 1.39 or newer. Written by `policy-compiler render --target envoy`.
        "admin" => map! { "address" => admin },
        /// What the workers count becomes visible this often.
        "stats_flush_interval" => "1s",
        "stats_config" => observe::stats_config(),
        "static_resources" => map! {
            "listeners" => [listener::listener(plan)],
            "clusters" => clusters::clusters(plan),
        },
    }
}

fn address(host: &str, port: u32) -> Map {
    map! { "socket_address" => map! { "address" => host, "port_value" => port } }
}

/// A message of a named type.
fn typed(kind: &str) -> Map {
    map! { "@type" => format!("type.googleapis.com/{kind}") }
}
