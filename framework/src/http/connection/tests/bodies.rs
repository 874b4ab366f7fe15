//! Bodies that a handler takes as they come, or does not want.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use super::*;
use crate::http::handler::{BodyPlan, BodySink};

/// Takes bodies as the path says, and remembers what came.
#[derive(Clone, Default)]
struct Uploads(Arc<Mutex<Vec<String>>>);

struct Sink(Uploads);

impl Uploads {
    fn remember(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn heard(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Handler for Uploads {
    fn answer(&mut self, request: &Request<'_>, response: &mut Response<'_>) {
        self.remember(format!("whole {}", request.body().len()));
        if request.path() == "/unread" {
            response.status(401).header("X-Why", "none");
        }
        response.body("whole\n");
    }

    fn body(&mut self, head: &Request<'_>) -> BodyPlan {
        assert!(head.body().is_empty());
        match head.path() {
            "/stream" => BodyPlan::Stream { sink: Box::new(Sink(self.clone())), bytes_max: 10 },
            "/small" => BodyPlan::UpTo(3),
            "/unwanted" => BodyPlan::Refuse(403),
            "/unread" => BodyPlan::Unread,
            "/odd" => BodyPlan::Refuse(200),
            "/panic" => panic!("on purpose"),
            _ => BodyPlan::Whole,
        }
    }
}

impl BodySink for Sink {
    fn take(&mut self, octets: &[u8]) -> ControlFlow<u16> {
        match octets {
            b"stop" => ControlFlow::Break(422),
            b"boom" => panic!("on purpose"),
            _ => {
                self.0.remember(String::from_utf8_lossy(octets));
                ControlFlow::Continue(())
            }
        }
    }

    fn finish(self: Box<Self>, request: &Request<'_>, response: &mut Response<'_>) {
        self.0.remember("end");
        response.body(format!("{}\n", request.path()));
    }
}

/// Feeds the parts one after the other; the last status, what was heard, and what is next.
fn upload(parts: &[&str]) -> (u16, Vec<String>, Next) {
    let (mut peer, uploads) = (Peer::default(), Uploads::default());
    let mut next = Next::Read;
    for part in parts {
        let feed = |connection: &mut Connection, turn: &mut Turn<'_, _, _>| {
            connection.feed(part.as_bytes(), turn)
        };
        next = peer.turn_of(uploads.clone(), feed);
    }
    (peer.meter.statuses.last().copied().unwrap_or(0), uploads.heard(), next)
}

fn post(path: &str, framing: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n")
}

#[test]
fn a_sink_gets_each_portion_and_then_answers() {
    let head = post("/stream", "Content-Length: 6");
    assert_eq!(upload(&[&head, "ab", "cdef"]).1, ["ab", "cdef", "end"]);
    assert_eq!(upload(&[&format!("{head}abcdef")]).1, ["abcdef", "end"]);
    let head = post("/stream", "Transfer-Encoding: chunked");
    let (status, taken, next) = upload(&[&head, "2\r\nab\r\n4\r\nc", "def\r\n0\r\n\r\n"]);
    assert_eq!((status, next), (200, Next::Read));
    assert_eq!(taken, ["abc", "def", "end"]);
}

#[test]
fn what_follows_a_streamed_body_is_the_next_request() {
    let input = [&post("/stream", "Content-Length: 1"), "x", &post("/", "Content-Length: 2"), "yz"];
    let (status, taken, next) = upload(&[&input.concat()]);
    assert_eq!((status, next), (200, Next::Read));
    assert_eq!(taken, ["x", "end", "whole 2"]);
}

#[test]
fn each_plan_has_its_own_limit() {
    for (path, framing, body, expected) in [
        ("/stream", "Content-Length: 11", "", 413),
        ("/stream", "Transfer-Encoding: chunked", "6\r\nabcdef\r\n5\r\n", 413),
        ("/small", "Content-Length: 4", "", 413),
        ("/small", "Content-Length: 3", "abc", 200),
        ("/small", "Transfer-Encoding: chunked", "4\r\n", 413),
        ("/", "Content-Length: 1048577", "", 413),
        ("/", "Content-Length: 9999999999999999999", "", 413),
        ("/unwanted", "Content-Length: 3", "abc", 403),
        ("/odd", "Content-Length: 3", "abc", 500),
        ("/panic", "Content-Length: 3", "abc", 500),
    ] {
        let (status, _, _) = upload(&[&post(path, framing), body]);
        assert_eq!(status, expected, "{path} {framing}");
    }
}

#[test]
fn a_body_that_nobody_looks_at_is_not_waited_for() {
    for framing in ["Content-Length: 9", "Connection: close\r\nTransfer-Encoding: chunked"] {
        for body in ["", "12345", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"] {
            let (status, heard, next) = upload(&[&format!("{}{body}", post("/unread", framing))]);
            let closes = Next::Close { linger: true };
            assert_eq!((status, next), (401, closes), "{framing} {body}");
            assert_eq!(heard, ["whole 0"], "{framing} {body}");
        }
    }
}

#[test]
fn a_sink_can_end_it_at_once() {
    let head = post("/stream", "Content-Length: 9");
    let (status, taken, next) = upload(&[&head, "stop"]);
    assert_eq!((status, taken.len(), next), (422, 0, Next::Close { linger: true }));
    assert_eq!(upload(&[&head, "boom"]).0, 500);
}

#[test]
fn a_client_that_waits_for_continue_is_told_no_before_it_sends() {
    let head = post("/unwanted", "Content-Length: 3\r\nExpect: 100-continue");
    let mut peer = Peer::default();
    let feed = |connection: &mut Connection, turn: &mut Turn<'_, _, _>| {
        connection.feed(head.as_bytes(), turn)
    };
    peer.turn_of(Uploads::default(), feed);
    assert!(peer.text().starts_with("HTTP/1.1 403 "), "{}", peer.text());
}

#[test]
fn a_proxys_header_comes_first_and_names_the_client() {
    let request = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
    let header = "PROXY TCP4 192.0.2.7 192.0.2.1 5000 80\r\n";
    for step in [1, 7, 1000] {
        let mut peer = Peer { connection: Connection::new(true), ..Peer::default() };
        assert_eq!(peer.connection.awaits(), Awaits::Idle);
        peer.feed(format!("{header}{request}{request}").as_bytes(), step);
        assert_eq!(peer.meter.statuses, [200, 200]);
        assert_eq!(peer.remote, Some("192.0.2.7:5000".parse().unwrap()));
    }
    let mut without = Peer { connection: Connection::new(true), ..Peer::default() };
    assert_eq!(without.feed(request.as_bytes(), 1), Next::Close { linger: true });
    assert_eq!(without.meter.statuses, [400]);
    let mut stranger = Peer::default();
    stranger.feed(format!("{header}{request}").as_bytes(), 1000);
    assert_eq!(stranger.meter.statuses, [400]);
}
