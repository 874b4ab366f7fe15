//! What is done to one worker while the others are asked.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};

use crate::client::whoami;
use crate::subject::{Subject, pid};

/// A stall begins so often. A run lasts whole periods, so that the stalled share of the time is the same.
pub(super) const STALL_PERIOD: Duration = Duration::from_secs(2);
const STALL: &[u8] = b"GET /sleep?ms=500 HTTP/1.1\r\nHost: bench\r\n\r\n";
/// More than a stall.
const PATIENCE: Duration = Duration::from_secs(5);
/// The end of the run is noticed so soon.
const TICK: Duration = Duration::from_millis(20);

/// Blocks the worker that takes this one connection for half a second, every two seconds.
pub(super) fn stall(port: u16, done: &AtomicBool) -> Result<()> {
    let mut stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port)))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut next = Instant::now() + Duration::from_millis(100);
    let mut answer = [0; 4096];
    while !done.load(Relaxed) {
        if Instant::now() < next {
            std::thread::sleep(TICK);
            continue;
        }
        next += STALL_PERIOD;
        stream.write_all(STALL)?;
        let count = stream.read(&mut answer).context("the stalled worker does not answer")?;
        anyhow::ensure!(answer[..count].starts_with(b"HTTP/1.1 200"), "it does not sleep");
    }
    Ok(())
}

/// A worker that was stopped, until this is dropped.
pub(super) struct Stopped(u32);

impl Stopped {
    pub(super) fn one_of(subject: &Subject) -> Result<Self> {
        let victim = whoami(subject.port)?;
        kill(pid(victim), Signal::SIGSTOP)?;
        Ok(Self(victim))
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // Stopped, it cannot have ended: the id is still its own.
        let _ = kill(pid(self.0), Signal::SIGCONT);
    }
}
