//! Faults under full load: every request is counted, and none is tried twice.
//!
//! A short form of each runs with all tests; the long one with
//! `cargo test -p tests --release -- --ignored`.

use evenkeel::control::{Command, Scale};
use nix::sys::signal::Signal;

use crate::harness::app::{App, BLOCKING, intakes};
use crate::harness::client::{Client, Failure};
use crate::harness::load::{Count, Load};
use crate::harness::wait::{wait_for, wait_until};
use crate::sim::chance::Chance;

/// Clients that make a connection for each request, and as many that keep theirs.
const CLIENTS: usize = 4;
/// Each has one request under way at most, so that a killed worker cuts no more than these.
const IN_FLIGHT_MAX: u64 = 2 * CLIENTS as u64;

/// How often, in the short and in the long form.
#[derive(Clone, Copy)]
enum Form {
    Short,
    Long,
}

impl Form {
    fn of(self, short: u64, long: u64) -> u64 {
        match self {
            Self::Short => short,
            Self::Long => long,
        }
    }
}

/// What became of all requests while `act` went on.
fn under_load(arguments: &[&str], act: impl FnOnce(&App)) -> Count {
    // Workers that are killed at once are no crash loop here.
    let app = App::controlled(&[&["--min-uptime", "0"], arguments].concat());
    let loads = [
        Load::start(app.port, CLIENTS, "/work?us=50"),
        Load::keep_alive(app.port, CLIENTS, "/work?us=50"),
    ];
    wait_until("the load", || app.status().workers.iter().any(|worker| worker.requests > 100));
    act(&app);
    let mut total = Count::default();
    for load in loads {
        total.add(load.stop());
    }
    app.stop();
    println!("{arguments:?}: {} answered, {} cut", total.answered, total.cut);
    assert_eq!((total.hung, total.refused), (0, 0), "{arguments:?}: {total:?}");
    assert!(total.answered > 0);
    total
}

fn nothing_fails(arguments: &[&str], act: impl FnOnce(&App)) {
    let count = under_load(arguments, act);
    assert_eq!(count.failed(), 0, "{arguments:?}: {count:?}");
}

fn reloads(form: Form) {
    for arguments in intakes() {
        let all = [&["--workers", "4"], arguments].concat();
        nothing_fails(&all, |app| {
            (0..form.of(10, 100)).for_each(|_| app.done(Command::Reload {}));
        });
    }
}

fn upgrades(form: Form) {
    for arguments in intakes() {
        let all = [&["--workers", "4"], arguments].concat();
        nothing_fails(&all, |app| {
            (0..form.of(4, 20)).for_each(|_| app.done(Command::Upgrade {}));
        });
    }
}

fn scale_cycles(form: Form) {
    for arguments in intakes() {
        let all = [&["--workers", "8"], arguments].concat();
        nothing_fails(&all, |app| {
            for _ in 0..form.of(8, 100) {
                for workers in [1, 8] {
                    app.done(Command::Scale { workers: Scale::To(workers) });
                }
            }
        });
    }
}

/// Kills random workers. A worker that is stopped first accepts nothing any more: what it has open then
/// may die with it, and one that it has just accepted and not counted yet.
fn kills(form: Form) {
    for arguments in intakes() {
        let kills = form.of(25, 500);
        let mut chance = Chance::from_seed(kills);
        // A thread that blocks in accept may have one that the loop has not seen.
        let uncounted = 1 + u64::from(arguments == BLOCKING);
        let mut had = 0;
        let all = [&["--workers", "4"], arguments].concat();
        let count = under_load(&all, |app| {
            for _ in 0..kills {
                let index = u16::try_from(chance.below(4)).unwrap();
                let victim = app.worker(index);
                victim.signal(Signal::SIGSTOP);
                wait_until("it to stand still", || victim.is_stopped() || !victim.lives());
                let worker = &app.status().workers[usize::from(index)];
                had += worker.open + uncounted;
                victim.signal(Signal::SIGKILL);
                wait_until("the successor", || app.worker(index) != victim);
            }
        });
        println!("the killed workers had {had} connections at the most");
        assert!(count.cut <= had, "{arguments:?}: {count:?}, they had {had}");
    }
}

fn hangs(form: Form) {
    for arguments in intakes() {
        let hangs = form.of(4, 50);
        let all = [&["--workers", "4", "--hang-timeout", "0.8"], arguments].concat();
        let count = under_load(&all, |app| {
            for _ in 0..hangs {
                let mut victim = Client::connect(app.port).unwrap();
                // A connection on which nobody answers within the limit hangs a worker.
                assert_eq!(victim.get("/sleep?ms=60000").err(), Some(Failure::Cut));
            }
            // The client sees the end of a worker before the master does.
            wait_until("all to be counted", || {
                let hung = app.status().workers.iter().map(|worker| worker.hangs).sum::<u64>();
                hung >= hangs
            });
        });
        assert!(count.cut <= hangs * IN_FLIGHT_MAX, "{arguments:?}: {count:?}");
    }
}

/// Each may take the one connection with it that it had just accepted and not handed on.
fn dispatcher_kills(form: Form) {
    let kills = form.of(20, 200);
    let count = under_load(&["--workers", "4", "--policy", "rr"], |app| {
        for _ in 0..kills {
            let victim = app.dispatcher();
            victim.signal(Signal::SIGKILL);
            wait_until("the next dispatcher", || app.dispatcher() != victim);
            wait_for("an answer", || (app.get("/").status == 200).then_some(()));
        }
    });
    assert!(count.cut <= kills, "{count:?}");
}

#[test]
fn reloads_lose_nothing() {
    reloads(Form::Short);
}

#[test]
fn upgrades_lose_nothing() {
    upgrades(Form::Short);
}

#[test]
fn scaling_from_8_to_1_and_back_loses_nothing() {
    scale_cycles(Form::Short);
}

#[test]
fn kills_of_random_workers_lose_what_was_in_flight_there() {
    kills(Form::Short);
}

#[test]
fn hangs_lose_what_was_in_flight_there() {
    hangs(Form::Short);
}

#[test]
fn kills_of_the_dispatcher_lose_the_connection_in_its_hands() {
    dispatcher_kills(Form::Short);
}

#[test]
#[ignore = "a hundred reloads for each way in which connections come"]
fn long_reloads() {
    reloads(Form::Long);
}

#[test]
#[ignore = "20 upgrades for each way in which connections come"]
fn long_upgrades() {
    upgrades(Form::Long);
}

#[test]
#[ignore = "100 cycles for each way in which connections come"]
fn long_scale_cycles() {
    scale_cycles(Form::Long);
}

#[test]
#[ignore = "500 kills for each way in which connections come"]
fn long_kills() {
    kills(Form::Long);
}

#[test]
#[ignore = "50 hangs for each way in which connections come"]
fn long_hangs() {
    hangs(Form::Long);
}

#[test]
#[ignore = "200 kills of the dispatcher"]
fn long_dispatcher_kills() {
    dispatcher_kills(Form::Long);
}
