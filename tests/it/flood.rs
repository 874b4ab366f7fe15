//! What the program of `least-busy` assigns and nobody ever accepts.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, SockFilter, SockRef, Socket, Type};

use super::steering::{ask, demo, each};
use crate::harness::app::{App, LEAST_BUSY};
use crate::harness::packet::{self, SYN};
use crate::harness::privilege::{may_filter, may_load_programs, may_make_packets};
use crate::harness::process::half_open;
use crate::harness::wait::wait_until;

/// How long it takes until turns are even again.
fn recovers(app: &App, workers: u16, what: &str) -> Duration {
    let began = Instant::now();
    let per_worker = 5;
    let connections = u32::from(workers) * per_worker;
    wait_until("even turns again", || ask(app, connections) == each(workers, per_worker));
    let time = began.elapsed();
    println!("{what}: even again, shown by {connections} connections in a row, after {time:?}");
    time
}

/// Handshakes that get no further: their client hears nothing of the server's answers.
fn begin_and_forget(port: u16, count: u16) -> Vec<Socket> {
    let nothing = [SockFilter::new(0x06, 0, 0, 0)];
    let begin = |_| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.attach_filter(&nothing).unwrap();
        socket.set_nonblocking(true).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        assert!(socket.connect(&address.into()).is_err(), "it is under way");
        socket
    };
    let sockets = (0..count).map(begin).collect();
    assert!(half_open(port) >= usize::from(count));
    sockets
}

/// What the program has assigned and nobody will ever accept does not mislead it for more than a second,
/// in the best of three rounds: a slow machine is not the subject.
fn is_even_soon_after(what: &str, disturb: impl Fn(&App)) {
    let app = demo("4", LEAST_BUSY);
    recovers(&app, 4, "nothing happened");
    let rounds = (1..=3).map(|round| {
        disturb(&app);
        // One worker learns its true load, and looks the least busy to the program.
        app.get("/");
        recovers(&app, 4, &format!("{what}, round {round}"))
    });
    assert!(rounds.min().unwrap() < Duration::from_secs(1));
    app.stop();
}

#[test]
fn after_a_thousand_aborted_connections_all_is_even_within_a_second() {
    if !may_load_programs("aborted connections under least-busy") {
        return;
    }
    is_even_soon_after("1,000 aborted connections", |app| {
        for _ in 0..1000 {
            let stream = TcpStream::connect(("127.0.0.1", app.port)).unwrap();
            SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        }
    });
}

#[test]
fn after_handshakes_that_get_no_further_all_is_even_within_a_second() {
    let what = "unfinished handshakes under least-busy";
    if !may_load_programs(what) || !may_filter(what) {
        return;
    }
    is_even_soon_after("300 handshakes that get no further", |app| {
        drop(begin_and_forget(app.port, 300));
    });
}

#[test]
fn after_a_thousand_syns_all_is_even_within_a_second() {
    let what = "a flood under least-busy";
    if !may_load_programs(what) || !may_make_packets(what) {
        return;
    }
    is_even_soon_after("1,000 SYNs", |app| packet::send(app.port, SYN, 1000));
}
