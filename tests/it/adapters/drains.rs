//! How a worker with another server than ours leaves.

use evenkeel::control::Command;
use nix::sys::signal::Signal;

use super::nobody_is_counted;
use crate::harness::app::{App, LEAST_BUSY, NONE, ask, intakes};
use crate::harness::client::{Client, Failure};
use crate::harness::example::{PLAIN, example};
use crate::harness::load::Load;
use crate::harness::privilege::may_load_programs;
use crate::harness::wait::wait_until;

#[test]
fn a_stop_answers_what_is_in_flight_and_what_is_queued() {
    for name in PLAIN {
        for arguments in intakes() {
            let mut app = App::example(name, arguments);
            let mut kept = Client::connect(app.port).unwrap();
            assert_eq!(kept.get("/whoami").unwrap().status, 200);
            let mut waiting = Client::waiting(app.port, 20, "/sleep?ms=30");
            app.signal(Signal::SIGTERM);
            for client in &mut waiting {
                let answer = client.answer().map(|answer| answer.status);
                assert_eq!(answer, Ok(200), "{name} {arguments:?}");
                assert_eq!(client.rest(), Ok(Vec::new()), "closed, and not reset: {name}");
            }
            assert_eq!(kept.rest(), Ok(Vec::new()), "closed when it stays silent: {name}");
            assert_eq!(app.ended().code(), Some(0), "{name} {arguments:?}");
            assert_eq!(app.log.count("is killed"), 0, "{name} {arguments:?}");
            assert_eq!(app.log.count("ERROR"), 0, "{}", app.log.text());
        }
    }
}

#[test]
fn the_next_answer_on_a_kept_connection_is_the_last_one() {
    for name in PLAIN {
        let mut app = App::example(name, &["--workers", "1"]);
        let mut kept = Client::connect(app.port).unwrap();
        assert_eq!(kept.get("/whoami").unwrap().header("connection"), None);
        app.worker(0).signal(Signal::SIGTERM);
        wait_until("the last answer", || {
            let answer = kept.get("/whoami").expect("each is answered");
            answer.header("connection") == Some("close")
        });
        assert_eq!(kept.rest(), Ok(Vec::new()), "closed, and not reset: {name}");
        app.signal(Signal::SIGTERM);
        assert_eq!(app.ended().code(), Some(0));
    }
}

/// Its head did not say that it is the last one, so that another request may follow.
#[test]
fn an_answer_that_was_under_way_may_be_followed_by_one_more() {
    let app = App::example("axum", &["--workers", "1"]);
    let mut client = Client::connect(app.port).unwrap();
    // Longer than silence is borne.
    client.ask("/trickle?ms=1500").unwrap();
    client.wait_for_some();
    let path = app.control();
    let reload = std::thread::spawn(move || ask(&path, Command::Reload {}));
    let answer = client.answer().unwrap();
    assert_eq!((answer.text().as_str(), answer.header("connection")), ("trickled", None));
    let last = client.get("/whoami").expect("the connection still stands");
    assert_eq!((last.number("generation"), last.header("connection")), (1, Some("close")));
    assert_eq!(client.rest(), Ok(Vec::new()));
    assert!(reload.join().unwrap().ok);
    app.stop();
}

/// One that is on its way when the drain begins, such as a stream of events.
#[test]
fn an_answer_without_an_end_does_not_keep_idle_connections_until_all_are_killed() {
    let mut app = App::example("axum", &["--workers", "1", "--grace", "8"]);
    let mut kept = Client::connect(app.port).unwrap();
    assert_eq!(kept.get("/whoami").unwrap().status, 200);
    let mut endless = Client::connect(app.port).unwrap();
    endless.ask("/ticks").unwrap();
    endless.wait_for_some();
    app.signal(Signal::SIGTERM);
    assert_eq!(kept.rest(), Ok(Vec::new()), "closed when it stays silent");
    endless.wait_for_some();
    drop(endless);
    assert_eq!(app.ended().code(), Some(0));
    assert_eq!(app.log.count("is killed"), 0, "{}", app.log.text());
}

/// `axum::serve` has returned by then.
#[test]
fn a_connection_that_has_left_http_is_served_until_it_ends() {
    let mut app = App::example("axum", &["--workers", "1"]);
    let mut kept = Client::connect(app.port).unwrap();
    assert_eq!(kept.get("/whoami").unwrap().status, 200);
    let mut left = Client::connect(app.port).unwrap();
    left.send("GET /echo HTTP/1.1\r\nHost: test\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
        .unwrap();
    assert_eq!(left.answer().unwrap().status, 101);
    app.signal(Signal::SIGTERM);
    assert_eq!(kept.rest(), Ok(Vec::new()), "closed when it stays silent");
    for _ in 0..2 {
        left.send("x").unwrap();
        left.wait_for_some();
    }
    drop(left);
    assert_eq!(app.ended().code(), Some(0));
    assert_eq!(app.log.count("is killed"), 0, "{}", app.log.text());
}

#[test]
fn a_second_term_cuts_what_is_left() {
    for name in ["axum", "hyper_tower"] {
        let mut app = App::example(name, &["--workers", "1"]);
        let mut victim = Client::connect(app.port).unwrap();
        victim.ask("/sleep?ms=60000").unwrap();
        wait_until("the connection", || app.status().workers[0].open == 1);
        let worker = app.worker(0);
        worker.signal(Signal::SIGTERM);
        app.log.wait_for("worker 0 (generation 2) is ready");
        worker.signal(Signal::SIGTERM);
        assert_eq!(victim.answer(), Err(Failure::Cut), "{name}");
        wait_until("its end", || !worker.lives());
        assert_eq!(app.get("/whoami").number("generation"), 2);
        app.signal(Signal::SIGTERM);
        assert_eq!(app.ended().code(), Some(0));
    }
}

#[test]
fn workers_of_a_killed_master_finish_and_let_go_of_the_port() {
    for name in PLAIN {
        for arguments in [NONE, &["--policy", "rr"], &["--listener", "inherited"]] {
            let mut old = App::example(name, arguments);
            let mut kept = Client::connect(old.port).unwrap();
            assert_eq!(kept.get("/whoami").unwrap().status, 200);
            let port = old.port.to_string();
            old.signal(Signal::SIGKILL);
            let new = App::start(example(name).args(["--port", &port]).args(arguments));
            let new = new.listening();
            assert_eq!(kept.rest(), Ok(Vec::new()), "closed when it stays silent: {name}");
            old.ended();
            assert_eq!(new.get("/whoami").number("generation"), 1);
            new.stop();
        }
    }
}

#[test]
fn unix_domain_sockets_are_served_as_well() {
    for name in PLAIN {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let further = format!("unix:{}", path.display());
        let app = App::example(name, &["--policy", "rr", "--also", &further]);
        let at = path.clone();
        let load = Load::of(3, move || {
            let at = at.clone();
            move || Client::connect_unix(&at)?.get_last("/whoami")
        });
        (0..2).for_each(|_| app.done(Command::Reload {}));
        let mut waiting: Vec<Client> =
            (0..5).map(|_| Client::connect_unix(&path).unwrap()).collect();
        for client in &mut waiting {
            client.ask("/sleep?ms=20").unwrap();
        }
        let count = load.stop();
        assert_eq!(count.failed(), 0, "{name}: {count:?}");
        assert!(count.answered > 0);
        for client in &mut waiting {
            assert_eq!(client.answer().map(|answer| answer.status), Ok(200), "{name}");
        }
        drop(waiting);
        nobody_is_counted(&app);
        app.stop();
    }
}

#[test]
fn a_unix_domain_socket_may_be_the_only_address() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let mut app = App::start(example("axum").arg("--socket").arg(&path));
    wait_until("an answer", || {
        Client::connect_unix(&path).and_then(|mut client| client.get_last("/whoami")).is_ok()
    });
    app.signal(Signal::SIGTERM);
    assert_eq!(app.ended().code(), Some(0));
    assert!(!path.exists());
}

#[test]
fn an_idle_runtime_is_left_asleep_and_a_worker_that_has_served_enough_is_replaced() {
    let app = App::example("axum", &["--workers", "1", "--max-requests", "50"]);
    app.worker(0).comes_to_rest();
    for _ in 0..50 {
        assert_eq!(app.get("/whoami").status, 200);
    }
    app.log.wait_for("worker 0 (generation 2) is ready");
    wait_until("the successor", || app.get("/whoami").number("generation") == 2);
    app.stop();
}

/// Its load is told to the kernel's program, also when it is none of our loops.
#[test]
fn under_least_busy_long_connections_are_spread_by_number() {
    if !may_load_programs("least-busy with axum") {
        return;
    }
    let app = App::example("axum", &[&["--workers", "4"], LEAST_BUSY].concat());
    let mut kept: Vec<Client> = Vec::new();
    for _ in 0..20 {
        let mut client = Client::connect(app.port).unwrap();
        assert_eq!(client.get("/whoami").unwrap().status, 200);
        kept.push(client);
    }
    let open: Vec<u64> = app.status().workers.iter().map(|worker| worker.open).collect();
    assert_eq!(open, [5; 4]);
    drop(kept);
    nobody_is_counted(&app);
    app.stop();
}
