//! The way of somebody who reads `README.md`: two applications, from the first start to the last stop.

use std::collections::BTreeSet;
use std::fs;

use nix::sys::signal::Signal;

use crate::harness::admin::Admin;
use crate::harness::app::demo_path;
use crate::harness::cli::Cli;
use crate::harness::client;
use crate::harness::deployed::{install, replace};
use crate::harness::load::Load;
use crate::harness::privilege::is_installed;
use crate::harness::process::Process;
use crate::harness::wait::{wait_for, wait_until};
use crate::pages::block_of;

/// Where the file of README.md has the demo.
const PROGRAM: &str = "target/release/demo-app";
/// What the demo answers to who asks for nothing that it has, and what the next build answers.
const OLD: &str = "no such page\n";
const NEW: &str = "a new build.\n";

#[test]
fn two_applications_are_started_looked_at_changed_and_there_again_after_a_reboot() {
    if !is_installed("gunicorn", "the applications of README.md") {
        return;
    }
    let cli = Cli::new();
    writes_the_file(&cli);
    cli.done(&["config", "check", "apps.toml"]);
    let out = cli.done(&["start", "apps.toml"]);
    assert!(out.contains("blog serves at 127.0.0.1:") && out.contains("shop serves at"), "{out}");
    assert_eq!(client::get(cli.port("blog"), "/").unwrap().text(), "gunicorn\n");
    assert_eq!(client::get(cli.port("shop"), "/").unwrap().text(), "hello\n");
    assert_eq!(
        states(&cli),
        [("blog".into(), "running".into()), ("shop".into(), "running".into())]
    );

    looks_at_the_page(&cli, &out);
    kills_a_worker(&cli);
    let workers = scales(&cli);
    deploys_a_new_build_under_load(&cli);
    assert_eq!(workers_of(&cli, "shop").len(), workers, "an upgrade keeps their number");
    reboots(&cli);
    cli.done(&["stop", "all"]);
    cli.all_gone();
    assert_eq!(
        states(&cli),
        [("blog".into(), "stopped".into()), ("shop".into(), "stopped".into())]
    );
}

/// As it stands in README.md, but for the ports, which the kernel chooses.
fn writes_the_file(cli: &Cli) {
    let mut text = block_of("README.md", "[app.shop]");
    for port in ["8080", "8081", "9090"] {
        assert!(text.contains(&format!(":{port}\"")), "{text}");
        text = text.replace(&format!(":{port}\""), ":0\"");
    }
    cli.write("apps.toml", &text);
    fs::create_dir_all(cli.path(PROGRAM).parent().unwrap()).unwrap();
    install(&demo_path(), &cli.path(PROGRAM));
    let blog = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/wsgi_app.py");
    fs::copy(blog, cli.path("blog.py")).unwrap();
}

fn states(cli: &Cli) -> Vec<(String, String)> {
    let list = cli.json(&["list"]);
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    list.as_array().unwrap().iter().map(|app| (text(&app["name"]), text(&app["state"]))).collect()
}

/// The number in a column of the list.
fn listed(cli: &Cli, name: &str, key: &str) -> u64 {
    let list = cli.json(&["list"]);
    let app = list.as_array().unwrap().iter().find(|app| app["name"] == name).unwrap();
    app[key].as_u64().unwrap()
}

fn workers_of(cli: &Cli, name: &str) -> BTreeSet<u64> {
    let status = &cli.json(&["status", name])[0];
    let workers = status["status"]["workers"].as_array().unwrap();
    let here = workers.iter().filter(|worker| worker["phase"] == "ready");
    here.map(|worker| worker["pid"].as_u64().unwrap()).collect()
}

fn process(pid: u64) -> Process {
    Process::of(u32::try_from(pid).unwrap()).unwrap()
}

/// Where the start has said.
fn looks_at_the_page(cli: &Cli, out: &str) {
    let (_, after) = out.split_once("its page is at http://127.0.0.1:").expect(out);
    let port = after.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap();
    let admin = Admin { port };
    let page = admin.get("/");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(admin.get("/readyz").status, 200);
    assert_eq!(u64::from(cli.master("shop").pid), admin.state()["pid"]);
}

fn kills_a_worker(cli: &Cli) {
    let before = workers_of(cli, "shop");
    assert_eq!(listed(cli, "shop", "respawns"), 0);
    let killed = *before.first().unwrap();
    process(killed).signal(Signal::SIGKILL);
    wait_until("a successor", || {
        let now = workers_of(cli, "shop");
        now.len() == before.len() && !now.contains(&killed)
    });
    assert_eq!(listed(cli, "shop", "respawns"), 1);
    assert_eq!(listed(cli, "shop", "workers_ready"), u64::try_from(before.len()).unwrap());
    assert_eq!(listed(cli, "blog", "respawns"), 0);
    let log = cli.done(&["logs", "shop", "--lines", "50"]);
    assert!(log.contains("signal 9"), "the log says why it ended: {log}");
}

/// How many there are then.
fn scales(cli: &Cli) -> usize {
    let workers = workers_of(cli, "shop").len() + 1;
    assert_eq!(cli.done(&["scale", "shop", "+1"]), format!("{workers} workers serve\n"));
    assert_eq!(workers_of(cli, "shop").len(), workers);
    workers
}

fn deploys_a_new_build_under_load(cli: &Cli) {
    let port = cli.port("shop");
    let master = cli.master("shop");
    let before = workers_of(cli, "shop");
    let load = [Load::start(port, 2, "/whoami"), Load::keep_alive(port, 2, "/whoami")];
    replace(&cli.path(PROGRAM), &next_build());
    assert_eq!(client::get(port, "/nowhere").unwrap().text(), OLD, "nothing runs it yet");
    assert_eq!(cli.done(&["upgrade", "shop"]), "upgrade done: all workers are new\n");
    assert_eq!(client::get(port, "/nowhere").unwrap().text(), NEW);

    // One that is broken changes nothing, under the same load.
    replace(&cli.path(PROGRAM), b"no program");
    let said = cli.run(&["upgrade", "shop"]);
    assert_eq!(said.code, Some(1));
    assert!(said.error.contains("nothing has changed"), "{}", said.error);
    assert_eq!(client::get(port, "/nowhere").unwrap().text(), NEW);
    fs::remove_file(cli.path(PROGRAM)).unwrap();
    let said = cli.run(&["upgrade", "shop"]);
    assert!(said.error.contains(&format!("{PROGRAM}: No such file")), "{}", said.error);
    replace(&cli.path(PROGRAM), &next_build());

    for load in load {
        let count = load.stop();
        assert_eq!(count.failed(), 0, "{count:?}");
        assert!(count.answered > 0);
    }
    assert_eq!(cli.master("shop"), master);
    assert!(workers_of(cli, "shop").is_disjoint(&before));
}

/// The demo, whose author has changed some words.
fn next_build() -> Vec<u8> {
    let mut program = fs::read(demo_path()).unwrap();
    let places = program.windows(OLD.len()).enumerate();
    let places: Vec<usize> =
        places.filter(|(_, bytes)| *bytes == OLD.as_bytes()).map(|(at, _)| at).collect();
    assert!(!places.is_empty());
    for at in places {
        program[at..at + NEW.len()].copy_from_slice(NEW.as_bytes());
    }
    program
}

/// All processes end at once, and nobody tidies up. The file that they were started from is elsewhere by now.
fn reboots(cli: &Cli) {
    let masters = ["blog", "shop"].map(|name| cli.master(name));
    let mut all = Vec::from(masters);
    let mut next = 0;
    while let Some(process) = all.get(next) {
        all.extend(process.children());
        next += 1;
    }
    // The masters are the first of them, so that nobody makes more.
    for process in &all {
        process.signal(Signal::SIGKILL);
    }
    wait_until("their end", || all.iter().all(|process| !process.lives()));
    assert!(cli.path("run/shop/app.json").exists(), "the record of one that is no more");
    assert_eq!(states(cli), [("blog".into(), "stopped".into()), ("shop".into(), "stopped".into())]);
    fs::rename(cli.path("apps.toml"), cli.path("elsewhere.toml")).unwrap();

    let out = cli.done(&["start"]);
    assert_eq!(out.matches("serves at").count(), 2, "{out}");
    assert_eq!(client::get(cli.port("shop"), "/nowhere").unwrap().text(), NEW);
    let blog = wait_for("the blog", || client::get(cli.port("blog"), "/").ok());
    assert_eq!(blog.text(), "gunicorn\n");
    // As many as the file says: a scale is for the master that was told.
    let max = std::thread::available_parallelism().unwrap().get();
    assert_eq!(workers_of(cli, "shop").len(), max);
}

#[test]
fn who_goes_wrong_is_told_what_to_do() {
    let cli = Cli::new();
    let refused = |arguments: &[&str], code: i32, why: &str| {
        let said = cli.run(arguments);
        assert_eq!(said.code, Some(code), "{arguments:?}: {}{}", said.out, said.error);
        assert!(said.error.contains(why), "{arguments:?}: {}", said.error);
    };
    refused(&["start"], 1, "as in `evenkeel start apps.toml`");
    refused(&["start", "shop"], 2, "as in `evenkeel start apps.toml`");
    refused(&["reload"], 69, "no application runs: start one, as in `evenkeel start apps.toml`");
    refused(&["stop", "shop"], 69, "no application named shop runs: nothing runs");
    refused(&["stop", "shop", "--forget"], 1, "shop is not in the saved set, and does not run");
    refused(&["stop", "all"], 0, "no application runs");
    assert_eq!(cli.json(&["reload", "all"]), serde_json::json!([]));
    refused(&["top"], 71, "there is no terminal here: say --once, or --json");

    // One that links evenkeel takes no listener that is passed to it, unless it listens there.
    let demo = demo_path().display().to_string();
    let given = ["start", "--name", "shop", "--listen", "127.0.0.1:0"];
    let one = [&given[..], &["--set", "workers=1"]].concat();
    refused(&[&one[..], &["--", &demo]].concat(), 1, "links evenkeel, say --protocol evenkeel");
    cli.done(&["stop", "shop", "--now"]);
    // One that is not ours, and finds out only later that it cannot serve.
    let late = ["--", "sh", "-c", "sleep 0.2; echo no such module; exit 3"];
    refused(&[&one[..], &late].concat(), 1, "its workers fail; they are tried again");
    refused(&["upgrade", "blog"], 69, "these run: shop");
    cli.done(&["stop", "shop", "--now"]);
    let right = [&one[..], &["--protocol", "evenkeel", "--", &demo]].concat();
    assert!(cli.done(&right).starts_with("shop serves at 127.0.0.1:"));
    cli.done(&["stop", "shop", "--forget"]);
    cli.all_gone();
}
