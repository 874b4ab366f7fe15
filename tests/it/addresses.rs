//! Several addresses at once.

use std::net::{SocketAddr, TcpStream};

use crate::harness::app::{App, LEAST_BUSY, demo, fixture, intakes, run_to_end};
use crate::harness::client::Client;
use crate::harness::place::{Place, Sockets, answered_by_all, places, with_further};
use crate::harness::privilege::{may_load_programs, skip};
use crate::harness::wait::wait_until;

#[test]
fn every_address_is_answered_by_every_worker() {
    for arguments in intakes() {
        let sockets = Sockets::new();
        let all = [&["--workers", "3"], arguments].concat();
        let app = App::controlled(&with_further(&all, &sockets.address()));
        for place in places(&app, &sockets) {
            // On loopback all connections come in on the CPUs of the clients.
            if !(arguments.contains(&"cpu") && matches!(place, Place::Port(p) if p == app.port)) {
                answered_by_all(&place, 3, &format!("{arguments:?}"));
            }
        }
        let status = app.status();
        let addresses: Vec<String> = status.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(addresses.len(), 3, "{addresses:?}");
        assert_eq!(addresses[0], status.address.to_string());
        assert_eq!(addresses[2], sockets.address());
        app.stop();
        assert!(!sockets.path().exists(), "removed at the end");
    }
}

#[test]
fn connections_to_a_further_address_go_to_each_worker_in_turn() {
    let sockets = Sockets::new();
    let app = App::demo(&with_further(&["--workers", "2"], &sockets.address()));
    let workers = [app.worker(0), app.worker(1)];
    for place in &places(&app, &sockets)[1..] {
        let mut kept = Vec::new();
        for _ in 0..40 {
            // Who is not waiting has no turn.
            wait_until("both to wait", || workers.iter().all(|it| it.waits_for_events()));
            let mut client = place.connect().unwrap();
            let worker = client.get("/whoami").unwrap().worker();
            kept.push((worker, client));
        }
        let first = kept.iter().filter(|(worker, _)| *worker == 0).count();
        assert!((10..=30).contains(&first), "{first} of 40 went to the first worker");
    }
    app.stop();
}

#[test]
fn addresses_that_cannot_work_are_refused_with_the_mend() {
    let cases: [(&[&str], &str); 7] = [
        (&["--also", "unix:here"], "write HOST:PORT"),
        (&["--also", "nothing"], "unix:/PATH"),
        (&["--port", "4000", "--also", "127.0.0.1:4000"], "are in each other's way"),
        (
            &["--bind", "unix:/tmp/x", "--policy", "least-busy"],
            "policy least-busy does not go with",
        ),
        (&["--bind", "unix:/tmp/x", "--policy", "kernel-rr"], "choose policy none, auto or rr"),
        (&["--bind", "unix:/tmp/x", "--policy", "cpu"], "policy cpu does not go with unix:/tmp/x"),
        (&["--bind", "unix:/tmp/x", "--listener", "reuseport"], "unix-domain sockets know no"),
    ];
    for (arguments, text) in cases {
        let (code, _, log) = run_to_end(&mut demo(arguments));
        assert_eq!(code, Some(64), "{arguments:?}: {log}");
        assert!(log.contains(text), "{arguments:?}: {log}");
    }
}

/// Their load is not known to the program, nor is their end.
#[test]
fn least_busy_does_not_count_connections_to_further_addresses() {
    if !may_load_programs("connections to further addresses under least-busy") {
        return;
    }
    let sockets = Sockets::new();
    let all = [&["--workers", "2"], LEAST_BUSY].concat();
    let app = App::demo(&with_further(&all, &sockets.address()));
    let places = places(&app, &sockets);
    let opened = |place: &Place, count: usize| -> Vec<(u16, Client)> {
        let open = |_| {
            let mut client = place.connect().unwrap();
            (client.get("/whoami").unwrap().worker(), client)
        };
        (0..count).map(open).collect()
    };
    let mut further = opened(&places[2], 30);
    further.retain(|(worker, _)| *worker != 0);
    // Their end has been seen when later connections to the same address are answered.
    drop(opened(&places[2], 10));
    let primary = opened(&places[0], 20);
    let first = primary.iter().filter(|(worker, _)| *worker == 0).count();
    assert_eq!(first, 10, "of 20 connections");
    app.stop();
}

#[test]
fn a_full_worker_takes_nothing_from_any_address_until_there_is_room() {
    let sockets = Sockets::new();
    let control = sockets.0.path().join("control");
    let arguments = ["few-connections", control.to_str().unwrap(), &sockets.address()];
    let app = App::start(&mut fixture(&arguments)).listening();
    let places = [Place::Port(app.port), Place::Path(sockets.path())];
    let mut kept: Vec<Client> = places.iter().map(|place| place.connect().unwrap()).collect();
    for client in &mut kept {
        assert_eq!(client.get("/").unwrap().status, 200);
    }
    let mut waiting: Vec<Client> = places.iter().flat_map(|place| place.waiting(1, "/")).collect();
    wait_until("the queues", || places.iter().all(|place| place.queued() == 1));
    drop(kept);
    for client in &mut waiting {
        assert_eq!(client.answer().map(|answer| answer.status), Ok(200));
    }
    app.stop();
}

#[test]
fn the_unspecified_address_of_ipv6_takes_both_families() {
    let loopback = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 0));
    if std::net::TcpListener::bind(loopback).is_err() {
        return skip("an address for both families", "IPv6");
    }
    for arguments in intakes() {
        let all = [&["--workers", "2", "--bind", "::", "--also", "[::]:0"], arguments].concat();
        let app = App::demo(&all);
        let text = app.out.text();
        let (_, after) = text.split_once("and on http://[::]:").expect("a further port");
        let further: u16 = after.split_whitespace().next().unwrap().parse().unwrap();
        for port in [app.port, further] {
            let six = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], port));
            let mut six = Client::of(TcpStream::connect(six).unwrap());
            let text = six.get("/whoami").unwrap().text();
            assert!(text.contains("\"remote\":\"[::1]:"), "{arguments:?}: {text}");
            let text = Client::connect(port).unwrap().get("/whoami").unwrap().text();
            assert!(text.contains("127.0.0.1"), "{arguments:?}: {text}");
        }
        app.stop();
    }
}
