//! Connections without number.

use std::io::Write;
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use socket2::SockRef;

use super::{INHERITED, is_borne, is_borne_by};
use crate::harness::app::{App, NONE, demo_path, intakes};
use crate::harness::client::Client;
use crate::harness::wait::wait_until;

/// Descriptors that other tests have at the same time.
const OTHERS: u64 = 2000;

/// As many connections as are wanted, if the hard limit of open files allows it.
fn room_for(wanted: usize) -> usize {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    wanted.min(usize::try_from(hard.saturating_sub(OTHERS)).unwrap())
}

#[test]
fn ten_thousand_idle_connections_hold_up_nobody() {
    let count = room_for(10_000);
    println!("{count} idle connections");
    is_borne(|app, _| {
        let connect = |n| {
            let mut client = Client::connect(app.port).unwrap();
            // Some have not asked yet, and some not to the end.
            match n % 10 {
                0 => {}
                1 => client.send("GET / HTTP/1.1\r\nHost:").unwrap(),
                _ => assert_eq!(client.get("/").unwrap().status, 200),
            }
            client
        };
        let mut idle: Vec<Client> = (0..count).map(connect).collect();
        for client in idle.iter_mut().skip(5).step_by(100) {
            assert_eq!(client.get("/").unwrap().text(), "hello\n");
        }
        idle
    });
}

/// Connects so often, says something, and goes away as rudely as can be.
fn connect_and_reset(port: u16, times: usize) {
    for n in 0..times {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        let said = match n % 4 {
            0 => "",
            1 => "GET / HT",
            2 => "GET /stream?kib=1024 HTTP/1.1\r\nHost: a\r\n\r\n",
            _ => "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nsome",
        };
        stream.write_all(said.as_bytes()).unwrap();
    }
}

#[test]
fn a_flood_of_connections_that_are_reset_leaves_nothing_behind() {
    for arguments in intakes() {
        let app = App::demo(&[&["--workers", "1"], arguments].concat());
        let worker = app.worker(0);
        app.get("/");
        let before = worker.settled_descriptors();
        is_borne_by(app, |app, witness| {
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| connect_and_reset(app.port, 1000));
                }
            });
            witness.is_answered();
            // Those of the witness may be among them.
            wait_until("all to be closed", || worker.settled_descriptors() <= before + 2);
        });
    }
}

/// One worker that has room for some thirty connections, all of which are taken and idle.
#[test]
fn a_worker_full_of_idle_connections_lets_the_oldest_go() {
    for arguments in [NONE, INHERITED] {
        let mut command = Command::new("prlimit");
        command.args(["--nofile=64:64"]).arg(demo_path()).args(["--workers", "1", "--port", "0"]);
        let app = App::start(command.args(arguments)).listening();
        let mut idle = Vec::new();
        for n in 0..100 {
            let mut client = Client::connect(app.port).unwrap();
            let answer = client.get_within("/", Duration::from_secs(10));
            assert!(answer.is_ok(), "{n} idle connections keep all others out, {arguments:?}");
            idle.push(client);
        }
        app.stop();
    }
}
