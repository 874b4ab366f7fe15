//! The units under a real systemd, which is process 1 of a machine in a box.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::systemd::evenkeel;
use crate::harness::app::demo_path;
use crate::harness::booted::{Booted, Disk};
use crate::harness::privilege::may_load_programs;
use crate::harness::process::Process;
use crate::harness::wait::wait_until;

const SERVICE: &str = "app.service";

/// Installs the demo as a service, and starts it.
fn install(machine: &Booted, disk: &Disk, how: &[&str], arguments: &[&str]) {
    let program = disk.install(&demo_path(), "demo");
    let cli = disk.install(evenkeel(), "evenkeel");
    let head = ["systemd", "install", "--now", "--name", "app"];
    let told = ["--", &program, "--port", "8080", "--workers", "2"];
    let (done, text) = machine.run(cli, &[&head, how, &told, arguments].concat());
    assert!(done, "{text}");
}

fn is(machine: &Booted, property: &str, value: &str) {
    is_of(machine, SERVICE, property, value);
}

fn is_of(machine: &Booted, unit: &str, property: &str, value: &str) {
    wait_until(&format!("{property}={value}"), || machine.show(unit, property) == value);
}

/// The process of the machine with this number there.
fn main_process(machine: &Booted) -> Process {
    machine.process(&machine.show(SERVICE, "MainPID"))
}

#[test]
fn a_service_serves_through_reloads_restarts_and_upgrades_and_after_a_reboot() {
    let disk = Disk::new();
    let Some(machine) = disk.boot("a service under a real systemd") else { return };
    let policy: &[&str] = if may_load_programs("least-busy under systemd") {
        &["--policy", "least-busy"]
    } else {
        &[]
    };
    install(&machine, &disk, &["--socket", "127.0.0.1:8080", "--listeners", "2"], policy);
    let ready = "2 of 2 workers ready, listening on 127.0.0.1:8080";
    is(&machine, "StatusText", ready);
    let load = machine.load(3);
    machine.systemctl(&["reload", "app"]);
    is(&machine, "StatusText", &format!("{ready}; reload done: all workers are new"));
    machine.systemctl(&["restart", "app"]);
    is(&machine, "StatusText", ready);
    let pid = machine.show(SERVICE, "MainPID");
    disk.install(&demo_path(), "demo");
    machine.systemctl(&["kill", "--signal=USR2", "--kill-who=main", "app"]);
    is(&machine, "StatusText", &format!("{ready}; upgrade done: all workers are new"));
    assert_eq!(machine.show(SERVICE, "MainPID"), pid);
    // The next connection starts it anew.
    machine.run("systemctl", &["stop", SERVICE]);
    is(&machine, "ActiveState", "active");
    let count = load.stop();
    assert_eq!(count.failed(), 0, "{count:?}");
    assert!(count.answered > 0);
    assert_eq!(machine.show(SERVICE, "NRestarts"), "0");
    drop(machine);

    let machine = disk.boot("a reboot").expect("it came up before");
    is(&machine, "StatusText", ready);
    assert_eq!(machine.get("/whoami").unwrap().status, 200);
}

#[test]
fn a_master_that_is_stuck_is_replaced_and_one_that_is_wrong_is_not() {
    let disk = Disk::new();
    let Some(machine) = disk.boot("the watchdog of a real systemd") else { return };
    install(&machine, &disk, &["--watchdog", "1"], &[]);
    assert_eq!(machine.get("/whoami").unwrap().status, 200);
    let master = main_process(&machine);
    master.signal(Signal::SIGSTOP);
    wait_until("the end of a master that is stuck", || !master.lives());
    is(&machine, "NRestarts", "1");
    is(&machine, "ActiveState", "active");
    wait_until("the next one", || machine.get("/whoami").is_ok());

    machine.systemctl(&["stop", "app"]);
    let cli = disk.install(evenkeel(), "evenkeel");
    let wrong =
        ["systemd", "install", "--name", "wrong", "--", "/run/programs/demo", "--workers", "300"];
    let (done, text) = machine.run(&cli, &wrong);
    assert!(done, "{text}");
    machine.systemctl(&["daemon-reload"]);
    assert!(!machine.run("systemctl", &["start", "wrong"]).0);
    wait_until("the end of it", || machine.show("wrong", "ActiveState") == "failed");
    assert_eq!(machine.show("wrong", "NRestarts"), "0");
    assert!(["2", "64"].contains(&machine.show("wrong", "ExecMainStatus").as_str()));
}

#[test]
fn what_the_settings_of_an_application_ask_for_its_unit_grants() {
    const TOKEN: &str = "0123456789abcdef0123456789abcdef";
    let disk = Disk::new();
    let Some(machine) = disk.boot("what settings ask of a real systemd") else { return };
    let (program, cli) = (disk.install(&demo_path(), "demo"), disk.install(evenkeel(), "evenkeel"));
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str, mode: u32| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        disk.install(&file, name)
    };
    put("token", TOKEN, 0o600);
    let text = format!(
        "[app.shop]\nprogram = {program:?}\nlisten = \"127.0.0.1:8080\"\nworkers = 2\nudp = \"127.0.0.1:53\"\n\
         admin = \"127.0.0.1:81\"\nadmin_token_file = \"token\"\noutput = \"/var/log/evenkeel/shop/out\"\n\
         access_log = \"/var/log/evenkeel/shop/access\"\nseccomp = \"deny\"\nlimit_open_files = 1000\n"
    );
    let file = put("apps.toml", &text, 0o644);
    let run = |program: &str, arguments: &[&str]| {
        let (done, text) = machine.run(program, arguments);
        assert!(done, "{program} {arguments:?}: {text}");
        text
    };
    // One that systemd makes up, and one that is there before.
    for account in [&[][..], &["--account", "daemon"]] {
        let install = ["systemd", "install", "--now", "--force"];
        let (done, text) = machine.run(&cli, &[&install, account, &[&file]].concat());
        let status = || machine.show("evenkeel-shop", "ExecMainStatus");
        assert!(done, "{}: {text}", status());
        is_of(
            &machine,
            "evenkeel-shop",
            "StatusText",
            "2 of 2 workers ready, listening on 127.0.0.1:8080",
        );
        assert_eq!(machine.get("/whoami").unwrap().status, 200);
        assert!(run("ss", &["-Hlun"]).contains("127.0.0.1:53 "), "{}", run("ss", &["-Hlun"]));
        let ask = ["--silent", "--output", "/dev/null", "--write-out", "%{http_code}"];
        let page = "http://127.0.0.1:81/metrics";
        assert_eq!(run("curl", &[&ask, &[page][..]].concat()), "401");
        let bearer = format!("Authorization: Bearer {TOKEN}");
        assert_eq!(run("curl", &[&ask, &["--header", &bearer, page][..]].concat()), "200");
        run("test", &["-f", "/var/log/evenkeel/shop/out"]);
        wait_until("the access log", || {
            run("cat", &["/var/log/evenkeel/shop/access"]).contains("GET /whoami")
        });
        run(&cli, &["reload", "shop"]);
        assert_ne!(machine.show("evenkeel-shop", "UID"), "0");
        machine.systemctl(&["stop", "evenkeel-shop"]);
        assert_eq!(machine.show("evenkeel-shop", "Result"), "success");
    }
}

#[test]
fn all_applications_of_a_file_are_services_and_come_back_after_a_reboot() {
    let disk = Disk::new();
    let Some(machine) = disk.boot("applications under a real systemd") else { return };
    let (program, cli) = (disk.install(&demo_path(), "demo"), disk.install(evenkeel(), "evenkeel"));
    let app = |name: &str, port: u16| {
        format!("[app.{name}]\nprogram = {program:?}\nlisten = \"127.0.0.1:{port}\"\nworkers = 2\n")
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("apps.toml");
    std::fs::write(&file, app("shop", 8080) + &app("blog", 8081)).unwrap();
    let file = disk.install(&file, "apps.toml");
    let evenkeel = |machine: &Booted, arguments: &[&str]| {
        let (done, text) = machine.run(&cli, arguments);
        assert!(done, "{arguments:?}: {text}");
        text
    };
    // Root had them by hand before.
    evenkeel(&machine, &["start", &file, "shop"]);
    let (done, text) = machine.run(&cli, &["systemd", "install", "--now", &file]);
    assert!(!done && text.contains("shop runs already, as process"), "{text}");
    evenkeel(&machine, &["stop", "shop", "--forget"]);
    evenkeel(&machine, &["systemd", "install", "--now", &file]);

    let both_serve = |machine: &Booted| {
        wait_until("both", || {
            let list: Value =
                serde_json::from_str(&evenkeel(machine, &["list", "--json"])).unwrap();
            let serves =
                |at: usize, name: &str| list[at]["name"] == name && list[at]["workers_ready"] == 2;
            serves(0, "blog") && serves(1, "shop")
        });
        assert_eq!(machine.get("/whoami").unwrap().status, 200);
    };
    both_serve(&machine);
    assert_ne!(machine.show("evenkeel-shop", "MainPID"), machine.show("evenkeel-blog", "MainPID"));
    // Root commands what runs as another user.
    evenkeel(&machine, &["reload", "all"]);
    assert_ne!(machine.show("evenkeel-shop", "UID"), "0");
    drop(machine);

    let machine = disk.boot("a reboot").expect("it came up before");
    both_serve(&machine);
    let describe = evenkeel(&machine, &["describe", "blog"]);
    assert!(describe.contains("127.0.0.1:8081"), "{describe}");
}
