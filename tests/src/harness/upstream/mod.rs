//! A tool server that reads every body and remembers every request, whole or cut.
//!
//! In: HTTP/1 and HTTP/2 on one port. Out: what was seen, and a programmable answer.
//! Judges nothing: what passed the gate is simply there.

mod answer;
mod seen;

pub use answer::Answer;
pub use seen::Seen;

use answer::AnswerBody;
use bytes::Bytes;
use http::{HeaderValue, header::CONTENT_TYPE};
use http_body_util::BodyExt;
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use seen::{Ledger, Record};
use serde_json::{Value, json};
use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};
use tokio::{net::TcpListener, sync::oneshot};

type Answering = Arc<dyn Fn(&Seen) -> Answer + Send + Sync>;

/// What the server does with each request.
#[derive(Clone)]
enum Conduct {
    /// Remember it and answer as the closure says.
    Remember(Arc<Mutex<Answering>>),
    /// Count it and answer with this JSON.
    Count(Bytes),
}

/// A running tool server; it stops when it is dropped.
pub struct Upstream {
    address: SocketAddr,
    ledger: Arc<Ledger>,
    conduct: Conduct,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
}

impl Upstream {
    /// Starts a server that remembers all and answers with [`Answer::echo`].
    #[must_use]
    pub fn start() -> Self {
        Self::answering(Answer::echo)
    }

    /// Starts a server that remembers all and answers as `answer` says, once a request is whole.
    #[must_use]
    pub fn answering(answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        let answering: Answering = Arc::new(answer);
        Self::with(Conduct::Remember(Arc::new(Mutex::new(answering))))
    }

    /// Starts a server that only counts, for many calls, and answers `{"ok":true}`.
    #[must_use]
    pub fn counting() -> Self {
        Self::counting_with(&json!({"ok": true}))
    }

    /// Starts a server that only counts, for many calls, and gives each the same answer.
    #[must_use]
    pub fn counting_with(answer: &Value) -> Self {
        Self::with(Conduct::Count(answer.to_string().into()))
    }

    fn with(conduct: Conduct) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port can be bound");
        listener.set_nonblocking(true).expect("a socket takes options");
        let address = listener.local_addr().expect("a bound socket has an address");
        let ledger = Arc::new(Ledger::default());
        let (stop, stopped) = oneshot::channel();
        let served = (conduct.clone(), ledger.clone());
        let server = thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime can be built")
                .block_on(async move {
                    tokio::spawn(accept(listener, served.0, served.1));
                    // Ends with the sender, and all connections with the runtime.
                    let _ = stopped.await;
                });
        });
        Self { address, ledger, conduct, stop: Some(stop), server: Some(server) }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers otherwise from now on.
    ///
    /// # Panics
    /// When the server only counts.
    pub fn answer(&self, answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) {
        let Conduct::Remember(answering) = &self.conduct else {
            panic!("a counting tool server has one answer only: start it with Upstream::answering");
        };
        *answering.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(answer);
    }

    /// Every request so far in the order of arrival, also those whose body never ended.
    ///
    /// # Panics
    /// When the server only counts.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        assert!(
            matches!(self.conduct, Conduct::Remember(_)),
            "a counting tool server remembers nothing: start it with Upstream::start"
        );
        self.ledger.seen()
    }

    /// How many requests have come, whole or not.
    #[must_use]
    pub fn count_started(&self) -> u64 {
        self.ledger.started()
    }

    /// How many requests came whole: headers, body and trailers. Each is counted before its answer.
    #[must_use]
    pub fn count_complete(&self) -> u64 {
        self.ledger.complete()
    }

    /// Connections that carried bytes which are no HTTP, such as the tail of a smuggled request.
    #[must_use]
    pub fn malformed(&self) -> Vec<String> {
        self.ledger.malformed()
    }

    /// Forgets all, the counts too.
    pub fn clear(&self) {
        self.ledger.clear();
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(server) = self.server.take() {
            drop(server.join());
        }
    }
}

async fn accept(listener: std::net::TcpListener, conduct: Conduct, ledger: Arc<Ledger>) {
    let listener = TcpListener::from_std(listener).expect("a bound socket can be taken over");
    loop {
        let (stream, _) = listener.accept().await.expect("a connection can be accepted");
        stream.set_nodelay(true).expect("a socket takes options");
        tokio::spawn(serve(TokioIo::new(stream), conduct.clone(), ledger.clone()));
    }
}

async fn serve(stream: TokioIo<tokio::net::TcpStream>, conduct: Conduct, ledger: Arc<Ledger>) {
    let noted = ledger.clone();
    let service = service_fn(move |request| {
        let (conduct, ledger) = (conduct.clone(), ledger.clone());
        async move { Ok::<_, Infallible>(handle(request, &conduct, &ledger).await) }
    });
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http2().max_concurrent_streams(10_000);
    let Err(error) = server.serve_connection(stream, service).await else {
        return;
    };
    // A peer that goes away is no news here; bytes that are no HTTP are.
    if let Some(error) = error.downcast_ref::<hyper::Error>()
        && error.is_parse()
    {
        noted.note_malformed(error.to_string());
    }
}

async fn handle(request: Request<Incoming>, conduct: &Conduct, ledger: &Ledger) -> Response<AnswerBody> {
    match conduct {
        Conduct::Count(answer) => count(request, ledger, answer.clone()).await,
        Conduct::Remember(answering) => {
            let seen = remember(request, ledger).await.snapshot();
            if !seen.complete {
                return Response::new(answer::nobody_waits());
            }
            let answering = {
                let answering = answering.lock().unwrap_or_else(PoisonError::into_inner);
                answering.clone()
            };
            answering(&seen).into_response().await
        }
    }
}

async fn count(request: Request<Incoming>, ledger: &Ledger, answer: Bytes) -> Response<AnswerBody> {
    let epoch = ledger.start();
    let mut body = request.into_body();
    while let Some(frame) = body.frame().await {
        if frame.is_err() {
            return Response::new(answer::nobody_waits());
        }
    }
    ledger.finish(epoch);
    let mut response = Response::new(answer::whole(answer));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Writes the request down piece by piece, so that a cut one stands there as far as it came.
async fn remember(request: Request<Incoming>, ledger: &Ledger) -> Record {
    let epoch = ledger.start();
    let (head, mut body) = request.into_parts();
    let record = ledger.record(Seen::from_head(&head));
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return record;
        };
        record.update(|seen| seen.add(frame));
    }
    record.update(|seen| seen.complete = true);
    ledger.finish(epoch);
    record
}
