//! A real Redis, in memory only.
//!
//! In: the binary that `TOOLGATE_REDIS` names, and perhaps a port. Out: its address, and its keys.
//! It ends when the value is dropped.

use super::{free_port, named, process::Program};
use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
};
use tempfile::TempDir;

/// A running Redis.
#[derive(Debug)]
pub struct Redis {
    program: Program,
    address: SocketAddr,
    _folder: TempDir,
}

impl Redis {
    /// Starts it on a free port.
    #[must_use]
    pub fn start() -> Self {
        Self::start_on(SocketAddr::from((Ipv4Addr::LOCALHOST, free_port())))
    }

    /// Starts it where another one was.
    ///
    /// # Panics
    /// When it does not listen.
    #[must_use]
    pub fn start_on(address: SocketAddr) -> Self {
        let folder = TempDir::with_prefix("toolgate-redis-").expect("a folder can be made");
        let port = address.port().to_string();
        let arguments = ["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "no"];
        let arguments = arguments.map(Into::into);
        let mut program = Program::start("redis", &named("TOOLGATE_REDIS"), &arguments, &[], folder.path());
        program.wait_until("listening", || ask(address, "PING").as_deref() == Some("+PONG\r\n"));
        Self { program, address, _folder: folder }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        self.program.end();
    }

    /// What it answers to a command, in its own protocol.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn ask(&self, command: &str) -> String {
        ask(self.address, command).unwrap_or_else(|| panic!("Redis does not answer:\n{}", self.program.log()))
    }
}

fn ask(address: SocketAddr, command: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "{command}\r\nQUIT\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.strip_suffix("+OK\r\n").map(ToOwned::to_owned)
}
