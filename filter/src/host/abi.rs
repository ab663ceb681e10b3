//! The binary interface of proxy-wasm 0.2.1, and the only unsafe code of the project.
//!
//! In: slices. Out: owned bytes, or the host's status. Every status but the expected ones is a fault.
//! Pointers and lengths that the host gives are checked before they are used.

#![expect(unsafe_code, reason = "host functions take and return raw memory")]

use super::Fault;
use std::ops::Range;
use toolgate_engine::limits::{Reading, Swap};

const OK: i32 = 0;
const NOT_FOUND: i32 = 1;
const CAS_MISMATCH: i32 = 8;
/// What the host answered makes no sense.
const NONSENSE: i32 = -1;

/// The host writes a value that was never written only if nobody was faster, when asked for a version
/// that no value has: its versions count up from one. Zero would write in any case and lose calls.
const NEVER_WRITTEN: u32 = u32::MAX;

/// Header maps.
#[derive(Clone, Copy)]
pub enum Map {
    RequestHeader = 0,
    RequestTrailers = 1,
    ResponseHeader = 2,
}

/// Buffers.
#[derive(Clone, Copy)]
pub enum Buffer {
    RequestBody = 0,
    ResponseBody = 1,
    PluginConfiguration = 7,
}

/// What a metric is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetricKind {
    /// Only goes up.
    Counter = 0,
    /// Counts values in buckets.
    Histogram = 2,
}

/// How important a line of the log is.
#[derive(Clone, Copy)]
pub enum Level {
    /// Somebody should look.
    Error = 4,
}

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: i32, message: *const u8, length: usize) -> i32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> i32;
    fn proxy_get_buffer_bytes(buffer: i32, start: usize, max: usize, data: *mut *mut u8, length: *mut usize) -> i32;
    fn proxy_set_buffer_bytes(buffer: i32, start: usize, replaced: usize, data: *const u8, length: usize) -> i32;
    fn proxy_get_header_map_pairs(map: i32, data: *mut *mut u8, length: *mut usize) -> i32;
    fn proxy_get_header_map_value(
        map: i32,
        name: *const u8,
        name_length: usize,
        data: *mut *mut u8,
        length: *mut usize,
    ) -> i32;
    fn proxy_replace_header_map_value(
        map: i32,
        name: *const u8,
        name_length: usize,
        value: *const u8,
        value_length: usize,
    ) -> i32;
    fn proxy_add_header_map_value(
        map: i32,
        name: *const u8,
        name_length: usize,
        value: *const u8,
        value_length: usize,
    ) -> i32;
    fn proxy_remove_header_map_value(map: i32, name: *const u8, name_length: usize) -> i32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_length: usize,
        body: *const u8,
        body_length: usize,
        fields: *const u8,
        fields_length: usize,
        grpc_status: i32,
    ) -> i32;
    fn proxy_get_shared_data(
        key: *const u8,
        key_length: usize,
        data: *mut *mut u8,
        length: *mut usize,
        cas: *mut u32,
    ) -> i32;
    fn proxy_set_shared_data(key: *const u8, key_length: usize, value: *const u8, value_length: usize, cas: u32)
    -> i32;
    fn proxy_get_property(path: *const u8, path_length: usize, data: *mut *mut u8, length: *mut usize) -> i32;
    fn proxy_set_property(path: *const u8, path_length: usize, value: *const u8, value_length: usize) -> i32;
    fn proxy_define_metric(kind: i32, name: *const u8, name_length: usize, id: *mut u32) -> i32;
    fn proxy_increment_metric(id: u32, offset: i64) -> i32;
    fn proxy_record_metric(id: u32, value: u64) -> i32;
}

/// Memory that the host allocated in the guest and gave away.
struct Given {
    data: *mut u8,
    length: usize,
}

impl Given {
    const NOTHING: Self = Self { data: std::ptr::null_mut(), length: 0 };

    /// Takes the memory over. A null pointer is how the host says that there are no bytes.
    fn into_vec(self) -> Vec<u8> {
        if self.data.is_null() {
            return Vec::new();
        }
        // SAFETY: the host got this memory from the guest's own `proxy_on_memory_allocate`, which gives a
        // `Vec<u8>` of exactly this capacity away, filled it to this length, and keeps no pointer to it.
        unsafe { Vec::from_raw_parts(self.data, self.length, self.length) }
    }
}

fn done(call: &'static str, status: i32) -> Result<(), Fault> {
    if status == OK { Ok(()) } else { Err(Fault { call, status }) }
}

pub fn log(level: Level, message: &str) {
    // SAFETY: the slice outlives the call, and the host copies it.
    let _nothing_left_to_do = unsafe { proxy_log(level as i32, message.as_ptr(), message.len()) };
}

pub fn current_time() -> Result<u64, Fault> {
    let mut time = 0;
    // SAFETY: the pointer is to a live u64.
    let status = unsafe { proxy_get_current_time_nanoseconds(&raw mut time) };
    done("proxy_get_current_time_nanoseconds", status).map(|()| time)
}

pub fn buffer(buffer: Buffer, max: usize) -> Result<Vec<u8>, Fault> {
    let mut given = Given::NOTHING;
    // SAFETY: the pointers are to live values that the host overwrites.
    let status = unsafe { proxy_get_buffer_bytes(buffer as i32, 0, max, &raw mut given.data, &raw mut given.length) };
    done("proxy_get_buffer_bytes", status).map(|()| given.into_vec())
}

/// Puts bytes in place of the first `replaced` ones.
pub fn set_buffer(buffer: Buffer, replaced: usize, bytes: &[u8]) -> Result<(), Fault> {
    // SAFETY: the slice outlives the call, and the host copies it.
    let status = unsafe { proxy_set_buffer_bytes(buffer as i32, 0, replaced, bytes.as_ptr(), bytes.len()) };
    done("proxy_set_buffer_bytes", status)
}

pub fn fields(map: Map) -> Result<Fields, Fault> {
    const CALL: &str = "proxy_get_header_map_pairs";
    let mut given = Given::NOTHING;
    // SAFETY: the pointers are to live values that the host overwrites.
    let status = unsafe { proxy_get_header_map_pairs(map as i32, &raw mut given.data, &raw mut given.length) };
    done(CALL, status)?;
    Fields::parse(given.into_vec()).ok_or(Fault { call: CALL, status: NONSENSE })
}

pub fn field(map: Map, name: &str) -> Result<Vec<u8>, Fault> {
    let mut given = Given::NOTHING;
    // SAFETY: the name outlives the call; the pointers are to live values that the host overwrites.
    let status = unsafe {
        proxy_get_header_map_value(map as i32, name.as_ptr(), name.len(), &raw mut given.data, &raw mut given.length)
    };
    done("proxy_get_header_map_value", status).map(|()| given.into_vec())
}

pub fn replace(map: Map, name: &str, value: &str) -> Result<(), Fault> {
    // SAFETY: both slices outlive the call, and the host copies them.
    let status =
        unsafe { proxy_replace_header_map_value(map as i32, name.as_ptr(), name.len(), value.as_ptr(), value.len()) };
    done("proxy_replace_header_map_value", status)
}

pub fn add(map: Map, name: &str, value: &str) -> Result<(), Fault> {
    // SAFETY: both slices outlive the call, and the host copies them.
    let status =
        unsafe { proxy_add_header_map_value(map as i32, name.as_ptr(), name.len(), value.as_ptr(), value.len()) };
    done("proxy_add_header_map_value", status)
}

pub fn remove(map: Map, name: &[u8]) -> Result<(), Fault> {
    // SAFETY: the slice outlives the call.
    let status = unsafe { proxy_remove_header_map_value(map as i32, name.as_ptr(), name.len()) };
    done("proxy_remove_header_map_value", status)
}

pub fn send_local_response(
    status: u16,
    fields: &[(&'static str, String)],
    body: &[u8],
    details: &str,
) -> Result<(), Fault> {
    /// No gRPC status of our own.
    const NO_GRPC: i32 = -1;
    const CALL: &str = "proxy_send_local_response";
    let fields = write_fields(fields).ok_or(Fault { call: CALL, status: NONSENSE })?;
    // SAFETY: all slices outlive the call, and the host copies them.
    let answer = unsafe {
        proxy_send_local_response(
            u32::from(status),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            fields.as_ptr(),
            fields.len(),
            NO_GRPC,
        )
    };
    done(CALL, answer)
}

pub fn shared_data(key: &[u8]) -> Result<Reading<u32>, Fault> {
    let mut given = Given::NOTHING;
    let mut version = 0;
    // SAFETY: the key outlives the call; the pointers are to live values that the host overwrites.
    let status = unsafe {
        proxy_get_shared_data(key.as_ptr(), key.len(), &raw mut given.data, &raw mut given.length, &raw mut version)
    };
    match status {
        OK => Ok((Some(given.into_vec()), version)),
        NOT_FOUND => Ok((None, NEVER_WRITTEN)),
        status => Err(Fault { call: "proxy_get_shared_data", status }),
    }
}

pub fn set_shared_data(key: &[u8], value: &[u8], version: u32) -> Result<Swap, Fault> {
    // SAFETY: both slices outlive the call, and the host copies them.
    let status = unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), version) };
    match status {
        OK => Ok(Swap::Done),
        CAS_MISMATCH => Ok(Swap::Lost),
        status => Err(Fault { call: "proxy_set_shared_data", status }),
    }
}

/// A property, by the names on the way to it with a NUL between them; nothing if there is none.
pub fn property(path: &str) -> Result<Option<Vec<u8>>, Fault> {
    let mut given = Given::NOTHING;
    // SAFETY: the path outlives the call; the pointers are to live values that the host overwrites.
    let status = unsafe { proxy_get_property(path.as_ptr(), path.len(), &raw mut given.data, &raw mut given.length) };
    match status {
        OK => Ok(Some(given.into_vec())),
        NOT_FOUND => Ok(None),
        status => Err(Fault { call: "proxy_get_property", status }),
    }
}

pub fn set_property(path: &str, value: &str) -> Result<(), Fault> {
    // SAFETY: both slices outlive the call, and the host copies them.
    let status = unsafe { proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) };
    done("proxy_set_property", status)
}

pub fn define_metric(kind: MetricKind, name: &str) -> Result<u32, Fault> {
    let mut id = 0;
    // SAFETY: the name outlives the call; the pointer is to a live u32.
    let status = unsafe { proxy_define_metric(kind as i32, name.as_ptr(), name.len(), &raw mut id) };
    done("proxy_define_metric", status).map(|()| id)
}

pub fn increment_metric(id: u32, offset: i64) -> Result<(), Fault> {
    // SAFETY: no memory is shared.
    done("proxy_increment_metric", unsafe { proxy_increment_metric(id, offset) })
}

pub fn record_metric(id: u32, value: u64) -> Result<(), Fault> {
    // SAFETY: no memory is shared.
    done("proxy_record_metric", unsafe { proxy_record_metric(id, value) })
}

/// Header fields in one piece of memory, as the host gave them.
pub struct Fields {
    bytes: Vec<u8>,
    /// Where each name and each value stands.
    spans: Vec<(Range<usize>, Range<usize>)>,
}

impl Fields {
    /// Reads the host's form of fields: a count, the lengths, then each name and value with a NUL behind it.
    fn parse(bytes: Vec<u8>) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self { bytes, spans: Vec::new() });
        }
        let mut lengths = bytes.as_slice();
        let count = usize::try_from(take_u32(&mut lengths)?).ok()?;
        // Eight bytes of lengths for each field; a larger count is a lie.
        let mut at = count.checked_mul(8)?.checked_add(4).filter(|data| *data <= bytes.len())?;
        let mut take_span = || {
            let length = usize::try_from(take_u32(&mut lengths)?).ok()?;
            let span = at..at.checked_add(length)?;
            at = span.end.checked_add(1).filter(|behind| *behind <= bytes.len())?;
            Some(span)
        };
        let spans = (0..count).map(|_| Some((take_span()?, take_span()?))).collect::<Option<_>>()?;
        Some(Self { bytes, spans })
    }

    /// Names and values, as bytes, with duplicates.
    pub fn list(&self) -> Vec<(&[u8], &[u8])> {
        let text = |span: &Range<usize>| self.bytes.get(span.clone()).unwrap_or_default();
        self.spans.iter().map(|(name, value)| (text(name), text(value))).collect()
    }
}

fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*number))
}

fn write_fields(fields: &[(&'static str, String)]) -> Option<Vec<u8>> {
    let mut bytes = u32::try_from(fields.len()).ok()?.to_le_bytes().to_vec();
    for (name, value) in fields {
        bytes.extend(u32::try_from(name.len()).ok()?.to_le_bytes());
        bytes.extend(u32::try_from(value.len()).ok()?.to_le_bytes());
    }
    for (name, value) in fields {
        for text in [name.as_bytes(), value.as_bytes()] {
            bytes.extend_from_slice(text);
            bytes.push(0);
        }
    }
    Some(bytes)
}
