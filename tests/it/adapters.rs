//! Other servers than ours in our workers: axum, hyper with tower, actix-web, a loop of one's own.

mod drains;
mod full;
mod full_ends;
mod listeners;
mod tls;
mod upgrades;

use std::time::Duration;

use evenkeel::control::{Command, Scale};
use nix::sys::signal::Signal;

use crate::harness::app::{App, NONE, intakes};
use crate::harness::client::{Client, Failure};
use crate::harness::example::PLAIN;
use crate::harness::load::{Count, Load};
use crate::harness::wait::wait_until;

/// Clients that make a connection for each request, and as many that keep theirs.
const CLIENTS: usize = 3;

/// What became of all requests while `act` went on.
fn under_load(name: &str, arguments: &[&str], act: impl FnOnce(&App)) -> Count {
    let app = App::example(name, &[&["--min-uptime", "0"], arguments].concat());
    let count = loaded(&app, act);
    app.stop();
    println!("{name} {arguments:?}: {} answered, {} cut", count.answered, count.cut);
    assert_eq!((count.hung, count.refused), (0, 0), "{name} {arguments:?}: {count:?}");
    count
}

/// The same for a program that goes on.
fn loaded(app: &App, act: impl FnOnce(&App)) -> Count {
    let loads =
        [Load::start(app.port, CLIENTS, "/whoami"), Load::keep_alive(app.port, CLIENTS, "/whoami")];
    wait_until("the load", || {
        std::thread::sleep(Duration::from_millis(20));
        app.status().workers.iter().any(|worker| worker.requests > 50)
    });
    act(app);
    let mut total = Count::default();
    for load in loads {
        total.add(load.stop());
    }
    nobody_is_counted(app);
    total
}

/// All connections are closed, and the scoreboard says so.
fn nobody_is_counted(app: &App) {
    let open = || app.status().workers.iter().map(|worker| worker.open).sum::<u64>();
    wait_until("no connection", || open() == 0);
    let accepted: u64 = app.status().workers.iter().map(|worker| worker.accepted).sum();
    assert!(accepted > 0);
}

fn reloads_lose_nothing(name: &str) {
    for arguments in intakes() {
        let count = under_load(name, arguments, |app| {
            for _ in 0..3 {
                app.done(Command::Reload {});
            }
            for workers in [1, 3] {
                app.done(Command::Scale { workers: Scale::To(workers) });
            }
        });
        assert_eq!(count.failed(), 0, "{name} {arguments:?}: {count:?}");
    }
}

#[test]
fn axum_loses_nothing_in_reloads_and_when_it_is_scaled() {
    reloads_lose_nothing("axum");
}

#[test]
fn hyper_with_tower_loses_nothing_in_reloads_and_when_it_is_scaled() {
    reloads_lose_nothing("hyper_tower");
}

#[test]
fn actix_loses_nothing_in_reloads_and_when_it_is_scaled() {
    reloads_lose_nothing("actix");
}

#[test]
fn a_loop_of_ones_own_loses_nothing_in_reloads_and_when_it_is_scaled() {
    reloads_lose_nothing("raw_mio");
}

#[test]
fn a_killed_worker_takes_only_what_it_had_with_it() {
    for name in PLAIN {
        let kills = 5;
        // Each client has one request under way at most, and a connection may not be counted yet.
        let most = kills * (2 * CLIENTS as u64 + 1);
        let count = under_load(name, NONE, |app| {
            for _ in 0..kills {
                let victim = app.worker(0);
                victim.signal(Signal::SIGKILL);
                wait_until("its successor", || app.status().workers_ready == 2);
                wait_until("its end", || !victim.lives() && app.worker(0) != victim);
            }
        });
        assert!(count.cut <= most, "{name}: {count:?}");
    }
}

#[test]
fn a_runtime_that_hangs_is_found_out() {
    for name in ["axum", "raw_mio"] {
        let arguments = ["--workers", "1", "--hang-timeout", "0.4", "--min-uptime", "0"];
        let app = App::example(name, &arguments);
        let mut slow = Client::connect(app.port).unwrap();
        // Long, but not all in one piece, unless the loop does one thing at a time.
        if name == "axum" {
            assert_eq!(slow.get("/sleep?ms=1000").unwrap().status, 200);
            // The runtime never parks meanwhile.
            assert_eq!(slow.get("/spin?ms=1000").unwrap().status, 200);
            assert_eq!(app.status().workers[0].hangs, 0);
        }
        let mut victim = Client::connect(app.port).unwrap();
        victim.ask("/block?ms=60000").unwrap();
        assert_eq!(victim.answer(), Err(Failure::Cut), "{name}");
        app.log.wait_for("worker 0 (generation 1) hung: it was ended after 400ms away");
        assert_eq!(app.get("/whoami").number("generation"), 2);
        assert_eq!(app.status().workers[0].hangs, 1);
        app.stop();
    }
}
