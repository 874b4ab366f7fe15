//! Clients that send, or take, as little as they can.

use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::is_borne_by;

use crate::harness::app::{App, fixture};
use crate::harness::client::Client;
use crate::harness::process::is_held;
use crate::harness::wait::wait_until;

/// Often enough that no silence is too long, and far below the rate that is asked for.
const DRIP_PAUSE: Duration = Duration::from_millis(50);
/// Of each kind at a time.
const CLIENTS: usize = 20;

/// What is not done within two seconds, and some more for what has come, is ended.
fn impatient() -> impl Iterator<Item = App> {
    let start = |mode| App::start(&mut fixture(&[mode])).listening();
    ["impatient", "impatient-inherited"].into_iter().map(start)
}

/// Something, or the end, can be read.
fn has_news(client: &Client) -> bool {
    client.stream.set_nonblocking(true).unwrap();
    let peeked = client.stream.peek(&mut [0]);
    client.stream.set_nonblocking(false).unwrap();
    !peeked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

/// Clients that begin so, and go on octet by octet, are told that they are too slow, and let go.
fn is_ended(begin: &str, octet: u8) {
    for app in impatient() {
        is_borne_by(app, |app, _| {
            let mut slow: Vec<Client> = (0..CLIENTS)
                .map(|_| {
                    let mut client = Client::connect(app.port).unwrap();
                    client.send(begin).unwrap();
                    client
                })
                .collect();
            wait_until("their end", || {
                std::thread::sleep(DRIP_PAUSE);
                let patient = slow.iter_mut().filter(|client| !has_news(client));
                // The answer may be under way.
                patient.map(|client| client.send([octet]).is_ok()).count() == 0
            });
            for client in &mut slow {
                assert_eq!(client.answer().unwrap().status, 408, "{begin:?}");
                assert_eq!(client.rest(), Ok(Vec::new()), "{begin:?}");
            }
        });
    }
}

#[test]
fn a_head_that_comes_octet_by_octet_is_ended_by_its_deadline() {
    is_ended("GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ", b'x');
    is_ended("G", b'E');
}

#[test]
fn a_body_that_comes_more_slowly_than_the_least_rate_is_ended() {
    let with = |field: &str| format!("POST / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n");
    is_ended(&with("Content-Length: 100000"), b'x');
    let chunked = with("Transfer-Encoding: chunked");
    is_ended(&format!("{chunked}ffff\r\n"), b'x');
    is_ended(&format!("{chunked}ffff;"), b'x');
    is_ended(&format!("{chunked}0\r\nX-Slow: "), b'x');
}

/// A window of the smallest size.
fn with_small_window(port: u16) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(1).unwrap();
    socket.connect(&SocketAddr::from(([127, 0, 0, 1], port)).into()).unwrap();
    socket.into()
}

/// Clients that have asked for more than they take.
fn readers(port: u16) -> Vec<Client> {
    let reader = |_| {
        let mut client = Client::of(with_small_window(port));
        (0..10).for_each(|_| client.ask("/endless").unwrap());
        client
    };
    (0..CLIENTS).map(reader).collect()
}

fn none_is_held(port: u16, clients: &[Client]) -> bool {
    clients.iter().all(|client| !is_held(port, client.stream.local_addr().unwrap().port()))
}

#[test]
fn a_client_that_takes_nothing_is_let_go() {
    for app in impatient() {
        is_borne_by(app, |app, witness| {
            let stalled = readers(app.port);
            witness.is_answered();
            wait_until("their end", || none_is_held(app.port, &stalled));
            stalled
        });
    }
}

/// Reads so many octets at each drip, all that time.
fn drip_from(clients: &mut [Client], octets: usize) {
    std::thread::sleep(DRIP_PAUSE);
    let mut part = vec![0; octets];
    // What the kernel holds for them is still to be had afterwards.
    for client in clients {
        client.stream.read_exact(&mut part).unwrap();
    }
}

#[test]
fn a_client_that_takes_a_few_octets_now_and_then_is_let_go() {
    for app in impatient() {
        is_borne_by(app, |app, witness| {
            let mut slow = readers(app.port);
            witness.is_answered();
            wait_until("their end", || {
                drip_from(&mut slow, 4);
                none_is_held(app.port, &slow)
            });
            slow
        });
    }
}

/// Here the kernel holds some MiB for each connection, and says that there is room for more only when a
/// third of that is gone: between two writes there are seconds.
#[test]
fn a_client_that_takes_much_more_than_the_least_rate_is_kept() {
    for app in impatient() {
        is_borne_by(app, |app, _| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            // Its window opens in small steps, so that the server can see what it takes.
            socket.set_recv_buffer_size(32 << 10).unwrap();
            socket.connect(&SocketAddr::from(([127, 0, 0, 1], app.port)).into()).unwrap();
            let mut fair = Client::of(socket.into());
            fair.ask("/endless").unwrap();
            let mut fair = [fair];
            // Hundreds of times the least rate, for three times as long as may pass without a write.
            for _ in 0..120 {
                drip_from(&mut fair, 9600);
            }
            // More than the kernel holds: the server goes on.
            let mut part = vec![0; 20 << 20];
            fair[0].stream.read_exact(&mut part).expect("it was let go");
        });
    }
}
