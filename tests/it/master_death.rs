//! A master that is killed.

use nix::sys::signal::Signal;

use crate::harness::app::{App, BLOCKING, demo};
use crate::harness::client::Client;
use crate::harness::wait::wait_until;

fn a_new_master_takes_over(arguments: &[&str]) {
    let mut all = vec!["--workers", "2"];
    all.extend(arguments);
    let mut old = App::demo(&all);
    let mut idle = Client::connect(old.port).unwrap();
    let worker = idle.get("/").unwrap().worker();
    let mut sleeper = Client::connect(old.port).unwrap();
    sleeper.ask("/sleep?ms=300").unwrap();
    wait_until("a worker in a handler", || {
        (0..2).any(|index| old.worker(index).sleeps_in_handler())
    });
    old.signal(Signal::SIGKILL);

    let port = old.port.to_string();
    all.extend(["--port", &port]);
    let new = App::start(&mut demo(&all)).listening();
    assert_eq!(new.port, old.port);
    assert_eq!(sleeper.answer().expect("what was in flight is answered").status, 200);
    assert_eq!(idle.rest(), Ok(Vec::new()), "worker {worker} closes what is idle");
    old.ended();
    for _ in 0..20 {
        assert_eq!(new.get("/whoami").number("generation"), 1);
    }
    new.stop();
}

#[test]
fn workers_drain_and_a_new_master_takes_the_port_under_none() {
    a_new_master_takes_over(&["--policy", "none"]);
}

#[test]
fn workers_drain_and_a_new_master_takes_the_port_under_an_inherited_listener() {
    a_new_master_takes_over(&["--listener", "inherited"]);
}

#[test]
fn workers_drain_and_a_new_master_takes_the_port_under_blocking_accepts() {
    a_new_master_takes_over(BLOCKING);
}

#[test]
fn workers_drain_and_a_new_master_takes_the_port_under_rr() {
    a_new_master_takes_over(&["--policy", "rr"]);
}

#[test]
fn what_was_queued_when_the_master_died_is_answered() {
    let mut app = App::demo(&["--workers", "1"]);
    let worker = app.worker(0);
    let mut sleeper = Client::connect(app.port).unwrap();
    sleeper.ask("/sleep?ms=300").unwrap();
    wait_until("the handler", || worker.sleeps_in_handler());
    let waiting = Client::waiting(app.port, 20, "/");
    app.signal(Signal::SIGKILL);
    for mut client in waiting {
        assert_eq!(client.answer().expect("queued").status, 200);
    }
    assert_eq!(sleeper.answer().expect("in flight").status, 200);
    app.ended();
}
