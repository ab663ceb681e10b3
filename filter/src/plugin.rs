//! One configuration of the filter on one worker.
//!
//! In: the plugin's configuration. Out: a policy for the streams of this configuration.
//! Whether a configuration is refused depends on its bytes alone: Envoy asks once on trial, and would
//! drop the filter from a worker that then answers otherwise.

use crate::{
    host::{self, Level},
    http::ToolCallContext,
    metrics::Metrics,
};
use proxy_wasm::{
    traits::{Context, HttpContext, RootContext},
    types::ContextType,
};
use std::{cell::RefCell, rc::Rc};
use toolgate_engine::policy::Policy;

/// What all streams of one configuration share.
pub struct Shared {
    /// None, if the host did not show the configuration: then every call is refused.
    pub policy: Option<Policy>,
    /// Metrics that were used so far.
    pub metrics: RefCell<Metrics>,
}

/// The root context.
#[derive(Default)]
pub struct Plugin {
    shared: Rc<Shared>,
}

impl Default for Shared {
    fn default() -> Self {
        Self { policy: None, metrics: RefCell::new(Metrics::default()) }
    }
}

impl Context for Plugin {}

impl RootContext for Plugin {
    fn on_configure(&mut self, size: usize) -> bool {
        if size == 0 {
            return self.load(&[]);
        }
        match host::plugin_configuration(size) {
            Ok(config) => self.load(&config),
            // A host that fails says nothing of the configuration. To refuse it here, and not on trial,
            // would let calls pass unseen; without a policy every call is refused instead.
            Err(fault) => {
                host::log(Level::Error, &format!("toolgate: no configuration: {fault:?}"));
                true
            }
        }
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(ToolCallContext::new(Rc::clone(&self.shared))))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Plugin {
    fn load(&mut self, config: &[u8]) -> bool {
        match Policy::load(config) {
            Ok(policy) => {
                self.shared = Rc::new(Shared { policy: Some(policy), ..Shared::default() });
                true
            }
            Err(bad) => {
                host::log(Level::Error, &format!("toolgate: configuration refused: {bad}"));
                false
            }
        }
    }
}
