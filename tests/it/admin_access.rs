//! Who may ask the admin process for what.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use evenkeel::control::{Command, Reply, Scale};
use nix::sys::socket::{SockType, getsockopt, sockopt};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use tempfile::TempDir;

use crate::harness::admin::{Admin, JSON, asked};
use crate::harness::app::{App, demo, run_to_end};
use crate::harness::client::Client;
use crate::harness::place::Sockets;
use crate::harness::process::Process;
use crate::harness::wait::wait_until;

const TOKEN: &str = "it-is-I-who-may-look";

/// A file with the token, of this mode.
fn token_file(mode: u32) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    fs::write(&path, format!("{TOKEN}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    (folder, path)
}

/// The demo does not start with these: its exit code, and what it says.
fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let (code, _, log) = run_to_end(demo(arguments).args(["--workers", "1", "--port", "0"]));
    (code, log)
}

#[test]
fn a_page_of_another_origin_reads_and_changes_nothing() {
    let (app, admin) = Admin::demo(&["--workers", "1"]);
    let port = admin.port;
    // A name that was made to point here.
    for path in ["/", "/metrics", "/api/state", "/nothing"] {
        let rebound = [format!("Host: evil.example:{port}")];
        let answer = admin.ask(&format!("GET {path}"), &[&rebound[0]], "");
        assert_eq!(answer.status, 421, "{path}");
    }
    for path in ["/livez", "/readyz"] {
        let named = || admin.ask(&format!("GET {path}"), &["Host: node7.example"], "").status;
        wait_until("a probe by any name", || named() == 200);
    }
    for host in ["127.0.0.1", "localhost", "[::1]:1"] {
        let host = format!("Host: {host}");
        assert_eq!(admin.ask("GET /api/state", &[&host], "").status, 200, "{host}");
    }
    let own = format!("Origin: http://127.0.0.1:{port}");
    let other = format!("Origin: http://127.0.0.1:{}", app.port);
    let scale = |fields: &[&str]| admin.ask("POST /api/scale", fields, r#"{"workers":1}"#).status;
    assert_eq!(scale(&[JSON, &own, "Sec-Fetch-Site: same-origin"]), 200);
    assert_eq!(scale(&["X-Evenkeel: 1"]), 200);
    for fields in [
        &[JSON, other.as_str()][..],
        &[JSON, "Origin: null"],
        &[JSON, "Origin: http://evil.example"],
        &[JSON, "Sec-Fetch-Site: cross-site"],
        &[JSON, "Sec-Fetch-Site: same-site", own.as_str()],
        &["Content-Type: text/plain", own.as_str()],
        &["Content-Type: application/x-www-form-urlencoded"],
        &[own.as_str()],
        &[],
    ] {
        assert_eq!(scale(fields), 403, "{fields:?}");
    }
    let answer = admin.get("/");
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    assert_eq!(answer.header("access-control-allow-origin"), None);
    app.stop();
}

#[test]
fn where_a_token_is_set_nobody_gets_in_without_it() {
    let (_folder, path) = token_file(0o600);
    let (app, admin) =
        Admin::demo(&["--workers", "1", "--admin-token-file", path.to_str().unwrap()]);
    let bearer = format!("Authorization: Bearer {TOKEN}");
    let longer = format!("Authorization: Bearer {TOKEN}x");
    let shorter = format!("Authorization: Bearer {}", &TOKEN[..TOKEN.len() - 1]);
    for path in ["/metrics", "/api/state", "/nothing"] {
        let answer = admin.get(path);
        assert_eq!(answer.status, 401, "{path}");
        assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer"));
        assert_eq!(admin.get(&format!("{path}?token=wrong")).status, 401);
        for wrong in [&longer, &shorter, "Authorization: Basic abc"] {
            assert_eq!(admin.ask(&format!("GET {path}"), &[wrong], "").status, 401, "{wrong}");
        }
    }
    assert_eq!(admin.post("/api/reload", "").status, 401);
    for path in ["/", "/metrics", "/api/state"] {
        assert_eq!(admin.ask(&format!("GET {path}"), &[&bearer], "").status, 200, "{path}");
        assert_eq!(admin.get(&format!("{path}?token={TOKEN}")).status, 200, "{path}");
    }
    assert_eq!(admin.ask("POST /api/reload", &[JSON, &bearer], "").status, 200);
    // By any name: who made it point here does not know the token.
    let named = "Host: node7.example:9090";
    for (path, without) in [("/metrics", 401), ("/api/state", 401), ("/", 200)] {
        let ask = |fields: &[&str]| admin.ask(&format!("GET {path}"), fields, "").status;
        assert_eq!(ask(&[named, &bearer]), 200, "{path}");
        assert_eq!((ask(&[named, &longer]), ask(&[named])), (without, without), "{path}");
    }
    // The token alone does not make it one's own page.
    let evil = [JSON, &bearer, "Origin: http://evil.example"];
    assert_eq!(admin.ask("POST /api/reload", &evil, "").status, 403);
    // Who asks whether it lives learns nothing else.
    assert!(!admin.get("/").text().contains(TOKEN), "the page is for everybody, and asks for it");
    for path in ["/livez", "/readyz", "/"] {
        wait_until("it to be ready", || admin.get(path).status == 200);
    }
    assert!(!app.log.text().contains(TOKEN));
    app.stop();
}

#[test]
fn beyond_this_machine_a_token_is_needed_and_others_may_not_read_it() {
    let (code, log) = refused(&["--admin", "0.0.0.0:0"]);
    assert_eq!(code, Some(64), "{log}");
    assert!(log.contains("admin_token_file"), "{log}");

    let (_folder, path) = token_file(0o644);
    let path = path.to_str().unwrap();
    let (code, log) = refused(&["--admin", "0.0.0.0:0", "--admin-token-file", path]);
    assert_eq!(code, Some(77), "{log}");
    assert!(log.contains(&format!("chmod 600 {path}")), "{log}");
    assert_eq!(refused(&["--admin-token-file", path]).0, Some(64));

    let (_folder, path) = token_file(0o640);
    let arguments = ["--admin", "0.0.0.0:0", "--admin-token-file", path.to_str().unwrap()];
    let app = App::demo(&arguments);
    let admin = Admin::of(&app);
    assert_eq!(admin.get("/api/state").status, 401);
    assert_eq!(admin.get(&format!("/api/state?token={TOKEN}")).status, 200);
    app.stop();
}

#[test]
fn an_address_that_is_taken_is_said_to_be() {
    let (app, admin) = Admin::demo(&["--workers", "1"]);
    let (code, log) = refused(&["--admin", &format!("127.0.0.1:{}", admin.port)]);
    assert_eq!(code, Some(69), "{log}");
    assert!(
        log.contains(&format!("port {} on 127.0.0.1 is in use by process", admin.port)),
        "{log}"
    );
    let port = admin.port.to_string();
    let both = ["--admin", &format!("127.0.0.1:{port}"), "--also", &format!("127.0.0.1:{port}")];
    let (code, log) = refused(&both);
    assert_eq!(code, Some(64), "{log}");
    app.stop();
}

#[test]
fn a_socket_is_for_its_user_only_and_is_removed() {
    let sockets = Sockets::new();
    let app = App::demo(&["--workers", "1", "--admin", &sockets.address()]);
    let mode = fs::metadata(sockets.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let ask = |request: &str, fields: &[&str]| {
        let mut client = Client::connect_unix(&sockets.path()).unwrap();
        client.send(asked(request, 0, fields, "")).unwrap();
        client.answer().unwrap().status
    };
    wait_until("it to be ready", || ask("GET /readyz", &["Host: admin"]) == 200);
    assert_eq!(ask("POST /api/reload", &["Host: admin", JSON]), 200);
    assert_eq!(ask("POST /api/reload", &["Host: admin", JSON, "Origin: http://evil.example"]), 403);
    app.stop();
    assert!(!sockets.path().exists());
}

/// They hold all places with what does not end.
#[test]
fn slow_clients_do_not_keep_probes_out() {
    let (app, admin) = Admin::demo(&["--workers", "1"]);
    let reload = format!("POST /api/reload HTTP/1.1\r\nHost: localhost\r\n{JSON}\r\n");
    let long = format!("{reload}Content-Length: 1000\r\n\r\n");
    let chunked = format!("{reload}Transfer-Encoding: chunked\r\n\r\n");
    for (what, begins, drips) in [
        ("heads", "GET /metrics HTTP/1.1\r\nX: ", false),
        ("bodies", &long, false),
        ("chunked bodies", &chunked, false),
        ("dripping bodies", &long, true),
    ] {
        let slow = || {
            let mut client = Client::connect(admin.port).unwrap();
            client.send(begins).unwrap();
            client
        };
        let mut held: Vec<Client> = (0..70).map(|_| slow()).collect();
        let mut probe = Client::connect(admin.port).unwrap();
        // Before the usual 30 s have passed.
        probe.stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        probe.send(asked("GET /livez", admin.port, &[], "")).unwrap();
        let (over, ended) = mpsc::channel::<()>();
        let drip = std::thread::spawn(move || {
            while ended.recv_timeout(Duration::from_millis(200)) == Err(RecvTimeoutError::Timeout) {
                // Those whose time is up are closed.
                for client in held.iter_mut().filter(|_| drips) {
                    let _ = client.send("x");
                }
            }
        });
        let answer = probe.answer();
        drop(over);
        drip.join().unwrap();
        assert_eq!(answer.map(|answer| answer.status), Ok(200), "{what}");
    }
    app.stop();
}

#[test]
fn who_is_refused_is_not_waited_for() {
    let (_folder, path) = token_file(0o600);
    let (app, admin) =
        Admin::demo(&["--workers", "1", "--admin-token-file", path.to_str().unwrap()]);
    for framing in ["Content-Length: 1000", "Transfer-Encoding: chunked"] {
        let mut client = Client::connect(admin.port).unwrap();
        let head = format!("POST /api/reload HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n");
        client.send(head).unwrap();
        let answer = client.answer().unwrap();
        assert_eq!(answer.status, 401, "{framing}");
        assert!(answer.header("www-authenticate").is_some() && answer.text().contains("token"));
    }
    app.stop();
}

/// Copies of a process's lines to its master: what is said there, it says.
fn lines(process: Process, master: u32) -> Vec<UnixStream> {
    let pid = Pid::from_raw(process.pid.cast_signed()).unwrap();
    let held = pidfd_open(pid, PidfdFlags::empty()).unwrap();
    let copy = |fd: usize| {
        let fd = i32::try_from(fd).unwrap();
        pidfd_getfd(&held, fd, PidfdGetfdFlags::empty()).unwrap()
    };
    // Its own pairs, which wake it, have itself at the other end.
    let is_line = |fd: &OwnedFd| {
        let is_stream = getsockopt(fd, sockopt::SockType) == Ok(SockType::Stream);
        let other = getsockopt(fd, sockopt::PeerCredentials).map(|peer| peer.pid());
        is_stream && other == Ok(master.cast_signed())
    };
    let copies = process.descriptors().into_iter().map(copy);
    copies.filter(is_line).map(UnixStream::from).collect()
}

#[test]
fn who_breaks_into_the_admin_process_can_scale_and_reload_only() {
    let (app, _) = Admin::demo(&["--workers", "1"]);
    let process = app.child_named("admin").unwrap();
    let lines = lines(process, app.master.pid);
    assert!(!lines.is_empty());
    let say = |mut line: &UnixStream, command: Command| {
        writeln!(line, "{}", serde_json::to_string(&command).unwrap()).unwrap();
        let mut reply = String::new();
        BufReader::new(line).read_line(&mut reply).unwrap();
        serde_json::from_str::<Reply>(&reply).unwrap()
    };
    for line in &lines {
        for command in [
            Command::Status {},
            Command::Upgrade {},
            Command::Reopen {},
            Command::Stop { now: false },
            Command::Stop { now: true },
        ] {
            let reply = say(line, command);
            assert!(!reply.ok && reply.status.is_none(), "{command}: {reply:?}");
            assert!(reply.text.contains("may scale and reload only"), "{command}: {reply:?}");
        }
        for command in [Command::Reload {}, Command::Scale { workers: Scale::By(1) }] {
            let reply = say(line, command);
            assert!(reply.ok, "{command}: {reply:?}");
        }
    }
    assert_eq!(app.status().workers.len(), 1 + lines.len());
    app.stop();
}
