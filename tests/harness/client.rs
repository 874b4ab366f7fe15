//! A client that says exactly what happened, and tries nothing twice.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// Longer than any answer takes: what is not answered by then hangs.
const HANG: Duration = Duration::from_secs(20);

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The port is closed.
    Refused,
    /// The connection ended before the answer was complete.
    Cut,
    /// Nothing came.
    Hung,
}

/// One connection.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    received: Vec<u8>,
    answers: u32,
    /// When it was connected, asked for the last time, and answered for the last time.
    connected: Instant,
    asked: Option<Instant>,
    answered: Option<Instant>,
    /// None if it ended in order.
    error: Option<io::ErrorKind>,
}

impl Client {
    pub(crate) fn connect(port: u16) -> Result<Self, Failure> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let stream =
            TcpStream::connect_timeout(&address, HANG).map_err(|error| Failure::of(&error))?;
        Ok(Self::of(stream))
    }

    pub(crate) fn connect_unix(path: &Path) -> Result<Self, Failure> {
        let stream = UnixStream::connect(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Failure::Refused,
            _ => Failure::of(&error),
        })?;
        // Reading, writing and their timeouts are the same for all stream sockets.
        Ok(Self::of(OwnedFd::from(stream).into()))
    }

    /// On a connection that was made in another way.
    pub(crate) fn of(stream: TcpStream) -> Self {
        // These fail for a time of zero only, and for no connection that stands.
        let _ = stream.set_nodelay(true);
        stream.set_read_timeout(Some(HANG)).unwrap();
        stream.set_write_timeout(Some(HANG)).unwrap();
        Self {
            stream,
            received: Vec::new(),
            answers: 0,
            connected: Instant::now(),
            asked: None,
            answered: None,
            error: None,
        }
    }

    /// So many, each of which has asked and waits for its answer.
    pub(crate) fn waiting(port: u16, count: usize, target: &str) -> Vec<Self> {
        let ask = |_| {
            let mut client = Self::connect(port).unwrap();
            client.ask(target).unwrap();
            client
        };
        (0..count).map(ask).collect()
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), Failure> {
        self.stream.write_all(bytes.as_ref()).map_err(|error| self.failed(&error))
    }

    /// Nothing has come that was not read.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.stream.set_nonblocking(true).unwrap();
        let looked = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false).unwrap();
        matches!(looked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Asks without waiting for the answer.
    pub(crate) fn ask(&mut self, target: &str) -> Result<(), Failure> {
        self.asked = Some(Instant::now());
        self.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"))
    }

    pub(crate) fn get(&mut self, target: &str) -> Result<Answer, Failure> {
        self.ask(target)?;
        self.answer()
    }

    /// Asks once, and for the end of the connection.
    pub(crate) fn get_last(&mut self, target: &str) -> Result<Answer, Failure> {
        self.asked = Some(Instant::now());
        self.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"))?;
        self.answer()
    }

    /// The same, for an answer that may be late; it can still come later.
    pub(crate) fn get_within(&mut self, target: &str, time: Duration) -> Result<Answer, Failure> {
        self.stream.set_read_timeout(Some(time)).map_err(|error| Failure::of(&error))?;
        let answer = self.get(target);
        self.stream.set_read_timeout(Some(HANG)).map_err(|error| Failure::of(&error))?;
        answer
    }

    /// The next answer, which has a `Content-Length`.
    pub(crate) fn answer(&mut self) -> Result<Answer, Failure> {
        self.answer_to(false)
    }

    /// The next answer; that to HEAD has no body.
    pub(crate) fn answer_to(&mut self, head_request: bool) -> Result<Answer, Failure> {
        loop {
            if let Some((answer, used)) = parse(&self.received, head_request) {
                self.received.drain(..used);
                self.answers += 1;
                self.answered = Some(Instant::now());
                return Ok(answer);
            }
            if self.read()? == 0 {
                return Err(Failure::Cut);
            }
        }
    }

    /// Waits until something has come.
    pub(crate) fn wait_for_some(&mut self) {
        assert_ne!(self.read(), Ok(0));
    }

    /// All that comes until the other side closes.
    pub(crate) fn rest(&mut self) -> Result<Vec<u8>, Failure> {
        while self.read()? > 0 {}
        Ok(std::mem::take(&mut self.received))
    }

    fn read(&mut self) -> Result<usize, Failure> {
        let mut part = [0; 16 * 1024];
        let count = loop {
            match self.stream.read(&mut part) {
                // After SIGCONT (signal(7)): a socket with a timeout is not asked again.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other.map_err(|error| self.failed(&error))?,
            }
        };
        self.received.extend_from_slice(&part[..count]);
        Ok(count)
    }

    fn failed(&mut self, error: &io::Error) -> Failure {
        self.error = Some(error.kind());
        Failure::of(error)
    }
}

/// What tells where a connection stood.
impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ago = |then: Option<Instant>| then.map(|then| then.elapsed());
        formatter
            .debug_struct("Client")
            .field("address", &self.stream.local_addr().ok())
            .field("answers", &self.answers)
            .field("connected", &self.connected.elapsed())
            .field("asked", &ago(self.asked))
            .field("answered", &ago(self.answered))
            .field("error", &self.error)
            .field("received", &String::from_utf8_lossy(&self.received))
            .finish_non_exhaustive()
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut values = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        values.next().map(|(_, value)| value.trim())
    }

    /// Which worker answered.
    pub(crate) fn worker(&self) -> u16 {
        self.header("x-worker").expect("X-Worker").parse().unwrap()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A number in the JSON of `/whoami`.
    pub(crate) fn number(&self, key: &str) -> u32 {
        let text = self.text();
        let (_, after) = text.split_once(&format!("\"{key}\":")).expect("the key");
        after.split([',', '}']).next().unwrap().parse().unwrap()
    }
}

impl Failure {
    fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::Hung,
            _ => Self::Cut,
        }
    }
}

/// One request on a connection of its own.
pub(crate) fn get(port: u16, target: &str) -> Result<Answer, Failure> {
    Client::connect(port)?.get_last(target)
}

fn parse(bytes: &[u8], head_request: bool) -> Option<(Answer, usize)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let mut answer = Answer { status, head, body: Vec::new() };
    let bodiless = head_request || status < 200;
    let length = answer.header("content-length").filter(|_| !bodiless);
    let length = length.map_or(0, |length| length.parse().unwrap());
    answer.body = bytes.get(end..end + length)?.to_vec();
    Some((answer, end + length))
}
