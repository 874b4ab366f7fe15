//! A loop of one's own, with mio, that speaks just enough HTTP:
//! `cargo run -p demo-app --example raw_mio`.

mod common;

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use common::{Flags, milliseconds, whoami};
use evenkeel::{Connection, RawWorker, Worker};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

fn main() -> Result<(), evenkeel::Error> {
    Flags::read().server().run(serve)
}

/// The intake of the worker; connections have the numbers from 1 on.
const INTAKE: Token = Token(0);

/// How long a connection may be silent once the drain is impatient, and how often that is looked at.
const SILENCE: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(100);

/// A connection, and what of a request has come.
struct Client {
    connection: Connection,
    received: Vec<u8>,
    silent_since: Instant,
}

fn serve(worker: &RawWorker) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let intake = worker.as_fd().as_raw_fd();
    poll.registry().register(&mut SourceFd(&intake), INTAKE, Interest::READABLE)?;
    let (mut clients, mut next) = (HashMap::new(), 1);
    let (drain, mut events) = (worker.drain(), Events::with_capacity(256));
    // The first look tells the master that this worker is ready.
    take_new(worker, &poll, &mut clients, &mut next)?;
    while !worker.is_done() {
        let timeout = drain.is_impatient().then_some(TICK);
        match worker.wait(|| poll.poll(&mut events, timeout)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        }
        for event in events.iter().filter(|event| event.token() != INTAKE) {
            let key = event.token().0;
            let Some(client) = clients.get_mut(&key) else { continue };
            if !client.go_on(worker).unwrap_or(false) {
                clients.remove(&key);
            }
        }
        take_new(worker, &poll, &mut clients, &mut next)?;
        if drain.is_impatient() {
            clients.retain(|_, client| !client.is_silent() || client.asks_still(worker));
        }
    }
    Ok(())
}

fn take_new(
    worker: &RawWorker,
    poll: &Poll,
    clients: &mut HashMap<usize, Client>,
    next: &mut usize,
) -> io::Result<()> {
    while let Some(connection) = worker.accept()? {
        let number = connection.as_raw_fd();
        poll.registry().register(&mut SourceFd(&number), Token(*next), Interest::READABLE)?;
        let client = Client { connection, received: Vec::new(), silent_since: Instant::now() };
        clients.insert(*next, client);
        *next += 1;
    }
    Ok(())
}

impl Client {
    /// Reads and answers what is there; false at the end of the connection.
    fn go_on(&mut self, worker: &RawWorker) -> io::Result<bool> {
        let mut part = [0; 4096];
        loop {
            match self.connection.read(&mut part) {
                Ok(0) => return Ok(false),
                Ok(count) => {
                    self.received.extend_from_slice(&part[..count]);
                    self.silent_since = Instant::now();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(error),
            }
            while let Some(end) = self.received.windows(4).position(|it| it == b"\r\n\r\n") {
                let head: Vec<u8> = self.received.drain(..end + 4).collect();
                if !self.answer(&String::from_utf8_lossy(&head), worker)? {
                    return Ok(false);
                }
            }
        }
    }

    fn is_silent(&self) -> bool {
        self.received.is_empty() && self.silent_since.elapsed() >= SILENCE
    }

    /// What came meanwhile is answered, so that none is closed with something unread.
    fn asks_still(&mut self, worker: &RawWorker) -> bool {
        self.go_on(worker).unwrap_or(false) && !self.is_silent()
    }

    /// Whether another request may follow.
    fn answer(&mut self, head: &str, worker: &RawWorker) -> io::Result<bool> {
        let began = Instant::now();
        let body = body(head.split(' ').nth(1).unwrap_or("/"), worker.about());
        let answering = worker.answer(began.elapsed());
        let last = answering.is_last() || head.to_lowercase().contains("connection: close");
        let connection = if last { "Connection: close\r\n" } else { "" };
        let (length, index) = (body.len(), worker.about().index());
        let fields = format!("Content-Length: {length}\r\nX-Worker: {index}\r\n{connection}");
        // A small answer fits into the buffer of any socket.
        self.connection.write_all(format!("HTTP/1.1 200 OK\r\n{fields}\r\n{body}").as_bytes())?;
        Ok(!last)
    }
}

fn body(target: &str, about: &Worker) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if path == "/sleep" || path == "/block" {
        // This server has one thread, and does one thing at a time.
        std::thread::sleep(milliseconds(Some(query)));
    }
    whoami(about)
}
