//! Reads HTTP/1 replies out of bytes, and says what a reply and a failure are.
//!
//! In: all bytes that a connection gave so far. Out: a whole reply and its length, or as much
//! of one as there is. Reads no socket.

use super::Field;

/// All that came back for one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The final status.
    pub status: u16,
    /// Header bytes in order, with duplicates.
    pub headers: Vec<Field>,
    /// The body, without its framing.
    pub body: Vec<u8>,
    /// Trailers, if any came.
    pub trailers: Vec<Field>,
    /// Statuses of interim replies, such as 100, that came first.
    pub interim: Vec<u16>,
}

/// No whole reply came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong.
    pub kind: FailureKind,
    /// The part of a reply that came before, from its complete headers on.
    pub received: Option<Box<Reply>>,
}

/// What went wrong with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// Nobody listens there.
    NotConnected(String),
    /// The protocol has no form for this call, so nothing was sent.
    Unsendable(String),
    /// Nothing more came within the client's patience.
    TimedOut,
    /// The other side closed the connection.
    Closed,
    /// The other side reset the stream or left the connection (HTTP/2), with this reason.
    Reset(String),
    /// What came is no HTTP.
    Malformed(String),
}

impl Failure {
    pub(super) fn new(kind: FailureKind) -> Self {
        Self { kind, received: None }
    }
}

impl Reply {
    /// The first header of this name, if its value is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(sent, _)| sent.eq_ignore_ascii_case(name.as_bytes()))?;
        std::str::from_utf8(value).ok()
    }

    /// The body as text, with a mark for each byte that is none.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("the body is not JSON ({error}): {}", self.text()))
    }
}

/// How far a reply has come.
pub(in crate::harness) enum Progress {
    /// The reply and how many bytes it took.
    Whole(Reply, usize),
    /// More bytes are needed; the reply so far, once its headers are complete.
    Partial(Option<Reply>),
}

/// What stands in the reply's place when its bytes are no HTTP.
type Parsed<T> = Result<T, String>;

/// Reads one reply from the start of `bytes`.
///
/// `to_head`: a reply to HEAD has no body whatever it says. `closed`: no more bytes will come,
/// which ends a body that has no length.
pub(in crate::harness) fn read(bytes: &[u8], to_head: bool, closed: bool) -> Parsed<Progress> {
    let mut reply = Reply::default();
    let mut rest = bytes;
    loop {
        let Some(after) = read_head(rest, &mut reply)? else {
            return Ok(Progress::Partial(None));
        };
        rest = after;
        if !(100..200).contains(&reply.status) {
            break;
        }
        reply.interim.push(reply.status);
    }
    let Some(after) = read_body(rest, &mut reply, to_head, closed)? else {
        return Ok(Progress::Partial(Some(reply)));
    };
    Ok(Progress::Whole(reply, bytes.len() - after.len()))
}

/// Each reader gives the bytes after what it read, or `None` when it needs more.
type Rest<'a> = Parsed<Option<&'a [u8]>>;

fn read_head<'a>(bytes: &'a [u8], reply: &mut Reply) -> Rest<'a> {
    let mut fields = [httparse::EMPTY_HEADER; 128];
    let mut head = httparse::Response::new(&mut fields);
    let parsed = head.parse(bytes).map_err(|error| error.to_string())?;
    let httparse::Status::Complete(length) = parsed else {
        return Ok(None);
    };
    reply.status = head.code.ok_or("a reply without a status")?;
    reply.headers = owned(head.headers);
    Ok(bytes.get(length..))
}

fn read_body<'a>(bytes: &'a [u8], reply: &mut Reply, to_head: bool, closed: bool) -> Rest<'a> {
    if to_head || matches!(reply.status, 204 | 304) {
        return Ok(Some(bytes));
    }
    if reply.header("transfer-encoding") == Some("chunked") {
        return read_chunked(bytes, reply);
    }
    if let Some(length) = reply.header("content-length") {
        let length = length.parse::<usize>().map_err(|error| error.to_string())?;
        let (body, rest) = bytes.split_at(bytes.len().min(length));
        reply.body = body.to_vec();
        return Ok((body.len() == length).then_some(rest));
    }
    reply.body = bytes.to_vec();
    Ok(closed.then_some(&[]))
}

fn read_chunked<'a>(bytes: &'a [u8], reply: &mut Reply) -> Rest<'a> {
    let mut rest = bytes;
    loop {
        let parsed = httparse::parse_chunk_size(rest).map_err(|error| error.to_string())?;
        let httparse::Status::Complete((start, size)) = parsed else {
            return Ok(None);
        };
        rest = rest.get(start..).unwrap_or_default();
        if size == 0 {
            return read_trailers(rest, reply);
        }
        let size = usize::try_from(size).map_err(|error| error.to_string())?;
        reply.body.extend(rest.iter().take(size));
        let Some(after) = size.checked_add(2).and_then(|end| rest.get(end..)) else {
            return Ok(None);
        };
        rest = after;
    }
}

fn read_trailers<'a>(bytes: &'a [u8], reply: &mut Reply) -> Rest<'a> {
    let mut fields = [httparse::EMPTY_HEADER; 128];
    match httparse::parse_headers(bytes, &mut fields).map_err(|error| error.to_string())? {
        httparse::Status::Partial => Ok(None),
        httparse::Status::Complete((length, trailers)) => {
            reply.trailers = owned(trailers);
            Ok(bytes.get(length..))
        }
    }
}

fn owned(fields: &[httparse::Header<'_>]) -> Vec<Field> {
    fields.iter().map(|field| (field.name.as_bytes().to_vec(), field.value.to_vec())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNKED: &[u8] =
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nx: \xff\r\n\r\n";

    fn whole(bytes: &[u8], closed: bool) -> Option<(Reply, usize)> {
        match read(bytes, false, closed).unwrap() {
            Progress::Whole(reply, length) => Some((reply, length)),
            Progress::Partial(_) => None,
        }
    }

    #[test]
    fn a_chunked_reply_is_joined_and_keeps_its_trailers() {
        let (reply, length) = whole(CHUNKED, false).unwrap();
        assert_eq!((reply.text().as_str(), length), ("abcde", CHUNKED.len()));
        assert_eq!(reply.trailers, [(b"x".to_vec(), b"\xff".to_vec())]);
    }

    #[test]
    fn a_reply_that_is_cut_anywhere_is_not_whole() {
        for cut in 0..CHUNKED.len() {
            assert!(whole(&CHUNKED[..cut], true).is_none(), "cut at {cut}");
        }
    }

    #[test]
    fn the_next_reply_on_the_connection_is_left_alone() {
        let bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 404";
        let (reply, length) = whole(bytes, false).unwrap();
        assert_eq!((reply.text().as_str(), &bytes[length..]), ("ok", &b"HTTP/1.1 404"[..]));
    }

    #[test]
    fn a_body_without_a_length_ends_with_the_connection() {
        let bytes = b"HTTP/1.1 200 OK\r\n\r\nabc";
        assert!(whole(bytes, false).is_none());
        assert_eq!(whole(bytes, true).unwrap().0.body, b"abc");
    }

    #[test]
    fn interim_replies_are_kept_apart() {
        let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
        let (reply, _) = whole(bytes, false).unwrap();
        assert_eq!((reply.interim, reply.status), (vec![100], 204));
    }

    #[test]
    fn a_reply_to_head_has_no_body() {
        let bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n";
        assert!(matches!(read(bytes, true, false), Ok(Progress::Whole(..))));
    }

    #[test]
    fn what_is_no_http_is_said_to_be_none() {
        assert!(read(b"SSH-2.0-server\r\n\r\n", false, false).is_err());
    }
}
