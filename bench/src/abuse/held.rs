//! Connections that are kept as long as the server lets them be.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Result, ensure};
use nix::sys::resource::{Resource, getrlimit};
use socket2::{Domain, Socket, Type};

use super::torrent::connect;

/// Of the slow and the stalled ones.
const CLIENTS: usize = 200;
/// Below what the peers allow.
const IDLE: usize = 9_000;
/// Descriptors that are no such connections.
const OTHER_FILES: usize = 500;
/// All servers answer it with 1 MiB.
const LARGE: &str = "GET /stream?kib=1024 HTTP/1.1\r\nHost: a\r\n\r\n";
/// Between two octets.
const PAUSE: Duration = Duration::from_millis(100);

/// Clients that begin so, and go on octet by octet; who is let go comes again.
pub(super) fn send_slowly(port: u16, done: &AtomicBool, opening: &[u8]) -> u64 {
    let mut clients: Vec<Option<TcpStream>> = (0..CLIENTS).map(|_| None).collect();
    let mut made = 0;
    while !done.load(Relaxed) {
        for client in &mut clients {
            let goes_on = client.as_mut().is_some_and(|stream| stream.write_all(b"x").is_ok());
            if goes_on {
                continue;
            }
            *client = connect(port).ok();
            if let Some(stream) = client {
                made += 1;
                *client = stream.write_all(opening).is_ok().then(|| client.take()).flatten();
            }
        }
        std::thread::sleep(PAUSE);
    }
    made
}

/// Clients that ask for much, and read nothing.
pub(super) fn hold_stalled(port: u16, done: &AtomicBool) -> u64 {
    let mut clients = Vec::new();
    while !done.load(Relaxed) {
        if clients.len() == CLIENTS {
            std::thread::sleep(PAUSE);
        } else if let Ok(mut stream) = with_small_window(port) {
            // It may be let go of.
            let _ = stream.write_all(LARGE.repeat(10).as_bytes());
            clients.push(stream);
        }
    }
    clients.len() as u64
}

fn with_small_window(port: u16) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_recv_buffer_size(1)?;
    socket.connect(&SocketAddr::from(([127, 0, 0, 1], port)).into())?;
    Ok(socket.into())
}

/// Clients that do nothing, not even ask.
pub(super) fn hold_idle(port: u16, done: &AtomicBool) -> Result<u64> {
    let (files, _) = getrlimit(Resource::RLIMIT_NOFILE)?;
    ensure!(
        files >= (IDLE + OTHER_FILES) as u64,
        "{files} open files are allowed and {} needed: raise the hard limit (ulimit -Hn)",
        IDLE + OTHER_FILES
    );
    let mut idle = Vec::new();
    while !done.load(Relaxed) {
        // The accept queue may be full.
        let newcomer = if idle.len() < IDLE { connect(port).ok() } else { None };
        match newcomer {
            Some(stream) => idle.push(stream),
            None => std::thread::sleep(PAUSE),
        }
    }
    Ok(idle.len() as u64)
}
