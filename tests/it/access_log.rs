//! The access log: what stands in it, and how its file is exchanged.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use evenkeel::control::Command;
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::harness::app::App;
use crate::harness::client::Client;
use crate::harness::load::Load;
use crate::harness::process::Process;
use crate::harness::wait::{wait_for, wait_until};

/// Where a log is to be.
pub(crate) fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    (folder, path)
}

/// The demo with a control socket and a log at this path.
pub(crate) fn logging(path: &Path, arguments: &[&str]) -> App {
    let path = path.to_str().unwrap();
    App::controlled(&[&["--access-log", path], arguments].concat())
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The log, as soon as it has so many lines.
fn lines(path: &Path, count: usize) -> Vec<String> {
    let found = || Some(read(path)).filter(|text| text.matches('\n').count() >= count);
    let text = wait_for("the lines", found);
    assert!(text.ends_with('\n'), "{text:?}");
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), count, "{text}");
    lines
}

/// A line of the combined format, for a client that says nothing of itself.
pub(crate) fn is_whole(line: &str) -> bool {
    let alone = line.matches("127.0.0.1 - - [").count() == 1 && line.starts_with("127.0.0.1");
    alone && line.ends_with(" \"-\" \"-\"")
}

pub(crate) fn dropped(app: &App) -> u64 {
    app.status().workers.iter().map(|worker| worker.log_dropped).sum()
}

/// Asks for one page as a browser does, and sends what no server can read.
fn ask_and_garble(app: &App) {
    let mut client = Client::connect(app.port).unwrap();
    let fields = "Host: test\r\nReferer: http://there/\r\nUser-Agent: test/1\r\n";
    client.send(format!("GET /nowhere?a=b HTTP/1.1\r\n{fields}\r\n")).unwrap();
    assert_eq!(client.answer().unwrap().status, 404);
    client.send("\x01\x02\r\n\r\n").unwrap();
    assert_eq!(client.answer().unwrap().status, 400);
}

#[test]
fn each_request_is_a_line_of_the_format_that_was_asked_for() {
    for format in ["common", "combined"] {
        let (_folder, path) = place();
        let app = logging(&path, &["--workers", "1", "--access-log-format", format]);
        ask_and_garble(&app);
        let lines = lines(&path, 2);
        let (begin, end) = lines[0].split_once(" +0000] ").expect("a time");
        assert!(begin.starts_with("127.0.0.1 - - ["), "{begin}");
        let fields = if format == "common" { "" } else { " \"http://there/\" \"test/1\"" };
        assert_eq!(end, format!("\"GET /nowhere?a=b HTTP/1.1\" 404 13{fields}"));
        assert!(lines[1].contains(" +0000] \"-\" 400 "), "{}", lines[1]);
        app.stop();
    }
}

#[test]
fn each_request_is_an_object_of_json() {
    let (_folder, path) = place();
    let app = logging(&path, &["--workers", "1", "--access-log-format", "json"]);
    ask_and_garble(&app);
    let lines = lines(&path, 2);
    let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(line["remote"], "127.0.0.1");
    assert_eq!((&line["method"], &line["target"]), (&"GET".into(), &"/nowhere?a=b".into()));
    assert_eq!((&line["status"], &line["bytes"]), (&404.into(), &13.into()));
    assert_eq!(line["user_agent"], "test/1");
    assert_eq!(line["worker"], 0);
    let line: serde_json::Value = serde_json::from_str(&lines[1]).unwrap();
    assert_eq!((&line["method"], &line["status"]), (&serde_json::Value::Null, &400.into()));
    app.stop();
}

/// What can be sent within a field and still be a request.
#[test]
fn no_client_can_forge_a_line() {
    let (_folder, path) = place();
    let app = logging(&path, &["--workers", "1"]);
    let mut client = Client::connect(app.port).unwrap();
    let agent = b"x\" 200 0\\\n\t\xff\x85";
    let agent: Vec<u8> = agent.iter().copied().filter(|octet| *octet != b'\n').collect();
    let head = b"GET /%22%0a HTTP/1.1\r\nHost: test\r\nUser-Agent: ".as_slice();
    client.send([head, &agent, b"\r\n\r\n"].concat()).unwrap();
    client.answer().unwrap();
    let line = &lines(&path, 1)[0];
    assert!(line.bytes().all(|octet| (0x20..0x7f).contains(&octet)), "{line}");
    assert!(line.ends_with(r#" "-" "x\x22 200 0\x5C\x09\xFF\x85""#), "{line}");
    app.stop();
}

#[test]
fn what_was_answered_stands_in_the_log_when_the_server_has_stopped() {
    let (_folder, path) = place();
    let mut app = logging(&path, &["--workers", "2"]);
    let load = Load::keep_alive(app.port, 4, "/");
    wait_until("some lines", || read(&path).lines().count() > 100);
    app.signal(Signal::SIGTERM);
    let answered = usize::try_from(load.stop().answered).unwrap();
    assert_eq!(app.ended().code(), Some(0));
    assert_eq!(read(&path).lines().count(), answered);
}

/// The file is moved away, and then the master is told, five times under load.
fn rotate_under_load(tell: impl Fn(&App)) {
    let (folder, path) = place();
    let mut app = logging(&path, &["--workers", "2"]);
    let load = Load::keep_alive(app.port, 4, "/");
    for number in 1..=5 {
        wait_until("some lines", || read(&path).lines().count() > 50);
        let moved = folder.path().join(format!("access.log.{number}"));
        fs::rename(&path, moved).unwrap();
        tell(&app);
        wait_until("the new file", || path.exists());
    }
    let count = load.stop();
    assert_eq!(count.failed(), 0, "{count:?}");
    assert_eq!(dropped(&app), 0);
    app.signal(Signal::SIGTERM);
    assert_eq!(app.ended().code(), Some(0));
    let files: Vec<PathBuf> =
        fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().path()).collect();
    assert_eq!(files.len(), 6);
    let texts: Vec<String> = files.iter().map(|file| read(file)).collect();
    assert!(texts.iter().flat_map(|text| text.lines()).all(is_whole), "a line is not whole");
    let found: usize = texts.iter().map(|text| text.lines().count()).sum();
    assert_eq!(found as u64, count.answered);
}

#[test]
fn a_rotation_by_rename_and_usr1_loses_no_line() {
    rotate_under_load(|app| app.signal(Signal::SIGUSR1));
}

#[test]
fn when_evenkeel_reopen_is_done_nobody_writes_to_the_old_file() {
    rotate_under_load(|app| {
        app.done(Command::Reopen {});
        let open: BTreeSet<PathBuf> =
            app.children().iter().flat_map(|child| child.files()).collect();
        let moved = open.iter().filter(|file| file.to_string_lossy().contains("access.log."));
        assert_eq!(moved.count(), 0, "{open:?}");
    });
}

#[test]
fn a_reopening_that_fails_says_so_and_the_old_file_is_written_on() {
    let (folder, _) = place();
    let sub = folder.path().join("sub");
    fs::create_dir(&sub).unwrap();
    let app = logging(&sub.join("log"), &["--workers", "2"]);
    let moved = folder.path().join("moved");
    let open = |child: &Process| child.files().contains(&sub.join("log"));
    wait_until("the file", || app.children().iter().all(open));
    fs::rename(&sub, &moved).unwrap();
    let reply = app.command(Command::Reopen {});
    assert!(!reply.ok && reply.text.contains("the old file is written on"), "{}", reply.text);
    app.get("/");
    lines(&moved.join("log"), 1);
    app.stop();
}

#[test]
fn without_a_log_there_is_nothing_to_reopen() {
    let app = App::controlled(&["--workers", "1"]);
    let reply = app.command(Command::Reopen {});
    assert!(!reply.ok && reply.text == "there is no log file to reopen", "{}", reply.text);
    app.stop();
}
