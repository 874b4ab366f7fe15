//! A client that behaves: it asks for little, at its own pace.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::Result;
use hdrhistogram::Histogram;

use crate::priority;

pub(super) const PER_SECOND: u32 = 50;

/// An answer that takes longer has failed, and counts as so late.
const PATIENCE: Duration = Duration::from_secs(5);
/// The servers' answers to `/` have fewer octets.
const ANSWER_BYTES_MAX: usize = 4096;

/// How soon the answers came, in microseconds.
pub(super) struct Answers {
    times: Histogram<u64>,
    pub(super) failed: u64,
}

impl Answers {
    pub(super) fn asked(&self) -> u64 {
        self.times.len()
    }

    pub(super) fn at(&self, share: f64) -> u64 {
        self.times.value_at_quantile(share)
    }

    pub(super) fn max(&self) -> u64 {
        self.times.max()
    }
}

/// Asks until it is told to stop. Requests begin when they are due, however late the last answer was.
pub(super) fn ask(port: u16, done: &AtomicBool) -> Result<Answers> {
    priority::run_before_others();
    let mut answers = Answers { times: Histogram::new(3)?, failed: 0 };
    let mut kept = None;
    let began = Instant::now();
    for number in 0.. {
        let due = began + Duration::from_secs(1) * number / PER_SECOND;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if done.load(Relaxed) {
            break;
        }
        let answered = if number % 2 == 0 { ask_again(&mut kept, port) } else { ask_anew(port) };
        let time = if answered.is_ok() { due.elapsed() } else { PATIENCE };
        answers.failed += u64::from(answered.is_err());
        answers.times.record(u64::try_from(time.as_micros())?)?;
    }
    Ok(answers)
}

/// On the connection of the last time, if there is one.
fn ask_again(kept: &mut Option<TcpStream>, port: u16) -> io::Result<()> {
    let mut stream = match kept.take() {
        Some(stream) => stream,
        None => connect(port)?,
    };
    exchange(&mut stream, b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n")?;
    *kept = Some(stream);
    Ok(())
}

fn ask_anew(port: u16) -> io::Result<()> {
    exchange(&mut connect(port)?, b"GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// One request and its whole answer, and nothing else.
fn exchange(stream: &mut TcpStream, request: &[u8]) -> io::Result<()> {
    stream.write_all(request)?;
    let mut answer = Vec::new();
    let mut part = [0; ANSWER_BYTES_MAX];
    loop {
        match stream.read(&mut part)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => answer.extend_from_slice(&part[..count]),
        }
        match length(&answer)? {
            Some(length) if answer.len() == length => return Ok(()),
            Some(length) if answer.len() > length => return Err(wrong("more than one answer")),
            _ if answer.len() > ANSWER_BYTES_MAX => return Err(wrong("a longer answer")),
            _ => {}
        }
    }
}

/// Of the whole answer, if its head is complete.
fn length(answer: &[u8]) -> io::Result<Option<usize>> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Response::new(&mut fields);
    let parsed = head.parse(answer).map_err(|error| wrong(&error.to_string()))?;
    let httparse::Status::Complete(head_length) = parsed else { return Ok(None) };
    let named = |field: &&httparse::Header<'_>| field.name.eq_ignore_ascii_case("content-length");
    let field = head.headers.iter().find(named);
    let body = field.and_then(|field| std::str::from_utf8(field.value).ok()?.parse::<usize>().ok());
    let body = body.filter(|_| head.code == Some(200));
    body.map(|body| Some(head_length + body)).ok_or_else(|| wrong("not the page"))
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_page_is_an_answer() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";
        assert_eq!(length(text).unwrap(), Some(text.len()));
        assert_eq!(length(&text[..20]).unwrap(), None);
        for wrong in ["HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "4000\r\nnot a head"] {
            assert!(length(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
