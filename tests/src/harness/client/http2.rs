//! Sends a call as one HTTP/2 stream on a connection of its own.
//!
//! In: a call. Out: its reply, or the reason of the reset. DATA frames are cut as the call
//! says; header bytes pass as given, but names are lower case, as the protocol demands.

use super::{Call, Failure, FailureKind, Field, Framing, Reply, pieces, tls::TlsClient};
use crate::harness::{PATIENCE, run_apart};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};
use std::net::SocketAddr;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};

pub(super) fn send(call: &Call, to: SocketAddr) -> Result<Reply, Failure> {
    send_over(call, None, to)
}

pub(super) fn send_over(call: &Call, tls: Option<&TlsClient>, to: SocketAddr) -> Result<Reply, Failure> {
    let request = head(call).map_err(unsendable)?;
    run_apart(|| within_patience(call, request, tls, to))
}

async fn within_patience(
    call: &Call,
    request: Request<()>,
    tls: Option<&TlsClient>,
    to: SocketAddr,
) -> Result<Reply, Failure> {
    let mut reply = Reply::default();
    let outcome = timeout(PATIENCE, connect(call, request, tls, to, &mut reply)).await;
    let kind = match outcome {
        Ok(Ok(())) => return Ok(reply),
        Ok(Err(kind)) => kind,
        Err(_) => FailureKind::TimedOut,
    };
    let received = (reply.status != 0).then(|| Box::new(reply));
    Err(Failure { kind, received })
}

async fn connect(
    call: &Call,
    request: Request<()>,
    tls: Option<&TlsClient>,
    to: SocketAddr,
    reply: &mut Reply,
) -> Result<(), FailureKind> {
    let stream = TcpStream::connect(to).await.map_err(|error| FailureKind::NotConnected(error.to_string()))?;
    stream.set_nodelay(true).expect("a socket takes options");
    match tls {
        None => exchange(call, request, stream, reply).await,
        Some(tls) => exchange(call, request, tls.handshake(stream, "h2").await?, reply).await,
    }
}

/// Fills `reply` as it comes, so that its first part outlives a reset.
async fn exchange(
    call: &Call,
    request: Request<()>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    reply: &mut Reply,
) -> Result<(), FailureKind> {
    let (client, connection) = h2::client::handshake(stream).await.map_err(failed)?;
    // It ends with the runtime.
    tokio::spawn(connection);
    let mut client = client.ready().await.map_err(failed)?;
    let (response, sender) = client.send_request(request, call.body.is_none()).map_err(failed)?;
    if let Some(body) = &call.body {
        send_body(call, body, sender)?;
    }
    let response = response.await.map_err(failed)?;
    reply.status = response.status().as_u16();
    reply.headers = fields(response.headers());
    let mut body = response.into_body();
    while let Some(data) = body.data().await {
        let data = data.map_err(failed)?;
        // The window only narrows when the stream is gone, and then the next read says why.
        let _ = body.flow_control().release_capacity(data.len());
        reply.body.extend_from_slice(&data);
    }
    if let Some(trailers) = body.trailers().await.map_err(failed)? {
        reply.trailers = fields(&trailers);
    }
    Ok(())
}

/// Hands all frames to the connection, which sends them as the windows allow.
fn send_body(call: &Call, body: &[u8], mut sender: h2::SendStream<Bytes>) -> Result<(), FailureKind> {
    let (frames, trailers) = match &call.framing {
        Framing::ContentLength => (vec![body], None),
        Framing::Chunked(sizes) => (pieces(body, sizes), None),
        Framing::ChunkedTrailers(trailers) => (vec![body], Some(trailers)),
    };
    let last = frames.len().saturating_sub(1);
    for (index, frame) in frames.iter().enumerate() {
        let ends = index == last && trailers.is_none();
        sender.send_data(Bytes::copy_from_slice(frame), ends).map_err(failed)?;
    }
    if frames.is_empty() && trailers.is_none() {
        sender.send_data(Bytes::new(), true).map_err(failed)?;
    }
    let Some(trailers) = trailers else {
        return Ok(());
    };
    let mut map = HeaderMap::new();
    append(&mut map, trailers).map_err(FailureKind::Unsendable)?;
    sender.send_trailers(map).map_err(failed)
}

fn head(call: &Call) -> Result<Request<()>, String> {
    let uri = Uri::builder()
        .scheme("http")
        .authority(call.authority.as_slice())
        .path_and_query(call.target.as_slice())
        .build()
        .map_err(|error| error.to_string())?;
    let mut request = Request::builder()
        .method(call.method.as_slice())
        .uri(uri)
        .version(http::Version::HTTP_2)
        .body(())
        .map_err(|error| error.to_string())?;
    append(request.headers_mut(), &call.headers)?;
    if let (Framing::ContentLength, Some(body)) = (&call.framing, &call.body)
        && !call.has_header(b"content-length")
    {
        let length = HeaderValue::from(body.len());
        request.headers_mut().append("content-length", length);
    }
    Ok(request)
}

fn append(map: &mut HeaderMap, fields: &[Field]) -> Result<(), String> {
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name).map_err(|error| error.to_string())?;
        let value = HeaderValue::from_bytes(value).map_err(|error| error.to_string())?;
        map.append(name, value);
    }
    Ok(())
}

fn fields(map: &HeaderMap) -> Vec<Field> {
    map.iter().map(|(name, value)| (name.as_str().as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
}

fn unsendable(reason: String) -> Failure {
    Failure::new(FailureKind::Unsendable(reason))
}

fn failed(error: h2::Error) -> FailureKind {
    if let Some(reason) = error.reason() {
        return FailureKind::Reset(format!("{reason:?}"));
    }
    if error.is_io() {
        return FailureKind::Closed;
    }
    FailureKind::Unsendable(error.to_string())
}
