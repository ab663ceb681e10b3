//! What the tool server answers.
//!
//! In: status, headers, pieces of a body with pauses, trailers. Out: a response that hyper
//! sends. Chooses nothing by itself.

use super::Seen;
use crate::harness::Field;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, Full, channel::Channel, combinators::BoxBody};
use serde_json::{Value, json};
use std::{error::Error, time::Duration};
use tokio::time::sleep;

type BodyError = Box<dyn Error + Send + Sync>;
pub(super) type AnswerBody = BoxBody<Bytes, BodyError>;

/// One answer of the tool server.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    headers: Vec<Field>,
    delay: Duration,
    body: Body,
    trailers: Vec<Field>,
    cut: bool,
}

/// How the body leaves.
#[derive(Clone, Debug)]
enum Body {
    /// At once, with a `content-length`.
    Whole(Vec<u8>),
    /// Piece by piece, without one.
    Pieces { pieces: Vec<Vec<u8>>, pause: Duration },
}

impl Answer {
    /// This status with an empty body.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            delay: Duration::ZERO,
            body: Body::Whole(Vec::new()),
            trailers: Vec::new(),
            cut: false,
        }
    }

    /// A JSON body.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status).header("content-type", "application/json").body(body.to_string())
    }

    /// `{"ok":true}` and what was seen, with a mark for each byte that is no text.
    #[must_use]
    pub fn echo(seen: &Seen) -> Self {
        let headers: Vec<_> = seen
            .headers
            .iter()
            .map(|(name, value)| [String::from_utf8_lossy(name), String::from_utf8_lossy(value)])
            .collect();
        let body = String::from_utf8_lossy(&seen.body);
        let echo = json!({
            "ok": true, "method": seen.method, "path": seen.path, "headers": headers, "body": body,
        });
        Self::json(200, &echo)
    }

    /// Server-sent events, one piece each, with a pause before each.
    #[must_use]
    pub fn events<E: AsRef<str>>(events: impl IntoIterator<Item = E>, pause: Duration) -> Self {
        let pieces = events.into_iter().map(|event| format!("data: {}\n\n", event.as_ref()));
        Self::new(200).header("content-type", "text/event-stream").pieces(pieces, pause)
    }

    /// One more header.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// The whole body at once, with a `content-length`.
    #[must_use]
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = Body::Whole(body.as_ref().to_vec());
        self
    }

    /// The body piece by piece, with a pause before each and without a `content-length`.
    #[must_use]
    pub fn pieces<P: AsRef<[u8]>>(mut self, pieces: impl IntoIterator<Item = P>, pause: Duration) -> Self {
        let pieces = pieces.into_iter().map(|piece| piece.as_ref().to_vec()).collect();
        self.body = Body::Pieces { pieces, pause };
        self
    }

    /// Waits this long before the headers leave.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Trailers behind the body. HTTP/1 takes them only when the request said `te: trailers`.
    #[must_use]
    pub fn trailer(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.trailers.push((name.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// Breaks off after the last piece instead of ending the body.
    #[must_use]
    pub fn cut_short(mut self) -> Self {
        self.cut = true;
        self
    }

    pub(super) async fn into_response(self) -> Response<AnswerBody> {
        sleep(self.delay).await;
        let mut headers = header_map(&self.headers);
        let trailers = header_map(&self.trailers);
        for name in trailers.keys() {
            // HTTP/1 sends only trailers that were announced.
            headers.append("trailer", HeaderValue::from(name.clone()));
        }
        let body = match self.body {
            Body::Whole(body) if trailers.is_empty() && !self.cut => whole(Bytes::from(body)),
            Body::Whole(body) => streamed(vec![body], Duration::ZERO, trailers, self.cut),
            Body::Pieces { pieces, pause } => streamed(pieces, pause, trailers, self.cut),
        };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.status).expect("an answer has a status of three digits");
        *response.headers_mut() = headers;
        response
    }
}

pub(super) fn whole(body: Bytes) -> AnswerBody {
    Full::new(body).map_err(|never| match never {}).boxed()
}

/// For a request that broke off: its connection or stream is gone.
pub(super) fn nobody_waits() -> AnswerBody {
    whole(Bytes::new())
}

fn streamed(pieces: Vec<Vec<u8>>, pause: Duration, trailers: HeaderMap, cut: bool) -> AnswerBody {
    let (mut sender, body) = Channel::<Bytes, BodyError>::new(1);
    tokio::spawn(async move {
        for piece in pieces {
            sleep(pause).await;
            if sender.send_data(Bytes::from(piece)).await.is_err() {
                return;
            }
        }
        if cut {
            // hyper throws away what it has not written yet.
            sleep(Duration::from_millis(50)).await;
            sender.abort("the answer was told to break off".into());
            return;
        }
        if !trailers.is_empty() {
            // The peer may have gone, and then nobody waits for trailers.
            let _ = sender.send_trailers(trailers).await;
        }
    });
    body.boxed()
}

fn header_map(fields: &[Field]) -> HeaderMap {
    fields
        .iter()
        .map(|(name, value)| {
            let name = HeaderName::from_bytes(name).expect("an answer's header has a valid name");
            let value = HeaderValue::from_bytes(value).expect("an answer's header has a valid value");
            (name, value)
        })
        .fold(HeaderMap::new(), |mut map, (name, value)| {
            map.append(name, value);
            map
        })
}
