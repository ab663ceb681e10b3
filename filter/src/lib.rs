//! The proxy-wasm filter: turns Envoy's callbacks into engine steps.
//!
//! In: callbacks of Envoy. Out: header edits, local replies, the audit line, metrics.
//! Decides nothing: the engine does. Whatever the host refuses ends in a 503.

#![expect(missing_docs, reason = "the exports of `main!` are Envoy's to call")]

mod host;
mod http;
mod metrics;
mod plugin;

use proxy_wasm::types::LogLevel;

proxy_wasm::main! {{
    // Also installs the hook that tells Envoy's log what a trap was about.
    proxy_wasm::set_log_level(LogLevel::Warn);
    proxy_wasm::set_root_context(|_| Box::new(plugin::Plugin::default()));
}}
