//! Limits and descriptors of each process.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command as Program;

use crate::harness::app::{App, demo_path, intakes};
use crate::harness::client::{Client, get};
use crate::harness::process::{Process, listening};

pub(crate) fn limits_of(process: Process, name: &str) -> [String; 2] {
    let text = fs::read_to_string(format!("/proc/{}/limits", process.pid)).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    let mut words = line.split_whitespace().map(str::to_owned);
    [words.next().unwrap(), words.next().unwrap()]
}

#[test]
fn a_worker_may_open_as_many_files_as_the_hard_limit_allows() {
    let mut command = Program::new("prlimit");
    command.args(["--nofile=64:400"]).arg(demo_path()).args(["--workers", "1", "--port", "0"]);
    let app = App::start(&mut command).listening();
    assert_eq!(limits_of(app.worker(0), "Max open files"), ["400", "400"]);
    assert_eq!(limits_of(app.master, "Max open files"), ["64", "400"]);
    let mut clients: Vec<Client> = (0..150).map(|_| Client::connect(app.port).unwrap()).collect();
    for client in &mut clients {
        assert_eq!(client.get("/").map(|answer| answer.status), Ok(200));
    }
    drop(clients);
    app.stop();
}

#[test]
fn limits_that_are_wished_are_those_of_each_child_and_not_of_the_master() {
    let mut command = Program::new(env!("CARGO_BIN_EXE_guarded"));
    let arguments = ["open-files=90", "core-bytes=0", "address-space-bytes=4000000000"];
    let app = App::start(command.args(arguments)).listening();
    let worker = app.worker(0);
    assert_eq!(limits_of(worker, "Max open files"), ["90", "90"]);
    assert_eq!(limits_of(worker, "Max core file size"), ["0", "0"]);
    assert_eq!(limits_of(worker, "Max address space"), ["4000000000", "4000000000"]);
    assert_ne!(limits_of(app.master, "Max open files"), ["90", "90"]);
    assert_eq!(get(app.port, "/").unwrap().status, 200);
    app.stop();
}

/// Beside standard input and output: sockets, of which it shares listeners alone with the master; the means
/// to wait; and what the starter left open.
#[test]
fn a_child_has_no_descriptor_but_its_own_and_those_that_the_starter_left_open() {
    for arguments in intakes() {
        let folder = tempfile::tempdir().unwrap();
        let control = folder.path().join("control");
        // The shell leaves descriptor 9 open.
        let mut command = Program::new("sh");
        command.args(["-c", "exec 9</dev/zero; exec \"$@\"", "sh"]).arg(demo_path());
        command.args(["--workers", "2", "--port", "0", "--control"]).arg(&control);
        let app = App::start(command.args(arguments)).listening();
        app.log.wait_for("started with descriptors open");
        let links = arguments.contains(&"rr").then(|| app.dispatcher());
        let listeners: BTreeSet<u64> = listening(app.port).iter().map(|it| it.inode).collect();
        for child in app.children() {
            let files: BTreeSet<String> =
                child.files().iter().map(|path| path.to_string_lossy().into_owned()).collect();
            let others = files.iter().filter(|file| {
                let own = ["socket:", "pipe:", "anon_inode:[eventpoll]", "anon_inode:[eventfd]"];
                !own.iter().any(|kind| file.starts_with(kind)) && *file != "/dev/null"
            });
            assert_eq!(others.collect::<Vec<_>>(), ["/dev/zero"], "{arguments:?}");
            let shared: Vec<u64> =
                child.sockets().intersection(&app.master.sockets()).copied().collect();
            if links.is_some_and(|dispatcher| dispatcher == child) {
                // Its listener, and a link to each worker.
                assert_eq!(shared.len(), 1 + 2, "{arguments:?}");
                continue;
            }
            assert!(shared.iter().all(|socket| listeners.contains(socket)), "{arguments:?}");
            assert!(shared.len() <= 1, "{arguments:?}: {shared:?}");
        }
        app.stop();
    }
}
