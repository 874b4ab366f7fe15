//! What the policies of the kernel ask for, and what is left of it afterwards.

use std::collections::BTreeSet;
use std::fs;

use evenkeel::control::Command;
use nix::sys::signal::Signal;

use super::handshake::{all_are_answered, begin_handshakes};
use crate::harness::app::{App, BLOCKING, KERNEL_RR, LEAST_BUSY, run_to_end};
use crate::harness::client::{Client, Failure};
use crate::harness::installed::Installed;
use crate::harness::privilege::{is_root, may_load_programs, skip};
use crate::harness::process::{Process, half_open};
use crate::harness::wait::wait_until;

const BPF: u32 = 39;

/// As systemd grants it with `AmbientCapabilities`.
const AMBIENT: &[&str] = &["--inh-caps=+bpf", "--ambient-caps=+bpf"];

/// The privilege stands in none of the process's sets; the bounding set is a limit and no grant.
fn has_none(process: Process) {
    let status = fs::read_to_string(format!("/proc/{}/status", process.pid)).unwrap();
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        let line = status.lines().find_map(|line| line.strip_prefix(set)).unwrap();
        let bits = u64::from_str_radix(line.trim(), 16).unwrap();
        assert_eq!(bits & 1 << BPF, 0, "{set} of {process:?}");
    }
}

fn all_are_without(app: &App) {
    app.children().into_iter().chain([app.master]).for_each(has_none);
}

#[test]
fn an_explicit_policy_without_the_privilege_is_an_error_that_says_how_to_grant_it() {
    if !is_root("a start without CAP_BPF") {
        return;
    }
    let installed = Installed::new();
    for policy in [KERNEL_RR, LEAST_BUSY] {
        let (code, out, text) = run_to_end(&mut installed.as_nobody(&[], policy));
        assert_eq!((code, &*out), (Some(77), ""), "{text}");
        let words = ["CAP_BPF", "setcap cap_bpf=ep", "AmbientCapabilities=CAP_BPF", "policy auto"];
        for word in [policy[1]].iter().chain(&words) {
            assert!(text.contains(word), "{word} in {text}");
        }
    }
}

#[test]
fn without_any_privilege_all_else_works() {
    if !is_root("a start as another user") {
        return;
    }
    let installed = Installed::new();
    let intakes: [&[&str]; 5] = [
        &["--policy", "none"],
        &["--policy", "rr"],
        &["--listener", "inherited"],
        BLOCKING,
        &["--policy", "cpu"],
    ];
    for arguments in intakes {
        let mut command = installed.as_nobody(&[], &[&["--workers", "2"], arguments].concat());
        let app = App::start(&mut command).listening();
        assert_eq!(app.get("/").status, 200, "{arguments:?}");
        assert_eq!(installed.status().policy_why, None);
        app.stop();
    }
}

/// The filter that does it for root is not for everybody on newer kernels.
#[test]
fn a_stop_turns_newcomers_away_without_any_privilege() {
    if !is_root("a stop as another user") {
        return;
    }
    let installed = Installed::new();
    for arguments in [&["--policy", "none"][..], &["--policy", "rr"], &["--listener", "inherited"]]
    {
        let all = [&["--workers", "1", "--grace", "1"], arguments].concat();
        let mut app = App::start(&mut installed.as_nobody(&[], &all)).listening();
        let worker = app.worker(0);
        let mut sleeper = Client::connect(app.port).unwrap();
        sleeper.ask("/sleep?ms=60000").unwrap();
        wait_until("the handler", || worker.sleeps_in_handler());
        let mut queued = Client::waiting(app.port, 3, "/");
        app.signal(Signal::SIGTERM);
        app.log.wait_for("stopping: no new connections");
        // Its SYN is dropped; it tries again when the port is closed.
        assert_eq!(Client::connect(app.port).err(), Some(Failure::Refused), "{arguments:?}");
        assert_eq!(app.ended().code(), Some(0));
        assert_eq!(app.log.count("may be reset"), 0, "{arguments:?}");
        queued.clear();
    }
    // Who had come before is answered.
    let all = ["--workers", "1", "--policy", "none"];
    let mut app = App::start(&mut installed.as_nobody(&[], &all)).listening();
    let worker = app.worker(0);
    let mut sleeper = Client::connect(app.port).unwrap();
    sleeper.ask("/sleep?ms=300").unwrap();
    wait_until("the handler", || worker.sleeps_in_handler());
    let silent: Vec<Client> = (0..20).map(|_| Client::connect(app.port).unwrap()).collect();
    app.signal(Signal::SIGTERM);
    app.log.wait_for("stopping: no new connections");
    for mut client in silent {
        assert_eq!(client.get("/").map(|answer| answer.status), Ok(200));
    }
    assert_eq!(sleeper.answer().map(|answer| answer.status), Ok(200));
    assert_eq!(app.ended().code(), Some(0));
}

/// Handshakes that are completed after the stop began, and whose clients speak after that.
#[test]
fn handshakes_under_way_are_completed_and_heard_without_any_privilege() {
    if !is_root("a stop as another user, with handshakes under way") {
        return;
    }
    let installed = Installed::new();
    for arguments in [&["--policy", "none"][..], &["--policy", "rr"], &["--listener", "inherited"]]
    {
        let all = [&["--workers", "2"], arguments].concat();
        let mut app = App::start(&mut installed.as_nobody(&[], &all)).listening();
        let clients = begin_handshakes(app.port, 20);
        app.signal(Signal::SIGTERM);
        app.log.wait_for("stopping: no new connections");
        wait_until("the last step of all handshakes", || half_open(app.port) == 0);
        all_are_answered(clients, arguments);
        assert_eq!(app.ended().code(), Some(0));
    }
}

#[test]
fn auto_takes_one_queue_for_all_where_programs_are_not_allowed_and_says_why() {
    if !is_root("auto without CAP_BPF") {
        return;
    }
    let installed = Installed::new();
    let start = |how, arguments: &[&str]| {
        let all = [&["--workers", "2", "--policy", "auto"], arguments].concat();
        App::start(&mut installed.as_nobody(how, &all)).listening()
    };
    let app = start(&[], &[]);
    let status = installed.status();
    assert_eq!(status.policy, "none/inherited");
    let why = status.policy_why.unwrap();
    assert!(why.contains("not least-busy") && why.contains("CAP_BPF"), "{why}");
    app.log.wait_for(&format!("policy auto is none/inherited: {why}"));
    // Another program finds what was chosen, and goes on with it.
    let reply = installed.command(Command::Upgrade {});
    assert!(reply.ok, "{}", reply.text);
    assert_eq!(installed.status().policy_why.unwrap(), why);
    assert_eq!(app.get("/whoami").number("generation"), 2);
    app.stop();
    let app = start(&[], &["--listener", "reuseport"]);
    assert_eq!(installed.status().policy, "none");
    app.stop();
}

#[test]
fn auto_takes_the_least_busy_where_it_may() {
    if !may_load_programs("auto with CAP_BPF") {
        return;
    }
    let app = App::controlled(&["--workers", "2", "--policy", "auto"]);
    let status = app.status();
    assert_eq!(status.policy, "least-busy");
    assert!(status.policy_why.unwrap().contains("the kernel takes a program"));
    app.log.wait_for("policy auto is least-busy: the kernel takes a program");
    app.done(Command::Upgrade {});
    assert_eq!(app.status().policy, "least-busy");
    app.stop();
    // What the user says about the listener holds.
    let app = App::controlled(&["--workers", "2", "--policy", "auto", "--listener", "inherited"]);
    let status = app.status();
    assert_eq!(status.policy, "none/inherited");
    assert_eq!(status.policy_why.unwrap(), "the listener was chosen by hand");
    app.stop();
}

#[test]
fn one_capability_is_enough_and_none_is_left_when_the_workers_are_forked() {
    let what = "a start with CAP_BPF alone";
    if !is_root(what) || !may_load_programs(what) {
        return;
    }
    let installed = Installed::new();
    for policy in [KERNEL_RR, LEAST_BUSY] {
        let all = [&["--workers", "3"], policy].concat();
        let app = App::start(&mut installed.as_nobody(AMBIENT, &all)).listening();
        let policy_in_force = installed.status().policy;
        assert_eq!(policy_in_force, policy[1]);
        all_are_without(&app);
        // Nothing that comes later needs it.
        for command in [Command::Reload {}, Command::Upgrade {}, Command::Reload {}] {
            let reply = installed.command(command);
            assert!(reply.ok, "{}", reply.text);
            all_are_without(&app);
        }
        wait_until("all three to answer", || {
            let workers: BTreeSet<u16> = (0..3).map(|_| app.get("/").worker()).collect();
            workers.len() == 3
        });
        app.stop();
    }
}

#[test]
fn a_file_that_has_the_capability_loses_it_again_after_each_upgrade() {
    let what = "setcap";
    if !is_root(what) || !may_load_programs(what) {
        return;
    }
    let installed = Installed::new();
    if !installed.set_capability() {
        return skip(what, "a file system with capabilities, and setcap");
    }
    let all = [&["--workers", "3"], LEAST_BUSY].concat();
    let app = App::start(&mut installed.as_nobody(&[], &all)).listening();
    all_are_without(&app);
    for _ in 0..2 {
        let reply = installed.command(Command::Upgrade {});
        assert!(reply.ok, "{}", reply.text);
        all_are_without(&app);
        assert_eq!(app.get("/").status, 200);
    }
    app.stop();
}

/// The file is given the capability while the server runs without, and the next program finds it.
#[test]
fn a_capability_that_comes_with_an_upgrade_is_given_up_though_nobody_asked_for_it() {
    let what = "setcap under auto";
    if !is_root(what) || !may_load_programs(what) {
        return;
    }
    let installed = Installed::new();
    let arguments = ["--workers", "2", "--policy", "auto"];
    let app = App::start(&mut installed.as_nobody(&[], &arguments)).listening();
    assert_eq!(installed.status().policy, "none/inherited");
    if !installed.set_capability() {
        return skip(what, "a file system with capabilities, and setcap");
    }
    let reply = installed.command(Command::Upgrade {});
    assert!(reply.ok, "{}", reply.text);
    all_are_without(&app);
    assert_eq!(installed.status().policy, "none/inherited", "an upgrade keeps it");
    app.stop();
}

/// A program whose file grants a capability hides its descriptors from other processes of its user,
/// unless it says otherwise: the next master could not see whose workers still hold the port.
#[test]
fn a_file_that_has_the_capability_is_started_anew_while_orphans_still_drain() {
    let what = "a new master with setcap";
    if !is_root(what) || !may_load_programs(what) {
        return;
    }
    let installed = Installed::new();
    if !installed.set_capability() {
        return skip(what, "a file system with capabilities, and setcap");
    }
    let all = [&["--workers", "2"], LEAST_BUSY].concat();
    let old = App::start(&mut installed.as_nobody(&[], &all)).listening();
    old.children();
    old.master.signal(Signal::SIGKILL);
    let port = old.port.to_string();
    let mut command = installed.as_nobody_on(&port, &[], &all);
    let app = App::start(&mut command).listening();
    assert_eq!(app.get("/whoami").number("generation"), 1);
    app.stop();
}

#[test]
fn root_gives_up_the_one_capability_too() {
    if !may_load_programs("CAP_BPF of root") {
        return;
    }
    let app = App::controlled(&[&["--workers", "2"], LEAST_BUSY].concat());
    all_are_without(&app);
    app.stop();
}
