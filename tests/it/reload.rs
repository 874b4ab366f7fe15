//! All workers replaced while they serve.

use std::collections::BTreeSet;

use evenkeel::control::{Command, Scale};
use nix::sys::signal::Signal;

use crate::harness::app::{App, ask, fixture, intakes};
use crate::harness::client::Client;
use crate::harness::process::{Process, listening, queued};
use crate::harness::wait::wait_until;

const RELOAD: Command = Command::Reload {};

#[test]
fn hup_replaces_every_process_but_the_master() {
    for arguments in intakes() {
        let app = App::demo(&[&["--workers", "3"], arguments].concat());
        let old: BTreeSet<Process> = app.children().into_iter().collect();
        app.signal(Signal::SIGHUP);
        app.log.wait_for("reload done: all workers are new");
        let new: BTreeSet<Process> = app.children().into_iter().collect();
        assert_eq!(new.len(), old.len(), "{arguments:?}");
        assert!(new.is_disjoint(&old), "{arguments:?}");
        assert_eq!(app.get("/whoami").number("generation"), 2);
        app.stop();
    }
}

#[test]
fn a_reload_keeps_the_listeners_and_what_waits_in_them() {
    let app = App::controlled(&["--workers", "2"]);
    let inodes =
        || -> BTreeSet<u64> { listening(app.port).iter().map(|listener| listener.inode).collect() };
    let before = inodes();
    // One of each worker, which then sleep at the same time.
    let mut sleepers: Vec<Client> = Vec::new();
    while sleepers.len() < 2 {
        let mut client = Client::connect(app.port).unwrap();
        if usize::from(client.get("/").unwrap().worker()) == sleepers.len() {
            sleepers.push(client);
        }
    }
    for sleeper in &mut sleepers {
        sleeper.ask("/sleep?ms=3000").unwrap();
    }
    wait_until("the handlers", || (0..2).all(|index| app.worker(index).sleeps_in_handler()));
    let mut waiting = Client::waiting(app.port, 20, "/whoami");
    wait_until("the queues", || queued(app.port) == waiting.len());
    app.done(RELOAD);
    for client in &mut waiting {
        let answer = client.answer().expect("what was queued is answered");
        assert_eq!(answer.number("generation"), 2, "by the new worker, which is free");
    }
    for mut sleeper in sleepers {
        assert_eq!(sleeper.answer().map(|answer| answer.status), Ok(200), "in flight");
        assert_eq!(sleeper.rest(), Ok(Vec::new()), "closed, and not reset, when it stays silent");
    }
    assert_eq!(inodes(), before, "the same sockets");
    app.stop();
}

#[test]
fn a_worker_that_fails_leaves_the_old_ones_in_place_and_the_reload_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let control = folder.path().join("control");
    let mut command = fixture(&["fail-from-the-third-on", control.to_str().unwrap()]);
    let app = App::start(&mut command).listening();
    let reload = || ask(&control, RELOAD);
    assert!(reload().ok, "generation 2 is well");
    let serving: Vec<Process> = (0..2).map(|index| app.worker(index)).collect();
    for _ in 0..3 {
        let reply = reload();
        assert!(!reply.ok);
        assert!(reply.text.contains("reload given up: worker 0 (generation "), "{}", reply.text);
        assert!(reply.text.contains("ended with exit code 75: no more licences"), "{}", reply.text);
    }
    assert!(app.log.text().contains("the workers that were not replaced yet go on"));
    assert!(serving.iter().all(|worker| worker.lives()));
    assert_eq!(app.get("/").text(), "generation 2\n");
    app.stop();
}

#[test]
fn a_worker_that_is_late_is_ended_and_the_old_one_stays() {
    let app = App::start(&mut fixture(&["late-from-the-second-on"])).listening();
    let old = app.worker(0);
    app.signal(Signal::SIGHUP);
    app.log.wait_for(
        "reload given up: worker 0 (generation 2) was not ready within 500ms; the workers that were",
    );
    assert!(old.lives());
    assert_eq!(app.get("/").text(), "generation 1\n");
    app.stop();
}

#[test]
fn a_second_reload_during_the_first_runs_after_it() {
    let app = App::controlled(&["--workers", "4"]);
    let ask = |_| {
        let path = app.control();
        std::thread::spawn(move || ask(&path, RELOAD))
    };
    let replies: Vec<_> = (0..8).map(ask).collect();
    for reply in replies {
        assert!(reply.join().unwrap().ok);
    }
    let rollouts = app.status().rollouts;
    assert!((1..=8).contains(&rollouts), "{rollouts}");
    let generations: BTreeSet<u32> =
        app.status().workers.iter().map(|worker| worker.generation).collect();
    assert_eq!(generations, [rollouts + 1].into(), "each reload replaced each worker once");
    app.stop();
}

#[test]
fn a_reload_tries_a_slot_that_backs_off_at_once_and_says_that_it_fails() {
    let folder = tempfile::tempdir().unwrap();
    let control = folder.path().join("control");
    let app = App::start(&mut fixture(&["error-at-start", control.to_str().unwrap()]));
    app.log.wait_for("is backing-off for 1139 ms");
    let reply = ask(&control, RELOAD);
    assert!(!reply.ok && reply.text.contains("no database today"), "{}", reply.text);
    // The second time: as after the first failure.
    wait_until("the pauses to begin anew", || app.log.count("is backing-off for 100 ms") == 2);
    app.signal(Signal::SIGQUIT);
    app.log.wait_for("master stops");
}

#[test]
fn a_stop_during_a_reload_stops() {
    for arguments in intakes() {
        let mut app = App::controlled(&[&["--workers", "4"], arguments].concat());
        let mut sleeper = Client::connect(app.port).unwrap();
        sleeper.ask("/sleep?ms=400").unwrap();
        wait_until("the handler", || (0..4).any(|index| app.worker(index).sleeps_in_handler()));
        let path = app.control();
        let reload = std::thread::spawn(move || ask(&path, RELOAD));
        app.log.wait_for("reload: all workers are replaced");
        app.signal(Signal::SIGTERM);
        assert_eq!(sleeper.answer().map(|answer| answer.status), Ok(200));
        let reply = reload.join().unwrap();
        assert!(reply.text.contains("the master stops") || reply.ok, "{}", reply.text);
        assert_eq!(app.ended().code(), Some(0));
    }
}

/// A worker that has become ready without the master's knowledge may be killed, and has no connections.
#[test]
fn a_successor_that_is_killed_because_of_a_stop_takes_no_connection_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let gate = folder.path().join("gate");
    let mut command = fixture(&["second-successor-waits"]);
    let mut app = App::start(command.env("GATE", &gate)).listening();
    app.signal(Signal::SIGHUP);
    app.log.wait_for("worker 1 (generation 2) is starting");
    let successor = app.worker(1);
    app.signal(Signal::SIGSTOP);
    wait_until("the master to stand still", || app.master.is_stopped());
    app.signal(Signal::SIGTERM);
    std::fs::write(&gate, "").unwrap();
    successor.comes_to_rest();
    let mut clients: Vec<Client> = (0..40).map(|_| Client::connect(app.port).unwrap()).collect();
    for client in &mut clients {
        assert_ne!(client.get("/who").unwrap().text(), "1.2", "the master does not know of it");
    }
    app.signal(Signal::SIGCONT);
    app.log.wait_for("worker 1 (generation 2) is not needed any more and is killed");
    for client in &mut clients {
        assert_eq!(client.get("/who").map(|answer| answer.status), Ok(200));
    }
    drop(clients);
    assert_eq!(app.ended().code(), Some(0));
}

#[test]
fn a_new_slot_during_a_reload_is_served_as_well() {
    let app = App::controlled(&["--workers", "2"]);
    app.signal(Signal::SIGHUP);
    app.done(Command::Scale { workers: Scale::By(2) });
    app.log.wait_for("reload done");
    assert_eq!(app.status().workers_ready, 4);
    app.stop();
}

/// The master of a server that has been reloaded every minute for most of a day.
#[test]
fn the_master_is_the_same_after_a_thousand_reloads_as_after_ten() {
    for arguments in [intakes()[0], intakes()[1]] {
        let app = App::controlled(&[&["--workers", "2"], arguments].concat());
        let reload = |times: u32| (0..times).for_each(|_| app.done(RELOAD));
        reload(10);
        let (children, memory) = (app.children().len(), app.master.anonymous_kib());
        let descriptors = app.master.settled_descriptors();
        reload(990);
        let (children_after, memory_after) = (app.children().len(), app.master.anonymous_kib());
        println!("{arguments:?}: {descriptors} descriptors, {children} children");
        println!("{memory} KiB after 10 reloads, {memory_after} KiB after 1,000");
        assert_eq!((app.master.settled_descriptors(), children_after), (descriptors, children));
        // The allocator's pages come and go; a leak of 100 octets a reload would be 97 KiB.
        assert!(memory_after <= memory + 64, "{memory} KiB, then {memory_after} KiB");
        app.stop();
    }
}
