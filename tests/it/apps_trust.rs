//! Whose word the command line takes, and to whom it speaks.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::process::Child;

use serde_json::{Value, json};

use crate::harness::app::demo_path;
use crate::harness::cli::Cli;
use crate::harness::privilege::is_root;
use crate::harness::process::Process;
use crate::harness::wait::{wait_for, wait_until};

const NOBODY: u32 = 65534;

/// A file with one application, in a folder of its own, whose control socket is named relative to there.
fn write_with_relative_control(cli: &Cli, name: &str) -> String {
    fs::create_dir(cli.path(name)).unwrap();
    let file = format!("{name}/apps.toml");
    let demo = demo_path().display().to_string();
    let text = format!(
        "[app.{name}]\nprogram = {demo:?}\nlisten = \"127.0.0.1:0\"\nworkers = 1\ncontrol = \"own.sock\"\n"
    );
    cli.write(&file, &text);
    file
}

#[test]
fn a_control_socket_of_a_relative_path_is_found_from_anywhere() {
    let cli = Cli::new();
    for name in ["one", "two"] {
        let file = write_with_relative_control(&cli, name);
        cli.done(&["start", &file]);
    }
    assert_eq!(cli.record("one").unwrap()["control"], cli.path("one/own.sock").to_str().unwrap());
    cli.done(&["upgrade", "one"]);
    let other = cli.master("two");
    let mut stop = cli.command(&["stop", "one"]);
    let output = stop.current_dir(cli.path("two")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(cli.record("one").is_none() && other.lives());
    cli.done(&["stop"]);
    cli.all_gone();
}

#[test]
fn nothing_is_said_to_another_process_than_the_master_that_is_meant() {
    let cli = Cli::new();
    cli.write_two();
    cli.done(&["start", "apps.toml"]);
    // As if one had taken the other's place.
    let mut record = cli.record("shop").unwrap();
    record["control"] = cli.record("blog").unwrap()["control"].clone();
    cli.write("run/shop/app.json", &record.to_string());
    for verb in ["stop", "reload", "status", "describe"] {
        let said = cli.run(&[verb, "shop"]);
        assert_eq!(said.code, Some(69), "{verb}: {}", said.out);
        let pid = cli.master("blog").pid;
        let text = format!("process {pid} listens there, and the master of shop is");
        assert!(said.error.contains(&text), "{verb}: {}", said.error);
    }
    assert!(cli.master("blog").lives());
}

/// A process, ended with this value.
struct Sleeper(Child);

impl Sleeper {
    fn start(cli: &Cli, words: &[&str]) -> Self {
        Self(cli.program(words[0]).args(&words[1..]).spawn().unwrap())
    }

    fn process(&self) -> Process {
        Process::of(self.0.id()).unwrap()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const SETPRIV: [&str; 4] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

/// A process of nobody.
fn of_nobody(cli: &Cli, words: &[&str]) -> Sleeper {
    let sleeper = Sleeper::start(cli, &[&SETPRIV[..], words].concat());
    let status = format!("/proc/{}/status", sleeper.0.id());
    wait_until("another user", || {
        let status = fs::read_to_string(&status).unwrap();
        status.contains("Uid:\t65534\t65534") && !status.starts_with("Name:\tsetpriv")
    });
    sleeper
}

/// A folder of nobody's, as systemd makes it for a service.
fn folder_of_nobody(cli: &Cli) {
    fs::create_dir_all(cli.path("run/shop")).unwrap();
    for (path, mode) in [(".", 0o755), ("run", 0o755), ("run/shop", 0o750)] {
        fs::set_permissions(cli.path(path), Permissions::from_mode(mode)).unwrap();
    }
    chown(cli.path("run/shop"), Some(NOBODY), Some(NOBODY)).unwrap();
}

fn record_of(process: Process) -> Value {
    json!({ "name": "shop", "pid": process.pid, "started": process.started(), "program": "/bin/x" })
}

fn write_record(cli: &Cli, record: &Value) {
    let path = cli.path("run/shop/app.json");
    let _ = fs::remove_file(&path);
    fs::write(&path, record.to_string()).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
}

/// Needs root, to become somebody else.
#[test]
fn another_user_speaks_for_his_own_processes_and_files_only() {
    if !is_root("an application of another user") {
        return;
    }
    let cli = Cli::new();
    folder_of_nobody(&cli);
    let shows = |verb: &[&str], part: &str| cli.run(verb).out.contains(part);
    let victim = Sleeper::start(&cli, &["sleep", "600"]);
    write_record(&cli, &record_of(victim.process()));
    assert!(!shows(&["list"], "shop"), "the process is root's");

    let own = of_nobody(&cli, &["sleep", "600"]);
    let mut record = record_of(own.process());
    let file = |name: &str, owner: u32| {
        cli.write(name, &format!("text of {name}\n"));
        chown(cli.path(name), Some(owner), None).unwrap();
        cli.path(name)
    };
    let secret = file("secret", 0);
    symlink(&secret, cli.path("run/shop/link")).unwrap();
    record["logs"] = json!([file("own", NOBODY), secret, cli.path("run/shop/link")]);
    record["addresses"] = json!(["\u{1b}]0;owned\u{7}"]);
    // Somebody listens there who has nothing to do with it.
    let socket = cli.path("other.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    record["control"] = json!(socket);
    write_record(&cli, &record);
    let list = cli.done(&["list"]);
    assert!(list.contains("running") && list.contains("\\x1b]0;owned\\x07"), "{list:?}");
    let logs = cli.done(&["logs", "shop"]);
    assert!(logs.contains("text of own") && !logs.contains("secret"), "{logs}");
    for verb in [&["stop", "shop"][..], &["describe", "shop"]] {
        let said = cli.run(verb);
        assert_eq!(said.code, Some(69), "{}", said.out);
        assert!(!said.out.contains('\u{1b}') && !said.error.contains('\u{1b}'), "{}", said.out);
    }
    assert_eq!(cli.done(&["signal", "shop", "WINCH"]).matches("was sent").count(), 1);
    assert!(victim.process().lives() && own.process().lives());
}

#[test]
fn a_record_that_others_could_have_written_is_none() {
    let cli = Cli::new();
    cli.write_two();
    cli.done(&["start", "apps.toml", "shop"]);
    let is_known = || !cli.json(&["list"])[0]["pid"].is_null();
    let (folder, record) = (cli.path("run/shop"), cli.path("run/shop/app.json"));
    assert!(is_known());
    for path in [&folder, &record] {
        let before = fs::metadata(path).unwrap().permissions();
        fs::set_permissions(path, Permissions::from_mode(before.mode() | 0o022)).unwrap();
        assert!(!is_known(), "{}", path.display());
        fs::set_permissions(path, before).unwrap();
    }
    for path in [&folder, &record] {
        let moved = cli.path("moved");
        fs::rename(path, &moved).unwrap();
        symlink(&moved, path).unwrap();
        assert!(!is_known(), "{}", path.display());
        fs::rename(&moved, path)
            .or_else(|_| fs::remove_file(path).and_then(|()| fs::rename(&moved, path)))
            .unwrap();
    }
    assert!(is_known());
    cli.done(&["stop", "shop"]);
}

/// As a service of systemd with a user of its own.
#[test]
fn root_commands_an_application_of_another_user() {
    if !is_root("an application of another user") {
        return;
    }
    let cli = Cli::new();
    folder_of_nobody(&cli);
    let demo = cli.path("demo");
    fs::copy(demo_path(), &demo).unwrap();
    let words = [demo.to_str().unwrap(), "--name", "shop", "--port", "0", "--workers", "1"];
    let service = of_nobody(&cli, &words);
    wait_for("a worker", || (cli.json(&["list"])[0]["workers_ready"] == 1).then_some(()));
    assert_eq!(cli.json(&["list"])[0]["pid"], service.0.id());
    assert_eq!(cli.done(&["reload", "shop"]), "reload done: all workers are new\n");
    let socket = cli.path("run/shop/control.sock");
    let by_socket = ["--control", socket.to_str().unwrap(), "signal", "WINCH"];
    assert_eq!(cli.json(&by_socket)[0]["name"], "shop");
    // Known by nothing but its socket, it is another user's.
    fs::rename(cli.path("run/shop/app.json"), cli.path("run/shop/app")).unwrap();
    let said = cli.run(&by_socket);
    assert_eq!(said.code, Some(77), "{}", said.error);
    fs::rename(cli.path("run/shop/app"), cli.path("run/shop/app.json")).unwrap();
    cli.done(&["stop", "shop"]);
}

#[test]
fn a_signal_goes_to_who_listens_and_not_to_whom_he_names() {
    let cli = Cli::new();
    let victim = Sleeper::start(&cli, &["sleep", "600"]);
    let socket = cli.path("own.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let status = json!({
        "ok": true, "text": "", "status": {
            "pid": victim.0.id(), "address": "127.0.0.1:1", "policy": "none", "doing": "running",
            "workers_wanted": 1, "workers_ready": 1, "rollouts": 0, "dispatcher": null, "workers": [],
        },
    });
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut line = String::new();
            let _ = BufReader::new(&stream).read_line(&mut line);
            let _ = writeln!(&stream, "{status}");
        }
    });
    let out = cli.done(&["--control", socket.to_str().unwrap(), "signal", "WINCH"]);
    assert_eq!(out, format!("SIGWINCH was sent to process {}\n", std::process::id()));
}

#[test]
fn a_runtime_directory_that_each_would_find_elsewhere_is_refused() {
    let cli = Cli::new();
    for verb in [&["list"][..], &["start", "--name", "a", "--listen", "127.0.0.1:0", "--", "true"]]
    {
        let output = cli.command(verb).env("EVENKEEL_RUNTIME_DIR", "run").output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{error}");
        assert!(
            error.contains("run cannot be used for what runs: it is a relative path"),
            "{error}"
        );
    }
}
