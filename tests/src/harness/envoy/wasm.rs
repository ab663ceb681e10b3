//! The configuration of one wasm filter.
//!
//! In: the module's path and the plugin's settings. Out: the JSON of an HTTP filter.
//! Checks nothing: that is Envoy's part, and some tests want it refused.

use serde_json::{Map, Value, json};
use std::{
    env,
    path::{Path, PathBuf},
};

/// What Envoy does with a VM that trapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailurePolicy {
    /// Answer 503 for ever.
    Closed,
    /// Answer 503 and load the VM again.
    Reload,
    /// Let calls pass.
    Open,
}

impl FailurePolicy {
    fn name(self) -> &'static str {
        match self {
            Self::Closed => "FAIL_CLOSED",
            Self::Reload => "FAIL_RELOAD",
            Self::Open => "FAIL_OPEN",
        }
    }
}

/// A wasm filter; what is not set is left to Envoy's defaults.
#[derive(Clone, Debug)]
pub struct WasmFilter {
    module: PathBuf,
    name: String,
    root_id: String,
    vm_id: String,
    configuration: Option<String>,
    failure_policy: Option<FailurePolicy>,
    stop_iteration: Option<bool>,
    capabilities: Option<Vec<String>>,
}

impl WasmFilter {
    /// Toolgate's own filter, as it was built for these tests.
    ///
    /// # Panics
    /// When `TOOLGATE_FILTER` does not say where it is.
    #[must_use]
    pub fn toolgate() -> Self {
        Self::new(
            env::var_os("TOOLGATE_FILTER").map(PathBuf::from).expect(
                "TOOLGATE_FILTER must name the built filter: run these tests with `tests/run`, which builds it",
            ),
        )
    }

    /// A filter from this module, named `toolgate`, in a VM named `toolgate`.
    #[must_use]
    pub fn new(module: impl AsRef<Path>) -> Self {
        Self {
            module: module.as_ref().to_owned(),
            name: "toolgate".to_owned(),
            root_id: String::new(),
            vm_id: "toolgate".to_owned(),
            configuration: None,
            failure_policy: None,
            stop_iteration: None,
            capabilities: None,
        }
    }

    /// The plugin's name, which its statistics carry.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// The root context's id.
    #[must_use]
    pub fn root_id(mut self, root_id: &str) -> Self {
        root_id.clone_into(&mut self.root_id);
        self
    }

    /// The VM's id, which shared data belongs to.
    #[must_use]
    pub fn vm_id(mut self, vm_id: &str) -> Self {
        vm_id.clone_into(&mut self.vm_id);
        self
    }

    /// The plugin's configuration, which reaches the filter byte for byte.
    #[must_use]
    pub fn configuration(mut self, configuration: impl Into<String>) -> Self {
        self.configuration = Some(configuration.into());
        self
    }

    /// What happens after a trap.
    #[must_use]
    pub fn failure_policy(mut self, policy: FailurePolicy) -> Self {
        self.failure_policy = Some(policy);
        self
    }

    /// Whether headers can be held while the body is still read.
    #[must_use]
    pub fn allow_on_headers_stop_iteration(mut self, allow: bool) -> Self {
        self.stop_iteration = Some(allow);
        self
    }

    /// The only functions, by their ABI names, that may be called between Envoy and the module.
    ///
    /// Any other host call answers with `InternalFailure`, and any other callback is left out.
    #[must_use]
    pub fn only_capabilities<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.capabilities = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// The HTTP filter for [`super::Listener::filter`].
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "name": "envoy.filters.http.wasm",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                "config": self.plugin(),
            },
        })
    }

    fn plugin(&self) -> Value {
        let mut plugin = Map::new();
        let mut set = |key: &str, value: Value| plugin.insert(key.to_owned(), value);
        set("name", json!(self.name));
        set("root_id", json!(self.root_id));
        set(
            "vm_config",
            json!({
                "vm_id": self.vm_id,
                "runtime": "envoy.wasm.runtime.v8",
                "code": {"local": {"filename": self.module}},
            }),
        );
        if let Some(configuration) = &self.configuration {
            set(
                "configuration",
                json!({
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": configuration,
                }),
            );
        }
        if let Some(policy) = self.failure_policy {
            set("failure_policy", json!(policy.name()));
        }
        if let Some(allow) = self.stop_iteration {
            set("allow_on_headers_stop_iteration", json!(allow));
        }
        if let Some(names) = &self.capabilities {
            // Envoy 1.40 warns that this field has moved to `vm_config`, where 1.39 does not know it.
            let allowed: Map<_, _> = names.iter().map(|name| (name.clone(), json!({}))).collect();
            set("capability_restriction_config", json!({"allowed_capabilities": allowed}));
        }
        Value::Object(plugin)
    }
}
