//! Unix-domain sockets: their files, and what comes through them.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::Path;

use evenkeel::control::Command;
use nix::sys::signal::Signal;

use crate::harness::app::{App, BLOCKING, ask, demo, fixture, run_to_end};
use crate::harness::client::Client;
use crate::harness::place::{Place, Sockets, all_asleep, answered_by_all};

#[test]
fn everybody_may_connect_to_the_socket_and_has_no_address() {
    let sockets = Sockets::new();
    let app = App::demo(&["--workers", "1", "--also", &sockets.address()]);
    let file = fs::metadata(sockets.path()).unwrap();
    assert!(file.file_type().is_socket());
    assert_eq!(file.permissions().mode() & 0o777, 0o666);
    let answer = Client::connect_unix(&sockets.path()).unwrap().get("/whoami").unwrap();
    assert!(answer.text().contains("\"remote\":\"\""), "{}", answer.text());
    app.stop();
}

#[test]
fn a_trusted_peer_on_a_socket_names_its_clients() {
    let sockets = Sockets::new();
    let address = sockets.address();
    let app = App::demo(&["--workers", "1", "--also", &address, "--proxy-protocol", "unix"]);
    let mut client = Client::connect_unix(&sockets.path()).unwrap();
    client.send(b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 80\r\n").unwrap();
    let text = client.get("/whoami").unwrap().text();
    assert!(text.contains("\"remote\":\"192.0.2.7:5000\""), "{text}");
    let text = app.get("/whoami").text();
    assert!(text.contains("\"remote\":\"127.0.0.1:"), "{text}");
    app.stop();
}

#[test]
fn a_file_of_many_octets_goes_through_a_socket() {
    let sockets = Sockets::new();
    let folder = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..3_000_000u32).map(|n| n.to_le_bytes()[0]).collect();
    fs::write(folder.path().join("big"), &content).unwrap();
    let files = folder.path().to_str().unwrap();
    let address = sockets.address();
    let app = App::demo(&["--workers", "1", "--also", &address, "--files", files]);
    let mut client = Client::connect_unix(&sockets.path()).unwrap();
    assert!(client.get("/files/big").unwrap().body == content);
    client
        .send(format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", 900_000))
        .unwrap();
    client.send(&content[..900_000]).unwrap();
    assert!(client.answer().unwrap().body == content[..900_000]);
    app.stop();
}

#[test]
fn a_stale_socket_is_replaced_and_nothing_else_is() {
    let sockets = Sockets::new();
    let (path, address) = (sockets.path(), sockets.address());
    let arguments = ["--workers", "1", "--port", "0", "--also", &address];
    drop(UnixListener::bind(&path).unwrap());
    let app = App::start(&mut demo(&arguments)).listening();
    assert_eq!(Client::connect_unix(&path).unwrap().get("/").unwrap().status, 200);

    let (code, _, log) = run_to_end(&mut demo(&arguments));
    assert_eq!(code, Some(69), "{log}");
    let holder = format!("{} is in use by process {} (demo-app)", path.display(), app.master.pid);
    assert!(log.contains(&holder), "{log}");
    assert_eq!(Client::connect_unix(&path).unwrap().get("/").unwrap().status, 200);
    app.stop();

    fs::write(&path, "kept").unwrap();
    let (code, _, log) = run_to_end(&mut demo(&arguments));
    assert_eq!(code, Some(64), "{log}");
    assert!(log.contains("it exists, and is no socket; choose another path"), "{log}");
    assert_eq!(fs::read(&path).unwrap(), b"kept");

    let nowhere = format!("unix:{}/nowhere/socket", sockets.0.path().display());
    let (code, _, log) = run_to_end(&mut demo(&["--port", "0", "--also", &nowhere]));
    assert_eq!(code, Some(64), "{log}");
    assert!(log.contains("its folder must be there before the start"), "{log}");
}

#[test]
fn somebody_elses_socket_in_the_place_of_ours_stays() {
    let sockets = Sockets::new();
    let app = App::demo(&["--workers", "1", "--also", &sockets.address()]);
    fs::remove_file(sockets.path()).unwrap();
    let _theirs = UnixListener::bind(sockets.path()).unwrap();
    app.stop();
    assert!(sockets.path().exists());
}

#[test]
fn a_path_that_was_taken_before_the_start_was_done_is_noticed() {
    let sockets = Sockets::new();
    let control = sockets.0.path().join("control");
    let arguments = ["one-of-two", control.to_str().unwrap(), &sockets.address()];
    let mut app = App::start(&mut fixture(&arguments));
    app.log.wait_for("worker 0 (generation 1) is ready");
    assert!(Path::exists(&sockets.path()));
    fs::remove_file(sockets.path()).unwrap();
    let _theirs = UnixListener::bind(sockets.path()).unwrap();
    // Its sibling is done for, so that the first one opens.
    app.worker(1).signal(Signal::SIGKILL);
    assert_eq!(app.ended().code(), Some(69));
    assert!(app.log.text().contains("is in use by process"), "{}", app.log.text());
}

const WAITING: usize = 20;

/// Ways in which connections come from a unix-domain socket.
fn unix_intakes() -> Vec<&'static [&'static str]> {
    let ways: [&[&str]; 4] =
        [&["--policy", "none"], &["--policy", "auto"], &["--policy", "rr"], BLOCKING];
    ways.to_vec()
}

#[test]
fn a_socket_can_be_the_primary_address() {
    for arguments in unix_intakes() {
        let (sockets, control) = (Sockets::new(), tempfile::tempdir().unwrap());
        let (address, control) = (sockets.address(), control.path().join("control"));
        let all = [&["--workers", "2", "--bind", &address], arguments].concat();
        let mut app = App::start(demo(&all).arg("--control").arg(&control));
        app.out.wait_for(&format!("listening on {address} (policy"));
        let place = Place::Path(sockets.path());
        answered_by_all(&place, 2, &format!("{arguments:?}"));
        let load = place.load(2);
        let reply = ask(&control, Command::Reload {});
        assert!(reply.ok, "{}", reply.text);
        let reply = ask(&control, Command::Upgrade {});
        assert!(reply.ok, "{}", reply.text);
        let count = load.stop();
        assert_eq!(count.failed(), 0, "{arguments:?}: {count:?}");

        let sleepers = all_asleep(&app, std::slice::from_ref(&place), 2);
        let waiting = place.waiting(WAITING, "/");
        app.signal(Signal::SIGTERM);
        for mut client in sleepers.into_iter().chain(waiting) {
            let answer = client.answer();
            assert_eq!(answer.map(|answer| answer.status), Ok(200), "{arguments:?}");
        }
        assert_eq!(app.ended().code(), Some(0));
        assert!(!sockets.path().exists());
    }
}
