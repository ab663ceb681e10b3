//! Manifests and configurations that bring a policy into force.
//!
//! In: a policy, and a small file of values: where things are, and who verifies whom. Out: manifests, the same bytes
//! for the same input, and all findings about both files.
//! Reads no files and talks to no cluster. Nothing that has an error is rendered.

mod alerts;
mod dashboard;
mod envoy;
mod envoy_gateway;
mod gateway;
mod identity;
mod limits;
mod network;
mod observe;
mod plan;
mod policies;
mod values;
pub(crate) mod yaml;

use crate::{
    Packing, Source,
    diagnostic::{Diagnostic, Findings, has_errors},
    files::Files,
    pack_with,
};
use plan::Plan;
use toolgate_engine::bundle::{self, BadConfig, Deployment};
use values::{Monitoring, Values};
use yaml::Map;

/// Whether a switch in the values is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Switch(pub(crate) bool);

/// For what a policy is rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Objects for Envoy Gateway.
    Kubernetes,
    /// One static configuration for an Envoy alone.
    Envoy,
}

/// A file to read: its name and its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// What findings call it.
    pub name: &'a str,
    /// What it holds.
    pub bytes: &'a [u8],
}

/// One object, or one configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The file that it stands in; a file may hold several.
    pub file: &'static str,
    /// `HTTPRoute`, …
    pub kind: String,
    /// It as YAML.
    pub text: String,
}

impl Manifest {
    /// Whether it is an object that a cluster keeps. The others are for programs: the list of the files, and
    /// configurations.
    pub fn is_object(&self) -> bool {
        !["Kustomization", envoy_gateway::KIND, envoy::KIND, limits::KIND].contains(&self.kind.as_str())
    }
}

/// What became of a policy and its values.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// In the order in which they are to be written; none if there is an error.
    pub manifests: Vec<Manifest>,
    /// What was found in the policy; its config stands in the manifests.
    pub packing: Packing,
    /// What was found in the values.
    pub values: Vec<Diagnostic>,
}

/// Renders a policy with its values. An error means that the engine refuses what this crate made, which is a bug.
pub fn render(policy: Text<'_>, files: &dyn Files, values: Text<'_>, target: Target) -> Result<Rendered, BadConfig> {
    let source = Source::new(values.name, values.bytes);
    let mut findings = Findings::default();
    let read = values::read(&source, values.bytes, &mut findings);
    let strict = target == Target::Envoy || read.as_ref().is_some_and(|values| values.strict);
    let packing = pack_with(policy.name, policy.bytes, files, Deployment { hold_headers: strict })?;
    let plan = match (read, packing.config.as_deref()) {
        (Some(values), Some(config)) => Some(plan(values, config, target, &mut findings)?),
        _ => None,
    };
    let values = findings.placed(&source);
    let manifests = plan.filter(|_| !has_errors(&values)).map(|plan| manifests(&plan, target)).unwrap_or_default();
    Ok(Rendered { manifests, packing, values })
}

fn plan(values: Values, config: &str, target: Target, findings: &mut Findings) -> Result<Plan, BadConfig> {
    let packed = bundle::decode(config.as_bytes())?;
    Ok(Plan::of(values, packed, config, target, findings))
}

fn manifests(plan: &Plan, target: Target) -> Vec<Manifest> {
    match target {
        Target::Envoy => envoy_alone(plan),
        Target::Kubernetes => kubernetes(plan),
    }
}

/// Envoy's configuration, and that of the rate limit service if it is asked.
fn envoy_alone(plan: &Plan) -> Vec<Manifest> {
    let of =
        |file, kind: &str, configuration: &Map| Manifest { file, kind: kind.to_owned(), text: configuration.to_text() };
    let limits = limits::configuration(plan).map(|limits| of("rate-limits.yaml", limits::KIND, &limits));
    [of("envoy.yaml", envoy::KIND, &envoy::configuration(plan))].into_iter().chain(limits).collect()
}

/// All objects by file, the list of the files, and what Envoy Gateway itself must be told.
fn kubernetes(plan: &Plan) -> Vec<Manifest> {
    let files = [
        ("gateway.yaml", gateway::gateway(plan)),
        ("routes.yaml", gateway::routes(plan)),
        ("extension-policy.yaml", vec![policies::extension(plan)]),
        ("client-traffic-policy.yaml", vec![policies::client_traffic(plan)]),
        ("backend-traffic-policy.yaml", limits::traffic(plan)),
        ("security-policy.yaml", identity::security(plan)),
        ("envoy-proxy.yaml", vec![observe::proxy(plan)]),
        ("patch-policy.yaml", policies::patch(plan)),
        ("network-policies.yaml", network::policies(plan)),
        ("prometheus-rule.yaml", monitored(plan, alerts::rule)),
        ("dashboard.yaml", monitored(plan, dashboard::config_map)),
    ];
    let mut names = Vec::new();
    let mut manifests = Vec::new();
    for (file, objects) in files {
        if !objects.is_empty() {
            names.push(file);
        }
        manifests.extend(objects.iter().map(|object| manifest(file, object)));
    }
    manifests.push(manifest("kustomization.yaml", &gateway::kustomization(&names)));
    manifests.extend(envoy_gateway::configuration(plan).iter().map(|own| manifest("envoy-gateway.yaml", own)));
    manifests
}

fn monitored(plan: &Plan, write: fn(&Plan, &Monitoring) -> Map) -> Vec<Map> {
    plan.values.monitoring.iter().map(|monitoring| write(plan, monitoring)).collect()
}

fn manifest(file: &'static str, object: &Map) -> Manifest {
    let kind = match object.get("kind") {
        Some(yaml::Yaml::Text(kind)) => kind.clone(),
        _ => String::new(),
    };
    Manifest { file, kind, text: object.to_text() }
}
