//! Sends many calls over a few connections that stay open, as fast as replies come.
//!
//! In: where to, how many, and the bytes of each. Out: how often each status came back, and
//! how often none did. Looks at nothing but the status.

use super::{
    PATIENCE,
    client::{Progress, read},
    run_apart,
};
use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// What came of all the calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// How many replies had each status.
    pub statuses: BTreeMap<u16, u64>,
    /// Calls that got no whole reply.
    pub broken: u64,
    /// From the first call to the last reply.
    pub took: Duration,
}

impl Load {
    /// How many replies had this status.
    #[must_use]
    pub fn count(&self, status: u16) -> u64 {
        self.statuses.get(&status).copied().unwrap_or(0)
    }

    /// Counts the other calls too.
    pub fn add(&mut self, other: &Self) {
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        self.broken += other.broken;
    }
}

/// Makes `total` calls, the next on each connection when the reply to the last is whole.
///
/// `make_request` gives the HTTP/1 bytes of call number 0, 1 and so on; see
/// [`super::client::Call::http1_bytes`].
pub fn run(
    to: SocketAddr,
    connections: usize,
    total: usize,
    make_request: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static,
) -> Load {
    run_apart(|| all(to, connections, total, make_request))
}

async fn all(
    to: SocketAddr,
    connections: usize,
    total: usize,
    make_request: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static,
) -> Load {
    let make_request = Arc::new(make_request);
    let tickets = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let lanes: Vec<_> = (0..connections)
        .map(|_| {
            let (make_request, tickets) = (make_request.clone(), tickets.clone());
            tokio::spawn(async move { lane(to, total, &tickets, &*make_request).await })
        })
        .collect();
    let mut load = Load::default();
    for lane in lanes {
        load.add(&lane.await.expect("a lane does not panic"));
    }
    load.took = started.elapsed();
    load
}

async fn lane(
    to: SocketAddr,
    total: usize,
    tickets: &AtomicUsize,
    make_request: &(impl Fn(usize) -> Vec<u8> + Sync),
) -> Load {
    let mut load = Load::default();
    let mut connection = None;
    loop {
        let ticket = tickets.fetch_add(1, Ordering::Relaxed);
        if ticket >= total {
            return load;
        }
        match timeout(PATIENCE, one(to, &mut connection, &make_request(ticket))).await {
            Ok(Ok(status)) => *load.statuses.entry(status).or_default() += 1,
            Ok(Err(_)) | Err(_) => {
                load.broken += 1;
                connection = None;
            }
        }
    }
}

async fn one(to: SocketAddr, connection: &mut Option<TcpStream>, request: &[u8]) -> io::Result<u16> {
    if connection.is_none() {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        *connection = Some(stream);
    }
    let Some(stream) = connection.as_mut() else {
        return Err(io::ErrorKind::NotConnected.into());
    };
    stream.write_all(request).await?;
    let mut bytes = Vec::with_capacity(1024);
    loop {
        let closed = stream.read_buf(&mut bytes).await? == 0;
        match read(&bytes, request.starts_with(b"HEAD "), closed).map_err(io::Error::other)? {
            Progress::Whole(reply, _) => {
                if closed || reply.header("connection") == Some("close") {
                    *connection = None;
                }
                return Ok(reply.status);
            }
            Progress::Partial(_) if closed => return Err(io::ErrorKind::UnexpectedEof.into()),
            Progress::Partial(_) => {}
        }
    }
}
