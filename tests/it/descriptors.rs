//! Workers that run out of descriptors.

use std::process::Command;

use crate::harness::app::{App, INTAKES, demo_path};
use crate::harness::client::Client;

/// The worker answers that it has no descriptor, and the dispatcher gives the socket to the other.
#[test]
fn what_a_worker_has_no_descriptor_for_is_handed_to_another() {
    let app = App::demo(&["--workers", "2", "--policy", "rr"]);
    let starved = app.worker(0);
    let open = starved.descriptors();
    let lowest_free = (0..1024).find(|number| !open.contains(number)).unwrap();
    let limit = format!("--nofile={lowest_free}:{lowest_free}");
    let pid = format!("--pid={}", starved.pid);
    assert!(Command::new("prlimit").args([pid, limit]).status().unwrap().success());
    for _ in 0..10 {
        assert_eq!(app.get("/").worker(), 1);
    }
    app.log.wait_for("accepting pauses");
    app.stop();
}

/// Each worker has room for some thirty connections and stops accepting before that. One that
/// accepted until it failed would use up wake-ups that belong to the other.
#[test]
fn workers_stop_accepting_before_they_run_out_of_descriptors() {
    for arguments in &INTAKES[1..] {
        let mut command = Command::new("prlimit");
        command.args(["--nofile=64:64"]).arg(demo_path()).args(["--workers", "2", "--port", "0"]);
        let app = App::start(command.args(*arguments)).listening();
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
