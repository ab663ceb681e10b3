//! The real Envoy Gateway, without Kubernetes: it reads resources from a folder and starts an Envoy by itself.
//!
//! In: resources, and the programs that `TOOLGATE_ENVOY_GATEWAY` and `TOOLGATE_ENVOY` name. Out: the address of
//! that Envoy, its audit lines, its admin interface, and what Envoy Gateway says of the resources.
//! Its ports are fixed, so there is one at a time on a machine: others wait.

#![expect(clippy::indexing_slicing, reason = "resources are JSON of a known form: another one must stop the test")]

mod resources;
mod standalone;

pub use resources::Resources;
pub use standalone::Tools;

use super::{
    PATIENCE,
    envoy::{Admin, Update},
    free_port, named,
    process::Program,
    ratelimit::{RateLimitService, wait_out_midnight},
    upstream::{Answer, Upstream},
    wait_for,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use standalone::{Places, adapted, renamed};
use std::{
    collections::BTreeMap,
    env,
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::unix::fs::symlink,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};
use tempfile::TempDir;

/// The Envoy that this Envoy Gateway asks for.
const ENVOY_VERSION: &str = "1.39.0";

/// A running Envoy Gateway, and the Envoy that it started.
#[derive(Debug)]
pub struct EnvoyGateway {
    program: Program,
    admin: Admin,
    site: Site,
    /// Its own configuration as it is rendered.
    own: Value,
}

impl EnvoyGateway {
    /// Starts it and waits until its Envoy serves.
    ///
    /// # Panics
    /// When it does not; the message holds its log.
    #[must_use]
    pub fn start(resources: &Resources, tools: impl Into<Tools>) -> Self {
        Site::new(tools).start(resources)
    }

    /// Replaces the resources, and waits until all workers of Envoy use them or Envoy has refused them.
    ///
    /// # Panics
    /// When Envoy does neither. Resources that change nothing of its listeners are not for this.
    pub fn replace(&self, resources: &Resources) -> Update {
        let before = self.stats();
        let log_length = self.log().len();
        self.site.write(resources);
        let workers = before.get("server.concurrency").copied().unwrap_or(1);
        let update = wait_for(PATIENCE * 2, || {
            let after = self.stats();
            let grown = |name: &str| {
                let name = format!("listener_manager.{name}");
                let value = |stats: &BTreeMap<String, u64>| stats.get(&name).copied().unwrap_or(0);
                value(&after).saturating_sub(value(&before))
            };
            if grown("lds.update_rejected") > 0 {
                return Some(Update::Refused { log: self.log().split_off(log_length) });
            }
            let changed = grown("listener_added") + grown("listener_modified");
            let in_force = after.get("listener_manager.total_listeners_warming") == Some(&0)
                && grown("listener_create_success") >= changed * workers;
            (changed > 0 && in_force).then_some(Update::Accepted)
        });
        update.unwrap_or_else(|| panic!("Envoy got no other listeners:\n{}", self.log()))
    }

    /// Replaces the resources and returns at once.
    pub fn write(&self, resources: &Resources) {
        self.site.write(resources);
    }

    /// Where its Envoy listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.site.port))
    }

    /// Where the module is had from.
    #[must_use]
    pub fn module_url(&self) -> String {
        self.site.module_url()
    }

    /// The lines of calls that the filter judged, once there are so many or patience is at its end.
    ///
    /// # Panics
    /// When a line is not JSON.
    #[must_use]
    pub fn judged(&self, at_least: usize) -> Vec<Value> {
        self.lines(at_least, |line| line["reason"] != "not_judged")
    }

    /// The lines of calls that Envoy refused before the filter, once there are so many or patience is at its end.
    ///
    /// # Panics
    /// When a line is not JSON.
    #[must_use]
    pub fn not_judged(&self, at_least: usize) -> Vec<Value> {
        self.lines(at_least, |line| line["reason"] == "not_judged")
    }

    fn lines(&self, at_least: usize, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let find = || -> Vec<Value> {
            let text = self.program.output();
            let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
            let lines = whole.lines().filter(|line| line.starts_with(r#"{"#) && line.contains(r#""event":"#));
            let parsed = lines.map(|line| {
                serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("no JSON ({error}): {line}"))
            });
            parsed.filter(|line| wanted(line)).collect()
        };
        let enough = wait_for(PATIENCE, || Some(find()).filter(|lines| lines.len() >= at_least));
        enough.unwrap_or_else(find)
    }

    /// The last status that Envoy Gateway gave a resource, as it stands in its log, once there is one.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn status(&self, kind: &str, name: &str) -> String {
        let name = renamed(kind, &json!(name), self.site.revision.load(Ordering::SeqCst));
        let found = wait_for(PATIENCE, || status_in(&self.program.output(), kind, &name));
        found.unwrap_or_else(|| panic!("no status of {kind} {name}:\n{}", self.log()))
    }

    /// All counters and gauges of its Envoy.
    #[must_use]
    pub fn stats(&self) -> BTreeMap<String, u64> {
        self.admin.stats()
    }

    /// The configuration that its Envoy uses.
    #[must_use]
    pub fn config_dump(&self) -> Value {
        self.admin.get("/config_dump").json()
    }

    /// The statistics of its Envoy as Prometheus reads them, once they are as wanted or patience is at its end.
    #[must_use]
    pub fn prometheus_until(&self, wanted: impl Fn(&str) -> bool) -> String {
        let ask = || self.admin.get("/stats/prometheus").text();
        wait_for(PATIENCE, || Some(ask()).filter(|text| wanted(text))).unwrap_or_else(ask)
    }

    /// Starts the rate limit service as this Envoy Gateway would, with the Redis and the settings that are rendered.
    ///
    /// # Panics
    /// When none are, or it does not start.
    #[must_use]
    pub fn rate_limit_service(&self) -> RateLimitService {
        let redis = self.own["rateLimit"]["backend"]["redis"]["url"].as_str().unwrap_or_default();
        let redis = redis.trim_start_matches("redis://").parse().expect("a Redis on this machine is rendered");
        let container = &self.own["provider"]["kubernetes"]["rateLimitDeployment"]["container"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let variables = container["env"].as_array().into_iter().flatten();
        let variables: Vec<_> = variables.map(|variable| (text(&variable["name"]), text(&variable["value"]))).collect();
        let certificates = self.site.path("config/certs/envoy-rate-limit");
        wait_out_midnight();
        RateLimitService::of_envoy_gateway(self.site.rate_limit, redis, &certificates, &variables)
    }

    /// All that Envoy Gateway and its Envoy have written.
    #[must_use]
    pub fn log(&self) -> String {
        self.program.log()
    }
}

fn status_in(log: &str, kind: &str, name: &str) -> Option<String> {
    let of_kind = log.rsplit("Got new status for ").filter_map(|status| status.strip_prefix(&format!("{kind}\n")));
    of_kind
        .filter_map(|status| status.split_once("\n\t{"))
        .find_map(|(status, key)| key.lines().next()?.contains(&format!("/{name}\"")).then(|| status.to_owned()))
}

/// One place for an Envoy Gateway: a folder, ports, and the turn on this machine.
#[derive(Debug)]
pub struct Site {
    folder: TempDir,
    port: u16,
    tools: Tools,
    /// Where the rate limit service is, once a test starts it.
    rate_limit: SocketAddr,
    module: Module,
    revision: AtomicU32,
    /// Held until the value is dropped, after the program has ended.
    _turn: File,
}

/// A web server that has the module.
struct Module {
    server: Upstream,
    sha256: String,
}

impl std::fmt::Debug for Module {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} on {}", self.sha256, self.server.address())
    }
}

impl Site {
    /// Waits for its turn, and makes certificates as an installation would.
    ///
    /// # Panics
    /// When it cannot.
    #[must_use]
    pub fn new(tools: impl Into<Tools>) -> Self {
        let turn = File::create(env::temp_dir().join("toolgate-envoy-gateway.lock")).expect("a lock can be made");
        turn.lock().expect("a lock can be waited for");
        let folder = TempDir::with_prefix("toolgate-envoy-gateway-").expect("a folder can be made");
        for name in ["config", "data", "state", "run", "resources"] {
            fs::create_dir(folder.path().join(name)).expect("a folder can be made");
        }
        let home = folder.path().join("data/envoy-versions").join(ENVOY_VERSION).join("bin");
        fs::create_dir_all(&home).expect("a folder can be made");
        // Where Envoy Gateway looks before it downloads one.
        symlink(named("TOOLGATE_ENVOY"), home.join("envoy")).expect("a link can be made");
        let (port, tools, module) = (free_port(), tools.into(), Module::serve());
        let (rate_limit, revision) = (RateLimitService::free_address(), AtomicU32::new(0));
        let site = Self { folder, port, tools, rate_limit, module, revision, _turn: turn };
        site.make_certificates();
        site
    }

    /// Starts Envoy Gateway here and waits until its Envoy serves.
    ///
    /// # Panics
    /// When it does not; the message holds its log.
    #[must_use]
    pub fn start(self, resources: &Resources) -> EnvoyGateway {
        self.write(resources);
        let configuration = self.path("envoy-gateway.json");
        let own = resources.find("EnvoyGateway").cloned().unwrap_or_default();
        fs::write(&configuration, self.configuration(&own).to_string()).expect("a file can be written");
        let arguments = ["server".into(), "-c".into(), configuration.into()];
        let binary = named("TOOLGATE_ENVOY_GATEWAY");
        let mut program = Program::start("envoy-gateway", &binary, &arguments, &[], self.folder.path());
        let mut admin = None;
        program.wait_until("its Envoy", || {
            admin = self.admin();
            admin.is_some_and(|admin| admin.is_ready() && TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok())
        });
        let admin = admin.expect("an Envoy that serves has an admin interface");
        EnvoyGateway { program, admin, site: self, own }
    }

    /// Where the module is had from.
    #[must_use]
    pub fn module_url(&self) -> String {
        self.module.url()
    }

    fn make_certificates(&self) {
        let made = Command::new(named("TOOLGATE_ENVOY_GATEWAY"))
            .args(["certgen", "--local", "--config-home"])
            .arg(self.path("config"))
            .output()
            .expect("Envoy Gateway starts");
        assert!(made.status.success(), "no certificates: {}", String::from_utf8_lossy(&made.stderr));
    }

    /// Envoy Gateway's own configuration, with a folder and a process in the place of Kubernetes. What the harness
    /// changes by itself takes Backends and patches.
    fn configuration(&self, own: &Value) -> Value {
        let mut configuration = json!({
            "apiVersion": "gateway.envoyproxy.io/v1alpha1",
            "kind": "EnvoyGateway",
            "gateway": {"controllerName": "gateway.envoyproxy.io/gatewayclass-controller"},
        });
        for (key, value) in own.as_object().into_iter().flatten() {
            configuration[key] = value.clone();
        }
        configuration["provider"] = json!({"type": "Custom", "custom": {
            "resource": {"type": "File", "file": {"paths": [self.path("resources")]}},
            "infrastructure": {"type": "Host", "host": {
                "configHome": self.path("config"),
                "dataHome": self.path("data"),
                "stateHome": self.path("state"),
                "runtimeDir": self.path("run"),
            }},
        }});
        configuration["logging"] = json!({"level": {"default": "info"}});
        configuration["extensionApis"] = json!({"enableBackend": true, "enableEnvoyPatchPolicy": true});
        configuration
    }

    fn write(&self, resources: &Resources) {
        let certificates = ["tls.crt", "tls.key", "ca.crt"].map(|name| self.path("config/certs/envoy").join(name));
        let [_, _, ca] = &certificates;
        let places = Places {
            port: self.port,
            tools: &self.tools,
            module: (self.module.url(), &self.module.sha256),
            certificates: certificates
                .each_ref()
                .map(|path| BASE64_STANDARD.encode(fs::read(path).expect("a certificate can be read"))),
            ca,
            rate_limit: self.rate_limit,
            revision: self.revision.fetch_add(1, Ordering::SeqCst) + 1,
        };
        // Renamed, so that it is never read half; a name with a dot before it is not watched.
        let (next, file) = (self.path("resources/.next"), self.path("resources/all.yaml"));
        fs::write(&next, adapted(resources, &places).to_text()).expect("a file can be written");
        fs::rename(next, file).expect("a file can be renamed");
    }

    /// The admin interface of the Envoy, once it has said where it is.
    fn admin(&self) -> Option<Admin> {
        let runs = fs::read_dir(self.path("run")).ok()?;
        let said = runs.filter_map(|run| fs::read_to_string(run.ok()?.path().join("admin-address.txt")).ok()).next()?;
        Some(Admin::new(said.trim().parse().ok()?))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Module {
    fn serve() -> Self {
        let bytes = fs::read(named("TOOLGATE_FILTER")).expect("the module can be read");
        let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { server: Upstream::answering(move |_| Answer::new(200).body(&bytes)), sha256 }
    }

    fn url(&self) -> String {
        format!("http://{}/filter.wasm", self.server.address())
    }
}
