//! One request on a connection of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

/// Longer than any answer takes that counts.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who answered `/whoami`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answerer {
    pub(crate) worker: u32,
    pub(crate) pid: u32,
}

pub(crate) fn whoami(port: u16) -> Result<Answerer> {
    let mut stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port)))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /whoami HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let number = |key: &str| -> Option<u32> {
        let (_, after) = answer.split_once(&format!("\"{key}\":"))?;
        after.split([',', '}']).next()?.parse().ok()
    };
    let (worker, pid) = (number("worker"), number("pid"));
    let answerer = worker.zip(pid).map(|(worker, pid)| Answerer { worker, pid });
    answerer.with_context(|| format!("not an answer of /whoami: {answer:?}"))
}
