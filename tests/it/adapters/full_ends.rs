//! Workers that have as many connections as they may, and leave: what waits in the queue is answered.

use evenkeel::control::{Command, Scale};
use nix::sys::signal::Signal;

use crate::harness::app::{App, NONE};
use crate::harness::client::Client;
use crate::harness::example::PLAIN;
use crate::harness::wait::wait_until;

const MOST: usize = 4;
/// More than a worker takes at once.
const QUEUED: usize = 12;

/// A worker more, and with it all are full; who waits besides.
fn full(app: &App, workers: usize) -> (Vec<Client>, Vec<Client>) {
    // A connection may be queued with a worker that is full already: the kernel chooses.
    let mut waiting = Vec::new();
    let open = || app.status().workers.into_iter().map(|worker| worker.open);
    // What the dispatcher had sent when a worker became full comes in as well.
    let is_full = || open().all(|open| open >= MOST as u64);
    for _ in 0..workers * MOST * 8 {
        waiting.extend(Client::waiting(app.port, 1, "/whoami"));
        if is_full() {
            break;
        }
    }
    wait_until("all workers to be full", is_full);
    waiting.extend(Client::waiting(app.port, QUEUED, "/whoami"));
    let count = || waiting.iter().filter(|client| !client.is_unanswered()).count();
    wait_until("their answers", || count() as u64 == open().sum::<u64>());
    let (mut kept, waiting): (Vec<_>, Vec<_>) =
        waiting.into_iter().partition(|client| !client.is_unanswered());
    for client in &mut kept {
        assert_eq!(client.answer().unwrap().status, 200);
    }
    (kept, waiting)
}

fn are_answered(name: &str, arguments: &[&str], waiting: Vec<Client>) {
    for mut client in waiting {
        let status = client.answer().map(|answer| answer.status);
        assert_eq!(status, Ok(200), "{name} {arguments:?}: in the queue of a full worker");
    }
}

fn app(name: &str, workers: usize, arguments: &[&str]) -> App {
    let (workers, most) = (workers.to_string(), MOST.to_string());
    let own = ["--workers", &workers, "--connections-max", &most];
    App::example(name, &[&own, arguments].concat())
}

#[test]
fn a_full_worker_answers_what_is_queued_before_it_stops() {
    for name in PLAIN {
        for arguments in [NONE, &["--policy", "rr"]] {
            let mut app = app(name, 1, arguments);
            let (kept, waiting) = full(&app, 1);
            app.signal(Signal::SIGTERM);
            are_answered(name, arguments, waiting);
            for mut client in kept {
                assert_eq!(client.rest(), Ok(Vec::new()), "closed, and not reset: {name}");
            }
            assert_eq!(app.ended().code(), Some(0), "{name} {arguments:?}");
            assert_eq!(app.log.count("is killed"), 0, "{name} {arguments:?}");
            assert_eq!(app.log.count("ERROR"), 0, "{}", app.log.text());
        }
    }
}

#[test]
fn a_full_worker_that_is_scaled_away_answers_what_is_queued_with_it() {
    for name in PLAIN {
        let app = app(name, 2, NONE);
        let (kept, waiting) = full(&app, 2);
        let leaves = app.worker(1);
        app.done(Command::Scale { workers: Scale::To(1) });
        wait_until("its end", || !leaves.lives());
        // The other has room for the rest when its own go.
        drop(kept);
        are_answered(name, NONE, waiting);
        assert_eq!(app.log.count("is killed"), 0, "{name}");
        app.stop();
    }
}
