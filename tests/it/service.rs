//! Under a service manager, and as the first process of a container.

use std::path::Path;
use std::process::Command as Program;

use evenkeel::control::Command;
use nix::sys::signal::Signal;

use super::steering::gets_nothing_while_it_stalls;
use crate::harness::app::{App, ask, demo, demo_path, fixture, intakes};
use crate::harness::manager::Manager;
use crate::harness::privilege::{is_root, may_load_programs};
use crate::harness::process::Process;
use crate::harness::wait::{wait_for, wait_until};

#[test]
fn a_service_manager_hears_of_start_reload_upgrade_and_stop() {
    for arguments in intakes() {
        let manager = Manager::new();
        let mut program = demo(&[&["--workers", "2", "--port", "0"], arguments].concat());
        let mut app = manager.start(&mut program).listening();
        manager.hears_until("READY=1");
        app.signal(Signal::SIGHUP);
        manager.hears_a_reload();
        app.signal(Signal::SIGUSR2);
        let messages = manager.hears_a_reload();
        // The pid that the manager knows stays the right one.
        assert!(!messages.iter().flatten().any(|line| line.starts_with("MAINPID=")));
        assert!(app.master.lives());
        assert_eq!(app.get("/whoami").number("generation"), 3);
        manager.hears_nothing();
        app.signal(Signal::SIGTERM);
        manager.hears_until("STOPPING=1");
        assert_eq!(app.ended().code(), Some(0));
    }
}

#[test]
fn a_service_manager_hears_the_end_of_an_upgrade_that_is_given_up() {
    let manager = Manager::new();
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    std::fs::copy(demo_path(), &program).unwrap();
    let mut command = Program::new(&program);
    let app = manager.start(command.args(["--workers", "1", "--port", "0"])).listening();
    manager.hears_until("READY=1");
    std::fs::remove_file(&program).unwrap();
    app.signal(Signal::SIGUSR2);
    let messages = manager.hears_a_reload();
    assert!(messages.last().unwrap().iter().any(|line| line.contains("given up")), "{messages:?}");
    // Whoever asked for a reload after the trial had begun waits for one that began after that.
    let before = &messages[messages.len() - 2];
    assert!(before.contains(&"RELOADING=1".to_owned()), "{messages:?}");
    app.stop();
}

#[test]
fn a_program_that_does_not_ask_where_it_listens_is_ready_all_the_same() {
    let manager = Manager::new();
    let app = manager.start(&mut fixture(&["silent"]));
    manager.hears_until("READY=1");
    app.log.wait_for("listening address=127.0.0.1:");
    app.stop();
}

/// The demo as process 1 of a namespace of its own. Needs root.
pub(super) fn first_process(arguments: &[&str], control: &Path) -> Option<(App, Process)> {
    if !is_root("a process namespace") {
        return None;
    }
    let mut program = Program::new("unshare");
    program.args(["--pid", "--fork", "--mount-proc", "--kill-child"]).arg(demo_path());
    program.args(["--port", "0", "--control"]).arg(control).args(arguments);
    let app = App::start(&mut program).listening();
    let master = wait_for("the master", || app.master.children().first().copied());
    Some((app, master))
}

#[test]
fn as_process_1_it_reloads_upgrades_and_stops() {
    for arguments in intakes() {
        let folder = tempfile::tempdir().unwrap();
        let control = folder.path().join("control");
        let all = [&["--workers", "2"], arguments].concat();
        let Some((mut app, master)) = first_process(&all, &control) else { return };
        assert_eq!(ask(&control, Command::Status {}).status.unwrap().pid, 1);
        master.signal(Signal::SIGHUP);
        app.log.wait_for("reload done");
        master.signal(Signal::SIGUSR2);
        app.log.wait_for("upgrade done");
        assert!(master.lives());
        assert_eq!(app.get("/whoami").number("generation"), 3);
        master.signal(Signal::SIGTERM);
        assert_eq!(app.ended().code(), Some(0));
    }
}

#[test]
fn as_process_1_it_reaps_orphans_and_takes_none_for_a_worker() {
    let folder = tempfile::tempdir().unwrap();
    let Some((mut app, master)) = first_process(&["--workers", "1"], &folder.path().join("c"))
    else {
        return;
    };
    let workers = master.children();
    assert_eq!(workers.len(), 1);
    // The shell ends, and leaves what it had started in the background to process 1.
    let pid = master.pid.to_string();
    let mut orphan = Program::new("nsenter");
    orphan.args(["--pid", "--target", &pid, "sh", "-c", "for n in 1 2 3; do sleep 3 & done"]);
    assert!(orphan.status().unwrap().success());
    wait_until("the orphans", || master.children().len() == 4);
    wait_until("the end of the orphans", || master.children() == workers);
    assert_eq!(app.log.count("is starting"), 1, "nobody is replaced");
    assert_eq!(app.get("/whoami").number("generation"), 1);
    master.signal(Signal::SIGTERM);
    assert_eq!(app.ended().code(), Some(0));
}

/// A container can have a clock of its own, which the kernel's program does not read.
#[test]
fn a_stalled_worker_is_known_by_any_clock() {
    let what = "least-busy in a time namespace";
    if !is_root(what) || !may_load_programs(what) {
        return;
    }
    for offset in ["--monotonic=86400", "--monotonic=-5"] {
        let mut program = Program::new("unshare");
        program.args(["--time", offset, "--fork", "--kill-child"]).arg(demo_path());
        program.args([
            "--workers",
            "2",
            "--policy",
            "least-busy",
            "--port",
            "0",
            "--stall-after",
            "100",
        ]);
        let mut app = App::start(&mut program).listening();
        let master = wait_for("the master", || app.master.children().first().copied());
        app.log.wait_for("worker 1 (generation 1) is ready");
        drop(gets_nothing_while_it_stalls(&app, offset));
        master.signal(Signal::SIGTERM);
        assert_eq!(app.ended().code(), Some(0));
    }
}
