//! A TLS client, with a certificate or without.
//!
//! In: the CA that the server must be of, and the client's certificate. Out: encrypted connections, and replies over them.
//! A server that does not take the certificate may only say so after the handshake (TLS 1.3).

use super::{Call, Failure, FailureKind, Progress, Reply, read};
use crate::harness::{PATIENCE, run_apart};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// What connections of one client have in common.
#[derive(Clone, Debug)]
pub struct TlsClient {
    config: ClientConfig,
    server: String,
}

impl TlsClient {
    /// Trusts servers of this CA, and presents a certificate and its key, all as PEM.
    ///
    /// # Panics
    /// When they are none.
    #[must_use]
    pub fn new(server_ca: &str, certificate: Option<(&str, &str)>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(one_certificate(server_ca)).expect("a CA can be trusted");
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring knows the versions")
            .with_root_certificates(roots);
        let config = match certificate {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => {
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("the key is PEM");
                config.with_client_auth_cert(vec![one_certificate(certificate)], key).expect("the key fits")
            }
        };
        Self { config, server: "localhost".to_owned() }
    }

    /// Asks for this server, in place of `localhost`.
    #[must_use]
    pub fn to_server(mut self, name: &str) -> Self {
        name.clone_into(&mut self.server);
        self
    }

    pub(super) async fn handshake(&self, stream: TcpStream, alpn: &str) -> Result<TlsStream<TcpStream>, FailureKind> {
        let mut config = self.config.clone();
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        let name = ServerName::try_from(self.server.clone()).expect("a name of a host");
        let connected = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        connected.map_err(|error| FailureKind::NotConnected(error.to_string()))
    }
}

fn one_certificate(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).expect("the certificate is PEM")
}

/// Sends the body this much later than the head.
pub(super) fn send_http1(call: &Call, tls: &TlsClient, to: SocketAddr, later: Duration) -> Result<Reply, Failure> {
    let outcome = run_apart(|| timeout(PATIENCE, exchange(call, tls, to, later)));
    outcome.unwrap_or(Err(FailureKind::TimedOut)).map_err(Failure::new)
}

async fn exchange(call: &Call, tls: &TlsClient, to: SocketAddr, later: Duration) -> Result<Reply, FailureKind> {
    let stream = TcpStream::connect(to).await.map_err(|error| FailureKind::NotConnected(error.to_string()))?;
    stream.set_nodelay(true).expect("a socket takes options");
    let (mut reader, mut writer) = tokio::io::split(tls.handshake(stream, "http/1.1").await?);
    let bytes = call.http1_bytes();
    let body = call.body.as_ref().filter(|_| !later.is_zero()).map_or(0, Vec::len);
    let (head, body) = bytes.split_at(bytes.len().saturating_sub(body));
    // The reply may come before the whole body is taken, and then says more than a failed write.
    let (_, reply) = tokio::join!(
        async {
            writer.write_all(head).await?;
            writer.flush().await?;
            sleep(later).await;
            writer.write_all(body).await?;
            writer.flush().await
        },
        async {
            let mut unread = Vec::new();
            loop {
                let closed = matches!(reader.read_buf(&mut unread).await, Ok(0) | Err(_));
                match read(&unread, call.method == b"HEAD", closed).map_err(FailureKind::Malformed)? {
                    Progress::Whole(reply, _) => return Ok(reply),
                    Progress::Partial(_) if closed => return Err(FailureKind::Closed),
                    Progress::Partial(_) => {}
                }
            }
        }
    );
    reply
}
