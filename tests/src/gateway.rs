//! A real Envoy with the real filter and a recording tool behind it.
//!
//! In: policies as their authors write them. Out: a running gateway.
//! Knows nothing of what a policy means.

#![expect(clippy::panic, reason = "only tests call this: a bad policy must stop them")]

use crate::harness::{
    envoy::{Cluster, Envoy, EnvoyConfig, FailurePolicy, Listener, WasmFilter},
    upstream::Upstream,
};
use policy_compiler::files::{Files, NoFiles};
use serde_json::{Value, json};
use toolgate_engine::bundle::{Deployment, encode};

/// Whether Envoy holds the header until the body is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Headers {
    /// `allow_on_headers_stop_iteration: true`.
    Held,
    /// Envoy's default: a tool may see the header of a call that is refused by its body.
    SentAhead,
}

/// Packs a policy.
///
/// # Panics
/// When the policy has errors.
#[must_use]
pub fn pack(policy: &str, headers: Headers) -> String {
    pack_with(policy, &NoFiles, headers)
}

/// Packs a policy that names files.
///
/// # Panics
/// When the policy has errors.
#[must_use]
pub fn pack_with(policy: &str, files: &dyn Files, headers: Headers) -> String {
    let compiled = policy_compiler::compile_with("policy.yaml", policy.as_bytes(), files);
    let Some(bundle) = compiled.bundle else {
        panic!("the policy has errors: {:?}", compiled.diagnostics);
    };
    let deployment = Deployment { hold_headers: headers == Headers::Held };
    encode(&bundle, deployment).unwrap_or_else(|bad| panic!("the policy cannot be packed: {bad}"))
}

/// The filter with this configuration, in a VM of its own name.
#[must_use]
pub fn filter(vm_id: &str, config: &str, headers: Headers) -> WasmFilter {
    WasmFilter::toolgate()
        .vm_id(vm_id)
        .configuration(config)
        .failure_policy(FailurePolicy::Reload)
        .allow_on_headers_stop_iteration(headers == Headers::Held)
}

/// A listener on which a policy is enforced, in a VM of the listener's name.
#[must_use]
pub fn listener(name: &str, policy: &str, headers: Headers) -> Listener {
    Listener::new(name).filter(filter(name, &pack(policy, headers), headers).to_json())
}

/// A listener on which a policy that names files is enforced, in a VM of the listener's name.
#[must_use]
pub fn listener_with(name: &str, policy: &str, files: &dyn Files, headers: Headers) -> Listener {
    Listener::new(name).filter(filter(name, &pack_with(policy, files, headers), headers).to_json())
}

/// An Envoy with these listeners, a tool in HTTP/1, and labels on the filter's metrics.
#[must_use]
pub fn config(upstream: &Upstream, listeners: impl IntoIterator<Item = Listener>) -> EnvoyConfig {
    let config = EnvoyConfig::new().cluster(Cluster::http1("tools", upstream.address()));
    let config = listeners.into_iter().fold(config, EnvoyConfig::listener);
    ["agent_id", "tool", "status", "reason", "call", "outcome"]
        .into_iter()
        .fold(config, |config, label| config.stats_tag(tag(label)))
}

/// Takes a label out of the name of a metric, as `envoy/envoy.yaml` does.
fn tag(label: &str) -> Value {
    json!({"tag_name": label, "regex": format!("^wasmcustom\\.tool_gateway_.*?(;{label}=([^;]+)(;$)?)")})
}

/// Fails if a VM trapped: no call may be able to do that.
///
/// # Panics
/// When one did.
pub fn assert_no_trap(envoy: &Envoy) {
    let reloads: Vec<_> =
        envoy.stats().into_iter().filter(|(name, value)| name.contains("vm_reload") && *value > 0).collect();
    assert_eq!(reloads, [], "a VM was loaded again:\n{}", envoy.log());
    let log = envoy.log();
    assert!(!log.contains("panicked") && !log.contains("Uncaught RuntimeError"), "a VM trapped:\n{log}");
}
