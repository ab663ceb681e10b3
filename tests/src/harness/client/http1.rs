//! A raw HTTP/1 connection.
//!
//! In: exact bytes. Out: the replies, one by one, or how the connection failed.
//! Knows nothing of what it sends.

use super::{Call, Failure, FailureKind, Progress, Reply, read};
use crate::harness::PATIENCE;
use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

/// One connection, open until it is dropped or the other side closes it.
#[derive(Debug)]
pub struct Http1Connection {
    stream: TcpStream,
    unread: Vec<u8>,
    patience: Duration,
}

/// What one look at the socket gave.
enum Arrival {
    Bytes,
    End,
}

pub(super) fn send(call: &Call, to: SocketAddr) -> Result<Reply, Failure> {
    Http1Connection::open(to)?.call(call)
}

impl Http1Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn open(to: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(to)
            .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
            .map_err(|error| Failure::new(FailureKind::NotConnected(error.to_string())))?;
        Ok(Self { stream, unread: Vec::new(), patience: PATIENCE })
    }

    /// Waits this long for each reply, if not for [`PATIENCE`].
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Sends a call and reads its reply; the connection can then be used again.
    ///
    /// # Errors
    /// When no whole reply came.
    pub fn call(&mut self, call: &Call) -> Result<Reply, Failure> {
        let mut half = self.stream.try_clone().expect("a socket can be cloned");
        thread::scope(|scope| {
            // The reply may come before a long body is taken: reading must not wait for writing.
            let writer = scope.spawn(move || half.write_all(&call.http1_bytes()));
            let reply = self.read_reply_to(&call.method);
            if reply.is_err() {
                // Frees a writer that waits for the other side for ever.
                drop(self.stream.shutdown(Shutdown::Both));
            }
            drop(writer.join());
            reply
        })
    }

    /// Sends these bytes as they are.
    ///
    /// # Errors
    /// When the other side no longer takes them.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.stream.write_all(bytes).map_err(|_| Failure::new(FailureKind::Closed))
    }

    /// Says that nothing more will be sent, while replies can still be read.
    pub fn finish_writing(&mut self) {
        drop(self.stream.shutdown(Shutdown::Write));
    }

    /// Reads one whole reply.
    ///
    /// # Errors
    /// When no whole reply came.
    pub fn read_reply(&mut self) -> Result<Reply, Failure> {
        self.read_reply_to(b"POST")
    }

    /// Reads one whole reply to a request with this method: one to HEAD has no body.
    ///
    /// # Errors
    /// When no whole reply came.
    pub fn read_reply_to(&mut self, method: &[u8]) -> Result<Reply, Failure> {
        let deadline = Instant::now() + self.patience;
        let mut closed = false;
        loop {
            let progress = read(&self.unread, method == b"HEAD", closed)
                .map_err(|reason| Failure::new(FailureKind::Malformed(reason)))?;
            let received = match progress {
                Progress::Whole(reply, length) => {
                    self.unread.drain(..length);
                    return Ok(reply);
                }
                Progress::Partial(received) => received.map(Box::new),
            };
            if closed {
                let kind = FailureKind::Closed;
                return Err(Failure { kind, received });
            }
            match self.receive(deadline) {
                Ok(Arrival::Bytes) => {}
                Ok(Arrival::End) => closed = true,
                Err(kind) => return Err(Failure { kind, received }),
            }
        }
    }

    /// The next bytes that come, as they come; empty when the other side has closed.
    ///
    /// # Errors
    /// When nothing comes in time.
    pub fn read_some(&mut self) -> Result<Vec<u8>, Failure> {
        if self.unread.is_empty() {
            self.receive(Instant::now() + self.patience).map_err(Failure::new)?;
        }
        Ok(std::mem::take(&mut self.unread))
    }

    fn receive(&mut self, deadline: Instant) -> Result<Arrival, FailureKind> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(FailureKind::TimedOut);
        }
        self.stream.set_read_timeout(Some(left)).expect("a timeout above zero can be set");
        let mut buffer = [0; 65536];
        match self.stream.read(&mut buffer) {
            Ok(0) => Ok(Arrival::End),
            Ok(length) => {
                self.unread.extend(buffer.iter().take(length));
                Ok(Arrival::Bytes)
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => Err(FailureKind::TimedOut),
                ErrorKind::Interrupted => Ok(Arrival::Bytes),
                _ => Ok(Arrival::End),
            },
        }
    }
}
