//! UDP: a socket a slot, which outlives the slot's workers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::UdpSocket;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;

use nix::sys::signal::Signal;

use crate::harness::app::{App, run_to_end};
use crate::harness::wait::{PATIENCE, wait_for, wait_until};

fn datagrams(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_datagrams"));
    command.args(arguments);
    command
}

fn start(workers: &str) -> (App, String) {
    let app = App::start(&mut datagrams(&[workers, "127.0.0.1:0"])).listening();
    let address = wait_for("the address", || {
        let text = app.out.text();
        let (_, after) = text.split_once("datagrams at ")?;
        Some(after.split_once(' ')?.0.to_owned())
    });
    (app, address)
}

/// A peer of its own port, which the kernel always sends to the same slot.
struct Peer {
    socket: UdpSocket,
    asked: u32,
}

impl Peer {
    fn of(address: &str) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, asked: 0 }
    }

    fn ask(&mut self) {
        self.asked += 1;
        self.socket.send(self.asked.to_string().as_bytes()).unwrap();
    }

    /// Who answered, as `SLOT.GENERATION`; nothing is ever sent twice.
    fn answer(&mut self) -> String {
        let mut buffer = [0; 100];
        let length = self.socket.recv(&mut buffer).unwrap_or_else(|error| {
            panic!("datagram {} is lost: {error}", self.asked);
        });
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let (number, worker) = text.split_once(' ').unwrap();
        assert_eq!(number, self.asked.to_string(), "another one's answer");
        worker.to_owned()
    }
}

/// Peers that ask without a pause, one datagram each at a time, until they are told to end.
struct Stream {
    ends: Arc<AtomicBool>,
    peers: Vec<JoinHandle<BTreeSet<String>>>,
}

impl Stream {
    fn start(address: &str) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let peer = |_| {
            let (ends, mut peer) = (Arc::clone(&ends), Peer::of(address));
            std::thread::spawn(move || {
                let mut workers = BTreeSet::new();
                while !ends.load(Relaxed) {
                    peer.ask();
                    workers.insert(peer.answer());
                }
                workers
            })
        };
        let peers = (0..16).map(peer).collect();
        Self { ends, peers }
    }

    /// Who answered; it panics if anything was not.
    fn end(self) -> BTreeSet<String> {
        self.ends.store(true, Relaxed);
        let peers = self.peers.into_iter();
        peers.flat_map(|peer| peer.join().expect("nothing is lost")).collect()
    }
}

#[test]
fn datagrams_of_many_peers_come_to_all_workers_and_those_of_one_peer_to_one() {
    let (app, address) = start("4");
    let mut answered: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..200 {
        let mut peer = Peer::of(&address);
        let mut answer = || {
            peer.ask();
            peer.answer()
        };
        let worker = answer();
        assert_eq!(answer(), worker);
        *answered.entry(worker).or_default() += 1;
    }
    assert_eq!(answered.len(), 4, "{answered:?}");
    assert!(answered.values().all(|count| *count > 15), "{answered:?}");
    app.stop();
}

#[test]
fn a_reload_under_a_stream_of_datagrams_loses_none() {
    let (app, address) = start("2");
    let stream = Stream::start(&address);
    for number in 1..=5 {
        app.signal(Signal::SIGHUP);
        wait_until("the reload", || app.log.count("reload done") == number);
    }
    let workers = stream.end();
    for worker in ["0.1", "1.1", "0.6", "1.6"] {
        assert!(workers.contains(worker), "{workers:?}");
    }
    app.stop();
}

#[test]
fn fewer_and_more_workers_under_a_stream_of_datagrams_lose_none() {
    let (app, address) = start("3");
    let stream = Stream::start(&address);
    for _ in 0..3 {
        let done = app.log.count("is done");
        app.signal(Signal::SIGTTOU);
        wait_until("fewer workers", || app.log.count("is done") > done);
        let ready = app.log.count("is ready");
        app.signal(Signal::SIGTTIN);
        wait_until("more workers", || app.log.count("is ready") > ready);
    }
    stream.end();
    app.stop();
}

#[test]
fn an_upgrade_keeps_the_sockets_and_what_waits_in_them() {
    let (app, address) = start("2");
    let stream = Stream::start(&address);
    app.signal(Signal::SIGUSR2);
    app.log.wait_for("upgrade done");
    let workers = stream.end();
    assert!(workers.iter().any(|worker| worker.ends_with(".2")), "{workers:?}");
    assert!(app.out.count(&format!("datagrams at {address} ")) >= 4, "the same port");
    app.stop();
}

#[test]
fn what_comes_while_a_slot_is_vacant_waits_for_its_next_worker() {
    let (app, address) = start("1");
    let mut peer = Peer::of(&address);
    let worker = app.worker(0);
    worker.signal(Signal::SIGSTOP);
    wait_until("the stop", || worker.is_stopped());
    peer.ask();
    worker.signal(Signal::SIGKILL);
    assert_eq!(peer.answer(), "0.2");
    app.stop();
}

#[test]
fn a_port_for_datagrams_that_is_taken_is_an_error_of_serve() {
    let (app, address) = start("1");
    let (code, _, log) = run_to_end(&mut datagrams(&["1", &address]));
    assert_eq!(code, Some(69), "{log}");
    assert!(log.contains("for UDP on 127.0.0.1 is in use"), "{log}");
    app.stop();
    let (code, _, log) = run_to_end(&mut datagrams(&["1", "unix:/tmp/nothing"]));
    assert_eq!(code, Some(64), "{log}");
}
