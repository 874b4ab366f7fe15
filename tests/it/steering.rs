//! The policies that the kernel carries out with a program: `kernel-rr` and `least-busy`.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use evenkeel::internals::{Balancer, Rule, SlotId, least_busy, turns};
use nix::sys::signal::Signal;
use socket2::{Domain, SockRef, Socket, Type};

use crate::harness::app::{App, KERNEL_RR, LEAST_BUSY};
use crate::harness::client::{self, Client};
use crate::harness::packet::{self, ACK, SYN};
use crate::harness::privilege::{may_load_programs, may_make_packets};
use crate::harness::wait::{wait_for, wait_until};
use crate::sim::chance::Chance;

fn demo(workers: &str, arguments: &[&str]) -> App {
    let app = App::controlled(&[&["--workers", workers], arguments].concat());
    let workers: u16 = workers.parse().unwrap();
    wait_until("all workers", || app.status().workers_ready == workers);
    app
}

/// Connections one after the other, by the worker that answered.
fn ask(app: &App, connections: u32) -> BTreeMap<u16, u32> {
    let mut counts = BTreeMap::new();
    for _ in 0..connections {
        *counts.entry(client::get(app.port, "/").unwrap().worker()).or_insert(0) += 1;
    }
    counts
}

fn each(workers: u16, connections: u32) -> BTreeMap<u16, u32> {
    (0..workers).map(|worker| (worker, connections)).collect()
}

#[test]
fn under_kernel_rr_each_of_eight_workers_answers_exactly_a_thousand_of_8000() {
    if !may_load_programs("kernel-rr") {
        return;
    }
    let app = demo("8", KERNEL_RR);
    assert_eq!(app.children().len(), 8, "there is no process in between");
    assert_eq!(ask(&app, 8000), each(8, 1000));
    app.stop();
}

/// From one client that has no request under way while a worker is killed: all are answered.
#[test]
fn under_kernel_rr_and_least_busy_kills_between_requests_lose_nothing() {
    if !may_load_programs("kills under kernel-rr and least-busy") {
        return;
    }
    for policy in [KERNEL_RR, LEAST_BUSY] {
        let app = demo("8", &[&["--min-uptime", "0"], policy].concat());
        let mut answered = 0;
        for kill in 0..20 {
            let victim = app.worker(kill % 8);
            victim.signal(Signal::SIGKILL);
            answered += ask(&app, 400).values().sum::<u32>();
            wait_until("the successor", || app.worker(kill % 8) != victim);
        }
        assert_eq!(answered, 8000);
        wait_until("all to serve", || app.status().workers_ready == 8);
        // A worker that has just come may not have looked at its queue yet.
        wait_until("even turns again", || ask(&app, 40) == each(8, 5));
        app.stop();
    }
}

#[test]
fn equally_busy_workers_take_turns() {
    if !may_load_programs("turns under least-busy") {
        return;
    }
    let app = demo("5", LEAST_BUSY);
    assert_eq!(ask(&app, 200), each(5, 40));
    app.stop();
}

#[test]
fn more_than_sixty_four_workers_are_told_apart() {
    if !may_load_programs("80 workers under kernel-rr and least-busy") {
        return;
    }
    for policy in [KERNEL_RR, LEAST_BUSY] {
        let app = demo("80", policy);
        assert_eq!(ask(&app, 160), each(80, 2), "{policy:?}");
        app.stop();
    }
}

/// Connections that stay open count, also in the accept queue, and those that are closed do not.
#[test]
fn a_new_connection_goes_to_the_worker_with_the_fewest() {
    if !may_load_programs("loads under least-busy") {
        return;
    }
    let app = demo("4", LEAST_BUSY);
    let mut kept: BTreeMap<u16, Vec<Client>> = BTreeMap::new();
    for _ in 0..40 {
        let mut client = Client::connect(app.port).unwrap();
        let worker = client.get("/").unwrap().worker();
        kept.entry(worker).or_default().push(client);
    }
    assert!(kept.values().all(|clients| clients.len() == 10), "uneven");
    // One of them has six fewer now.
    kept.get_mut(&2).unwrap().truncate(4);
    wait_until("the end of six", || app.status().workers[2].open == 4);
    let newcomers: Vec<Client> = (0..6)
        .map(|_| {
            let mut client = Client::connect(app.port).unwrap();
            assert_eq!(client.get("/").unwrap().worker(), 2);
            client
        })
        .collect();
    let counts = app.status().workers.iter().map(|worker| worker.open).collect::<Vec<_>>();
    assert_eq!((counts, newcomers.len()), (vec![10; 4], 6));
    app.stop();
}

/// It gets what comes while nobody has less, and nothing after that.
#[test]
fn a_stopped_worker_gets_one_connection_and_no_more() {
    if !may_load_programs("a stopped worker under least-busy") {
        return;
    }
    let app = demo("4", LEAST_BUSY);
    let stopped = app.worker(1);
    stopped.signal(Signal::SIGSTOP);
    wait_until("it to stand still", || stopped.is_stopped());
    let mut waiting = Vec::new();
    for _ in 0..100 {
        let mut client = Client::connect(app.port).unwrap();
        if client.get_within("/", Duration::from_secs(1)).is_err() {
            waiting.push(client);
        }
    }
    assert_eq!(waiting.len(), 1);
    stopped.signal(Signal::SIGCONT);
    assert_eq!(waiting[0].answer().unwrap().worker(), 1);
    drop(waiting);
    wait_until("its turn again", || ask(&app, 40) == each(4, 10));
    app.stop();
}

/// A worker that blocks in a handler counts as stalled, however few connections it has.
#[test]
fn a_stalled_worker_gets_nothing_while_others_are_busier() {
    if !may_load_programs("a stalled worker under least-busy") {
        return;
    }
    let app = demo("2", LEAST_BUSY);
    let mut sleeper = Client::connect(app.port).unwrap();
    let stalled = sleeper.get("/").unwrap().worker();
    sleeper.ask("/sleep?ms=1500").unwrap();
    wait_until("the handler", || app.worker(stalled).sleeps_in_handler());
    // The other one has twenty connections then, and this one has one.
    let kept: Vec<Client> = (0..20)
        .map(|_| {
            let mut client = Client::connect(app.port).unwrap();
            assert_eq!(client.get("/").unwrap().worker(), 1 - stalled);
            client
        })
        .collect();
    assert!(app.worker(stalled).sleeps_in_handler(), "the machine is too slow for this test");
    assert_eq!(sleeper.answer().unwrap().status, 200);
    // It has the fewest again.
    assert_eq!((app.get("/").worker(), kept.len()), (stalled, 20));
    app.stop();
}

/// What the program has assigned and nobody will ever accept.
fn recovers(app: &App, workers: u16, what: &str) {
    let began = Instant::now();
    let per_worker = 5;
    let connections = u32::from(workers) * per_worker;
    wait_until("even turns again", || ask(app, connections) == each(workers, per_worker));
    let time = began.elapsed();
    println!("{what}: even again, shown by {connections} connections in a row, after {time:?}");
}

#[test]
fn after_a_flood_of_syns_or_a_thousand_aborted_connections_all_is_even_again() {
    let what = "a flood under least-busy";
    if !may_load_programs(what) || !may_make_packets(what) {
        return;
    }
    let app = demo("4", LEAST_BUSY);
    recovers(&app, 4, "nothing happened");
    for round in 0..3 {
        packet::send(app.port, SYN, 1000);
        // One worker learns its true load, and looks the least busy to the program.
        app.get("/");
        recovers(&app, 4, &format!("flood {round} of 1,000 SYNs"));
        for _ in 0..1000 {
            let stream = TcpStream::connect(("127.0.0.1", app.port)).unwrap();
            SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        }
        recovers(&app, 4, &format!("1,000 aborted connections, round {round}"));
    }
    app.stop();
}

/// Only a SYN opens a connection: other packets that belong to none take nobody's turn.
#[test]
fn stray_packets_are_not_counted() {
    let what = "stray packets under kernel-rr and least-busy";
    if !may_load_programs(what) || !may_make_packets(what) {
        return;
    }
    for policy in [KERNEL_RR, LEAST_BUSY] {
        let app = demo("4", policy);
        let mut order = Vec::new();
        for _ in 0..12 {
            packet::send(app.port, ACK, 7);
            order.push(app.get("/").worker());
        }
        assert_eq!(order[..4], order[4..8], "{policy:?}");
        assert_eq!(order[..4], order[8..], "{policy:?}");
        app.stop();
    }
}

/// A group of listeners, and a program that chooses among them.
struct Group {
    balancer: Balancer,
    listeners: Vec<TcpListener>,
    address: SocketAddr,
}

impl Group {
    fn new(rule: Rule, size: u16) -> Self {
        let balancer = Balancer::load(rule).unwrap();
        let mut address: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let mut listeners = Vec::new();
        for slot in (0..size).map(SlotId) {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_reuse_port(true).unwrap();
            socket.bind(&address.into()).unwrap();
            socket.listen(64).unwrap();
            socket.set_nonblocking(true).unwrap();
            let listener = TcpListener::from(socket);
            address = listener.local_addr().unwrap();
            balancer.admit(slot, &listener).unwrap();
            listeners.push(listener);
        }
        Self { balancer, listeners, address }
    }

    fn steer(&self, live: &[SlotId]) {
        self.balancer.steer(&self.listeners[0], live).unwrap();
    }

    /// Where one connection goes.
    fn connect(&self) -> SlotId {
        let _client = TcpStream::connect(self.address).unwrap();
        wait_for("the connection", || {
            let mut listeners = (0..).map(SlotId).zip(&self.listeners);
            listeners.find_map(|(slot, listener)| listener.accept().ok().map(|_| slot))
        })
    }
}

fn some_of(chance: &mut Chance, size: u16) -> Vec<SlotId> {
    (0..size).filter(|_| chance.below(4) > 0).map(SlotId).collect()
}

#[test]
fn the_kernel_chooses_as_the_function_does_among_random_loads() {
    if !may_load_programs("the program of least-busy in the kernel") {
        return;
    }
    let mut chance = Chance::from_seed(5);
    for size in [1, 2, 7, 8, 9, 33, 70] {
        let group = Group::new(Rule::LeastBusy, size);
        let table = group.balancer.table();
        for _ in 0..60 {
            let live = some_of(&mut chance, size);
            group.steer(&live);
            for slot in (0..size).map(SlotId) {
                let row = table.row(slot);
                // Some load more than the others, or a little less than nothing for a moment.
                row.set_lost(row.assigned().wrapping_add(1).wrapping_sub(chance.below(4) as u64));
                row.stalls_at(if chance.below(3) == 0 { 0 } else { i64::MAX.unsigned_abs() });
            }
            for _ in 0..3 {
                // The time is of no account: stalled for ever, or never.
                let expected = least_busy::choose(table, 1, false);
                let chosen = group.connect();
                // With nobody live the kernel's hash chooses.
                assert!(expected.is_none_or(|expected| expected == chosen), "{live:?}");
                assert_eq!(expected.is_none(), live.is_empty());
            }
        }
    }
}

#[test]
fn the_kernel_takes_the_same_turns_as_the_function() {
    if !may_load_programs("the program of kernel-rr in the kernel") {
        return;
    }
    let mut chance = Chance::from_seed(6);
    for size in [1, 2, 7, 70] {
        let group = Group::new(Rule::Turns, size);
        for _ in 0..60 {
            let live = some_of(&mut chance, size);
            group.steer(&live);
            for _ in 0..3 {
                let expected = turns::choose(group.balancer.table(), false);
                let chosen = group.connect();
                assert!(expected.is_none_or(|expected| expected == chosen), "{live:?}");
            }
        }
    }
}
