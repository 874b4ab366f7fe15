//! Applications by their names: what the runtime directory says, and the verbs that go by it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use nix::sys::signal::Signal;

use crate::harness::app::{App, demo_path, run_to_end};
use crate::harness::cli::Cli;
use crate::harness::client;
use crate::harness::process::listening;
use crate::harness::wait::wait_until;

#[test]
fn a_list_needs_no_daemon_and_asks_nobody() {
    let cli = Cli::two();
    client::get(cli.port("shop"), "/").unwrap();
    // A master that stands still cannot be asked.
    cli.master("shop").signal(Signal::SIGSTOP);
    let list = cli.json(&["list"]);
    cli.master("shop").signal(Signal::SIGCONT);
    assert_eq!(list[1]["name"], "shop");
    assert_eq!(list[1]["state"], "running");
    assert_eq!(list[1]["requests"], 1);
    assert_eq!((&list[1]["workers_ready"], &list[1]["workers"]), (&2.into(), &2.into()));
    let out = cli.done(&["ls"]);
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].trim_start().starts_with("name"), "{out}");
    assert!(lines[1].contains("blog") && lines[2].contains("2/2"), "{out}");
    cli.done(&["stop", "all"]);
    cli.all_gone();
    let list = cli.json(&["list"]);
    assert_eq!((&list[0]["state"], &list[0]["saved"]), (&"stopped".into(), &true.into()));
    assert!(!cli.path("run/shop").exists(), "removed at a clean stop");
}

#[test]
fn verbs_take_names_several_of_them_and_all() {
    let cli = Cli::two();
    assert_eq!(cli.done(&["reload", "all"]).matches("reload done").count(), 2);
    assert_eq!(cli.done(&["scale", "shop", "+1"]), "3 workers serve\n");
    assert_eq!(cli.done(&["scale", "shop", "-1"]), "2 workers serve\n");
    assert_eq!(cli.done(&["upgrade", "blog"]), "upgrade done: all workers are new\n");
    let status = cli.json(&["status", "shop", "blog"]);
    assert_eq!((&status[0]["name"], &status[1]["name"]), (&"shop".into(), &"blog".into()));
    let reply = cli.json(&["scale", "blog", "1"])[0].clone();
    assert_eq!((&reply["ok"], &reply["name"]), (&true.into(), &"blog".into()));
    let out = cli.done(&["reopen", "all"]);
    assert!(out.contains("shop: the files of logs are open anew"), "{out}");

    let said = cli.run(&["reload"]);
    assert_eq!(said.code, Some(2));
    assert!(
        said.error.contains("several applications run: name some of blog, shop"),
        "{}",
        said.error
    );
    cli.done(&["stop", "blog"]);
    cli.done(&["reload"]);
    let said = cli.run(&["reload", "blog"]);
    assert_eq!(said.code, Some(69));
    assert!(said.error.contains("start it with `evenkeel start blog`"), "{}", said.error);
    let said = cli.run(&["reload", "chop"]);
    assert_eq!(said.code, Some(69));
    assert!(said.error.contains("these run: shop"), "{}", said.error);
    cli.done(&["stop", "shop", "--now"]);
    cli.all_gone();
}

#[test]
fn a_signal_goes_to_the_master() {
    let cli = Cli::two();
    let workers = cli.master("shop").children();
    cli.done(&["signal", "shop", "HUP"]);
    wait_until("a reload", || workers.iter().all(|worker| !worker.lives()));
    cli.done(&["signal", "blog", "sigterm"]);
    wait_until("a stop", || !cli.path("run/blog").exists());
    assert_eq!(cli.json(&["signal", "shop", "WINCH"])[0]["ok"], true);
    assert_eq!(cli.run(&["signal", "shop", "DANCE"]).code, Some(2));
    cli.done(&["stop"]);
}

#[test]
fn an_application_is_described() {
    let cli = Cli::two();
    cli.done(&["reload", "shop"]);
    let victim = cli.master("shop").children()[0];
    victim.signal(Signal::SIGKILL);
    wait_until("its successor", || {
        let status = &cli.json(&["status", "shop"])[0]["status"];
        status["restarts"]["signal"] == 1 && status["workers_ready"] == 2
    });
    let out = cli.done(&["describe", "shop"]);
    let address = format!("addresses  127.0.0.1:{}", cli.port("shop"));
    let log = format!("log        {}", cli.path("state/shop.log").display());
    for part in ["name       shop", "state      running", "program  ", &address, &log]
        .into_iter()
        .chain(["saved      workers = 2", "of 2 ready", "restarts   2 reload, 1 signal"])
        .chain(["Z  reload done", "worker 0 (generation 3) is starting"])
    {
        assert!(out.contains(part), "{part}: {out}");
    }
    let json = cli.json(&["describe", "shop"]);
    assert_eq!(json[0]["state"], "running");
    assert!(json[0]["status"]["events"][0]["at_ms"].as_u64().unwrap() > 0);
    assert_eq!(json[0]["record"]["name"], "shop");
    assert_eq!(json[0]["status"]["workers_wanted"], 2);
    assert_eq!(json[0]["saved"]["workers"], "2");
    cli.done(&["stop", "all"]);
    assert!(cli.done(&["describe", "shop"]).contains(" state  stopped\n"));
}

#[test]
fn what_does_not_answer_is_described_as_far_as_it_is_known() {
    let cli = Cli::new();
    let demo = demo_path().display().to_string();
    let settings = ["--listen", "127.0.0.1:0", "--set", "workers=1", "--set", "admin=127.0.0.1:0"];
    let given = [&["start", "--name", "shop", "--protocol", "evenkeel"], &settings[..]].concat();
    cli.done(&[&given[..], &["--", &demo]].concat());
    let out = cli.done(&["describe"]);
    let admin = out.split_once("admin      http://127.0.0.1:").expect(&out).1;
    let port = admin.split(' ').next().unwrap().parse().unwrap();
    assert!(!listening(port).is_empty());
    let control = cli.path("run/shop/control.sock").display().to_string();
    let by_socket = cli.done(&["describe", "--control", &control]);
    assert!(by_socket.contains("workers    1 of 1 ready"), "{by_socket}");

    // A program of others counts nothing, and nothing is shown as counted.
    let foreign =
        ["start", "--name", "guest", "--listen", "127.0.0.1:0", "--set", "workers=1", "--"];
    cli.done(&[&foreign[..], &["sleep", "600"]].concat());
    let out = cli.done(&["describe", "guest"]);
    for part in ["does not link evenkeel", "1 of 1 ready", " -     -         -  ", "is ready"] {
        assert!(out.contains(part), "{part}: {out}");
    }
    cli.done(&["stop", "guest"]);

    let master = cli.master("shop");
    let workers = master.children();
    master.signal(Signal::SIGSTOP);
    let said = cli.run(&["describe", "shop", "--timeout", "1"]);
    assert_eq!(said.code, Some(69), "{}", said.error);
    assert!(said.out.contains("state      does not answer"), "{}", said.out);
    master.signal(Signal::SIGKILL);
    wait_until("the end of all", || {
        !master.lives() && workers.iter().all(|worker| !worker.lives())
    });
    let out = cli.done(&["describe", "shop"]);
    for part in ["stopped; its master ended without a word", "log        ", "saved      admin"] {
        assert!(out.contains(part), "{part}: {out}");
    }
}

#[test]
fn logs_are_shown_and_followed() {
    let cli = Cli::two();
    let out = cli.done(&["logs", "shop", "--lines", "2"]);
    assert_eq!(out.lines().count(), 2, "{out}");
    assert!(cli.done(&["logs"]).contains("blog | "));
    let mut follow = cli.command(&["logs", "shop", "-f", "--lines", "0", "--json"]);
    let mut follow = App::start(&mut follow);
    cli.done(&["reload", "shop"]);
    follow.out.wait_for("control: reload done");
    // As a program that rotates does it.
    fs::rename(cli.path("state/shop.log"), cli.path("state/shop.log.1")).unwrap();
    fs::write(cli.path("state/shop.log"), "of the new file\n").unwrap();
    follow.out.wait_for(r#"{"line":"of the new file","name":"shop"}"#);
    follow.signal(Signal::SIGTERM);
    follow.ended();
    assert_eq!(cli.run(&["logs", "nobody"]).code, Some(1));
    cli.done(&["stop", "all"]);
}

#[test]
fn a_name_is_taken_once_and_a_dead_master_has_none() {
    let cli = Cli::two();
    let mut second = cli.program(demo_path());
    let (code, _, log) = run_to_end(second.args(["--name", "shop", "--port", "0"]));
    assert_eq!(code, Some(69));
    let pid = cli.master("shop").pid;
    assert!(
        log.contains(&format!("an application named shop runs already: process {pid}")),
        "{log}"
    );
    let master = cli.master("shop");
    let workers = master.children();
    master.signal(Signal::SIGKILL);
    wait_until("its workers' end", || workers.iter().all(|worker| !worker.lives()));
    assert!(fs::metadata(cli.path("run/shop/board")).is_err(), "the link dangles");
    assert_eq!(cli.json(&["list"])[1]["state"], "stopped");
    assert!(cli.done(&["start"]).contains("shop serves at"));
    cli.done(&["stop", "all"]);
    cli.all_gone();
}

#[test]
fn an_upgrade_keeps_name_and_board_true() {
    let cli = Cli::two();
    client::get(cli.port("shop"), "/").unwrap();
    let before = cli.record("shop").unwrap();
    cli.done(&["upgrade", "shop"]);
    let after = cli.record("shop").unwrap();
    assert_eq!((&after["pid"], &after["started"]), (&before["pid"], &before["started"]));
    assert_eq!(cli.json(&["list"])[1]["requests"], 1);
    client::get(cli.port("shop"), "/").unwrap();
    assert_eq!(cli.json(&["list"])[1]["requests"], 2);
    assert_eq!(cli.master("shop").pid, u32::try_from(after["pid"].as_u64().unwrap()).unwrap());
    cli.done(&["stop", "all"]);
    assert!(!cli.path("run/shop").exists());
}

#[test]
fn a_runtime_directory_that_others_can_change_is_not_used() {
    let cli = Cli::new();
    fs::create_dir(cli.path("run")).unwrap();
    fs::set_permissions(cli.path("run"), fs::Permissions::from_mode(0o777)).unwrap();
    let mut demo = cli.program(demo_path());
    let (code, _, log) = run_to_end(demo.args(["--name", "shop", "--port", "0"]));
    assert_eq!(code, Some(64), "{log}");
    assert!(log.contains("others may write to it"), "{log}");
    assert_eq!(cli.run(&["list"]).code, Some(64));
}

#[test]
fn completions_name_each_verb() {
    let cli = Cli::new();
    let verbs = [
        "start",
        "list",
        "describe",
        "top",
        "status",
        "reload",
        "upgrade",
        "restart",
        "scale",
        "reopen",
        "stop",
        "signal",
        "logs",
        "config",
        "completions",
    ];
    for shell in ["bash", "zsh", "fish"] {
        let script = cli.done(&["completions", shell]);
        assert!(verbs.iter().all(|verb| script.contains(verb)), "{shell}");
    }
    let help = cli.done(&["--help"]);
    assert!(verbs.iter().all(|verb| help.contains(&format!("  {verb}"))), "{help}");
    assert!(!help.contains("serve-foreign"));
}
