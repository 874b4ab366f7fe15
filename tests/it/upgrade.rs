//! Another program in the place of the running one.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command as Program;

use evenkeel::control::{Command, Scale};
use nix::sys::signal::Signal;

use crate::harness::app::{App, demo_path, intakes};
use crate::harness::client;
use crate::harness::deployed::Deployed;
use crate::harness::process::{Process, cookies, listening};
use crate::harness::wait::wait_until;

#[test]
fn usr2_becomes_the_program_on_disk_with_the_same_pid_and_sockets() {
    for arguments in intakes() {
        let deployed = Deployed::demo(&[&["--workers", "2"], arguments].concat());
        let app = &deployed.app;
        for _ in 0..10 {
            app.get("/");
        }
        let requests = |deployed: &Deployed| -> u64 {
            let status = deployed.command(Command::Status {}).status.unwrap();
            assert_eq!(status.pid, app.master.pid);
            status.workers.iter().map(|worker| worker.requests).sum()
        };
        let before = requests(&deployed);
        assert_eq!(before, 10, "{arguments:?}");
        let old: BTreeSet<Process> = app.children().into_iter().collect();
        let sockets = cookies(app.port);
        deployed.deploy(&fs::read(demo_path()).unwrap());
        let file = fs::metadata(deployed.program()).unwrap().ino();
        assert_ne!(Deployed::running(app.master), file);

        app.signal(Signal::SIGUSR2);
        app.log.wait_for("upgrade done: all workers are new");
        assert!(app.master.lives(), "the same process");
        let new: BTreeSet<Process> = app.children().into_iter().collect();
        assert!(new.is_disjoint(&old) && new.len() == old.len(), "{arguments:?}");
        assert!(new.iter().all(|child| Deployed::running(*child) == file));
        assert_eq!(Deployed::running(app.master), file);
        assert_eq!(cookies(app.port), sockets, "the same sockets, and no other");
        assert_eq!(requests(&deployed), before, "counts go on");
        assert_eq!(app.get("/whoami").number("generation"), 2);
        deployed.app.stop();
    }
}

/// What is broken, how, and a part of what is said about it.
type Broken = (&'static str, fn(&Deployed), &'static str);

#[test]
fn a_broken_program_changes_nothing_and_the_reason_is_said() {
    let cases: [Broken; 12] = [
        ("missing", |it| fs::remove_file(it.program()).unwrap(), "No such file"),
        (
            "not executable",
            |it| {
                let read_only = fs::Permissions::from_mode(0o644);
                fs::set_permissions(it.program(), read_only).unwrap();
            },
            "Permission denied",
        ),
        ("no program", |it| it.deploy(b"\x7fELF, said he"), "Exec format error"),
        (
            "a script that fails",
            |it| it.deploy(b"#!/bin/sh\nexit 3\n"),
            "it ended with exit code 3",
        ),
        ("killed", |it| it.deploy(b"#!/bin/sh\nkill -SEGV $$\n"), "it was ended by signal 11"),
        (
            "another program",
            |it| it.deploy(b"#!/bin/sh\nexit 0\n"),
            "ended without coming to serve",
        ),
        ("panics in main", |it| it.mode("panic-in-main"), "it ended with exit code 101"),
        ("ends in main", |it| it.mode("end-in-main"), "it ended without coming to serve"),
        ("hangs in main", |it| it.mode("hang-in-main"), "it did not come to serve in time"),
        ("refuses its settings", |it| it.mode("no-workers"), "exit code 64: cannot run 0 workers"),
        ("another policy", |it| it.mode("other-policy"), "cannot change the way that connections"),
        (
            "another control socket",
            |it| it.mode("other-control"),
            "cannot change the control socket",
        ),
    ];
    for (what, break_it, reason) in cases {
        let deployed = Deployed::fixture("short-ready");
        let worker = deployed.app.worker(0);
        break_it(&deployed);
        for _ in 0..2 {
            let reply = deployed.upgrade();
            assert!(!reply.ok, "{what}");
            assert!(reply.text.contains(reason), "{what}: {}", reply.text);
            assert!(reply.text.ends_with("nothing has changed"), "{what}: {}", reply.text);
        }
        deployed.app.log.wait_for(reason);
        assert!(worker.lives(), "{what}");
        assert_eq!(deployed.app.get("/").text(), "generation 1\n", "{what}");
        assert_eq!(deployed.app.children(), [worker], "{what}: the trial is gone");
        // What is broken can be mended.
        deployed.deploy(&fs::read(env!("CARGO_BIN_EXE_fixture")).unwrap());
        deployed.mode("plain");
        let reply = deployed.upgrade();
        assert!(reply.ok, "{what}: {}", reply.text);
        assert_eq!(deployed.app.get("/mode").text(), "plain", "{what}");
        deployed.app.stop();
    }
}

#[test]
fn another_address_is_refused() {
    let deployed = Deployed::fixture("plain");
    deployed.mode("other-address");
    let reply = deployed.upgrade();
    let text = "cannot change the address from 127.0.0.1";
    assert!(!reply.ok && reply.text.contains(text), "{}", reply.text);
    deployed.app.stop();
}

/// The trial says nothing about what the workers do.
#[test]
fn new_workers_that_fail_leave_the_old_ones_serving() {
    let deployed = Deployed::fixture("plain");
    let worker = deployed.app.worker(0);
    deployed.mode("error-at-start");
    let reply = deployed.upgrade();
    assert!(!reply.ok);
    assert!(
        reply.text.contains(
            "upgrade given up: worker 0 (generation 2) ended with exit code 75: no database"
        ),
        "{}",
        reply.text
    );
    assert!(worker.lives());
    assert_eq!(deployed.app.get("/").text(), "generation 1\n");
    deployed.mode("plain");
    assert!(deployed.upgrade().ok);
    assert_eq!(deployed.app.get("/").text(), "generation 3\n");
    deployed.app.stop();
}

#[test]
fn workers_scaled_by_hand_stay_unless_the_new_program_says_another_number() {
    let deployed = Deployed::fixture("plain");
    assert!(deployed.command(Command::Scale { workers: Scale::To(3) }).ok);
    assert!(deployed.upgrade().ok);
    let wanted = || deployed.command(Command::Status {}).status.unwrap().workers_wanted;
    assert_eq!(wanted(), 3);
    deployed.mode("four-workers");
    assert!(deployed.upgrade().ok);
    assert_eq!(wanted(), 4);
    wait_until("four workers", || deployed.app.children().len() == 4);
    assert_eq!(listening(deployed.app.port).len(), 4);
    deployed.app.stop();
}

#[test]
fn one_upgrade_at_a_time() {
    let deployed = Deployed::fixture("plain");
    deployed.mode("hang-in-main");
    deployed.app.signal(Signal::SIGUSR2);
    deployed.app.log.wait_for("upgrade begins");
    for command in [Command::Upgrade {}, Command::Reload {}] {
        let reply = deployed.command(command);
        assert!(!reply.ok && reply.text.contains("under way"), "{}", reply.text);
    }
    assert_eq!(deployed.app.children().len(), 2, "the worker and the trial");
    deployed.app.stop();
}

#[test]
fn a_stop_ends_a_trial() {
    let mut deployed = Deployed::fixture("plain");
    deployed.mode("hang-in-main");
    deployed.app.signal(Signal::SIGUSR2);
    deployed.app.log.wait_for("upgrade begins");
    deployed.app.signal(Signal::SIGTERM);
    assert_eq!(deployed.app.ended().code(), Some(0));
}

#[test]
fn a_trial_does_not_outlive_a_master_that_is_killed() {
    let mut deployed = Deployed::fixture("plain");
    deployed.mode("hang-in-main");
    deployed.app.signal(Signal::SIGUSR2);
    deployed.app.log.wait_for("upgrade begins");
    deployed.app.signal(Signal::SIGKILL);
    deployed.app.ended();
}

/// A release folder that a link points to.
#[test]
fn a_link_is_followed_at_the_time_of_the_upgrade() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for release in ["one", "two"] {
        fs::create_dir(path(release)).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_fixture"), path(release).join("program")).unwrap();
    }
    std::os::unix::fs::symlink("one", path("current")).unwrap();
    let app = App::start(Program::new(path("current").join("program")).arg("plain")).listening();
    let runs = |release: &str| {
        let file = fs::metadata(path(release).join("program")).unwrap().ino();
        Deployed::running(app.master) == file
    };
    assert!(runs("one"));
    std::os::unix::fs::symlink("two", path("next")).unwrap();
    fs::rename(path("next"), path("current")).unwrap();
    app.signal(Signal::SIGUSR2);
    app.log.wait_for("upgrade done");
    assert!(runs("two"));
    app.stop();
}

#[test]
fn nothing_of_the_hand_over_is_left_in_the_environment_or_open() {
    let deployed = Deployed::fixture("plain");
    let app = &deployed.app;
    assert!(deployed.upgrade().ok);
    let descriptors = app.master.settled_descriptors();
    for _ in 0..3 {
        assert!(deployed.upgrade().ok);
    }
    assert_eq!(app.master.settled_descriptors(), descriptors);
    let worker = app.worker(0);
    // The worker was forked from the program that the hand-over had been left to.
    let seen = client::get(app.port, "/environment").unwrap().text();
    assert!(!seen.contains("EVENKEEL_HANDOVER"), "{seen}");
    let held: Vec<String> = worker
        .descriptors()
        .into_iter()
        .map(|number| {
            let link = fs::read_link(format!("/proc/{}/fd/{number}", worker.pid)).unwrap();
            link.to_string_lossy().into_owned()
        })
        .collect();
    assert!(!held.iter().any(|link| link.contains("evenkeel-state")), "{held:?}");
    deployed.app.stop();
}

/// A signal that comes while the programs change is meant for the one that is there then.
#[test]
fn a_stop_at_any_moment_of_an_upgrade_stops() {
    for step in 0..24 {
        let mut app = App::demo(&["--workers", "1"]);
        app.signal(Signal::SIGUSR2);
        // From before the trial until after the reload, which take some 10 ms here.
        std::thread::sleep(std::time::Duration::from_micros(step * 700));
        app.signal(Signal::SIGTERM);
        assert_eq!(app.ended().code(), Some(0), "step {step}");
    }
}

#[test]
fn a_worker_that_dies_during_an_upgrade_is_replaced() {
    let deployed = Deployed::demo(&["--workers", "2", "--min-uptime", "0"]);
    let app = &deployed.app;
    for step in 0..20 {
        let victim = app.worker(u16::try_from(step % 2).unwrap());
        app.signal(Signal::SIGUSR2);
        std::thread::sleep(std::time::Duration::from_micros(step * 500));
        victim.signal(Signal::SIGKILL);
        wait_until("the end of the upgrade", || {
            let status = deployed.command(Command::Status {}).status.unwrap();
            status.doing == "running" && status.workers_ready == 2
        });
        assert!(!victim.lives());
    }
    // Nobody is waited for who is not there.
    assert!(deployed.command(Command::Reload {}).ok);
    assert_eq!(app.children().len(), 2);
    deployed.app.stop();
}
