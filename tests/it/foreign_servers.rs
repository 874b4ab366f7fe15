//! Servers that people have, and that do not link evenkeel: of Node, gunicorn and uvicorn.

use std::fs;

use nix::sys::signal::Signal;

use crate::foreign::{PROGRAMS, installed, start, survives_everything};
use crate::harness::cli::Cli;
use crate::harness::client;
use crate::harness::load::Load;
use crate::harness::process::Process;
use crate::harness::wait::wait_until;
use crate::pages::block_of;

#[test]
fn a_server_of_node_listens_on_descriptor_3() {
    if !installed("node") {
        return;
    }
    let cli = Cli::new();
    start(&cli, &["--set", "workers=2"], &["node", &format!("{PROGRAMS}/listen_fds.mjs")]);
    assert!(client::get(cli.port("guest"), "/").unwrap().text().starts_with("node "));
    survives_everything(&cli);
    cli.done(&["stop"]);
    cli.all_gone();
}

/// What is in flight there takes a while.
#[test]
fn the_guides_program_of_node_answers_what_is_in_flight() {
    if !installed("node") {
        return;
    }
    let cli = Cli::new();
    cli.write("app.mjs", &block_of("framework/src/guide/pm2.md", "import http"));
    start(&cli, &["--set", "workers=2"], &["node", "app.mjs"]);
    assert_eq!(client::get(cli.port("guest"), "/").unwrap().text(), "hello\n");
    survives_everything(&cli);
    cli.done(&["stop"]);
    cli.all_gone();
}

#[test]
fn a_program_that_listens_for_itself_is_told_what_it_has_to_do() {
    if !installed("node") {
        return;
    }
    let cli = Cli::new();
    let program = ["node", "-e", "require('http').createServer().listen(1, '192.0.2.1')"];
    let given = ["start", "--name", "guest", "--listen", "127.0.0.1:0", "--"];
    let said = cli.run(&[&given[..], &program].concat());
    assert_eq!(said.code, Some(1), "{}", said.error);
    assert!(
        said.error.contains("on the descriptors that it finds open, from 3 on"),
        "{}",
        said.error
    );
    cli.done(&["stop", "--now"]);
    cli.all_gone();
}

#[test]
fn gunicorn_is_a_worker_like_any_other() {
    if !installed("gunicorn") {
        return;
    }
    let cli = Cli::new();
    let folder = format!("--chdir={PROGRAMS}");
    let program = ["gunicorn", &folder, "--workers=1", "wsgi_app:app"];
    start(&cli, &["--set", "workers=1"], &program);
    assert_eq!(client::get(cli.port("guest"), "/").unwrap().text(), "gunicorn\n");
    let load = Load::start(cli.port("guest"), 2, "/");
    cli.done(&["reload"]);
    let count = load.stop();
    assert_eq!(count.failed(), 0, "{count:?}");
    let all: Vec<Process> =
        cli.master("guest").children().iter().flat_map(|arbiter| arbiter.children()).collect();
    cli.done(&["stop"]);
    cli.all_gone();
    wait_until("its own workers' end", || all.iter().all(|process| !process.lives()));
}

/// One that accepts until the kernel says that there is no more, as asyncio does, would stand still in
/// `accept` if its listener were made to block for its successor.
#[test]
fn uvicorn_is_a_worker_like_any_other() {
    if !installed("uvicorn") {
        return;
    }
    let cli = Cli::new();
    let folder = format!("--app-dir={PROGRAMS}");
    let program = ["uvicorn", "--fd=3", &folder, "api:app"];
    start(&cli, &["--set", "policy=none", "--set", "workers=2"], &program);
    both_serve(&cli);
    let killed = cli.master("guest").children()[0];
    killed.signal(Signal::SIGKILL);
    wait_until("its successor", || {
        let workers = cli.master("guest").children();
        workers.len() == 2 && !workers.contains(&killed)
    });
    both_serve(&cli);
    cli.done(&["stop"]);
    cli.all_gone();
}

#[test]
fn uvicorn_as_the_guide_has_it_loses_no_request() {
    if !installed("uvicorn") {
        return;
    }
    let cli = Cli::new();
    cli.write("serve.py", &block_of("framework/src/guide/nginx_gunicorn.md", "import asyncio"));
    let (folder, program) = (format!("PYTHONPATH={PROGRAMS}"), cli.path("serve.py"));
    let python = interpreter_of("uvicorn");
    let program = ["env", &folder, &python, program.to_str().unwrap()];
    start(&cli, &["--set", "policy=none", "--set", "workers=2"], &program);
    both_serve(&cli);
    for load in [Load::start, Load::keep_alive] {
        let load = load(cli.port("guest"), 3, "/");
        cli.done(&["reload"]);
        let count = load.stop();
        assert_eq!(count.failed(), 0, "{count:?}");
        assert!(count.by_worker.len() == 2, "{count:?}");
    }
    cli.done(&["stop"]);
    cli.all_gone();
}

/// The one that has its modules.
fn interpreter_of(program: &str) -> String {
    let path = std::env::var_os("PATH").unwrap();
    let script =
        std::env::split_paths(&path).find_map(|at| fs::read_to_string(at.join(program)).ok());
    script.unwrap().lines().next().unwrap().trim_start_matches("#!").trim().to_owned()
}

fn both_serve(cli: &Cli) {
    for worker in 0..2 {
        wait_until("an answer of each", || {
            client::get(cli.port("guest"), "/").is_ok_and(|answer| answer.worker() == worker)
        });
    }
}
