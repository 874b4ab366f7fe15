//! The limit of connections holds for workers with another server than ours.

use std::thread;

use evenkeel::control::{Command, Scale};
use nix::sys::signal::Signal;

use crate::harness::app::{App, intakes};
use crate::harness::client::Client;
use crate::harness::wait::wait_until;

/// One with a runtime, and one with a loop.
const NAMES: [&str; 2] = ["axum", "raw_mio"];

/// Connections of each worker.
const MOST: usize = 2;

#[test]
fn who_comes_to_a_full_worker_waits_until_there_is_room() {
    for name in NAMES {
        // Each waits for the silence of a drain.
        thread::scope(|threads| {
            for arguments in intakes() {
                threads.spawn(|| who_comes_to_a_full_worker_waits(name, arguments));
            }
        });
    }
}

fn who_comes_to_a_full_worker_waits(name: &str, arguments: &[&str]) {
    let what = format!("{name} {arguments:?}");
    let limit = ["--workers", "1", "--connections-max", "2"];
    let mut app = App::example(name, &[&limit, arguments].concat());
    let asked = |client: &mut Client| client.get("/whoami").map(|answer| answer.status);
    let mut kept: Vec<Client> = (0..MOST).map(|_| Client::connect(app.port).unwrap()).collect();
    assert!(kept.iter_mut().all(|client| asked(client) == Ok(200)), "{what}");
    let mut waiting = Client::waiting(app.port, 2, "/whoami");
    // Whoever is in keeps being served, and nobody else is.
    assert!(kept.iter_mut().all(|client| asked(client) == Ok(200)), "{what}");
    assert!(waiting.iter_mut().all(|client| client.is_unanswered()), "{what}");
    assert_eq!(app.status().workers[0].open, MOST as u64, "{what}");

    // One goes, and one comes in.
    drop(kept.pop());
    wait_until("an answer", || !waiting.iter_mut().all(|client| client.is_unanswered()));
    // A stop answers who waits as well, though nobody else goes by himself.
    app.signal(Signal::SIGTERM);
    for client in &mut waiting {
        assert_eq!(client.answer().map(|answer| answer.status), Ok(200), "{what}");
    }
    assert_eq!(app.ended().code(), Some(0), "{what}");
    assert_eq!(app.log.count("is killed"), 0, "{what}");
}

#[test]
fn a_second_worker_takes_what_the_full_one_cannot() {
    for name in NAMES {
        for arguments in [&["--policy", "rr"][..], &["--listener", "inherited"]] {
            let limit = ["--workers", "1", "--connections-max", "2"];
            let app = App::example(name, &[&limit, arguments].concat());
            let mut kept: Vec<Client> = Vec::new();
            for _ in 0..MOST {
                let mut client = Client::connect(app.port).unwrap();
                assert_eq!(client.get("/whoami").unwrap().worker(), 0);
                kept.push(client);
            }
            let mut waiting = Client::waiting(app.port, MOST, "/whoami");
            app.done(Command::Scale { workers: Scale::To(2) });
            for client in &mut waiting {
                assert_eq!(client.answer().unwrap().worker(), 1, "{name} {arguments:?}");
            }
            drop(kept);
            app.stop();
        }
    }
}
