//! The real rate limit service of the Envoy project.
//!
//! In: a Redis, and limits: as a file, or from an Envoy Gateway. Out: an address that Envoy asks by gRPC.
//! It ends when the value is dropped; the binary is what `TOOLGATE_RATELIMIT` names.

use super::{
    client::{Call, Protocol},
    free_port, named,
    process::Program,
};
use std::{
    ffi::OsString,
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    thread::sleep,
    time::{Duration, SystemTime},
};
use tempfile::TempDir;

/// A running rate limit service.
#[derive(Debug)]
pub struct RateLimitService {
    program: Program,
    address: SocketAddr,
    _folder: TempDir,
}

/// Variables of the environment.
type Variables<'a> = Vec<(&'a str, OsString)>;

impl RateLimitService {
    /// An address that is free now, for those who must know it before the service runs.
    #[must_use]
    pub fn free_address() -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()))
    }

    /// Starts it with the limits of this file, in the service's own language.
    #[must_use]
    pub fn with_limits(redis: SocketAddr, limits: &str) -> Self {
        let folder = TempDir::with_prefix("toolgate-ratelimit-").expect("a folder can be made");
        fs::create_dir_all(folder.path().join("limits/config")).expect("a folder can be made");
        fs::write(folder.path().join("limits/config/limits.yaml"), limits).expect("a file can be written");
        let variables = vec![
            ("RUNTIME_ROOT", folder.path().into()),
            ("RUNTIME_SUBDIRECTORY", "limits".into()),
            ("RUNTIME_WATCH_ROOT", "false".into()),
        ];
        Self::start(Self::free_address(), redis, variables, folder)
    }

    /// Starts it with the limits that an Envoy Gateway hands out, with the certificates that it made for this, and with
    /// these variables besides.
    #[must_use]
    pub(super) fn of_envoy_gateway(
        address: SocketAddr,
        redis: SocketAddr,
        certificates: &Path,
        more: &[(String, String)],
    ) -> Self {
        let file = |name: &str| certificates.join(name).into();
        let mut variables: Variables<'_> = vec![
            ("CONFIG_TYPE", "GRPC_XDS_SOTW".into()),
            ("CONFIG_GRPC_XDS_NODE_ID", "envoy-ratelimit".into()),
            ("CONFIG_GRPC_XDS_SERVER_URL", "127.0.0.1:18001".into()),
            ("CONFIG_GRPC_XDS_SERVER_USE_TLS", "true".into()),
            ("CONFIG_GRPC_XDS_SERVER_TLS_SAN", "envoy-gateway".into()),
            ("CONFIG_GRPC_XDS_CLIENT_TLS_CERT", file("tls.crt")),
            ("CONFIG_GRPC_XDS_CLIENT_TLS_KEY", file("tls.key")),
            ("CONFIG_GRPC_XDS_SERVER_TLS_CACERT", file("ca.crt")),
            ("XDS_CLIENT_BACKOFF_INITIAL_INTERVAL", "500ms".into()),
            ("GRPC_SERVER_USE_TLS", "true".into()),
            ("GRPC_SERVER_TLS_CERT", file("tls.crt")),
            ("GRPC_SERVER_TLS_KEY", file("tls.key")),
            ("GRPC_CLIENT_TLS_CACERT", file("ca.crt")),
            ("FORCE_START_WITHOUT_INITIAL_CONFIG", "true".into()),
        ];
        variables.extend(more.iter().map(|(name, value)| (name.as_str(), value.into())));
        let folder = TempDir::with_prefix("toolgate-ratelimit-").expect("a folder can be made");
        Self::start(address, redis, variables, folder)
    }

    fn start(address: SocketAddr, redis: SocketAddr, mut variables: Variables<'_>, folder: TempDir) -> Self {
        let health = Self::free_address();
        variables.extend([
            ("GRPC_HOST", address.ip().to_string().into()),
            ("GRPC_PORT", address.port().to_string().into()),
            ("HOST", health.ip().to_string().into()),
            ("PORT", health.port().to_string().into()),
            ("DEBUG_HOST", health.ip().to_string().into()),
            ("DEBUG_PORT", free_port().to_string().into()),
            ("USE_STATSD", "false".into()),
            ("REDIS_SOCKET_TYPE", "tcp".into()),
            ("REDIS_URL", redis.to_string().into()),
        ]);
        let binary = named("TOOLGATE_RATELIMIT");
        let mut program = Program::start("ratelimit", &binary, &[], &variables, folder.path());
        program.wait_until("health", || {
            let reply = Call::new("GET", "/healthcheck").send(Protocol::Http1, health);
            reply.is_ok_and(|reply| reply.status == 200)
        });
        Self { program, address, _folder: folder }
    }

    /// Where Envoy asks it.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        self.program.end();
    }

    /// All that it has written.
    #[must_use]
    pub fn log(&self) -> String {
        self.program.log()
    }
}

/// A day of the service ends at midnight in UTC: no test may count across that.
///
/// # Panics
/// When the clock stands before 1970.
pub fn wait_out_midnight() {
    let seconds = SystemTime::UNIX_EPOCH.elapsed().expect("the epoch is long ago").as_secs();
    let left = 86_400 - seconds % 86_400;
    if left < 120 {
        sleep(Duration::from_secs(left + 1));
    }
}
