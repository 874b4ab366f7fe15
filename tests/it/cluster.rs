//! What Node's `cluster` does, done here: events in the master, kill and disconnect, environments.

mod messages;

use std::process::Command;

use nix::sys::signal::Signal;

use crate::harness::app::{App, run_to_end};
use crate::harness::client::{self, Client};
use crate::harness::wait::{wait_for, wait_until};

/// The program whose master writes down what happens.
fn cluster(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cluster"));
    command.args(arguments);
    command
}

fn start(arguments: &[&str]) -> App {
    let app = App::start(&mut cluster(arguments)).listening();
    for worker in ["0.1", "1.1"] {
        if !arguments.contains(&"fail") || worker == "0.1" {
            app.out.wait_for(&format!("event listening {worker} "));
        }
    }
    app
}

/// Asks the worker of this slot, whoever the kernel chooses.
fn ask(app: &App, index: u16, what: &str) -> String {
    wait_for("an answer of the worker", || {
        let answer = client::get(app.port, &format!("/{index}/{what}")).ok()?;
        (answer.status == 200).then(|| answer.text())
    })
}

/// Has the worker of slot 0 say it to the master.
fn say(app: &App, text: &str) {
    say_on(&mut connection(app, 0), text);
}

/// The same on its connection.
fn say_on(client: &mut Client, text: &str) {
    let answer = client.get(&format!("/0/say?{}", text.replace(' ', "+"))).unwrap();
    assert_eq!(answer.text(), "ok");
}

/// A connection to the worker of this slot, which stays there.
fn connection(app: &App, index: u16) -> Client {
    wait_for("a connection to the worker", || {
        let mut client = Client::connect(app.port).ok()?;
        let answer = client.get(&format!("/{index}/who")).ok()?;
        (answer.status == 200).then_some(client)
    })
}

/// The lines about a worker, without the others'.
fn events(app: &App, worker: &str) -> Vec<String> {
    let text = app.out.text();
    let lines = text.lines().filter_map(|line| line.strip_prefix("event "));
    let of = |line: &&str| line.split(' ').nth(1) == Some(worker);
    lines.filter(of).map(|line| line.replacen(&format!(" {worker}"), "", 1)).collect()
}

/// They came in this order; others may stand between.
fn assert_in_order(events: &[String], wanted: &[&str]) {
    let mut rest = events.iter();
    for wanted in wanted {
        let found = rest.any(|event| event.starts_with(wanted));
        assert!(found, "{wanted:?} is missing, or comes too early: {events:?}");
    }
}

#[test]
fn the_events_of_a_workers_life_come_in_order_and_once() {
    for mode in ["plain", "rr"] {
        let app = start(&[mode, "127.0.0.1:0"]);
        app.worker(0).signal(Signal::SIGKILL);
        app.out.wait_for("event exit 0.1 ");
        app.out.wait_for("event listening 0.2 ");
        let life = events(&app, "0.1");
        let expected =
            ["fork", "online", "listening 127.0.0.1:", "disconnect", "exit None Some(9) false"];
        assert_in_order(&life, &expected);
        assert_eq!(life.len(), expected.len(), "{life:?}");
        let addresses = life[2].split(' ').skip(1);
        assert!(addresses.clone().any(|address| address.ends_with(&format!(":{}", app.port))));
        assert_eq!(addresses.count(), 2, "{life:?}");
        app.stop();
    }
}

#[test]
fn the_last_exits_of_a_stop_are_told() {
    let mut app = start(&["plain"]);
    app.signal(Signal::SIGTERM);
    assert_eq!(app.ended().code(), Some(0));
    for worker in ["0.1", "1.1"] {
        assert_in_order(&events(&app, worker), &["disconnect", "exit Some(0) None true"]);
    }
}

#[test]
fn a_killed_worker_did_not_exit_after_a_disconnect_and_is_replaced() {
    let app = start(&["plain"]);
    say(&app, "kill 1");
    app.out.wait_for("event exit 1.1 None Some(9) false");
    app.out.wait_for("event listening 1.2 ");
    app.log.wait_for("worker 1 (generation 1) is killed, as asked");
    app.stop();
}

/// Also one that is in an endless loop, or nearly so, can be killed.
#[test]
fn a_worker_that_is_busy_for_ever_can_be_killed() {
    let app = start(&["plain"]);
    let (busy, mut other) = (app.worker(1), connection(&app, 0));
    connection(&app, 1).ask("/1/sleep?60000").unwrap();
    wait_until("the handler", || busy.sleeps_in_handler());
    say_on(&mut other, "kill 1");
    app.out.wait_for("event exit 1.1 None Some(9) false");
    app.out.wait_for("event listening 1.2 ");
    app.stop();
}

#[test]
fn a_disconnected_worker_answers_what_it_has_and_its_slot_gets_a_successor() {
    let app = start(&["plain"]);
    let (busy, mut other) = (app.worker(1), connection(&app, 0));
    let mut client = connection(&app, 1);
    client.ask("/1/sleep?300").unwrap();
    wait_until("the handler", || busy.sleeps_in_handler());
    say_on(&mut other, "disconnect 1");
    app.out.wait_for("event listening 1.2 ");
    assert_eq!(client.answer().unwrap().status, 200);
    app.out.wait_for("after exit 1.1 true false");
    app.out.wait_for("after disconnect 1.1 false true");
    app.out.wait_for("event exit 1.1 Some(0) None true");
    let life = events(&app, "1.1");
    assert_in_order(&life, &["listening", "disconnect", "exit Some(0) None true"]);
    assert_eq!(life.iter().filter(|event| *event == "disconnect").count(), 1);
    app.stop();
}

#[test]
fn a_worker_can_disconnect_itself_and_knows_that_it_drains() {
    let app = start(&["plain"]);
    let mut client = connection(&app, 1);
    assert_eq!(client.get("/1/draining").unwrap().text(), "false");
    assert_eq!(client.get("/1/leave").unwrap().text(), "ok");
    // The order may come a moment later; a drain answers one more request of each client.
    let seen = wait_for("the drain", || match client.get("/1/draining") {
        Ok(answer) if answer.text() == "false" => None,
        other => Some(other),
    });
    assert!(seen.is_err() || seen.is_ok_and(|answer| answer.text() == "true"));
    app.out.wait_for("event exit 1.1 Some(0) None true");
    app.stop();
}

#[test]
fn reload_and_scale_and_stop_of_the_hook_do_what_signals_do() {
    let mut app = start(&["plain"]);
    say(&app, "reload");
    for worker in ["0.1", "1.1"] {
        app.out.wait_for(&format!("event exit {worker} Some(0) None true"));
    }
    say(&app, "scale 3");
    app.out.wait_for("event listening 2.1 ");
    say(&app, "scale 2");
    app.out.wait_for("event exit 2.1 Some(0) None true");
    // A second stop changes nothing, and nothing else is begun.
    say(&app, "stop");
    app.out.wait_for("refused stop (false, false, true): nothing is changed");
    assert_eq!(app.ended().code(), Some(0));
    assert!(app.out.text().ends_with("\nstopped\n"), "{}", app.out.text());
    assert!(!app.log.text().contains("is killed"), "{}", app.log.text());
}

#[test]
fn the_hook_sees_all_workers_and_what_they_do() {
    let app = start(&["plain", "127.0.0.1:0"]);
    say(&app, "list");
    for worker in ["0.1", "1.1"] {
        app.out.wait_for(&format!("listed {worker} ready false true"));
    }
    app.out.wait_for("wanted 2 at [Tcp(");
    app.stop();
}

#[test]
fn a_hook_or_a_listener_that_panics_costs_a_line_in_the_log() {
    let app = start(&["plain"]);
    say(&app, "panic");
    app.log.wait_for("the hook of on_event panicked, and the master goes on: a hook's own fault");
    say(&app, "tell 1 panic");
    app.log.wait_for("the closure of on_message panicked: a listener's own fault");
    say(&app, "tell 1 still there");
    wait_until("the next message", || ask(&app, 1, "heard") == "still there");
    assert_eq!(events(&app, "1.1").len(), 3, "it lives");
    app.stop();
}

#[test]
fn a_process_knows_whether_it_is_a_master_or_a_worker() {
    // The fixture asserts the rest: true before the fork, and in the hook.
    let app = start(&["plain"]);
    assert_eq!(ask(&app, 1, "role"), "false true");
    let worker = app.worker(1);
    assert_eq!(ask(&app, 1, "who"), format!("1 1 {}", worker.pid));
    app.stop();
}

#[test]
fn each_worker_has_its_own_environment() {
    let app = start(&["plain"]);
    for index in [0, 1] {
        assert_eq!(ask(&app, index, "env?OWN_PORT"), (9100 + index).to_string());
        assert_eq!(ask(&app, index, "env?EVENKEEL_SLOT"), index.to_string());
        assert_eq!(ask(&app, index, "env?EVENKEEL_GENERATION"), "1");
        assert!(ask(&app, index, "env?PATH").contains('/'), "the master's comes with it");
    }
    app.stop();

    let (code, _, log) = run_to_end(&mut cluster(&["bad-env"]));
    assert_eq!(code, Some(78), "{log}");
    // The other worker is ended afterwards, and gives no reason.
    let last = log.lines().last().unwrap();
    let why = "(exit code 78): its environment cannot be set: \"A=B\" cannot be a variable";
    assert!(last.starts_with("error: worker 0 ") && last.contains(why), "{log}");
}

#[test]
fn the_error_of_a_worker_that_cannot_start_is_told() {
    let app = start(&["fail"]);
    app.out.wait_for("event exit 1.1 Some(75) None false");
    let life = events(&app, "1.1");
    assert_in_order(
        &life,
        &["fork", "online", "error no licence today", "disconnect", "exit Some(75)"],
    );
    app.out.wait_for("event fork 1.2");
    app.stop();
}

#[test]
fn an_address_that_is_taken_is_an_error_of_serve() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, out, log) = run_to_end(&mut cluster(&["plain", &address]));
    assert_eq!(code, Some(69), "{log}");
    assert!(log.contains("is in use by process"), "{log}");
    assert!(!out.contains("event"), "{out}");
}
