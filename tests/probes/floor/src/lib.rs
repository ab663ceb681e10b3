//! A filter that holds a request until its body is whole, reads the body once, and lets it go.
//!
//! In: Envoy's callbacks. Out: `Continue` once the body was read.
//! This is what any filter of bodies costs in Envoy, whatever it is for. Judges nothing but that the
//! body begins as JSON objects do, to prove that it has it.

#![expect(missing_docs, reason = "the exports of `main!` are Envoy's to call")]

use proxy_wasm::{
    hostcalls,
    traits::{Context, HttpContext},
    types::{Action, BufferType},
};

proxy_wasm::main! {{
    proxy_wasm::set_http_context(|_, _| Box::new(Floor::default()));
}}

#[derive(Default)]
struct Floor {
    /// Body bytes that Envoy held at the last callback: trailers do not say.
    buffered: usize,
}

impl Context for Floor {}

impl HttpContext for Floor {
    fn on_http_request_headers(&mut self, _: usize, ends: bool) -> Action {
        if ends { Action::Continue } else { Action::Pause }
    }

    fn on_http_request_body(&mut self, buffered: usize, ends: bool) -> Action {
        self.buffered = buffered;
        if ends { self.read() } else { Action::Pause }
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        self.read()
    }
}

impl Floor {
    fn read(&self) -> Action {
        let body = hostcalls::get_buffer(BufferType::HttpRequestBody, 0, self.buffered);
        if body.is_ok_and(|body| body.is_some_and(|body| body.first() == Some(&b'{'))) {
            return Action::Continue;
        }
        match hostcalls::send_http_response(422, Vec::new(), None) {
            // The request is held whether or not the host took the answer.
            Ok(()) | Err(_) => Action::Pause,
        }
    }
}
