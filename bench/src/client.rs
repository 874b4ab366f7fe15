//! One request on a connection of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

/// Longer than any answer takes that counts.
const PATIENCE: Duration = Duration::from_secs(5);

/// The process that answers `/whoami`.
pub(crate) fn whoami(port: u16) -> Result<u32> {
    let mut stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port)))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /whoami HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let pid = answer.split_once("\"pid\":").and_then(|(_, after)| {
        let digits = after.split([',', '}']).next()?;
        digits.parse().ok()
    });
    pid.with_context(|| format!("not an answer of /whoami: {answer:?}"))
}
