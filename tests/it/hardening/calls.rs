//! System calls that are refused to workers.

use std::fs;
use std::process::Command as Program;

use nix::sys::signal::Signal;

use super::field;
use crate::harness::app::{App, intakes, run_to_end};
use crate::harness::client::Client;
use crate::harness::wait::wait_until;

fn guarded(arguments: &[&str]) -> App {
    App::start(Program::new(env!("CARGO_BIN_EXE_guarded")).args(arguments)).listening()
}

const THREADS: [&str; 3] = ["/unshare", "/unshare-in-old-thread", "/unshare-in-new-thread"];

fn asked(app: &App, target: &str) -> String {
    String::from_utf8(app.get(target).body).unwrap()
}

/// Whether a thread began before the filter or after makes no difference.
#[test]
fn a_worker_that_tries_is_refused_in_each_of_its_threads() {
    let app = guarded(&[]);
    for target in THREADS {
        assert_eq!(asked(&app, target), "Ok(())");
    }
    assert_eq!(field(app.worker(0), "Seccomp"), "0");
    app.stop();
    let app = guarded(&["seccomp=deny"]);
    for target in THREADS {
        assert_eq!(asked(&app, target), "Err(EPERM)", "{target}");
    }
    assert_eq!(asked(&app, "/run"), "true");
    assert_eq!(field(app.worker(0), "Seccomp"), "2");
    assert_eq!(field(app.master, "Seccomp"), "0");
    app.stop();
    let app = guarded(&["seccomp=deny-exec"]);
    assert_eq!(asked(&app, "/run"), "false");
    assert_eq!(asked(&app, "/unshare"), "Err(EPERM)");
    app.stop();
}

#[test]
fn a_filter_does_not_go_with_new_privileges() {
    let mut command = Program::new(env!("CARGO_BIN_EXE_guarded"));
    let (code, _, text) = run_to_end(command.args(["seccomp=deny", "new-privileges"]));
    assert_eq!(code, Some(64), "{text}");
    assert!(text.contains("leave seccomp out"), "{text}");
}

/// All that a worker does by itself, under each policy: every kind of body, files, threads, the access log,
/// reloads, drains.
#[test]
fn everything_is_served_with_the_filter_on() {
    let folder = tempfile::tempdir().unwrap();
    let (file, log) = (folder.path().join("file"), folder.path().join("log"));
    fs::write(&file, vec![b'x'; 300_000]).unwrap();
    let (files, log) = (folder.path().to_str().unwrap(), log.to_str().unwrap());
    for arguments in intakes() {
        let common = ["--workers", "2", "--seccomp", "deny-exec", "--files", files];
        let app = App::demo(&[&common[..], &["--access-log", log], arguments].concat());
        for child in app.children() {
            assert_eq!(field(child, "Seccomp"), "2", "{arguments:?}");
        }
        for round in 1..=2 {
            for (target, octets) in [
                ("/files/file", 300_000),
                ("/stream?kib=100", 102_400),
                ("/offload?ms=1", 0),
                ("/work?us=10", 0),
            ] {
                let mut client = Client::connect(app.port).unwrap();
                client.send(format!("GET {target} HTTP/1.0\r\n\r\n")).unwrap();
                let answer = client.rest().unwrap();
                assert!(answer.starts_with(b"HTTP/1.1 200"), "{target} {arguments:?}");
                assert!(answer.len() > octets, "{target}: {}", answer.len());
            }
            let mut client = Client::connect(app.port).unwrap();
            let body = "y".repeat(100_000);
            client
                .send(format!(
                    "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                ))
                .unwrap();
            assert_eq!(client.answer().map(|answer| answer.body.len()), Ok(body.len()));
            drop(client);
            if round == 1 {
                app.signal(Signal::SIGHUP);
                wait_until("the reload", || app.log.count("is ready") >= 4);
                wait_until("the end of the old ones", || app.log.count("is done") >= 2);
            }
        }
        app.stop();
    }
    assert!(fs::read_to_string(log).unwrap().lines().count() >= 50);
}
