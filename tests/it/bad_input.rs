//! What a user may get wrong, and what he is told.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;

use crate::harness::app::{App, demo, demo_path, run_to_end};

/// Exit code and words of a refused command line.
fn refused(arguments: &[&str], code: i32, words: &[&str]) {
    let (exit, out, log) = run_to_end(&mut demo(arguments));
    assert_eq!(exit, Some(code), "{arguments:?}: {log}");
    for word in words {
        assert!(log.contains(word), "{arguments:?} does not say {word:?}: {log}");
    }
    assert!(!out.contains("listening"), "{arguments:?} listened: {out}");
}

#[test]
fn a_port_in_use_is_refused_and_its_holder_named() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let pid = format!("process {}", std::process::id());
    let words = [&format!("port {port} on 127.0.0.1 is in use by"), "choose another port", &pid];
    for policy in ["none", "rr"] {
        refused(&["--port", &port.to_string(), "--policy", policy], 69, &words);
    }
}

#[test]
fn a_second_instance_does_not_join_the_first_unseen() {
    let first = App::demo(&["--workers", "2"]);
    let port = first.port.to_string();
    for policy in ["none", "rr"] {
        refused(&["--port", &port, "--policy", policy], 69, &["is in use by", "(demo-app)"]);
    }
    assert_eq!(first.get("/").status, 200);
    first.stop();
}

#[test]
fn an_address_that_is_not_ours_is_refused() {
    refused(
        &["--bind", "192.0.2.1", "--port", "0"],
        69,
        &["192.0.2.1 is no address of this machine"],
    );
    refused(&["--bind", "localhost:80"], 2, &["localhost:80"]);
    refused(&["--port", "70000"], 2, &["70000"]);
}

#[test]
fn numbers_of_workers_that_cannot_be_are_refused() {
    for workers in ["-1", "257", "100000", "many", ""] {
        let argument = format!("--workers={workers}");
        refused(&[&argument], 2, &["say how many workers, 1 to 256"]);
    }
}

#[test]
fn unknown_values_are_refused_with_the_known_ones() {
    refused(&["--policy", "fair"], 2, &["none", "rr"]);
    refused(&["--listener", "both"], 2, &["reuseport", "inherited"]);
    refused(&["--accept-wake", "some"], 2, &["herd", "exclusive", "rotating", "blocking"]);
    refused(&["--log-format", "xml"], 2, &["text", "json"]);
    refused(&["--wrokers", "4"], 2, &["--workers"]);
}

#[test]
fn what_does_not_go_together_is_refused() {
    let words = ["policy rr does not go with listener reuseport"];
    refused(&["--policy", "rr", "--listener", "reuseport", "--port", "0"], 64, &words);
    let words = ["needs policy none or auto, and listener inherited"];
    refused(&["--accept-wake", "herd", "--port", "0"], 64, &words);
    for policy in ["rr", "auto", "least-busy", "kernel-rr", "cpu"] {
        refused(&["--policy", policy, "--accept-wake", "herd", "--port", "0"], 64, &words);
    }
    for policy in ["least-busy", "kernel-rr", "cpu"] {
        let words = [&*format!("policy {policy} does not go with listener inherited")];
        refused(&["--policy", policy, "--listener", "inherited", "--port", "0"], 64, &words);
    }
    refused(&["--stall-after", "0", "--port", "0"], 64, &["stall_after must be more than nothing"]);
}

#[test]
fn max_and_zero_mean_one_worker_for_each_cpu() {
    let cpus = std::thread::available_parallelism().unwrap().get();
    for workers in ["max", "0"] {
        let app = App::demo(&["--workers", workers]);
        app.out.wait_for(&format!("{cpus} workers"));
        assert_eq!(app.children().len(), cpus);
        app.stop();
    }
}

#[test]
fn a_privileged_port_is_refused_without_the_privilege() {
    let first_free = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    let first_free: u16 = first_free.unwrap().trim().parse().unwrap();
    assert!(first_free > 1, "every port is free for all here: this test proves nothing");
    // Nobody may read the build directory, so the program is put where he may.
    let directory = tempfile::tempdir().unwrap();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(directory.path(), open).unwrap();
    let program = directory.path().join("demo-app");
    std::fs::copy(demo_path(), &program).unwrap();
    let mut command = std::process::Command::new(program);
    command.args(["--port", "1"]);
    if nix::unistd::geteuid().is_root() {
        const NOBODY: u32 = 65_534;
        command.uid(NOBODY).gid(NOBODY);
    }
    let (code, _, log) = run_to_end(&mut command);
    assert_eq!(code, Some(77), "{log}");
    assert!(log.contains("needs a privilege") && log.contains("CAP_NET_BIND_SERVICE"), "{log}");
}

#[test]
fn the_help_shows_examples() {
    let (code, out, _) = run_to_end(&mut demo(&["--help"]));
    assert_eq!(code, Some(0));
    for word in ["Examples:", "--workers 4 --policy none", "/whoami", "--accept-wake"] {
        assert!(out.contains(word), "{out}");
    }
}
