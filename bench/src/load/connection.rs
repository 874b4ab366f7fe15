//! One connection of a client.

use std::io::{self, ErrorKind, Read, Write};
use std::time::Instant;

use mio::net::TcpStream;

use super::Class;

/// Room for the head of an answer; peers send fewer than ten fields.
const HEADERS_MAX: usize = 32;
/// An answer that is larger is none of a server that is measured here.
const ANSWER_MAX: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) class: Class,
    /// When the request was to begin.
    pub(super) intended: Instant,
    pub(super) deadline: Instant,
    /// Requests, or batches, after this one.
    pub(super) left: u64,
    pub(super) first: bool,
    /// All of its requests are answered; it stays open.
    pub(super) idle: bool,
    connected: bool,
    written: usize,
    input: Vec<u8>,
    /// Answers of the batch that are complete.
    answers: u16,
}

/// What an event brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Pending,
    /// The whole batch, by this worker.
    Answered(Option<u32>),
    /// The same, and the server closes the connection, as it says.
    Last(Option<u32>),
    /// Refused, reset, or closed too early.
    Reset,
    /// Not an answer that counts.
    Wrong,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, class: Class, intended: Instant, left: u64) -> Self {
        Self {
            stream,
            class,
            intended,
            deadline: intended,
            left,
            first: true,
            idle: false,
            connected: false,
            written: 0,
            input: Vec::new(),
            answers: 0,
        }
    }

    /// Begins the next request on the same connection.
    pub(super) fn renew(&mut self, class: Class, intended: Instant) {
        self.class = class;
        self.intended = intended;
        self.left -= 1;
        self.first = false;
        self.written = 0;
        self.answers = 0;
    }

    /// Goes as far as the socket lets it.
    pub(super) fn advance(&mut self, request: &[u8], batch: u16) -> Progress {
        match self.exchange(request, batch) {
            Ok(progress) => progress,
            Err(error) if error.kind() == ErrorKind::InvalidData => Progress::Wrong,
            Err(_) => Progress::Reset,
        }
    }

    fn exchange(&mut self, request: &[u8], batch: u16) -> io::Result<Progress> {
        if !self.connected {
            if let Some(error) = self.stream.take_error()? {
                return Err(error);
            }
            match self.stream.peer_addr() {
                Ok(_) => self.connected = true,
                Err(error) if error.kind() == ErrorKind::NotConnected => {
                    return Ok(Progress::Pending);
                }
                Err(error) => return Err(error),
            }
        }
        while self.written < request.len() {
            match self.stream.write(&request[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Ok(Progress::Pending);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let mut octets = [0; 8192];
        loop {
            match self.stream.read(&mut octets) {
                Ok(0) => return Ok(Progress::Reset),
                Ok(count) => self.input.extend_from_slice(&octets[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Ok(Progress::Pending);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            while let Some(answer) = answer(&self.input)? {
                self.input.drain(..answer.length);
                self.answers += 1;
                if self.answers == batch {
                    let progress = if answer.closes { Progress::Last } else { Progress::Answered };
                    return Ok(progress(answer.worker));
                }
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Answer {
    length: usize,
    worker: Option<u32>,
    /// `Connection: close`
    closes: bool,
}

/// The first answer in the input, if it is complete.
fn answer(input: &[u8]) -> io::Result<Option<Answer>> {
    let wrong = |why: String| io::Error::new(ErrorKind::InvalidData, why);
    let mut fields = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Response::new(&mut fields);
    let parsed = head.parse(input).map_err(|error| wrong(error.to_string()))?;
    let httparse::Status::Complete(head_length) = parsed else {
        return if input.len() > ANSWER_MAX {
            Err(wrong("no end of head".into()))
        } else {
            Ok(None)
        };
    };
    if head.code != Some(200) {
        return Err(wrong(format!("status {:?}", head.code)));
    }
    let field = |name: &str| -> Option<&str> {
        let field = head.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name))?;
        Some(std::str::from_utf8(field.value).ok()?.trim())
    };
    let number = |name: &str| -> Option<u32> { field(name)?.parse().ok() };
    let closes = field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    let body = number("content-length").and_then(|length| usize::try_from(length).ok());
    let length = body.filter(|length| *length <= ANSWER_MAX).map(|length| head_length + length);
    let length = length.ok_or_else(|| wrong("no length".into()))?;
    Ok((input.len() >= length).then(|| Answer { length, worker: number("x-worker"), closes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_complete_with_its_last_octet_and_names_its_worker() {
        let text = b"HTTP/1.1 200 OK\r\nx-worker: 7\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200";
        let whole = text.len() - 12;
        for length in 0..whole {
            assert_eq!(answer(&text[..length]).unwrap(), None);
        }
        assert_eq!(
            answer(text).unwrap(),
            Some(Answer { length: whole, worker: Some(7), closes: false })
        );
        let text = b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n";
        assert!(answer(text).unwrap().unwrap().closes);
    }

    #[test]
    fn what_is_no_answer_or_no_success_is_an_error() {
        for text in [
            "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "nonsense\r\n\r\n",
        ] {
            assert_eq!(answer(text.as_bytes()).unwrap_err().kind(), ErrorKind::InvalidData);
        }
    }
}
