//! Connections that a client has begun and not yet completed when their listener goes away.
//!
//! A client that has something to send may put off the last step of the handshake until then, for
//! 200 ms at the most: proxies on the same machine do, and on a network every client is late.

use std::net::{SocketAddr, TcpStream};

use evenkeel::control::{Command, Scale};
use nix::sys::signal::Signal;
use socket2::{Domain, Socket, Type};

use crate::harness::app::{App, ask, intakes};
use crate::harness::client::Client;
use crate::harness::process::half_open;
use crate::harness::wait::wait_until;

/// Clients who believe that they are connected, while the server waits for their last word.
pub(crate) fn begin_handshakes(port: u16, count: usize) -> Vec<Client> {
    let begin = |_| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_tcp_quickack(false).unwrap();
        socket.connect(&SocketAddr::from(([127, 0, 0, 1], port)).into()).unwrap();
        Client::of(TcpStream::from(socket))
    };
    let clients = (0..count).map(begin).collect();
    assert!(half_open(port) > 0, "the machine is too slow for this test, or completes at once");
    clients
}

pub(crate) fn all_are_answered(mut clients: Vec<Client>, what: &[&str]) {
    for client in &mut clients {
        assert_eq!(client.ask("/"), Ok(()), "{what:?}");
    }
    for client in &mut clients {
        let answer = client.answer().map(|answer| answer.status);
        assert_eq!(answer, Ok(200), "{what:?}");
    }
}

#[test]
fn handshakes_under_way_are_completed_when_their_slot_is_retired() {
    let app = App::controlled(&["--workers", "8"]);
    for _ in 0..5 {
        let clients = begin_handshakes(app.port, 40);
        let path = app.control();
        let scale = Command::Scale { workers: Scale::To(1) };
        let scale = std::thread::spawn(move || ask(&path, scale));
        wait_until("the order", || app.status().workers_wanted == 1);
        all_are_answered(clients, &["scale"]);
        assert!(scale.join().unwrap().ok);
        app.done(Command::Scale { workers: Scale::To(8) });
    }
    app.stop();
}

#[test]
fn handshakes_under_way_are_completed_when_the_server_stops() {
    for arguments in intakes() {
        let mut app = App::demo(&[&["--workers", "2"], arguments].concat());
        let clients = begin_handshakes(app.port, 20);
        app.signal(Signal::SIGTERM);
        app.log.wait_for("stopping: no new connections");
        all_are_answered(clients, arguments);
        assert_eq!(app.ended().code(), Some(0));
    }
}
