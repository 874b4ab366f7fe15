//! Workers that run out of descriptors.

use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::harness::app::{App, demo_path, intakes};
use crate::harness::client::Client;
use crate::harness::privilege::may_load_programs;
use crate::harness::process::{Process, queued};
use crate::harness::wait::wait_until;
use crate::harness::witness::Witness;

/// The worker answers that it has no descriptor, and the dispatcher gives the socket to the other.
#[test]
fn what_a_worker_has_no_descriptor_for_is_handed_to_another() {
    let app = App::demo(&["--workers", "2", "--policy", "rr"]);
    let starved = app.worker(0);
    limit_descriptors(starved, lowest_free(starved));
    for _ in 0..10 {
        assert_eq!(app.get("/").worker(), 1);
    }
    app.log.wait_for("accepting pauses");
    app.stop();
}

fn lowest_free(process: Process) -> usize {
    let open = process.descriptors();
    (0..1024).find(|number| !open.contains(number)).unwrap()
}

/// Sets the soft limit, which can be raised again.
fn limit_descriptors(process: Process, limit: usize) {
    set_descriptors(process, &format!("{limit}:"));
}

fn set_descriptors(process: Process, limits: &str) {
    let arguments = [format!("--pid={}", process.pid), format!("--nofile={limits}")];
    assert!(Command::new("prlimit").args(arguments).status().unwrap().success());
}

/// It waits between its tries, does not leave the queue alone, and answers when it can again.
#[test]
fn a_stop_waits_for_a_worker_that_is_out_of_descriptors_for_the_rest_of_its_queue() {
    for arguments in intakes() {
        let mut app = App::demo(&[&["--workers", "1"], arguments].concat());
        let mut clients = vec![Client::connect(app.port).unwrap()];
        clients[0].ask("/sleep?ms=500").unwrap();
        let worker = app.worker(0);
        wait_until("the handler", || worker.sleeps_in_handler());
        limit_descriptors(worker, lowest_free(worker));
        clients.extend((0..5).map(|_| {
            let mut client = Client::connect(app.port).unwrap();
            client.ask("/").unwrap();
            client
        }));
        app.signal(Signal::SIGTERM);
        app.log.wait_for("accepting pauses");
        limit_descriptors(worker, 100);
        for client in &mut clients {
            assert_eq!(client.answer().map(|answer| answer.status), Ok(200), "{arguments:?}");
        }
        assert_eq!(app.ended().code(), Some(0));
        let pauses = app.log.count("accepting pauses");
        assert!(pauses < 20, "it tries without a pause: {pauses} times, {arguments:?}");
    }
}

/// Accepting pauses: nobody spins, whoever is connected is served all the time, and who waits is answered
/// when there are descriptors again.
#[test]
fn nobody_who_is_connected_is_hurt_when_descriptors_run_out() {
    for arguments in intakes() {
        let app = App::demo(&[&["--workers", "1"], arguments].concat());
        let worker = app.worker(0);
        let mut starved = vec![worker];
        starved.extend(arguments.contains(&"rr").then(|| app.dispatcher()));
        // The dispatcher has them in its hands only while it passes them on.
        for starved in starved {
            let witness = Witness::start_kept(app.port);
            limit_descriptors(starved, lowest_free(starved));
            let mut waiting = Client::waiting(app.port, 5, "/");
            app.log.wait_for("accepting pauses");
            witness.is_answered();
            app.children().into_iter().for_each(Process::comes_to_rest);
            limit_descriptors(starved, 1024);
            for client in &mut waiting {
                assert_eq!(client.answer().map(|answer| answer.status), Ok(200), "{arguments:?}");
            }
            witness.stop();
        }
        assert!(worker.lives(), "{arguments:?}");
        app.stop();
    }
}

/// Each worker has room for some thirty connections and stops accepting before that. One that
/// accepted until it failed would use up wake-ups that belong to the other.
#[test]
fn workers_stop_accepting_before_they_run_out_of_descriptors() {
    // Chance, and the CPU of the clients, may send too many to one.
    let by_chance = [&["--policy", "none"], &["--policy", "cpu"]];
    for arguments in intakes().into_iter().filter(|it| !by_chance.iter().any(|chance| it == chance))
    {
        let mut command = Command::new("prlimit");
        command.args(["--nofile=64:64"]).arg(demo_path()).args(["--workers", "2", "--port", "0"]);
        let app = App::start(command.args(arguments)).listening();
        let mut clients: Vec<Client> =
            (0..40).map(|_| Client::connect(app.port).unwrap()).collect();
        for client in &mut clients {
            client.ask("/").unwrap();
        }
        for client in &mut clients {
            assert_eq!(client.answer().unwrap().status, 200);
        }
        assert_eq!(app.log.count("accepting pauses"), 0);
        drop(clients);
        app.stop();
    }
}

/// One that cannot accept counts as stalled: only what it had been given before waits.
#[test]
fn under_least_busy_a_worker_out_of_descriptors_is_led_around() {
    if !may_load_programs("a worker out of descriptors under least-busy") {
        return;
    }
    // The other one, which is scheduled late at times, counts as stalled then and is chosen all the same.
    let app = App::demo(&["--workers", "2", "--policy", "least-busy"]);
    let worker = app.worker(0);
    let idle = worker.descriptors();
    // The other one is busier all the time.
    let mut kept: Vec<Client> = (0..20).map(|_| Client::connect(app.port).unwrap()).collect();
    kept.retain_mut(|client| client.get("/").unwrap().worker() == 1);
    assert!(kept.len() > 3, "{} of 20", kept.len());
    // Those that were let go leave no room.
    wait_until("the end of the others", || worker.descriptors() == idle);
    limit_descriptors(worker, lowest_free(worker));
    let mut waiting = Vec::new();
    while waiting.is_empty() {
        let mut client = Client::connect(app.port).unwrap();
        if client.get_within("/", Duration::from_secs(1)).is_err() {
            waiting.push(client);
        }
    }
    app.log.wait_for("accepting pauses");
    // It tries again twice a second, and is led around all the time.
    for _ in 0..5 {
        for _ in 0..200 {
            assert_eq!(app.get("/").worker(), 1);
        }
        let turns = worker.context_switches();
        wait_until("the next try", || worker.context_switches() > turns + 1);
    }
    assert_eq!(app.log.count("accepting pauses"), 1, "it says so once");
    limit_descriptors(worker, 1024);
    assert_eq!(waiting[0].answer().unwrap().worker(), 0);
    drop((waiting, kept));
    wait_until("its turn again", || app.get("/").worker() == 0);
    app.stop();
}

/// The second worker, which is forked after the limit was lowered, has room for some thirty connections, the
/// first one for all.
#[test]
fn under_least_busy_a_full_worker_is_led_around() {
    if !may_load_programs("a full worker under least-busy") {
        return;
    }
    let app = App::demo(&["--workers", "1", "--policy", "least-busy"]);
    set_descriptors(app.master, "64:64");
    app.signal(Signal::SIGTTIN);
    app.log.wait_for("worker 1 (generation 1) is ready");
    let clients: Vec<(u16, Client)> = (0..120)
        .map(|_| {
            let mut client = Client::connect(app.port).unwrap();
            (client.get("/").expect("each is answered").worker(), client)
        })
        .collect();
    let of_the_second = clients.iter().filter(|(worker, _)| *worker == 1).count();
    assert!((20..60).contains(&of_the_second), "{of_the_second}");
    drop(clients);
    wait_until("its turn again", || app.get("/").worker() == 1);
    app.stop();
}

/// A full worker says so, and what nobody has room for waits in the accept queue, where it outlives
/// the dispatcher.
#[test]
fn what_waits_for_a_full_worker_outlives_the_dispatcher() {
    for end in [Signal::SIGTERM, Signal::SIGKILL] {
        let mut command = Command::new("prlimit");
        command.args(["--nofile=64:64"]).arg(demo_path()).args(["--workers", "1", "--port", "0"]);
        let app = App::start(command.args(["--policy", "rr"])).listening();
        let mut busy = Vec::new();
        // The limit leaves room for fewer than forty: as many as are answered fill the worker. With half a
        // request they do not give way.
        let mut client = Client::connect(app.port).unwrap();
        while client.get_within("/", Duration::from_secs(1)).is_ok() {
            client.send("GET").unwrap();
            busy.push(client);
            client = Client::connect(app.port).unwrap();
        }
        assert!(busy.len() < 64, "the worker is never full");
        let mut waiting = vec![client];
        waiting.extend((0..3).map(|_| {
            let mut client = Client::connect(app.port).unwrap();
            client.ask("/").unwrap();
            client
        }));
        wait_until("all to wait in the accept queue", || queued(app.port) == waiting.len());
        let dispatcher = app.dispatcher();
        dispatcher.signal(end);
        wait_until("its end", || !dispatcher.lives());
        drop(busy);
        for client in &mut waiting {
            assert_eq!(client.answer().map(|answer| answer.status), Ok(200), "{end}");
        }
        app.stop();
    }
}

/// More workers than the master has descriptors for: those that are there go on, and it does not spin.
#[test]
fn a_master_that_runs_out_of_descriptors_goes_on_with_what_it_has() {
    for arguments in intakes() {
        let mut command = Command::new("prlimit");
        command.args(["--nofile=28:28"]).arg(demo_path()).args(["--workers", "2", "--port", "0"]);
        let mut app = App::start(command.args(arguments)).listening();
        for wanted in 3..=20 {
            app.signal(Signal::SIGTTIN);
            wait_until("the order to be carried out", || {
                let name = format!("worker {}", wanted - 1);
                let log = app.log.text();
                log.contains(&format!("{name} (generation 1) is ready"))
                    || log.contains(&format!("{name} is backing-off"))
            });
        }
        wait_until("it to have none left", || {
            let log = app.log.text();
            log.contains("Too many open files") || log.contains("did not arrive")
        });
        for _ in 0..20 {
            assert_eq!(app.get("/").status, 200, "{arguments:?}");
        }
        app.signal(Signal::SIGTERM);
        assert_eq!(app.ended().code(), Some(0), "{arguments:?}");
    }
}
