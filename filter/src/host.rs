//! The host, as calls that can fail and never trap.
//!
//! In: what to read or write. Out: the answer, or a [`Fault`].
//! Knows nothing of policies. The SDK's own calls are not used: they panic on a status that they
//! do not expect, and one panic takes a worker down (docs/decisions/0002-own-host-calls.md).

mod abi;

use toolgate_engine::{
    denial::Reply,
    identity::{CertificateName, Verified, Wanted},
    limits::{Reading, Store, Swap, Timestamp},
};

/// A call that the host did not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What was tried: the name of the host function.
    pub call: &'static str,
    /// The host's status; negative, if what the host answered makes no sense.
    pub status: i32,
}

/// How important a line of the log is.
pub use abi::Level;

/// What a metric is.
pub use abi::MetricKind;

/// Fields of a header or of trailers.
pub use abi::Fields;

/// The time of the day.
pub fn now() -> Result<Timestamp, Fault> {
    abi::current_time().map(Timestamp)
}

/// The plugin's configuration.
pub fn plugin_configuration(size: usize) -> Result<Vec<u8>, Fault> {
    abi::buffer(abi::Buffer::PluginConfiguration, size)
}

/// All fields of the request's header, as bytes, with duplicates.
pub fn request_header() -> Result<Fields, Fault> {
    abi::fields(abi::Map::RequestHeader)
}

/// All fields of the request's trailers.
pub fn request_trailers() -> Result<Fields, Fault> {
    abi::fields(abi::Map::RequestTrailers)
}

/// What Envoy verified of the caller. Nothing is asked for that is not wanted.
pub fn verified(wanted: Wanted) -> Result<Verified, Fault> {
    let Wanted { metadata, certificate } = wanted;
    Ok(Verified {
        // All of it, as one message: read claim by claim, a number could not be told from eight letters.
        metadata: if metadata { abi::property("metadata")? } else { None },
        certificate: match certificate {
            Some(name) => certificate_name(name)?,
            None => None,
        },
    })
}

/// The name in the client's certificate, empty if it has none; nothing without a certificate.
fn certificate_name(name: CertificateName) -> Result<Option<Vec<u8>>, Fault> {
    // A byte that says whether the client presented a certificate.
    let presented = abi::property("connection\0mtls")?;
    if presented.is_none_or(|is_so| is_so == [0]) {
        return Ok(None);
    }
    let path = match name {
        CertificateName::UriSan => "connection\0uri_san_peer_certificate",
        CertificateName::DnsSan => "connection\0dns_san_peer_certificate",
        CertificateName::Subject => "connection\0subject_peer_certificate",
    };
    Ok(Some(abi::property(path)?.unwrap_or_default()))
}

/// Removes every field of this name from the request's header.
pub fn remove_from_request_header(name: &[u8]) -> Result<(), Fault> {
    abi::remove(abi::Map::RequestHeader, name)
}

/// Removes every field of this name from the request's trailers.
pub fn remove_from_request_trailers(name: &[u8]) -> Result<(), Fault> {
    abi::remove(abi::Map::RequestTrailers, name)
}

/// Sets a field of the request's header, in place of any other of its name.
pub fn set_in_request_header(name: &str, value: &str) -> Result<(), Fault> {
    abi::replace(abi::Map::RequestHeader, name, value)
}

/// Adds a field to the response's header.
pub fn add_to_response_header(name: &str, value: &str) -> Result<(), Fault> {
    abi::add(abi::Map::ResponseHeader, name, value)
}

/// All fields of the response's header, as bytes, with duplicates.
pub fn response_header() -> Result<Fields, Fault> {
    abi::fields(abi::Map::ResponseHeader)
}

/// Who answered and why, in Envoy's own words: no tool can say so. Every answer has it.
pub fn response_details() -> Result<Vec<u8>, Fault> {
    abi::property("response\0code_details")?.ok_or(Fault { call: "proxy_get_property", status: -1 })
}

/// The response's status, if it is a number.
pub fn response_status() -> Result<Option<u16>, Fault> {
    Ok(number(&abi::field(abi::Map::ResponseHeader, ":status")?))
}

/// The same, where all fields of the response's header are there already.
pub fn status_in(fields: &[(&[u8], &[u8])]) -> Option<u16> {
    fields.iter().find(|(name, _)| *name == b":status").and_then(|(_, value)| number(value))
}

fn number(value: &[u8]) -> Option<u16> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// The first `size` bytes of the request's body, as far as Envoy holds it.
pub fn request_body(size: usize) -> Result<Vec<u8>, Fault> {
    whole(abi::Buffer::RequestBody, size)
}

/// Puts bytes in place of the first `replaced` ones of the request's body, of those that Envoy holds.
pub fn set_request_body(replaced: usize, bytes: &[u8]) -> Result<(), Fault> {
    abi::set_buffer(abi::Buffer::RequestBody, replaced, bytes)
}

/// The bytes of the response's body that Envoy shows.
pub fn response_body(size: usize) -> Result<Vec<u8>, Fault> {
    whole(abi::Buffer::ResponseBody, size)
}

/// All of the announced bytes: fewer would be judged in place of those that are sent.
fn whole(buffer: abi::Buffer, size: usize) -> Result<Vec<u8>, Fault> {
    if size == 0 {
        return Ok(Vec::new());
    }
    let bytes = abi::buffer(buffer, size)?;
    if bytes.len() == size { Ok(bytes) } else { Err(Fault { call: "proxy_get_buffer_bytes", status: -1 }) }
}

/// Puts bytes in place of the first `replaced` ones of the response's body, of those that Envoy shows.
pub fn set_response_body(replaced: usize, bytes: &[u8]) -> Result<(), Fault> {
    abi::set_buffer(abi::Buffer::ResponseBody, replaced, bytes)
}

/// Removes every field of this name from the response's header.
pub fn remove_from_response_header(name: &[u8]) -> Result<(), Fault> {
    abi::remove(abi::Map::ResponseHeader, name)
}

/// Answers the request. Envoy does so when the callback returns.
pub fn reply(reply: &Reply) -> Result<(), Fault> {
    let Reply { status, headers, body, details } = reply;
    abi::send_local_response(*status, headers, body, details)
}

/// Keeps a value that the access log can print as `%FILTER_STATE(wasm.<name>:PLAIN)%`.
pub fn set_filter_state(name: &str, value: &str) -> Result<(), Fault> {
    abi::set_property(name, value)
}

/// Defines a metric, or finds it again.
pub fn define_metric(kind: MetricKind, name: &str) -> Result<u32, Fault> {
    abi::define_metric(kind, name)
}

/// Counts one.
pub fn increment(metric: u32) -> Result<(), Fault> {
    abi::increment_metric(metric, 1)
}

/// Records a value in a histogram.
pub fn record(metric: u32, value: u64) -> Result<(), Fault> {
    abi::record_metric(metric, value)
}

/// Writes a line to Envoy's log. Nothing is left to do if even that fails.
pub fn log(level: Level, message: &str) {
    abi::log(level, message);
}

/// Envoy's shared data: values that all workers of one Envoy see.
#[derive(Default)]
pub struct SharedData {
    /// The fault that stopped it, since the engine's answer does not carry it.
    pub fault: Option<Fault>,
}

impl SharedData {
    fn keep<T>(&mut self, answer: Result<T, Fault>) -> Result<T, Fault> {
        self.fault = answer.as_ref().err().copied().or(self.fault);
        answer
    }
}

impl Store for SharedData {
    type Error = Fault;
    type Version = u32;

    fn read(&mut self, key: &[u8]) -> Result<Reading<u32>, Fault> {
        self.keep(abi::shared_data(key))
    }

    fn swap(&mut self, key: &[u8], value: &[u8], version: u32) -> Result<Swap, Fault> {
        self.keep(abi::set_shared_data(key, value, version))
    }
}
