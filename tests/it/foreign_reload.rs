//! Reloads of programs that do not link evenkeel, to builds that fail.

use std::fs;
use std::process::Stdio;

use nix::sys::signal::Signal;

use crate::foreign::{installed, python, start};
use crate::harness::cli::{Cli, evenkeel_path};
use crate::harness::client;
use crate::harness::deployed::Deployed;
use crate::harness::load::Load;
use crate::harness::process::Process;
use crate::harness::wait::wait_until;

/// Starts two workers of a program that can be replaced; its text.
fn serve(cli: &Cli, setting: &str) -> String {
    let good = fs::read_to_string(python()).unwrap();
    cli.write("server.py", &good);
    let program = cli.path("server.py");
    let settings = ["--set", "workers=2", "--set", setting];
    start(cli, &settings, &["python3", program.to_str().unwrap()]);
    good
}

/// It is not asked whether it is ready: it has to live beside the one that serves before that one goes.
#[test]
fn a_program_that_fails_in_a_reload_replaces_nobody() {
    if !installed("python3") {
        return;
    }
    let cli = Cli::new();
    // An interpreter may take its time to find that it cannot.
    let good = serve(&cli, "min_uptime=4s");
    let workers = || {
        let status = &cli.json(&["status", "guest"])[0];
        let workers = status["status"]["workers"].as_array().unwrap().clone();
        workers.iter().map(|worker| worker["pid"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let before = workers();
    let load = Load::start(cli.port("guest"), 2, "/");
    cli.write("server.py", "raise SystemExit('it cannot begin')\n");
    for verb in ["reload", "upgrade"] {
        let said = cli.run(&[verb, "guest"]);
        assert_eq!(said.code, Some(1), "{} {}", said.out, said.error);
        assert!(said.error.contains("given up: worker 0"), "{}", said.error);
        assert_eq!(workers(), before, "after {verb}");
    }
    cli.write("server.py", &good);
    cli.done(&["reload", "guest"]);
    assert!(workers().iter().all(|pid| !before.contains(pid)));
    let count = load.stop();
    assert_eq!(count.failed(), 0, "{count:?}");
    cli.done(&["stop", "guest"]);
    cli.all_gone();
}

/// A build that is known only to have begun replaces one worker at the most, whatever becomes of that one.
#[test]
fn a_reload_waits_for_its_proof_when_the_predecessor_dies() {
    if !installed("python3") {
        return;
    }
    let cli = Cli::new();
    let good = serve(&cli, "min_uptime=60s");
    let log = || fs::read_to_string(cli.path("state/guest.log")).unwrap();
    let before = cli.master("guest").children();
    let old = worker(&cli, 0);
    let fails = "import os, time\nopen('began', 'w')\nwhile not os.path.exists('fail'): time.sleep(0.01)\nraise SystemExit(1)\n";
    cli.write("server.py", fails);
    let reload = cli.command(&["reload", "guest"]).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("a successor", || cli.path("began").exists());
    old.signal(Signal::SIGKILL);
    wait_until("the death to be seen", || {
        cli.master("guest").children().iter().all(|one| *one != old)
    });
    cli.write("fail", "");
    let said = reload.wait_with_output().unwrap();
    let error = String::from_utf8(said.stderr).unwrap();
    assert!(error.contains("given up: worker 0 (generation 2)"), "{error}");
    assert!(!log().contains("worker 1 (generation 2)"), "{}", log());
    // The slot goes on trying, as ever.
    cli.write("server.py", &good);
    let serves = || {
        client::get(cli.port("guest"), "/")
            .is_ok_and(|answer| answer.header("x-worker") == Some("0"))
    };
    wait_until("the slot to serve again", serves);
    assert!(before.iter().any(|one| one.lives() && *one != old), "the other one is the same");
    cli.done(&["stop", "guest"]);
    cli.all_gone();
}

/// Who is in the slot now.
fn worker(cli: &Cli, slot: u64) -> Process {
    let status = &cli.json(&["status", "guest"])[0];
    let workers = status["status"]["workers"].as_array().unwrap();
    let pid = workers.iter().find(|worker| worker["slot"] == slot).unwrap()["pid"].as_u64();
    Process::of(u32::try_from(pid.unwrap()).unwrap()).unwrap()
}

/// Its workers could not be told what the others were, and would not be able to accept as they do.
#[test]
fn an_upgrade_to_a_program_of_another_kind_is_refused() {
    let app = Deployed::demo(&["--workers", "1"]);
    let (control, port) = (app.app.control(), app.app.port);
    let script = format!(
        "#!/bin/sh\nexport EVENKEEL_LISTEN=127.0.0.1:{port} EVENKEEL_WORKERS=1 EVENKEEL_CONTROL={}\n\
         exec {} serve-foreign --stop-signal TERM -- sleep 600\n",
        control.display(),
        evenkeel_path().display(),
    );
    app.deploy(script.as_bytes());
    let reply = app.upgrade();
    let text = "an upgrade cannot change the workers from its own to programs of others";
    assert!(!reply.ok && reply.text.contains(text), "{}", reply.text);
    assert_eq!(app.app.get("/whoami").status, 200);
    app.app.stop();
}
