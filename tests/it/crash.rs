//! Workers and dispatchers that are killed.

use nix::sys::signal::Signal;

use crate::harness::app::{App, KERNEL_RR, LEAST_BUSY, NONE, intakes};
use crate::harness::client::{Client, Failure};
use crate::harness::load::Load;
use crate::harness::process::{Process, queued};
use crate::harness::wait::{wait_for, wait_until};

const CLIENTS: u64 = 8;

/// Kills the workers in turn under load, `kills` in all. Each of `CLIENTS` clients has one request
/// under way at most, so that no kill can cut more than that; and in the end every slot serves.
fn kill_workers_under_load(arguments: &[&str], workers: u16, kills: u64) {
    // The kills follow each other faster than any crash loop that deserves a pause.
    let mut all = vec!["--workers", "4", "--min-uptime", "0"];
    all.extend(arguments);
    let app = App::demo(&all);
    let load = Load::start(app.port, usize::try_from(CLIENTS).unwrap(), "/work?us=100");
    for kill in 0..kills {
        let index = u16::try_from(kill % u64::from(workers)).unwrap();
        let victim = app.worker(index);
        victim.signal(Signal::SIGKILL);
        wait_until("the successor", || {
            let successor = app.child_named(&format!("worker {index}"));
            successor.is_some_and(|successor| successor != victim)
        });
    }
    every_slot_serves(&app, workers);
    let count = load.stop();
    println!("{arguments:?}: {kills} kills, {count:?}");
    assert!(count.answered > kills, "{count:?}");
    assert_eq!((count.refused, count.hung), (0, 0), "{count:?}");
    assert!(count.cut <= kills * CLIENTS, "{count:?}");
    app.stop();
}

fn every_slot_serves(app: &App, workers: u16) {
    for index in 0..workers {
        let pid = app.worker(index).pid;
        let of = |index| move |answer: &crate::harness::client::Answer| answer.worker() == index;
        wait_for("an answer of each worker", || {
            Some(app.get("/whoami")).filter(of(index)).filter(|answer| answer.number("pid") == pid)
        });
    }
}

#[test]
fn a_hundred_kills_under_none_cut_only_what_the_killed_workers_had() {
    kill_workers_under_load(&["--policy", "none"], 4, 100);
}

#[test]
fn kills_cut_only_what_the_killed_workers_had() {
    // A client on one CPU does not reach all workers of policy cpu.
    let reached = intakes().into_iter().filter(|arguments| !arguments.contains(&"cpu"));
    for arguments in reached {
        kill_workers_under_load(arguments, 4, 20);
    }
}

/// Lets the one worker sleep in a handler, and queues connections that have sent their request.
fn block_and_queue(app: &App, sleep: &str, count: usize) -> (Process, Client, Vec<Client>) {
    let worker = app.worker(0);
    let mut sleeper = Client::connect(app.port).unwrap();
    sleeper.ask(sleep).unwrap();
    wait_until("the handler", || worker.sleeps_in_handler());
    let ask = |_| {
        let mut client = Client::connect(app.port).unwrap();
        client.ask("/whoami").unwrap();
        client
    };
    (worker, sleeper, (0..count).map(ask).collect())
}

/// The worker cannot have accepted what is queued: it sleeps. Killing it costs the sleeper, whose
/// request was in its hands, and none of those that waited.
fn nothing_queued_is_lost(arguments: &[&str]) {
    let mut all = vec!["--workers", "1"];
    all.extend(arguments);
    let app = App::demo(&all);
    let (worker, mut sleeper, waiting) = block_and_queue(&app, "/sleep?ms=60000", 50);
    worker.signal(Signal::SIGKILL);
    assert_eq!(sleeper.answer(), Err(Failure::Cut));
    for mut client in waiting {
        let answer = client.answer().expect("what was queued is answered");
        assert_eq!(answer.number("generation"), 2);
    }
    app.stop();
}

/// Under rr some of the fifty are on their way from the dispatcher, not acknowledged by the sleeping
/// worker.
#[test]
fn what_waits_for_a_killed_worker_is_answered_by_its_successor() {
    for arguments in intakes() {
        nothing_queued_is_lost(arguments);
    }
}

#[test]
fn what_waits_when_the_dispatcher_is_killed_is_answered() {
    let app = App::demo(&["--workers", "1", "--policy", "rr"]);
    let (_, mut sleeper, waiting) = block_and_queue(&app, "/sleep?ms=500", 50);
    wait_until("connections in the accept queue", || queued(app.port) > 40);
    let dispatcher = app.dispatcher();
    dispatcher.signal(Signal::SIGKILL);
    wait_until("a new dispatcher", || app.dispatcher() != dispatcher);
    assert_eq!(sleeper.answer().unwrap().status, 200);
    for mut client in waiting {
        assert_eq!(client.answer().expect("what was queued is answered").status, 200);
    }
    app.stop();
}

/// The one connection that a dispatcher has just accepted and not yet sent on dies with it.
#[test]
fn killed_dispatchers_cut_at_most_the_one_connection_in_their_hands() {
    const KILLS: u64 = 10;
    let app = App::demo(&["--workers", "2", "--policy", "rr"]);
    let load = Load::start(app.port, 8, "/");
    for _ in 0..KILLS {
        let victim = app.dispatcher();
        victim.signal(Signal::SIGKILL);
        wait_until("the next dispatcher", || app.dispatcher() != victim);
        assert_eq!(app.get("/").status, 200);
    }
    let count = load.stop();
    println!("{KILLS} kills of the dispatcher, {count:?}");
    assert_eq!((count.refused, count.hung), (0, 0), "{count:?}");
    assert!(count.cut <= KILLS, "{count:?}");
    app.stop();
}

#[test]
fn a_worker_that_is_told_to_end_drains_and_is_replaced() {
    for arguments in intakes() {
        let app = App::demo(&[&["--workers", "2"], arguments].concat());
        let load = Load::start(app.port, 4, "/");
        for index in [0, 1, 0] {
            let old = app.worker(index);
            old.signal(Signal::SIGTERM);
            wait_until("the end of the old worker", || !old.lives());
            wait_until("the new worker", || app.worker(index) != old);
        }
        let count = load.stop();
        assert_eq!((count.cut, count.refused, count.hung), (0, 0, 0), "{arguments:?} {count:?}");
        app.stop();
    }
}

/// Six young deaths make the pauses of the slot long enough to ask twenty times within one.
#[test]
fn a_slot_that_waits_for_its_next_worker_gets_no_connections() {
    // Policy cpu has a test of its own; elsewhere there is no queue to lead around.
    for arguments in intakes().into_iter().filter(|it| [KERNEL_RR, LEAST_BUSY, NONE].contains(it)) {
        a_vacant_slot_gets_nothing(arguments);
    }
}

fn a_vacant_slot_gets_nothing(arguments: &[&str]) {
    let app = App::demo(&[&["--workers", "2"], arguments].concat());
    for generation in 1..=6 {
        app.log.wait_for(&format!("worker 0 (generation {generation}) is ready"));
        app.worker(0).signal(Signal::SIGKILL);
    }
    app.log.wait_for("worker 0 is backing-off for 759 ms");
    for _ in 0..20 {
        assert_eq!(app.get("/").worker(), 1);
    }
    assert_eq!(
        app.log.count("worker 0 (generation 7)"),
        0,
        "the machine is too slow for this test"
    );
    app.log.wait_for("worker 0 (generation 7) is ready");
    wait_for("an answer of the slot", || Some(app.get("/")).filter(|answer| answer.worker() == 0));
    app.stop();
}
