//! What Envoy Gateway itself must be told.
//!
//! In: a [`Plan`]. Out: its own configuration, if it needs other than what holds unless said.
//! It is a file that Envoy Gateway reads when it starts and no object: docs/render.md says where it goes.

use super::{
    gateway::{CONTROLLER, ENVOY_GATEWAY_API},
    limits,
    plan::Plan,
    values::Server,
    yaml::{Map, map},
};

/// What the configuration calls itself.
pub(super) const KIND: &str = "EnvoyGateway";

pub(super) fn configuration(plan: &Plan) -> Option<Map> {
    let more = extension_apis(plan).with_some("rateLimit", limits::service(plan));
    if more == Map::default() {
        return None;
    }
    let provider = map! { "type" => "Kubernetes" }.with_some("kubernetes", limits::deployment(plan));
    let head = map! {
        /// Envoy Gateway's own configuration: no object, but a file that it reads. docs/render.md says where it goes.
        "apiVersion" => format!("{ENVOY_GATEWAY_API}/v1alpha1"),
        "kind" => KIND,
        "gateway" => map! { "controllerName" => CONTROLLER },
        "provider" => provider,
    };
    Some(head.joined(more))
}

fn extension_apis(plan: &Plan) -> Map {
    let mut apis = Map::default();
    if plan.values.upstreams.iter().any(|upstream| matches!(upstream.server, Server::Host(_))) {
        apis = apis.with_comments(&[" For the upstreams that are hosts."], "enableBackend", true);
    }
    if plan.values.strict {
        let why = &[" For strict mode. Whoever may write an EnvoyPatchPolicy may change anything in Envoy."];
        apis = apis.with_comments(why, "enableEnvoyPatchPolicy", true);
    }
    if apis == Map::default() {
        apis
    } else {
        map! { "extensionApis" => apis }
    }
}
