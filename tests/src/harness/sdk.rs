//! Programs of the official SDKs of MCP: servers, and clients that go through a script.
//!
//! In: what the variables `TOOLGATE_MCP_PYTHON`, `…_PYTHON_1`, `…_NODE` and `TOOLGATE_NODE` name, and scripts of
//! `tests/mcp/scripts`. Out: a server's address, and what clients saw, one value a step. Knows nothing of the protocol.

use super::{PATIENCE, named, process::Program, wait_for};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
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
    /// The same one, whose streams of older versions can be resumed.
    PythonStoring,
    /// Of the Python SDK, the line before 2026-07-28; its streams can be resumed.
    OldPython,
    /// Of the TypeScript SDK, new line.
    TypeScript,
    /// The reference server, of the TypeScript SDK, old line.
    Everything,
}

/// Which client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// Of the Python SDK, the line since 2026-07-28.
    Python,
    /// Of the Python SDK, the line before.
    OldPython,
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
            Server::Python | Server::PythonJson | Server::PythonStoring => python("TOOLGATE_MCP_PYTHON", "server.py"),
            Server::OldPython => python("TOOLGATE_MCP_PYTHON_1", "server_1.py"),
            Server::TypeScript => node("server.mjs"),
            Server::Everything => node("everything.mjs"),
        };
        match server {
            Server::PythonJson => arguments.push("--json".into()),
            Server::PythonStoring => arguments.push("--store".into()),
            _ => {}
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

/// What a client is to do: to go through steps at an address.
#[derive(Clone, Debug)]
pub struct Run {
    client: Client,
    script: Value,
}

impl Run {
    /// One that offers this version of the protocol, with HTTP/1.1.
    #[must_use]
    pub fn new(client: Client, address: SocketAddr, version: &str, headers: &Value, steps: &Value) -> Self {
        let line = if client == Client::OldTypeScript { "old" } else { "new" };
        let url = format!("http://{address}/mcp");
        let script = json!({"url": url, "version": version, "line": line, "headers": headers, "steps": steps});
        Self { client, script }
    }

    /// With HTTP/2, as one who knows that the other side has it.
    #[must_use]
    pub fn http2(mut self) -> Self {
        self.script.as_object_mut().expect("a script is an object").insert("http2".into(), json!(true));
        self
    }
}

/// How many runs there are at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Several, for most of a run is waiting.
    Together,
    /// One after the other, in the order of the clients' programs, for a server that one of them changes for all.
    InTurn,
}

/// Goes through all runs, those of one program in one process, and gives what each saw.
///
/// # Panics
/// When one does not come to its end.
#[must_use]
pub fn see(runs: &[Run], pace: Pace) -> Vec<Vec<Value>> {
    let (mut seen, mut waiting) = (BTreeMap::new(), Vec::new());
    for clients in PROGRAMS {
        let chosen: Vec<_> = runs.iter().enumerate().filter(|(_, run)| clients.contains(&run.client)).collect();
        waiting.extend(chosen.first().map(|(_, run)| Started::new(run.client, &chosen, pace)));
        if pace == Pace::InTurn {
            seen.extend(waiting.drain(..).flat_map(Started::end));
        }
    }
    seen.extend(waiting.into_iter().flat_map(Started::end));
    seen.into_values().collect()
}

/// The clients of one program stand together.
const PROGRAMS: [&[Client]; 3] =
    [&[Client::Python], &[Client::OldPython], &[Client::OldTypeScript, Client::NewTypeScript]];

/// A program of clients that is under way, and which runs it goes through.
struct Started {
    program: Program,
    numbers: Vec<usize>,
    _folder: TempDir,
}

impl Started {
    fn new(client: Client, runs: &[(usize, &Run)], pace: Pace) -> Self {
        let folder = TempDir::with_prefix("toolgate-mcp-").expect("a folder can be made");
        let scripts: Vec<&Value> = runs.iter().map(|(_, run)| &run.script).collect();
        let work = json!({"at_once": if pace == Pace::Together { 4 } else { 1 }, "runs": scripts});
        let file = folder.path().join("work.json");
        fs::write(&file, work.to_string()).expect("a file can be written");
        let (runner, mut arguments) = match client {
            Client::Python => python("TOOLGATE_MCP_PYTHON", "client.py"),
            Client::OldPython => python("TOOLGATE_MCP_PYTHON_1", "client_1.py"),
            Client::OldTypeScript | Client::NewTypeScript => node("client.mjs"),
        };
        arguments.push(file.into());
        let program = start("mcp-client", &runner, &arguments, folder.path());
        Self { program, numbers: runs.iter().map(|(number, _)| *number).collect(), _folder: folder }
    }

    /// Waits for its end, and gives the lines of each run by its number.
    fn end(mut self) -> BTreeMap<usize, Vec<Value>> {
        // Each step has a limit of its own, in the program; many runs on a busy machine take their time.
        let ended = wait_for(PATIENCE * 15, || self.program.exit_status());
        let lines: Vec<(usize, Value)> =
            self.program.output().lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let of = |number: usize| lines.iter().filter(move |line| line.0 == number).map(|line| line.1.clone()).collect();
        let seen: Vec<Vec<Value>> = (0..self.numbers.len()).map(of).collect();
        let is_whole = |lines: &Vec<Value>| lines.last().is_some_and(|line| line.get("answers").is_some());
        let stopped = seen.iter().position(|lines| !is_whole(lines));
        let is_done = ended.is_some() && stopped.is_none();
        assert!(is_done, "run {stopped:?} of these did not come to its end:\n{}", self.program.log());
        self.numbers.iter().copied().zip(seen).collect()
    }
}

impl Client {
    /// Goes through the steps at this address in a version of the protocol, and gives what it saw.
    ///
    /// # Panics
    /// When it does not come to its end.
    #[must_use]
    pub fn run(self, address: SocketAddr, version: &str, headers: &Value, steps: &Value) -> Vec<Value> {
        see(&[Run::new(self, address, version, headers, steps)], Pace::InTurn).pop().unwrap_or_default()
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

fn python(runner: &str, program: &str) -> (PathBuf, Vec<OsString>) {
    // Without the byte code, which would be written beside the programs.
    (named(runner), vec!["-B".into(), programs().join(program).into()])
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
