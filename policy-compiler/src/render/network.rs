//! Who may reach whom: agents only the gateway, tools only from the gateway.
//!
//! In: a [`Plan`]. Out: NetworkPolicies.
//! Holds only where the cluster's network enforces NetworkPolicies, and only for pods.

use super::{
    gateway::object,
    plan::Plan,
    values::{Labels, Server, Upstream},
    yaml::{Map, map},
};

/// Ports below this one need a right that Envoy Gateway's proxies do not have.
const FIRST_FREE_PORT: u32 = 1024;

/// Envoy Gateway's proxies listen this much higher then.
const SHIFT: u32 = 10_000;

pub(super) fn policies(plan: &Plan) -> Vec<Map> {
    let tools = plan.values.upstreams.iter().filter_map(|upstream| tools(plan, upstream));
    [agents(plan)].into_iter().chain(tools).collect()
}

fn agents(plan: &Plan) -> Map {
    let agents = &plan.values.agents;
    let namespace = agents.namespace.as_ref().unwrap_or(&plan.values.namespace);
    let name = format!("agents.{}", plan.values.gateway.name);
    map! {
        "apiVersion" => "networking.k8s.io/v1",
        "kind" => "NetworkPolicy",
        "metadata" => map! { "name" => name, "namespace" => namespace },
        "spec" => map! {
            "podSelector" => selector(&agents.pods),
            "policyTypes" => ["Egress"],
            "egress" => [
                map! { "to" => [gateway_pods(plan)], "ports" => [port("TCP", proxy_port(plan))] },
                map! { "to" => [dns_pods()], "ports" => [port("UDP", 53), port("TCP", 53)] },
            ],
        },
    }
}

fn tools(plan: &Plan, upstream: &Upstream) -> Option<Map> {
    let Server::Service { name: _, pods, pod_port } = &upstream.server else { return None };
    let name = format!("tools.{}.{}", plan.values.gateway.name, upstream.id.name);
    let spec = map! {
        "podSelector" => selector(pods),
        "policyTypes" => ["Ingress"],
        "ingress" => [map! { "from" => [gateway_pods(plan)], "ports" => [port("TCP", *pod_port)] }],
    };
    Some(object(plan, "networking.k8s.io/v1", "NetworkPolicy", &name).with("spec", spec))
}

fn gateway_pods(plan: &Plan) -> Map {
    let gateway = &plan.values.gateway;
    map! {
        "namespaceSelector" => map! { "matchLabels" => map! { "kubernetes.io/metadata.name" => &gateway.proxies } },
        "podSelector" => map! {
            "matchLabels" => map! {
                "gateway.envoyproxy.io/owning-gateway-name" => &gateway.name,
                "gateway.envoyproxy.io/owning-gateway-namespace" => &plan.values.namespace,
            },
        },
    }
}

fn dns_pods() -> Map {
    map! {
        "namespaceSelector" => map! { "matchLabels" => map! { "kubernetes.io/metadata.name" => "kube-system" } },
        "podSelector" => map! { "matchLabels" => map! { "k8s-app" => "kube-dns" } },
    }
}

fn selector(pods: &Labels) -> Map {
    let labels = pods.iter().fold(Map::default(), |labels, (key, value)| labels.with(key, value));
    map! { "matchLabels" => labels }
}

fn port(protocol: &str, number: u32) -> Map {
    map! { "protocol" => protocol, "port" => number }
}

/// A NetworkPolicy sees the pod's port, not the Service's.
fn proxy_port(plan: &Plan) -> u32 {
    let port = plan.values.gateway.port;
    if port < FIRST_FREE_PORT { port.saturating_add(SHIFT) } else { port }
}
