//! A real Envoy as a child process.
//!
//! In: a configuration, and the binary that `TOOLGATE_ENVOY` names. Out: its addresses,
//! statistics, audit lines, log and costs. The process ends when the value is dropped.

mod admin;
mod config;
mod wasm;

pub use config::{Cluster, EnvoyConfig, Listener};
pub use wasm::{FailurePolicy, WasmFilter};

use super::{PATIENCE, wait_for};
pub(in crate::harness) use admin::Admin;
use config::{LISTENERS_DIRECTORY, LISTENERS_FILE, audit_file, listeners_file};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    env,
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};
use tempfile::TempDir;

/// Compiling a large module takes seconds, and tests share the machine's few cores.
const START_PATIENCE: Duration = Duration::from_secs(120);

/// A running Envoy.
#[derive(Debug)]
pub struct Envoy {
    process: Process,
    admin: Admin,
    concurrency: u32,
    version: AtomicU64,
}

/// What Envoy said to new listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// All workers use them; connections that were open before end within seconds.
    Accepted,
    /// At least one was refused, and the old one still serves.
    Refused {
        /// What Envoy logged meanwhile.
        log: String,
    },
}

impl Envoy {
    /// Starts Envoy and waits until it serves.
    ///
    /// # Panics
    /// When it does not; the message holds its log.
    #[must_use]
    pub fn start(config: &EnvoyConfig) -> Self {
        let mut process = Process::spawn(config);
        let admin = wait_for(START_PATIENCE, || {
            if let Some(status) = process.exit_status() {
                panic!("Envoy ended at start ({status}):\n{}", process.log());
            }
            process.admin().filter(Admin::is_ready)
        });
        let Some(admin) = admin else {
            panic!("Envoy is not ready after {START_PATIENCE:?}:\n{}", process.log());
        };
        let envoy = Self { process, admin, concurrency: config.concurrency, version: AtomicU64::new(1) };
        if config.listeners_from_file && envoy.stat("listener_manager.lds.update_rejected") > 0 {
            panic!("Envoy refused its first listeners:\n{}", envoy.log());
        }
        envoy
    }

    /// Starts Envoy with a configuration that it must refuse, and gives its log.
    ///
    /// # Panics
    /// When it serves, or does not end.
    #[must_use]
    pub fn start_expecting_refusal(config: &EnvoyConfig) -> String {
        let mut process = Process::spawn(config);
        let refused = wait_for(START_PATIENCE, || {
            if process.exit_status().is_some() {
                return Some(());
            }
            let serves = process.admin().is_some_and(|admin| admin.is_ready());
            assert!(!serves, "Envoy took the configuration:\n{}", process.log());
            None
        });
        assert!(refused.is_some(), "Envoy does not end:\n{}", process.log());
        process.log()
    }

    /// Replaces the watched file of listeners by renaming, and waits until all workers use the
    /// new ones or Envoy has refused them.
    ///
    /// # Panics
    /// When Envoy does neither, or does not watch a file.
    pub fn update_listeners(&self, listeners: &[Listener]) -> Update {
        let before = self.stats();
        let log_length = self.log().len();
        let version = self.version.fetch_add(1, Ordering::SeqCst) + 1;
        assert!(
            self.process.path(LISTENERS_FILE).exists(),
            "this Envoy's listeners do not come from a file: see EnvoyConfig::listeners_from_file"
        );
        self.process.write_listeners(listeners, version);
        let grown = |after: &BTreeMap<String, u64>, name: &str| {
            let name = format!("listener_manager.{name}");
            let value = |stats: &BTreeMap<String, u64>| stats.get(&name).copied().unwrap_or(0);
            value(after) - value(&before)
        };
        let update = wait_for(PATIENCE, || {
            let after = self.stats();
            if grown(&after, "lds.update_rejected") > 0 {
                let log = self.log().split_off(log_length);
                return Some(Update::Refused { log });
            }
            let changed = grown(&after, "listener_added") + grown(&after, "listener_modified");
            let wanted = changed * u64::from(self.concurrency);
            let in_force = grown(&after, "listener_create_success") >= wanted;
            (grown(&after, "lds.update_success") > 0 && in_force).then_some(Update::Accepted)
        });
        update.unwrap_or_else(|| panic!("Envoy ignored its new listeners:\n{}", self.log()))
    }

    /// Where a listener was bound.
    ///
    /// # Panics
    /// When there is no such listener.
    #[must_use]
    pub fn listener_addr(&self, name: &str) -> SocketAddr {
        self.admin.listener(name).unwrap_or_else(|| panic!("no listener is named {name}:\n{}", self.log()))
    }

    /// All counters and gauges.
    #[must_use]
    pub fn stats(&self) -> BTreeMap<String, u64> {
        self.admin.stats()
    }

    /// One counter or gauge; zero when Envoy has never made it.
    #[must_use]
    pub fn stat(&self, name: &str) -> u64 {
        self.stats().get(name).copied().unwrap_or(0)
    }

    /// How many requests Envoy has begun to send to a cluster, also those that it broke off.
    ///
    /// Unlike the tool server's own count this is exact as soon as the client has its reply.
    #[must_use]
    pub fn requests_begun(&self, cluster: &str) -> u64 {
        self.stat(&format!("cluster.{cluster}.upstream_rq_total"))
    }

    /// The statistics as Prometheus reads them.
    #[must_use]
    pub fn prometheus(&self) -> String {
        self.admin.get("/stats/prometheus").text()
    }

    /// The statistics as Prometheus reads them, once they are as wanted or patience is at its end.
    ///
    /// Counters of the end of a call may move after the client has its reply, and histograms are
    /// counted up after they are asked for.
    #[must_use]
    pub fn prometheus_until(&self, wanted: impl Fn(&str) -> bool) -> String {
        wait_for(PATIENCE, || {
            let text = self.prometheus();
            wanted(&text).then_some(text)
        })
        .unwrap_or_else(|| self.prometheus())
    }

    /// All counters and gauges, once they are as wanted or patience is at its end.
    #[must_use]
    pub fn stats_until(&self, wanted: impl Fn(&BTreeMap<String, u64>) -> bool) -> BTreeMap<String, u64> {
        wait_for(PATIENCE, || {
            let stats = self.stats();
            wanted(&stats).then_some(stats)
        })
        .unwrap_or_else(|| self.stats())
    }

    /// The configuration that Envoy uses, by its admin interface.
    #[must_use]
    pub fn config_dump(&self) -> Value {
        self.admin.get("/config_dump").json()
    }

    /// The audit lines of a listener, once there are at least so many or patience is at its end.
    ///
    /// A call whose filter wrote nothing stands there as `null`.
    ///
    /// # Panics
    /// When a line is not JSON.
    #[must_use]
    pub fn audit_lines(&self, listener: &str, at_least: usize) -> Vec<Value> {
        let path = self.process.path(&audit_file(listener));
        let enough = wait_for(PATIENCE, || {
            let lines = whole_lines(&path);
            (lines.len() >= at_least).then_some(lines)
        });
        enough.unwrap_or_else(|| whole_lines(&path)).iter().map(|line| parse_audit(line)).collect()
    }

    /// All that Envoy has written so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// The processor time of all living threads so far, in user and in kernel mode.
    ///
    /// # Panics
    /// When the kernel keeps no such account.
    #[must_use]
    pub fn cpu_time(&self) -> Duration {
        let tasks = fs::read_dir(self.process.proc("task")).expect("Envoy runs and has threads");
        tasks
            .map(|task| task.expect("the list of threads can be read").path())
            .filter_map(|task| fs::read_to_string(task.join("schedstat")).ok())
            .map(|account| first_number(&account).expect("schedstat begins with nanoseconds"))
            .map(Duration::from_nanos)
            .sum()
    }

    /// The memory that is in use now, in bytes.
    ///
    /// # Panics
    /// When Envoy no longer runs.
    #[must_use]
    pub fn rss_bytes(&self) -> u64 {
        let status = fs::read_to_string(self.process.proc("status")).expect("Envoy runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.and_then(first_number).expect("status has a VmRSS");
        kibibytes * 1024
    }
}

/// Without a last line that is still being written.
fn whole_lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(ToOwned::to_owned).collect()
}

fn parse_audit(line: &str) -> Value {
    if line == "-" {
        return Value::Null;
    }
    serde_json::from_str(line).unwrap_or_else(|error| panic!("an audit line is not JSON ({error}): {line}"))
}

fn first_number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

/// The child and its folder: both go together.
#[derive(Debug)]
struct Process {
    child: Child,
    directory: TempDir,
}

impl Process {
    fn spawn(config: &EnvoyConfig) -> Self {
        let directory = TempDir::with_prefix("toolgate-envoy-").expect("a folder can be made");
        let root = directory.path();
        let bootstrap = root.join("envoy.json");
        write(&bootstrap, &config.bootstrap(root));
        if config.listeners_from_file {
            fs::create_dir(root.join(LISTENERS_DIRECTORY)).expect("a folder can be made");
            let listeners = listeners_file(&config.listeners, 1, root);
            write(&root.join(LISTENERS_FILE), &listeners);
        }
        let log = File::create(root.join("envoy.log")).expect("a log file can be made");
        let child = Command::new(binary())
            .arg("--config-path")
            .arg(&bootstrap)
            .arg("--admin-address-path")
            .arg(root.join("admin-address"))
            .args(["--concurrency", &config.concurrency.to_string()])
            .args(["--log-level", "warning", "--component-log-level"])
            .arg(format!("wasm:{}", config.wasm_log_level))
            // Several Envoys run at once, and what is replaced must not linger for ten minutes.
            .args(["--disable-hot-restart", "--drain-time-s", "2"])
            .args(["--file-flush-interval-msec", "50"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file can be cloned"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", binary().display()));
        Self { child, directory }
    }

    fn exit_status(&mut self) -> Option<std::process::ExitStatus> {
        self.child.try_wait().expect("a child can be asked")
    }

    /// The admin interface, once Envoy has said where it is.
    fn admin(&self) -> Option<Admin> {
        let address = fs::read_to_string(self.path("admin-address")).ok()?;
        Some(Admin::new(address.trim().parse().ok()?))
    }

    fn write_listeners(&self, listeners: &[Listener], version: u64) {
        let next = self.path("listeners.next");
        write(&next, &listeners_file(listeners, version, self.directory.path()));
        fs::rename(next, self.path(LISTENERS_FILE)).expect("a file can be renamed");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn proc(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.child.id()))
    }

    fn log(&self) -> String {
        let bytes = fs::read(self.path("envoy.log")).expect("the log can be read");
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Process {
    #[expect(clippy::print_stderr, reason = "a failed test shows what Envoy said")]
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if thread::panicking() {
            eprintln!("--- Envoy's log ---\n{}", self.log());
        }
    }
}

fn binary() -> PathBuf {
    env::var_os("TOOLGATE_ENVOY")
        .map(PathBuf::from)
        .expect("TOOLGATE_ENVOY must name an Envoy binary: run these tests with `tests/run`, which fetches one")
}

fn write(path: &Path, content: &Value) {
    fs::write(path, content.to_string()).expect("a file can be written");
}
