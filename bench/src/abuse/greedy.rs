//! Clients that ask as fast as they can, and read as fast.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use anyhow::Result;

use super::torrent::connect;

const CLIENTS: usize = 20;
/// When nothing could be sent, and nothing was there.
const PAUSE: Duration = Duration::from_micros(100);

struct Greedy {
    stream: TcpStream,
    /// How much of the requests is sent.
    at: usize,
}

/// Until `done`; how many connections it took.
pub(super) fn run(port: u16, done: &AtomicBool) -> Result<u64> {
    let requests = "GET / HTTP/1.1\r\nHost:a\r\n\r\n".repeat(1000);
    let mut answers = vec![0; 64 * 1024];
    let (mut clients, mut made) = (Vec::new(), 0);
    while !done.load(Relaxed) {
        while clients.len() < CLIENTS
            && let Ok(stream) = connect(port)
        {
            stream.set_nonblocking(true)?;
            clients.push(Greedy { stream, at: 0 });
            made += 1;
        }
        let mut moved = false;
        clients.retain_mut(|client| match client.go_on(requests.as_bytes(), &mut answers) {
            Ok(some) => {
                moved |= some;
                true
            }
            Err(_) => false,
        });
        if !moved {
            std::thread::sleep(PAUSE);
        }
    }
    Ok(made)
}

impl Greedy {
    /// Whether anything was sent or read.
    fn go_on(&mut self, requests: &[u8], answers: &mut [u8]) -> io::Result<bool> {
        let sent = unless_blocked(self.stream.write(&requests[self.at..]))?;
        self.at = (self.at + sent.unwrap_or(0)) % requests.len();
        match unless_blocked(self.stream.read(answers))? {
            Some(0) => Err(ErrorKind::UnexpectedEof.into()),
            read => Ok(sent.is_some() || read.is_some()),
        }
    }
}

fn unless_blocked(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
