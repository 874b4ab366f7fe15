//! Clients that do all they can.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use anyhow::{Result, anyhow};
use socket2::SockRef;

/// At a time.
const CLIENTS: usize = 4;
/// A server that does not go on for so long is left alone.
const PATIENCE: Duration = Duration::from_secs(1);
/// After a connection that was not to be had.
const PAUSE: Duration = Duration::from_millis(1);

/// What follows what was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// The connection is reset.
    Reset,
    /// The client sends no more, and reads to the end.
    Read,
    /// The same, but each octet was a segment of its own.
    OctetsAndRead,
}

/// Connection after connection, each of which says this; how many.
pub(super) fn repeat(port: u16, done: &AtomicBool, said: &[u8], then: Then) -> Result<u64> {
    at_once(done, || {
        let stream = connect(port)?;
        // It may be refused before all is said.
        let _ = meet(stream, said, then);
        Ok(())
    })
}

fn meet(mut stream: TcpStream, said: &[u8], then: Then) -> io::Result<()> {
    match then {
        Then::OctetsAndRead => {
            stream.set_nodelay(true)?;
            said.chunks(1).try_for_each(|octet| stream.write_all(octet))?;
        }
        Then::Read => stream.write_all(said)?,
        Then::Reset => {
            SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
            return stream.write_all(said);
        }
    }
    stream.shutdown(Shutdown::Write)?;
    let mut answer = [0; 16 * 1024];
    while stream.read(&mut answer)? > 0 {}
    Ok(())
}

/// Clients that begin so, and send more again and again; who is let go comes again.
pub(super) fn send_without_end(
    port: u16,
    done: &AtomicBool,
    opening: &[u8],
    more: &[u8],
) -> Result<u64> {
    at_once(done, || {
        let mut stream = connect(port)?;
        let mut goes_on = stream.write_all(opening);
        while goes_on.is_ok() && !done.load(Relaxed) {
            goes_on = stream.write_all(more);
        }
        Ok(())
    })
}

/// Several clients try the same until told to stop; how often it could be tried.
fn at_once(done: &AtomicBool, once: impl Fn() -> io::Result<()> + Sync) -> Result<u64> {
    let again_and_again = || {
        let mut tries = 0;
        while !done.load(Relaxed) {
            match once() {
                Ok(()) => tries += 1,
                Err(_) => std::thread::sleep(PAUSE),
            }
        }
        tries
    };
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(again_and_again)).collect();
        let tries = clients.into_iter().map(ScopedJoinHandle::join);
        tries.sum::<std::thread::Result<u64>>().map_err(|_| anyhow!("a client panicked"))
    })
}

pub(super) fn connect(port: u16) -> io::Result<TcpStream> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}
