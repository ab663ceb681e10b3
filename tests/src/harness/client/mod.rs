//! Makes one call to a tool, over either protocol, with any framing.
//!
//! In: method, target, header bytes, body and framing. Out: the reply, or how it failed.
//! Corrects nothing: a call may lie, repeat itself or carry bytes that are not text.

pub mod http1;
pub mod http2;
mod reply;
pub mod tls;

pub use reply::{Failure, FailureKind, Reply};
pub(super) use reply::{Progress, read};

use super::Field;
use std::{net::SocketAddr, time::Duration};

/// The protocol between client and Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// HTTP/1.1 over a plain connection.
    Http1,
    /// HTTP/2 over a plain connection, with prior knowledge.
    Http2,
}

/// How the end of the body is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A `content-length`, unless the call's own headers already have one.
    ContentLength,
    /// No length. The body is cut into pieces of these sizes, and a last one with the rest: chunks in
    /// HTTP/1, DATA frames in HTTP/2. A size of zero is an empty frame, and nothing at all in HTTP/1.
    Chunked(Vec<usize>),
    /// No length; the body is one piece, and these trailers follow it.
    ChunkedTrailers(Vec<Field>),
}

/// One call, ready to be sent as often as wanted.
#[derive(Clone, Debug)]
pub struct Call {
    method: Vec<u8>,
    target: Vec<u8>,
    authority: Vec<u8>,
    headers: Vec<Field>,
    body: Option<Vec<u8>>,
    framing: Framing,
}

impl Call {
    /// `POST /tools/{tool}`, without headers or a body yet.
    #[must_use]
    pub fn tool(tool: &str) -> Self {
        Self::new("POST", format!("/tools/{tool}"))
    }

    /// Any method on any target, as raw bytes.
    #[must_use]
    pub fn new(method: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        Self {
            method: method.as_ref().to_vec(),
            target: target.as_ref().to_vec(),
            authority: b"tools.test".to_vec(),
            headers: Vec::new(),
            body: None,
            framing: Framing::ContentLength,
        }
    }

    /// Another method on the same target.
    #[must_use]
    pub fn method(mut self, method: impl AsRef<[u8]>) -> Self {
        self.method = method.as_ref().to_vec();
        self
    }

    /// The `host` header or `:authority`, if not `tools.test`.
    #[must_use]
    pub fn authority(mut self, authority: impl AsRef<[u8]>) -> Self {
        self.authority = authority.as_ref().to_vec();
        self
    }

    /// One more header, after those that are there, also of the same name.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// The body, with no header that says what it is.
    #[must_use]
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = Some(body.as_ref().to_vec());
        self
    }

    /// A JSON body, and the `content-type` that belongs to it.
    #[must_use]
    pub fn json(self, body: &serde_json::Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// How the end of the body is told.
    #[must_use]
    pub fn framing(mut self, framing: Framing) -> Self {
        self.framing = framing;
        self
    }

    /// Sends the call over a new connection and waits for the whole reply.
    ///
    /// # Errors
    /// When no whole reply came; the failure holds what did come.
    pub fn send(&self, protocol: Protocol, to: SocketAddr) -> Result<Reply, Failure> {
        match protocol {
            Protocol::Http1 => http1::send(self, to),
            Protocol::Http2 => http2::send(self, to),
        }
    }

    /// Sends the call over a new TLS connection and waits for the whole reply.
    ///
    /// # Errors
    /// When no whole reply came, also because the other side does not take the client's certificate.
    pub fn send_over(&self, tls: &tls::TlsClient, protocol: Protocol, to: SocketAddr) -> Result<Reply, Failure> {
        match protocol {
            Protocol::Http1 => tls::send_http1(self, tls, to, Duration::ZERO),
            Protocol::Http2 => http2::send_over(self, Some(tls), to),
        }
    }

    /// Sends the head of the call over a new TLS connection, and its body, whose length is told, only this much later.
    ///
    /// # Errors
    /// When no whole reply came.
    pub fn send_late_over(&self, tls: &tls::TlsClient, later: Duration, to: SocketAddr) -> Result<Reply, Failure> {
        tls::send_http1(self, tls, to, later)
    }

    /// The call as it stands on an HTTP/1 connection.
    #[must_use]
    pub fn http1_bytes(&self) -> Vec<u8> {
        let mut bytes = [&self.method, &b" "[..], &self.target, b" HTTP/1.1\r\n"].concat();
        write_field(&mut bytes, b"host", &self.authority);
        for (name, value) in &self.headers {
            write_field(&mut bytes, name, value);
        }
        let Some(body) = &self.body else {
            bytes.extend_from_slice(b"\r\n");
            return bytes;
        };
        match &self.framing {
            Framing::ContentLength => self.write_measured(&mut bytes, body),
            Framing::Chunked(sizes) => write_chunked(&mut bytes, &pieces(body, sizes), &[]),
            Framing::ChunkedTrailers(trailers) => write_chunked(&mut bytes, &[body], trailers),
        }
        bytes
    }

    fn write_measured(&self, bytes: &mut Vec<u8>, body: &[u8]) {
        if !self.has_header(b"content-length") {
            write_field(bytes, b"content-length", body.len().to_string().as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(body);
    }

    fn has_header(&self, name: &[u8]) -> bool {
        self.headers.iter().any(|(sent, _)| sent.eq_ignore_ascii_case(name))
    }
}

fn write_field(bytes: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    for part in [name, b": ", value, b"\r\n"] {
        bytes.extend_from_slice(part);
    }
}

fn write_chunked(bytes: &mut Vec<u8>, pieces: &[&[u8]], trailers: &[Field]) {
    write_field(bytes, b"transfer-encoding", b"chunked");
    bytes.extend_from_slice(b"\r\n");
    // A chunk of size zero would end the body.
    for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
        bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        bytes.extend_from_slice(piece);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n");
    for (name, value) in trailers {
        write_field(bytes, name, value);
    }
    bytes.extend_from_slice(b"\r\n");
}

/// Cuts the body into pieces of these sizes, as far as it reaches, and the rest.
fn pieces<'a>(body: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut rest = body;
    let mut pieces = Vec::new();
    for size in sizes {
        let (piece, after) = rest.split_at(rest.len().min(*size));
        pieces.push(piece);
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(call: &Call) -> String {
        String::from_utf8(call.http1_bytes()).unwrap()
    }

    #[test]
    fn a_call_without_a_body_has_no_length() {
        let call = Call::tool("search").header("x-agent-id", "a");
        assert_eq!(text(&call), "POST /tools/search HTTP/1.1\r\nhost: tools.test\r\nx-agent-id: a\r\n\r\n");
    }

    #[test]
    fn an_empty_body_has_a_length_of_zero() {
        assert!(text(&Call::tool("search").body("")).ends_with("content-length: 0\r\n\r\n"));
    }

    #[test]
    fn a_length_that_lies_is_sent_as_given() {
        let call = Call::tool("search").header("Content-Length", "9").body("four");
        assert_eq!(text(&call).matches("ontent-").count(), 1);
    }

    #[test]
    fn chunks_have_the_sizes_that_were_asked_for() {
        let call = Call::tool("search").body("abcdef").framing(Framing::Chunked(vec![1, 0, 3]));
        assert!(text(&call).ends_with("\r\n\r\n1\r\na\r\n3\r\nbcd\r\n2\r\nef\r\n0\r\n\r\n"));
    }

    #[test]
    fn trailers_follow_the_last_chunk() {
        let trailers = vec![(b"x-end".to_vec(), b"1".to_vec())];
        let call = Call::tool("search").body("ab").framing(Framing::ChunkedTrailers(trailers));
        assert!(text(&call).ends_with("2\r\nab\r\n0\r\nx-end: 1\r\n\r\n"));
    }

    #[test]
    fn sizes_beyond_the_body_leave_empty_pieces() {
        assert_eq!(pieces(b"abc", &[2, 5, 1]), [&b"ab"[..], b"c", b""]);
    }
}
