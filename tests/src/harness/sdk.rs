//! Programs of the official SDKs of MCP: servers, and clients that go through a script.
//!
//! In: what `TOOLGATE_MCP_PYTHON`, `TOOLGATE_NODE` and `TOOLGATE_MCP_NODE` name, and a script of `tests/mcp/scripts`.
//! Out: a server's address, and what a client saw, one value a step. Knows nothing of the protocol.

use super::{PATIENCE, named, process::Program, wait_for};
use serde_json::{Value, json};
use std::{
    env,
    ffi::OsString,
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// Of the Python SDK; it answers with streams of events.
    Python,
    /// The same one, which answers older versions with plain JSON.
    PythonJson,
    /// Of the TypeScript SDK, new line.
    TypeScript,
    /// The reference server, of the TypeScript SDK, old line.
    Everything,
}

/// Which client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// Of the Python SDK.
    Python,
    /// Of the TypeScript SDK, the line before 2026-07-28.
    OldTypeScript,
    /// Of the TypeScript SDK, the line since.
    NewTypeScript,
}

/// A running server.
#[derive(Debug)]
pub struct SdkServer {
    address: SocketAddr,
    _program: Program,
    _folder: TempDir,
}

impl SdkServer {
    /// Starts it and waits until it listens.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn start(server: Server) -> Self {
        let folder = TempDir::with_prefix("toolgate-mcp-").expect("a folder can be made");
        let (runner, mut arguments) = match server {
            Server::Python | Server::PythonJson => python("server.py"),
            Server::TypeScript => node("server.mjs"),
            Server::Everything => node("everything.mjs"),
        };
        if server == Server::PythonJson {
            arguments.push("--json".into());
        }
        let mut program = start("mcp-server", &runner, &arguments, folder.path());
        let mut port = None;
        program.wait_until("a port", || {
            port = program_port(folder.path());
            port.is_some()
        });
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap_or_default()));
        Self { address, _program: program, _folder: folder }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn program_port(folder: &Path) -> Option<u16> {
    fs::read_to_string(folder.join("mcp-server.out")).ok()?.strip_suffix('\n')?.parse().ok()
}

impl Client {
    /// Goes through the steps at this address in a version of the protocol, and gives what it saw.
    ///
    /// # Panics
    /// When it does not come to its end.
    #[must_use]
    pub fn run(self, address: SocketAddr, version: &str, headers: &Value, steps: &Value) -> Vec<Value> {
        let folder = TempDir::with_prefix("toolgate-mcp-").expect("a folder can be made");
        let line = if self == Self::OldTypeScript { "old" } else { "new" };
        let url = format!("http://{address}/mcp");
        let script = json!({"url": url, "version": version, "line": line, "headers": headers, "steps": steps});
        let (runner, mut arguments) = match self {
            Self::Python => python("client.py"),
            Self::OldTypeScript | Self::NewTypeScript => node("client.mjs"),
        };
        arguments.push(script.to_string().into());
        let mut program = start("mcp-client", &runner, &arguments, folder.path());
        let ended = wait_for(PATIENCE * 6, || program.exit_status());
        let lines: Vec<Value> = program.output().lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let whole = lines.last().is_some_and(|line| line.get("answers").is_some());
        assert!(ended.is_some() && whole, "{self:?} in {version} did not come to its end:\n{}", program.log());
        lines
    }
}

/// The steps that `tests/mcp/scripts` has under this name, without those that a version does not have yet.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn script(name: &str, version: &str) -> Value {
    let path = programs().join("scripts").join(format!("{name}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let steps: Vec<Value> = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let since = |step: &Value| step.get("since").and_then(Value::as_str).unwrap_or_default().to_owned();
    // Versions sort as the days that they are named after, and a probe finds the newest.
    steps.into_iter().filter(|step| since(step).as_str() <= version).collect()
}

fn programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("mcp")
}

fn python(program: &str) -> (PathBuf, Vec<OsString>) {
    // Without the byte code, which would be written beside the programs.
    (named("TOOLGATE_MCP_PYTHON"), vec!["-B".into(), programs().join(program).into()])
}

fn node(program: &str) -> (PathBuf, Vec<OsString>) {
    (named("TOOLGATE_NODE"), vec![programs().join(program).into()])
}

fn start(name: &'static str, runner: &Path, arguments: &[OsString], folder: &Path) -> Program {
    let packages = env::var_os("TOOLGATE_MCP_NODE").unwrap_or_default();
    // A proxy that the user has for other hosts would stand between these programs and Envoy.
    let variables =
        [("TOOLGATE_MCP_NODE", packages), ("NO_PROXY", "127.0.0.1".into()), ("no_proxy", "127.0.0.1".into())];
    Program::start(name, runner, arguments, &variables, folder)
}
