mod bodies;
mod long_answers;

use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::http::limits::Limits;
use crate::http::request::Request;
use crate::http::response::{Response, Scratch};
use crate::http::solitude::Solitude;

/// A connection, the output that it made, and what its meter heard.
#[derive(Default)]
struct Peer {
    connection: Connection,
    scratch: Scratch,
    meter: Heard,
    limits: Limits,
    draining: bool,
    remote: Option<SocketAddr>,
    office: Solitude,
    out: Vec<u8>,
}

#[derive(Default)]
struct Heard {
    statuses: Vec<u16>,
    body_bytes: u64,
    faults: Vec<String>,
}

impl Meter for Heard {
    fn begin(&mut self) -> u64 {
        7
    }

    fn progress(&mut self) {}

    fn served(&mut self, served: &Served<'_>) {
        self.statuses.push(served.status);
        self.body_bytes += served.body_bytes;
    }

    fn keeps_lines(&self) -> bool {
        true
    }

    fn fault(&mut self, what: &str) {
        self.faults.push(what.to_owned());
    }
}

/// Answers with method, path and body, or as the path says.
fn handler(request: &Request<'_>, response: &mut Response<'_>) {
    match request.path() {
        "/panic" => panic!("on purpose"),
        "/split" => response.header("X", "a\r\nY: b").body("never sent"),
        "/name" => response.header("X Y", "a").body("never sent"),
        "/ours" => response.header("Content-Length", "1").body("never sent"),
        "/status" => response.status(100).body("never sent"),
        "/empty" => response.status(204).body("never sent"),
        "/close" => response.close().body("last\n"),
        "/big" => response.body(vec![b'x'; 40_000]),
        path => {
            let body = String::from_utf8_lossy(request.body()).into_owned();
            response.header("X-Path", path);
            response.body(format!("{} {path} {body}\n", request.method()));
        }
    }
}

impl Peer {
    fn turn<T>(
        &mut self,
        go: impl FnOnce(&mut Connection, &mut Turn<'_, fn(&Request<'_>, &mut Response<'_>), Heard>) -> T,
    ) -> T {
        self.turn_of(handler as fn(&Request<'_>, &mut Response<'_>), go)
    }

    fn turn_of<H: Handler, T>(
        &mut self,
        mut handler: H,
        go: impl FnOnce(&mut Connection, &mut Turn<'_, H, Heard>) -> T,
    ) -> T {
        let mut turn = Turn {
            handler: &mut handler,
            meter: &mut self.meter,
            out: &mut self.out,
            scratch: &mut self.scratch,
            limits: &self.limits,
            date: b"Sun, 06 Nov 1994 08:49:37 GMT",
            now: Duration::ZERO,
            remote: &mut self.remote,
            office: &self.office,
            client: 3,
            draining: self.draining,
        };
        go(&mut self.connection, &mut turn)
    }

    /// Feeds all of it in portions, flushing when asked to; stops when the connection is closed.
    fn feed(&mut self, input: &[u8], step: usize) -> Next {
        let mut next = Next::Read;
        let mut sent = Vec::new();
        for part in input.chunks(step) {
            next = self.turn(|connection, turn| connection.feed(part, turn));
            while next == Next::Flush {
                sent.append(&mut self.out);
                next = self.turn(Connection::resume);
            }
            if next != Next::Read {
                break;
            }
        }
        sent.append(&mut self.out);
        self.out = sent;
        next
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }
}

const DATE: &str = "Date: Sun, 06 Nov 1994 08:49:37 GMT";

/// What the server answers to the whole input, and what it wants next.
fn exchange(input: &str) -> (String, Next) {
    let mut peer = Peer::default();
    let next = peer.feed(input.as_bytes(), usize::MAX);
    (peer.text(), next)
}

#[test]
fn a_request_is_answered_octet_for_octet() {
    let (out, next) = exchange("GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(
        out,
        format!("HTTP/1.1 200 OK\r\n{DATE}\r\nContent-Length: 8\r\nX-Path: /a\r\n\r\nGET /a \n")
    );
    assert_eq!(next, Next::Read);
}

#[test]
fn requests_in_one_input_are_answered_in_order() {
    let input = "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n\
                 POST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc\
                 POST /3 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nd\r\n0\r\n\r\n\
                 HEAD /4 HTTP/1.1\r\nHost: x\r\n\r\n\
                 GET /5 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let (out, next) = exchange(input);
    let bodies: Vec<&str> = out.lines().filter(|line| line.contains(" /")).collect();
    let expected = [
        "X-Path: /1",
        "GET /1 ",
        "X-Path: /2",
        "POST /2 abc",
        "X-Path: /3",
        "POST /3 d",
        "X-Path: /4",
        "X-Path: /5",
        "GET /5 ",
    ];
    assert_eq!(bodies, expected, "{out}");
    assert_eq!(next, Next::Close { linger: false });
}

#[test]
fn answers_without_a_body_have_none() {
    let (out, _) = exchange("HEAD /big HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(out.contains("Content-Length: 40000\r\n") && out.ends_with("\r\n\r\n"), "{out}");
    let (out, _) = exchange("GET /empty HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(out, format!("HTTP/1.1 204 No Content\r\n{DATE}\r\n\r\n"));
}

#[test]
fn http_1_0_is_told_what_becomes_of_the_connection() {
    let (out, next) = exchange("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert!(out.contains("Connection: keep-alive\r\n"));
    assert_eq!(next, Next::Read);
    let (out, next) = exchange("GET / HTTP/1.0\r\n\r\n");
    assert!(out.contains("Connection: close\r\n"));
    assert_eq!(next, Next::Close { linger: false });
}

#[test]
fn continue_is_said_once_and_only_to_those_who_wait() {
    let head = "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    let mut peer = Peer::default();
    peer.feed(head.as_bytes(), usize::MAX);
    assert_eq!(peer.text(), "HTTP/1.1 100 Continue\r\n\r\n");
    peer.feed(b"ok", 1);
    assert_eq!(peer.text().matches("100 Continue").count(), 1);
    assert!(peer.text().ends_with("POST / ok\n"));
    let (out, _) = exchange(&format!("{head}ok"));
    assert!(!out.contains("100 Continue"));
}

#[test]
fn a_handlers_fault_is_a_500_that_says_nothing_and_closes() {
    for path in ["/panic", "/split", "/name", "/ours", "/status"] {
        let mut peer = Peer::default();
        let next = peer.feed(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes(), 1000);
        assert_eq!(next, Next::Close { linger: true }, "{path}");
        assert!(peer.text().starts_with("HTTP/1.1 500 "), "{path}");
        assert!(!peer.text().contains("Y: b") && !peer.text().contains("never sent"));
        assert_eq!((peer.meter.statuses.len(), peer.meter.faults.len()), (1, 1), "{path}");
    }
}

#[test]
fn a_refusal_ends_the_connection_and_what_follows_is_ignored() {
    let mut peer = Peer::default();
    let input = b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_eq!(peer.feed(input, usize::MAX), Next::Close { linger: true });
    assert!(peer.text().starts_with("HTTP/1.1 400 ") && peer.text().ends_with("no Host field\n"));
    assert_eq!(peer.meter.statuses, [400]);
    let more = peer.turn(|connection, turn| connection.feed(input, turn));
    assert_eq!(more, Next::Close { linger: true });
    assert_eq!(peer.meter.statuses, [400]);
}

#[test]
fn a_refusal_has_a_body_unless_a_head_was_asked_for() {
    let chunked = "Host: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (input, body) in [
        ("HEAD / HTTP/1.1\r\n\r\n", ""),
        ("\r\nHEAD / HTTP/1.1\r\n\r\n", ""),
        (&format!("HEAD / HTTP/1.1\r\n{chunked}x"), ""),
        (&format!("POST / HTTP/1.1\r\n{chunked}HEAD / HTTP/1.1"), "a malformed chunk size\n"),
    ] {
        for step in [1, usize::MAX] {
            let mut peer = Peer::default();
            peer.feed(input.as_bytes(), step);
            let text = peer.text();
            let (head, found) = text.split_once("\r\n\r\n").expect("a head");
            assert!(head.starts_with("HTTP/1.1 400 "), "{input:?}: {head}");
            assert_eq!(found, body, "{input:?} by {step}");
        }
    }
}

#[test]
fn a_draining_server_answers_what_was_sent_and_closes_with_the_last_answer() {
    let mut peer = Peer { draining: true, ..Peer::default() };
    let one = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    let input = [one, one, "GET / HT"].concat();
    assert_eq!(peer.feed(input.as_bytes(), usize::MAX), Next::Close { linger: true });
    assert_eq!(peer.meter.statuses, [200, 200]);
    assert_eq!(peer.text().matches("Connection: close").count(), 1);
}

#[test]
fn a_connection_ends_after_its_last_request() {
    let limits = Limits { requests_max: 2, ..Limits::default() };
    let mut peer = Peer { limits, ..Peer::default() };
    let one = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_eq!(peer.feed(one.repeat(3).as_bytes(), usize::MAX), Next::Close { linger: true });
    assert_eq!((peer.meter.statuses.len(), peer.connection.requests()), (2, 2));
}

#[test]
fn much_output_is_flushed_in_between() {
    let mut peer = Peer::default();
    let input = "GET /big HTTP/1.1\r\nHost: x\r\n\r\n".repeat(5);
    let next = peer.turn(|connection, turn| connection.feed(input.as_bytes(), turn));
    assert_eq!(next, Next::Flush);
    assert!(peer.out.len() < 90_000);
    peer.out.clear();
    assert_eq!(peer.feed(b"", 1), Next::Read);
    let next = peer.turn(Connection::resume);
    assert_eq!(next, Next::Flush);
}

#[test]
fn what_the_peer_owes_is_known() {
    let mut peer = Peer::default();
    assert_eq!(peer.connection.awaits(), Awaits::Idle);
    peer.feed(b"POST / HTTP/1.1\r\nHo", 1);
    assert_eq!(peer.connection.awaits(), Awaits::Head);
    peer.feed(b"st: x\r\nContent-Length: 2\r\n\r\na", 1);
    assert_eq!(peer.connection.awaits(), Awaits::Body);
    peer.feed(b"b", 1);
    assert_eq!(peer.connection.awaits(), Awaits::Idle);
    assert_eq!(peer.turn(Connection::timed_out), Next::Close { linger: false });
    let mut slow = Peer::default();
    slow.feed(b"GET", 1);
    assert_eq!(slow.turn(Connection::timed_out), Next::Close { linger: true });
    assert!(slow.text().starts_with("HTTP/1.1 408 "));
    assert!(slow.text().contains("\r\nConnection: close\r\n"));
}

/// Messages whose octets cut in any way mean the same.
const MESSAGES: [&str; 6] = [
    "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n",
    "\r\nGET /2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "POST /3 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
    "POST /4 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: u\r\n\r\n",
    "GET /5 HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
    "POST /6 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nq\r\n",
];

#[test]
fn each_message_means_the_same_at_every_split_point() {
    for message in MESSAGES {
        let (whole, next) = exchange(message);
        for at in 1..message.len() {
            let mut peer = Peer::default();
            let (first, second) = message.as_bytes().split_at(at);
            let mut cut = peer.feed(first, usize::MAX);
            let mut text = peer.text();
            if cut == Next::Read {
                cut = peer.feed(second, usize::MAX);
                text.push_str(&peer.text());
            }
            assert_eq!((text, cut), (whole.clone(), next), "{message:?} cut at {at}");
        }
    }
}

proptest! {
    #[test]
    fn pipelines_mean_the_same_in_any_portions(
        order in proptest::collection::vec(0..MESSAGES.len(), 1..8),
        step in 1usize..200,
    ) {
        let input: String = order.into_iter().map(|index| MESSAGES[index]).collect();
        let mut whole = Peer::default();
        let next = whole.feed(input.as_bytes(), usize::MAX);
        let mut cut = Peer::default();
        let mut text = String::new();
        let mut last = Next::Read;
        for part in input.as_bytes().chunks(step) {
            last = cut.feed(part, usize::MAX);
            text.push_str(&cut.text());
            cut.out.clear();
            if last != Next::Read {
                break;
            }
        }
        prop_assert_eq!(last, next);
        prop_assert_eq!(text, whole.text());
    }

    #[test]
    fn any_octets_end_in_reading_on_or_closing(
        input in proptest::collection::vec(
            proptest::sample::select(b"GET / HTP1.0\r\nHost: x-Content-Length;chunked,\0\xff".to_vec()),
            0..300),
        step in 1usize..50,
    ) {
        let mut peer = Peer::default();
        let next = peer.feed(&input, step);
        prop_assert_ne!(next, Next::Flush);
    }
}
