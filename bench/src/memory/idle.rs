//! Connections that have had an answer, and then say nothing.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::interrupt;
use crate::subject::Subject;

const PATIENCE: Duration = Duration::from_secs(10);

/// They stay open until it is dropped.
pub(super) struct Idle {
    server: String,
    connections: Vec<TcpStream>,
}

impl Idle {
    pub(super) fn connect(subject: &Subject, count: u16) -> Result<Self> {
        let server = subject.name().to_owned();
        let mut connections = Vec::new();
        for _ in 0..count {
            interrupt::check()?;
            connections.push(ask(subject.port).with_context(|| server.clone())?);
        }
        Ok(Self { server, connections })
    }

    /// An error if the server has closed one of them, or said something more.
    pub(super) fn check(&self) -> Result<()> {
        let open = self.connections.iter().filter(|connection| is_open(connection)).count();
        let all = self.connections.len();
        ensure!(open == all, "{}: {open} of {all} connections were open at the end", self.server);
        Ok(())
    }
}

/// A connection that has had its first answer.
fn ask(port: u16) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port)))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /whoami HTTP/1.1\r\nHost: bench\r\n\r\n")?;
    let mut answer = [0; 2048];
    let count = stream.read(&mut answer).context("no answer")?;
    ensure!(answer[..count].starts_with(b"HTTP/1.1 200"), "not an answer");
    Ok(stream)
}

/// Nothing has come on it, not even its end.
fn is_open(connection: &TcpStream) -> bool {
    let nothing = |error: &io::Error| error.kind() == io::ErrorKind::WouldBlock;
    connection.set_nonblocking(true).is_ok()
        && connection.peek(&mut [0]).as_ref().is_err_and(nothing)
}
