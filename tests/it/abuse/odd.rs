//! What is no HTTP, and HTTP that comes in odd ways.

use std::net::Shutdown;
use std::time::Duration;

use socket2::SockRef;

use super::is_borne;
use crate::harness::app::App;
use crate::harness::client::Client;
use crate::sim::chance::Chance;

const CHUNKED: &str = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                       4;a=b\r\nwell\r\n0\r\nX-Trailer: c\r\n\r\n";
const COUNTED: &str = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nwell";

#[test]
fn requests_in_segments_of_one_octet_are_answered() {
    is_borne(|app, _| {
        let mut clients: Vec<Client> =
            (0..20).map(|_| Client::connect(app.port).unwrap()).collect();
        let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n", "x".repeat(500));
        for request in [CHUNKED, COUNTED, &long] {
            for octet in request.bytes() {
                for client in &mut clients {
                    client.send([octet]).unwrap();
                }
            }
            let body = if request.starts_with("POST") { "well" } else { "hello\n" };
            for client in &mut clients {
                assert_eq!(client.answer().unwrap().text(), body);
            }
        }
    });
}

/// What a client that sends this, and then its end, gets until the connection ends.
fn sent_and_half_closed(app: &App, bytes: &[u8]) -> Vec<u8> {
    let mut client = Client::connect(app.port).unwrap();
    // It may have been refused already, and then it has no connection to close.
    let _ = client.send(bytes);
    let _ = client.stream.shutdown(Shutdown::Write);
    client.rest().unwrap_or_else(|failure| panic!("{failure:?}: {}", bytes.escape_ascii()))
}

#[test]
fn a_client_that_sends_no_more_gets_all_that_it_has_asked_for() {
    is_borne(|app, _| {
        for (request, status_lines, length) in [
            (CHUNKED.to_owned(), 1, 4),
            (COUNTED.repeat(3), 3, 12),
            ("GET /stream?kib=10000 HTTP/1.0\r\n\r\n".to_owned(), 1, 10_000 << 10),
            ("GET /offload?ms=50 HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2), 2, 10),
        ] {
            let all = sent_and_half_closed(app, request.as_bytes());
            let head = b"HTTP/1.1 200 OK\r\n";
            let found = all.windows(head.len()).filter(|window| window == head).count();
            assert_eq!(found, status_lines, "{request}");
            assert!(all.len() > length, "{request}: {} octets", all.len());
        }
    });
}

/// Nothing at all, or a refusal.
fn is_refusal(answer: &[u8]) -> bool {
    let refusals = [&b"HTTP/1.1 4"[..], b"HTTP/1.1 501 ", b"HTTP/1.1 505 "];
    answer.is_empty() || refusals.iter().any(|start| answer.starts_with(start))
}

#[test]
fn a_client_that_ends_within_a_request_is_let_go() {
    is_borne(|app, _| {
        for request in [CHUNKED, COUNTED] {
            for end in 0..request.len() {
                let answer = sent_and_half_closed(app, &request.as_bytes()[..end]);
                assert!(is_refusal(&answer), "{end}: {}", answer.escape_ascii());
            }
        }
    });
}

/// A client's first message in TLS 1.2 and 1.3 (RFC 8446 section 4.1.2), as long as most.
fn client_hello() -> Vec<u8> {
    let mut hello = vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
    let mut chance = Chance::from_seed(1);
    hello.resize_with(517, || u8::try_from(chance.below(256)).unwrap());
    hello
}

/// Each of these is told why it is not understood, and let go.
fn is_told_so(strangers: &[(Vec<u8>, u16)]) {
    is_borne(|app, _| {
        for (said, status) in strangers {
            let mut client = Client::connect(app.port).unwrap();
            client.send(said).unwrap();
            let answer = client.answer();
            let answer = answer.unwrap_or_else(|it| panic!("{it:?}: {}", said.escape_ascii()));
            assert_eq!(answer.status, *status, "{}", said.escape_ascii());
            assert_eq!(client.rest(), Ok(Vec::new()), "{}", said.escape_ascii());
        }
    });
}

#[test]
fn whoever_speaks_another_protocol_is_told_so_at_once() {
    is_told_so(&[
        (client_hello(), 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), 505),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n".to_vec(), 400),
    ]);
}

/// One hello in eight has no line feed, and who greets waits for an answer before he says more.
#[test]
fn whoever_ends_no_head_is_told_so_at_once() {
    let without_lines = client_hello().into_iter().filter(|octet| *octet != b'\n').collect();
    is_told_so(&[
        (without_lines, 400),
        (vec![0x16, 3, 1], 400),
        (vec![0; 100], 400),
        (b"EHLO example.com\r\n".to_vec(), 400),
        (b"\xff\xf4\xff\xfd\x06".to_vec(), 400),
    ]);
}

#[test]
fn octets_by_chance_are_refused() {
    is_borne(|app, _| {
        let mut chance = Chance::from_seed(2);
        for _ in 0..300 {
            let length = chance.below(3000);
            let octet = |_| u8::try_from(chance.below(256)).unwrap();
            let noise: Vec<u8> = (0..length).map(octet).collect();
            let answer = sent_and_half_closed(app, &noise);
            assert!(is_refusal(&answer), "{}", noise.escape_ascii());
        }
    });
}

/// Each is answered or refused, and none hangs.
#[test]
fn requests_with_a_few_wrong_octets_come_to_an_end() {
    is_borne(|app, _| {
        let mut chance = Chance::from_seed(3);
        let (mut answered, mut refused) = (0, 0);
        for n in 0..600 {
            let request = [CHUNKED, COUNTED][n % 2];
            let mut bytes = request.repeat(2).into_bytes();
            for _ in 0..=chance.below(3) {
                let at = chance.below(bytes.len());
                bytes[at] = u8::try_from(chance.below(256)).unwrap();
            }
            let answer = sent_and_half_closed(app, &bytes);
            let well = answer.starts_with(b"HTTP/1.1 200 ");
            assert!(well || is_refusal(&answer), "{}", answer.escape_ascii());
            answered += u32::from(well);
            refused += u32::from(!well);
        }
        assert!(answered > 50 && refused > 50, "{answered} answered, {refused} refused");
    });
}

/// One that goes away while it is written to leaves something that could not be sent.
#[test]
fn what_a_client_is_not_sent_any_more_is_sent_to_no_other() {
    is_borne(|app, _| {
        let mut other = Client::connect(app.port).unwrap();
        for n in 0..200 {
            let mut leaver = Client::connect(app.port).unwrap();
            SockRef::from(&leaver.stream).set_linger(Some(Duration::ZERO)).unwrap();
            leaver.ask("/stream?kib=4096").unwrap();
            leaver.stream.peek(&mut [0]).unwrap();
            drop(leaver);
            assert_eq!(other.get("/").unwrap().text(), "hello\n", "round {n}");
            assert_eq!(app.get("/").text(), "hello\n", "round {n}");
        }
    });
}
