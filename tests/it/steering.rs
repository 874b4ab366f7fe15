//! The policies that the kernel carries out with a program: `kernel-rr` and `least-busy`.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::harness::app::{App, KERNEL_RR, LEAST_BUSY};
use crate::harness::client::Client;
use crate::harness::packet::{self, ACK};
use crate::harness::privilege::{may_load_programs, may_make_packets};
use crate::harness::wait::wait_until;

/// After so long a worker counts as stalled where that is the subject: it is not for being made to wait.
const STALL_AFTER: Duration = Duration::from_millis(100);

/// A worker that the machine lets wait for a while is not taken for a stalled one.
pub(crate) fn demo(workers: &str, arguments: &[&str]) -> App {
    let patient = ["--workers", workers, "--stall-after", "10000"];
    demo_with(&[&patient, arguments].concat(), workers)
}

fn demo_with(arguments: &[&str], workers: &str) -> App {
    let app = App::controlled(arguments);
    let workers: u16 = workers.parse().unwrap();
    wait_until("all workers", || app.status().workers_ready == workers);
    app
}

/// One connection: who answered. Its end is seen, so that it is counted as closed.
fn one(app: &App) -> u16 {
    let mut client = Client::connect(app.port).unwrap();
    client.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
    let worker = client.answer().unwrap().worker();
    assert_eq!(client.rest(), Ok(Vec::new()));
    worker
}

/// Connections one after the other, by the worker that answered.
pub(crate) fn ask(app: &App, connections: u32) -> BTreeMap<u16, u32> {
    let mut counts = BTreeMap::new();
    for _ in 0..connections {
        *counts.entry(one(app)).or_insert(0) += 1;
    }
    counts
}

pub(crate) fn each(workers: u16, connections: u32) -> BTreeMap<u16, u32> {
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
fn connections_of_both_families_take_the_same_turns() {
    if !may_load_programs("IPv6 under kernel-rr") {
        return;
    }
    let app = demo("4", &[KERNEL_RR, &["--bind", "::"]].concat());
    let loopbacks = ["127.0.0.1", "::1"].map(|ip| (ip, app.port));
    let workers: Vec<u16> = (0..16)
        .map(|at| {
            let stream = TcpStream::connect(loopbacks[at % 2]).unwrap();
            Client::of(stream).get("/").unwrap().worker()
        })
        .collect();
    assert!(workers.chunks(4).all(|turn| turn == &workers[..4]), "{workers:?}");
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
            continue;
        }
        drop(client);
        // While all others have one as well it would be its turn.
        wait_until("the end of that connection", || {
            app.status().workers.iter().all(|worker| worker.open == 0)
        });
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
    let app = demo_with(&[&["--workers", "2", "--stall-after", "100"], LEAST_BUSY].concat(), "2");
    let (stalled, kept) = gets_nothing_while_it_stalls(&app, "by the clock of all");
    // It has the fewest again.
    wait_until("its turn", || app.get("/").worker() == stalled);
    assert_eq!(kept.len(), 21);
    app.stop();
}

/// One of two workers blocks in a handler, and has one connection; the other one gets all meanwhile, and
/// keeps them. Which one blocked, and all connections.
pub(crate) fn gets_nothing_while_it_stalls(app: &App, what: &str) -> (u16, Vec<Client>) {
    let mut sleeper = Client::connect(app.port).unwrap();
    let stalled = sleeper.get("/").unwrap().worker();
    sleeper.ask("/sleep?ms=1500").unwrap();
    wait_until("the handler", || app.worker(stalled).sleeps_in_handler());
    // So long must it be away.
    std::thread::sleep(2 * STALL_AFTER);
    let mut kept: Vec<Client> = (0..20)
        .map(|_| {
            let mut client = Client::connect(app.port).unwrap();
            assert_eq!(client.get("/").unwrap().worker(), 1 - stalled, "{what}");
            client
        })
        .collect();
    assert!(app.worker(stalled).sleeps_in_handler(), "the machine is too slow for this test");
    assert_eq!(sleeper.answer().unwrap().status, 200);
    kept.push(sleeper);
    (stalled, kept)
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
            order.push(one(&app));
        }
        assert_eq!(order[..4], order[4..8], "{policy:?}");
        assert_eq!(order[..4], order[8..], "{policy:?}");
        app.stop();
    }
}
