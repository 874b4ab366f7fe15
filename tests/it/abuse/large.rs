//! Messages without measure.

use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;

use super::is_borne;
use crate::harness::app::App;
use crate::harness::client::Client;
use crate::harness::wait::wait_until;

const MIB: usize = 1 << 20;
const TERABYTE: u64 = 1_000_000_000_000;

/// The status of the answer, after which the connection ends.
fn refused(app: &App, request: &str) -> u16 {
    let mut client = Client::connect(app.port).unwrap();
    // It may be refused before it is sent.
    let _ = client.send(request);
    let answer = client.answer().unwrap();
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(client.rest(), Ok(Vec::new()));
    answer.status
}

fn post(target: &str, field: &str) -> String {
    format!("POST {target} HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n")
}

#[test]
fn what_is_too_long_is_refused_however_long_it_is() {
    let long = "x".repeat(MIB);
    let chunked = post("/echo", "Transfer-Encoding: chunked");
    let counted = post("/upload", "Transfer-Encoding: chunked");
    for (request, status) in [
        (format!("GET / HTTP/1.1\r\nHost: a\r\nX-Long: {long}\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{long}: x\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(200_000)), 431),
        (format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), 414),
        (format!("{chunked}1;{long}\r\nx\r\n0\r\n\r\n"), 400),
        (format!("{chunked}{}1\r\nx\r\n0\r\n\r\n", "0".repeat(MIB)), 400),
        (format!("{chunked}0\r\n{}\r\n", "X: y\r\n".repeat(200_000)), 431),
        (format!("{counted}1\r\nx\r\n0\r\n{}\r\n", "X: y\r\n".repeat(200_000)), 431),
        (post("/echo", &format!("Content-Length: {TERABYTE}")), 413),
        (format!("{chunked}{TERABYTE:x}\r\n"), 413),
        (format!("{chunked}ffffffffffffffffff\r\n"), 413),
        (format!("{chunked}{}", format!("400\r\n{}\r\n", "x".repeat(1024)).repeat(2000)), 413),
    ] {
        is_borne(|app, _| {
            for _ in 0..5 {
                assert_eq!(refused(app, &request), status, "{}", &request[..80]);
            }
        });
    }
}

#[test]
fn what_is_only_announced_takes_no_memory() {
    is_borne(|app, _| {
        let announce = |n| {
            let mut client = Client::connect(app.port).unwrap();
            let request = match n % 3 {
                0 => post("/echo", &format!("Content-Length: {MIB}")),
                1 => post("/echo", "Transfer-Encoding: chunked") + "100000\r\n",
                _ => post("/upload", &format!("Content-Length: {TERABYTE}")),
            };
            client.send(request + "x").unwrap();
            client
        };
        (0..300).map(announce).collect::<Vec<Client>>()
    });
}

/// Sends this again and again, until it is told to stop or cannot any more.
fn sends_without_end(stream: TcpStream, part: Vec<u8>) -> JoinHandle<()> {
    use std::io::Write;
    std::thread::spawn(move || {
        let mut stream = stream;
        while stream.write_all(&part).is_ok() {}
    })
}

/// Clients that begin so, and never end.
fn torrents(app: &App, begin: &str, part: &[u8]) -> Vec<(Client, JoinHandle<()>)> {
    let torrent = |_| {
        let mut client = Client::connect(app.port).unwrap();
        client.send(begin).unwrap();
        let sending = sends_without_end(client.stream.try_clone().unwrap(), part.to_vec());
        (client, sending)
    };
    (0..4).map(torrent).collect()
}

#[test]
fn bodies_that_come_as_fast_as_they_can_and_never_end_hold_up_nobody() {
    let whole = post("/upload", &format!("Content-Length: {TERABYTE}"));
    let chunked = post("/upload", "Transfer-Encoding: chunked");
    let chunk = format!("400\r\n{}\r\n", "x".repeat(1024)).repeat(60);
    // Six octets, and as many steps of the decoder, for each one of the body.
    let small = "1\r\nx\r\n".repeat(10_000);
    for (begin, part) in [(&whole, "x".repeat(60_000)), (&chunked, chunk), (&chunked, small)] {
        is_borne(|app, witness| {
            let torrents = torrents(app, begin, part.as_bytes());
            witness.is_answered();
            for (client, sending) in torrents {
                client.stream.shutdown(Shutdown::Both).unwrap();
                sending.join().unwrap();
            }
        });
    }
}

#[test]
fn a_client_that_goes_on_after_it_was_refused_is_cut_off() {
    is_borne(|app, _| {
        let torrents = torrents(app, "nonsense\r\n\r\n", "x".repeat(60_000).as_bytes());
        let mut refused = 0;
        for (mut client, sending) in torrents {
            wait_until("it to be cut off", || sending.is_finished());
            sending.join().unwrap();
            // The reset may have destroyed it.
            refused += usize::from(client.answer().is_ok_and(|answer| answer.status == 400));
        }
        println!("{refused} of 4 could read why");
    });
}

#[test]
fn a_thousand_requests_in_one_segment_are_answered_in_order() {
    is_borne(|app, _| {
        let ask =
            |n: u32| format!("POST /echo HTTP/1.1\r\nHost:a\r\nContent-Length:4\r\n\r\n{n:04}");
        let all: String = (0..1000).map(ask).collect();
        assert!(all.len() < 65_000, "more than a segment of loopback");
        let mut clients: Vec<Client> =
            (0..10).map(|_| Client::connect(app.port).unwrap()).collect();
        for client in &mut clients {
            client.send(&all).unwrap();
        }
        for client in &mut clients {
            for n in 0..1000 {
                assert_eq!(client.answer().unwrap().text(), format!("{n:04}"));
            }
        }
    });
}

#[test]
fn a_thousand_long_answers_that_nobody_reads_take_no_memory() {
    is_borne(|app, witness| {
        let ask = |n| {
            let targets = ["/stream?kib=1024", "/upload", "/"];
            let mut client = Client::connect(app.port).unwrap();
            let request = format!("GET {} HTTP/1.1\r\nHost:a\r\n\r\n", targets[n % targets.len()]);
            client.send(request.repeat(1000)).unwrap();
            client
        };
        let stalled: Vec<Client> = (0..60).map(ask).collect();
        witness.is_answered();
        stalled
    });
}

/// The loop of whoever asks without a pause is not left.
#[test]
fn clients_that_ask_without_end_hold_up_nobody() {
    is_borne(|app, witness| {
        let done = AtomicBool::new(false);
        let torrents = torrents(app, "", "GET / HTTP/1.1\r\nHost:a\r\n\r\n".repeat(500).as_bytes());
        let (mut clients, sending): (Vec<Client>, Vec<_>) = torrents.into_iter().unzip();
        std::thread::scope(|scope| {
            for client in &mut clients {
                let done = &done;
                scope.spawn(move || {
                    while !done.load(Relaxed) && client.answer().is_ok() {}
                    client.stream.shutdown(Shutdown::Both).unwrap();
                });
            }
            witness.is_answered();
            done.store(true, Relaxed);
        });
        for sending in sending {
            sending.join().unwrap();
        }
    });
}
