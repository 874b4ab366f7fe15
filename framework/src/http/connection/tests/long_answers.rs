//! Answers that are given later, and bodies that are made while they are sent.

use std::io::{self, Write};

use super::*;
use crate::http::later::{Letter, Office, Responder};
use crate::http::source::Flow;

const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// Three portions, one of them empty.
fn three(portions: &'static [&'static str]) -> impl FnMut(&mut Vec<u8>) -> io::Result<Flow> {
    let mut left = portions.iter();
    move |portion| {
        portion.extend_from_slice(left.next().map_or(b"", |text| text.as_bytes()));
        Ok(if left.len() == 0 { Flow::Done } else { Flow::More })
    }
}

fn streamed(request: &str, answer: fn(&Request<'_>, &mut Response<'_>)) -> (Peer, Next) {
    let mut peer = Peer::default();
    let next = peer.turn_of(answer, |connection, turn| connection.feed(request.as_bytes(), turn));
    (peer, next)
}

#[test]
fn a_stream_is_chunked_and_the_next_request_follows() {
    let answer = |_: &Request<'_>, response: &mut Response<'_>| {
        response.stream(three(&["abc", "", "0123456789abcdefg"]));
    };
    let (mut peer, next) = streamed(&GET.repeat(2), answer);
    let body = "\r\n\r\n3\r\nabc\r\n11\r\n0123456789abcdefg\r\n0\r\n\r\n";
    assert!(peer.text().ends_with(body), "{}", peer.text());
    assert!(peer.text().contains("Transfer-Encoding: chunked\r\n"));
    assert!(!peer.text().contains("Content-Length"));
    assert_eq!(next, Next::Flush);
    peer.out.clear();
    assert_eq!(peer.turn_of(answer, Connection::resume), Next::Read);
    assert!(peer.text().ends_with(body), "{}", peer.text());
    assert_eq!((peer.meter.statuses, peer.meter.body_bytes), (vec![200, 200], 40));
}

#[test]
fn http_1_0_sees_the_end_of_a_stream_by_the_end_of_the_connection() {
    let request = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    let (peer, next) = streamed(request, |_, response| response.stream(three(&["a", "b"])));
    assert!(peer.text().ends_with("Connection: close\r\n\r\nab"), "{}", peer.text());
    assert_eq!(next, Next::Close { linger: true });
}

#[test]
fn a_stream_of_known_length_that_is_wrong_ends_the_connection() {
    let (peer, next) = streamed(GET, |_, response| response.stream_exactly(2, three(&["a", "b"])));
    assert!(peer.text().ends_with("Content-Length: 2\r\n\r\nab"), "{}", peer.text());
    assert_eq!(next, Next::Read);
    for bytes in [1, 3] {
        let answer = move |_: &Request<'_>, response: &mut Response<'_>| {
            response.stream_exactly(bytes, three(&["a", "b"]));
        };
        let mut peer = Peer::default();
        let next = peer.turn_of(answer, |connection, turn| connection.feed(GET.as_bytes(), turn));
        assert_eq!(next, Next::Abort);
        assert_eq!(peer.meter.faults.len(), 1);
    }
}

#[test]
fn a_source_that_fails_or_panics_leaves_the_body_incomplete() {
    let failing = |_: &Request<'_>, response: &mut Response<'_>| {
        response.stream(|_: &mut Vec<u8>| Err(io::Error::other("the disk is gone")));
    };
    let panicking = |_: &Request<'_>, response: &mut Response<'_>| {
        response.stream(|_: &mut Vec<u8>| -> io::Result<Flow> { panic!("on purpose") });
    };
    for answer in [failing as fn(&Request<'_>, &mut Response<'_>), panicking] {
        let (peer, next) = streamed(GET, answer);
        assert_eq!(next, Next::Abort);
        assert!(peer.text().ends_with("\r\n\r\n"), "no last chunk: {}", peer.text());
        assert_eq!(peer.meter.faults.len(), 1);
    }
}

#[test]
fn a_source_is_asked_no_faster_than_the_output_is_taken() {
    let (mut peer, next) = streamed(GET, |_, response| {
        let mut left = 100;
        response.stream(move |portion: &mut Vec<u8>| {
            portion.resize(30_000, b'x');
            left -= 1;
            Ok(if left == 0 { Flow::Done } else { Flow::More })
        });
    });
    assert_eq!(next, Next::Flush);
    let mut turns = 1;
    let mut next = next;
    while next == Next::Flush {
        assert!(peer.out.len() <= peer.limits.output_high_water_bytes + 30_100);
        peer.out.clear();
        next = peer.turn(Connection::resume);
        turns += 1;
    }
    assert_eq!((next, turns > 30), (Next::Read, true));
    assert_eq!(peer.meter.body_bytes, 3_000_000);
}

#[test]
fn head_and_answers_without_a_body_are_streamed_nothing() {
    let unasked = |_: &Request<'_>, response: &mut Response<'_>| {
        response.status(if response.status == 200 { 204 } else { 200 });
        response.stream(|_: &mut Vec<u8>| panic!("nobody asked"));
    };
    let (peer, next) = streamed(GET, unasked);
    assert!(peer.text().ends_with(&format!("{DATE}\r\n\r\n")), "{}", peer.text());
    assert_eq!(next, Next::Read);
    let (peer, _) = streamed("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", |_, response| {
        response.stream(|_: &mut Vec<u8>| panic!("nobody asked"));
    });
    assert!(peer.text().ends_with("Transfer-Encoding: chunked\r\n\r\n"), "{}", peer.text());
    assert!(peer.meter.faults.is_empty());
}

/// Feeds a request whose handler lends out its responder.
fn put_off(peer: &mut Peer, request: &str) -> Responder {
    let mut responder = None;
    let handler = |_: &Request<'_>, response: &mut Response<'_>| responder = Some(response.later());
    let next = peer.turn_of(handler, |connection, turn| connection.feed(request.as_bytes(), turn));
    assert_eq!(next, Next::Wait);
    responder.unwrap()
}

/// Takes the letters in, as a worker does.
fn deliver(peer: &mut Peer) -> Next {
    let mut next = Next::Wait;
    for letter in peer.office.post().take() {
        next = match letter {
            Letter::Answer(ticket, answer) => {
                assert_eq!(ticket.client, 3);
                let answered = |connection: &mut Connection, turn: &mut Turn<'_, _, _>| {
                    connection.answered(ticket.serial, *answer, turn)
                };
                peer.turn(answered).expect("it is waited for")
            }
            Letter::Look(_) => peer.turn(Connection::resume),
        };
    }
    next
}

#[test]
fn an_answer_that_comes_later_holds_up_what_follows_on_its_connection() {
    let mut peer = Peer::default();
    let responder = put_off(&mut peer, &[GET, "GET /next HTTP/1.1\r\nHost: x\r\n\r\n"].concat());
    assert_eq!(peer.connection.awaits(), Awaits::Nothing);
    assert_eq!(peer.turn(Connection::resume), Next::Wait);
    assert!(peer.out.is_empty());
    std::thread::spawn(move || responder.answer(|response| response.body("late\n")))
        .join()
        .unwrap();
    assert_eq!(deliver(&mut peer), Next::Flush);
    assert!(peer.text().ends_with("late\n"), "{}", peer.text());
    assert_eq!(peer.turn(Connection::resume), Next::Read);
    assert!(peer.text().ends_with("GET /next \n"), "{}", peer.text());
}

#[test]
fn a_responder_that_is_dropped_or_panics_costs_a_500() {
    for panics in [true, false] {
        let mut peer = Peer::default();
        let responder = put_off(&mut peer, GET);
        if panics {
            responder.answer(|_| panic!("on purpose"));
        } else {
            drop(responder);
        }
        assert_eq!(deliver(&mut peer), Next::Close { linger: true });
        assert!(peer.text().starts_with("HTTP/1.1 500 "), "{}", peer.text());
        assert_eq!(peer.meter.faults.len(), 1);
    }
}

#[test]
fn an_answer_for_a_connection_that_has_gone_on_is_thrown_away() {
    let mut peer = Peer::default();
    let responder = put_off(&mut peer, GET);
    peer.turn(Connection::abandon);
    assert_eq!(peer.meter.statuses, [499]);
    responder.answer(|response| response.body("late\n"));
    let Some(Letter::Answer(ticket, answer)) = peer.office.post().take().pop() else { panic!() };
    let next = peer.turn(|connection, turn| connection.answered(ticket.serial, *answer, turn));
    assert_eq!((next, peer.out.len()), (None, 0));
}

#[test]
fn offloaded_work_answers_and_cannot_be_put_off_again() {
    let (mut peer, next) = streamed(GET, |_, response| {
        response.offload(|response| response.header("X", "y").body("done\n"));
    });
    assert_eq!(next, Next::Wait);
    assert_eq!(deliver(&mut peer), Next::Read);
    assert!(peer.text().ends_with("X: y\r\n\r\ndone\n"), "{}", peer.text());
    let (mut peer, _) = streamed(GET, |_, response| {
        response.offload(|response| drop(response.later()));
    });
    assert_eq!(deliver(&mut peer), Next::Close { linger: true });
    assert!(peer.text().starts_with("HTTP/1.1 500 "), "{}", peer.text());
}

#[test]
fn a_body_that_a_thread_writes_arrives_and_its_end_is_seen() {
    let mut peer = Peer::default();
    let responder = put_off(&mut peer, GET);
    let mut writer = responder.writer(|response| _ = response.header("X", "y"));
    assert_eq!(deliver(&mut peer), Next::Wait);
    assert!(peer.text().ends_with("X: y\r\n\r\n"), "{}", peer.text());
    writer.write_all(b"abc").unwrap();
    assert_eq!(deliver(&mut peer), Next::Wait);
    assert!(peer.text().ends_with("\r\n\r\n3\r\nabc\r\n"), "{}", peer.text());
    writer.finish();
    assert_eq!(deliver(&mut peer), Next::Read);
    assert!(peer.text().ends_with("\r\n0\r\n\r\n"), "{}", peer.text());
}

#[test]
fn a_source_that_makes_nothing_and_says_that_there_is_more_has_failed() {
    let (peer, next) =
        streamed(GET, |_, response| response.stream(|_: &mut Vec<u8>| Ok(Flow::More)));
    assert_eq!((next, peer.meter.faults.len()), (Next::Abort, 1));
}

#[test]
fn an_answer_that_takes_too_long_is_no_408_in_the_middle() {
    let mut peer = Peer::default();
    let _responder = put_off(&mut peer, GET);
    assert_eq!(peer.turn(Connection::timed_out), Next::Close { linger: false });
    assert!(peer.out.is_empty());
}
