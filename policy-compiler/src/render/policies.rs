//! What the Gateway does with every call: the filter, and what Envoy refuses before it.
//!
//! In: a [`Plan`]. Out: EnvoyExtensionPolicy, ClientTrafficPolicy and, in strict mode, EnvoyPatchPolicy.
//! Verifies nobody: that is `identity`.

use super::{
    gateway::{ENVOY_GATEWAY_API, gateway_reference, object},
    plan::Plan,
    values::{Filter, FilterCode},
    yaml::{Map, Yaml, map},
};

/// The name of the filter in Envoy, by which its counters and the patch find it.
pub(super) const FILTER_NAME: &str = "toolgate";

fn version() -> String {
    format!("{ENVOY_GATEWAY_API}/v1alpha1")
}

pub(super) fn extension(plan: &Plan) -> Map {
    let wasm = map! { "name" => FILTER_NAME }.with_some("code", plan.values.filter.as_ref().map(code)).with_comments(
        &[" Never true: calls would pass unjudged if the filter could not be loaded."],
        "failOpen",
        false,
    );
    object(plan, &version(), "EnvoyExtensionPolicy", FILTER_NAME).with(
        "spec",
        map! {
            "targetRefs" => [gateway_reference(plan)],
            "wasm" => [wasm.with("config", config(&plan.config))],
        },
    )
}

fn code(filter: &Filter) -> Map {
    let Filter { code, sha256, pull_secret } = filter;
    match code {
        FilterCode::Image(image) => {
            let secret = pull_secret.as_ref().map(|name| map! { "kind" => "Secret", "name" => name });
            let image = map! { "url" => image, "sha256" => sha256 }.with_some("pullSecretRef", secret);
            map! { "type" => "Image", "image" => image }
        }
        FilterCode::Url(url) => map! { "type" => "HTTP", "http" => map! { "url" => url, "sha256" => sha256 } },
    }
}

/// The packed policy: its parts stay as they are, in whatever order the cluster keeps them.
fn config(packed: &str) -> Map {
    let parts: serde_json::Map<String, serde_json::Value> = serde_json::from_str(packed).unwrap_or_default();
    parts.into_iter().fold(Map::default(), |config, (key, value)| match value {
        serde_json::Value::String(text) => config.with(key, text),
        serde_json::Value::Bool(value) => config.with(key, value),
        serde_json::Value::Number(number) => config.with_some(key, number.as_u64()),
        _ => config,
    })
}

pub(super) fn client_traffic(plan: &Plan) -> Map {
    let removed = &plan.sources.removed_headers;
    let mut headers = map! {
        /// Many servers take `x_agent_id` for `x-agent-id`.
        "withUnderscoresAction" => "RejectRequest",
    };
    if !removed.is_empty() {
        headers = headers.with_comments(
            &[" No client may send what the filter trusts. Those who verify set it later."],
            "earlyRequestHeaders",
            map! { "remove" => removed.clone() },
        );
    }
    let spec = map! {
        "targetRefs" => [gateway_reference(plan)],
        "connection" => map! {
            /// Above the policy's largest `body_limit`; otherwise Envoy refuses a body before the filter can say why.
            "bufferLimit" => format!("{}Mi", plan.buffer_mebibytes()),
        },
        "headers" => headers,
        "path" => map! {
            /// A tool must see the path that was judged: servers read `%2F` and `%5C` in two ways.
            "escapedSlashesAction" => "RejectRequest",
        },
        "timeout" => map! {
            /// A call is held in memory until its body is whole: it must not take for ever.
            "http" => map! { "requestReceivedTimeout" => "30s" },
        },
    };
    object(plan, &version(), "ClientTrafficPolicy", &plan.values.gateway.name)
        .with("spec", spec.with_some("tls", client_certificates(plan)))
}

fn client_certificates(plan: &Plan) -> Option<Map> {
    let authority = plan.values.identity.mtls.as_ref()?.value.as_ref()?;
    let mode = if plan.sources.several() { "VerifyIfGiven" } else { "RequireAndVerify" };
    let authority = map! { "kind" => "ConfigMap", "group" => "", "name" => authority };
    Some(map! { "clientValidation" => map! { "mode" => mode, "caCertificateRefs" => [authority] } })
}

/// Sets what Envoy Gateway 1.9 has no field for. Both values stand in the filter's plugin configuration. All listeners of
/// the Gateway have one port: they are one listener of Envoy, named after the first, and by TLS each has its own filters.
pub(super) fn patch(plan: &Plan) -> Vec<Map> {
    if !plan.values.strict {
        return Vec::new();
    }
    let gateway = &plan.values.gateway.name;
    let set = |path: &str, value: Yaml| {
        map! {
            "type" => "type.googleapis.com/envoy.config.listener.v3.Listener",
            "name" => format!("{}/{gateway}/{}", plan.values.namespace, plan.listener()),
            "operation" => map! {
                "op" => "add",
                "jsonPath" => format!(
                    "$..http_filters[?(@.typed_config.config.name=='{FILTER_NAME}')].typed_config.config"
                ),
                "path" => path,
                "value" => value,
            },
        }
    };
    let patches = [set("allow_on_headers_stop_iteration", true.into()), set("failure_policy", "FAIL_RELOAD".into())];
    vec![
        object(plan, &version(), "EnvoyPatchPolicy", &format!("{gateway}-strict")).with(
            "spec",
            map! { "type" => "JSONPatch", "targetRef" => gateway_reference(plan), "jsonPatches" => patches },
        ),
    ]
}
