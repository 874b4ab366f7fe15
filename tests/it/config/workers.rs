//! What a file says of workers: as whom they run, within which limits, and where what they write goes.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use evenkeel::control::Command;

use super::{demo, status};
use crate::foreign::{installed, python};
use crate::hardening::field;
use crate::hardening::limits::limits_of;
use crate::harness::app::{ask, demo_path};
use crate::harness::cli::Cli;
use crate::harness::client::get;
use crate::harness::privilege::is_root;
use crate::harness::process::Process;
use crate::harness::wait::wait_until;
use crate::output::outputs;

/// A place where another user may write.
fn open_to_all() -> Cli {
    let cli = Cli::new();
    fs::set_permissions(cli.path(""), fs::Permissions::from_mode(0o777)).unwrap();
    cli
}

const GUARDED: &str = "user = \"nobody\"\ngroup = \"65534\"\nseccomp = \"deny\"\nlimit_open_files = 90\n\
                       limit_core = \"1MiB\"\nlimit_address_space = \"4GiB\"\nlimit_processes = 500\n";

fn is_guarded(worker: Process) {
    assert_eq!(field(worker, "Uid"), ["65534"; 4].join(" "));
    assert_eq!(field(worker, "Gid"), ["65534"; 4].join(" "));
    assert_eq!((field(worker, "Seccomp"), field(worker, "NoNewPrivs")), ("2".into(), "1".into()));
    for (name, limit) in [
        ("Max open files", "90"),
        ("Max core file size", "1048576"),
        ("Max address space", "4294967296"),
        ("Max processes", "500"),
    ] {
        assert_eq!(limits_of(worker, name), [limit; 2], "{name}");
    }
}

#[test]
fn workers_are_as_the_file_says_and_as_it_says_after_an_upgrade() {
    if !is_root("workers of another user, by a file") {
        return;
    }
    let cli = open_to_all();
    let file = "listen = \"127.0.0.1:0\"\nworkers = 1\ncontrol = \"control\"\n";
    cli.write("demo.toml", &format!("{file}{GUARDED}"));
    let app = demo(&cli, &[], &[]);
    is_guarded(app.worker(0));
    assert_eq!(field(app.master, "Uid"), ["0"; 4].join(" "));
    cli.write(
        "demo.toml",
        &format!("{file}allow_new_privileges = true\nkeep_capabilities = true\n"),
    );
    let reply = ask(&cli.path("control"), Command::Upgrade {});
    assert!(reply.ok, "{}", reply.text);
    let worker = app.worker(0);
    assert_eq!((field(worker, "Seccomp"), field(worker, "NoNewPrivs")), ("0".into(), "0".into()));
    assert_eq!(field(worker, "CapEff"), field(app.master, "CapEff"));
    assert_eq!(field(worker, "Uid"), ["0"; 4].join(" "));
    app.stop();
}

#[test]
fn a_flag_and_a_variable_go_before_what_the_file_says_of_output() {
    let cli = Cli::new();
    let file = "listen = \"127.0.0.1:0\"\nworkers = 1\ncontrol = \"control\"\noutput = \"file.log\"\n\
                output_per_worker = true\n";
    cli.write("demo.toml", file);
    let found = |flags: &[&str], variables: &[(&str, &str)]| {
        let app = demo(&cli, flags, variables);
        let path = status(&cli).outputs[0].path.file_name().unwrap().to_owned();
        app.stop();
        path
    };
    assert_eq!(found(&[], &[]), "file-0.log");
    let variable = ("EVENKEEL_OUTPUT", "variable.log");
    assert_eq!(found(&[], &[variable]), "variable-0.log");
    let flags = ["--output", "flag.log", "--output-per-worker=false"];
    assert_eq!(found(&flags, &[variable]), "flag.log");
}

#[test]
fn logs_of_an_application_stand_beside_its_file_and_are_moved_away_by_size() {
    let cli = Cli::new();
    fs::create_dir(cli.path("conf")).unwrap();
    let program = demo_path().display().to_string();
    cli.write(
        "conf/apps.toml",
        &format!(
            "[app.shop]\nprogram = {program:?}\nlisten = \"127.0.0.1:0\"\nworkers = 1\n\
             directory = \"..\"\nenv = {{ RUST_LOG = \"evenkeel=trace\" }}\noutput = \"out.log\"\noutput_per_worker = true\n\
             output_max = \"100B\"\noutput_keep = 2\naccess_log = \"requests.log\"\naccess_log_max = \"10B\"\n"
        ),
    );
    cli.done(&["config", "check", "conf/apps.toml"]);
    assert!(!cli.path("conf/out-0.log").exists());
    cli.done(&["start", "conf/apps.toml"]);
    let port = cli.port("shop");
    wait_until("two rotations of the output, and one of the access log", || {
        get(port, "/").unwrap();
        ["conf/out-0.log.2", "conf/requests.log.1"].iter().all(|name| cli.path(name).exists())
    });
    assert!(fs::read_to_string(cli.path("conf/out-0.log.2")).unwrap().contains("worker{slot=0"));
    cli.done(&["stop", "all"]);
    assert!(!cli.path("conf/out-0.log.3").exists(), "two are kept");
    cli.all_gone();
}

#[test]
fn what_cannot_be_is_said_at_the_start_with_its_exit_code() {
    let cli = Cli::new();
    let program = demo_path().display().to_string();
    for (text, status, why) in [
        ("user = \"no such user\"", 64, "no such user"),
        ("output = \"not-there/out.log\"", 64, "not-there/out.log: No such file"),
        ("output = \"out.log\"\noutput_max = 0", 64, "choose at least 1 byte"),
        ("access_log_max = \"1MiB\"", 64, "access_log_max means nothing without access_log"),
        ("limit_core = 1\nuser = \"\"", 64, "user: nothing is said"),
        ("outputs = \"x\"", 64, "unknown key `outputs`: did you mean `output`?"),
        ("seccomp = \"allow\"", 64, "choose one of deny, deny-exec"),
    ] {
        let app = format!("[app.shop]\nprogram = {program:?}\nlisten = \"127.0.0.1:0\"\n{text}\n");
        cli.write("apps.toml", &app);
        let said = cli.run(&["start", "apps.toml"]);
        let whole = format!("{}{}", said.out, said.error);
        assert!(whole.contains(why), "{text}: {whole}");
        // A program that has begun, and says why it ended; or a file that is not even begun with.
        let begun = whole.contains(&format!("ended at once (exit status: {status})"));
        assert!(begun && said.code == Some(1) || said.code == Some(status), "{text}: {whole}");
        let checked = cli.run(&["config", "check", "apps.toml"]);
        // Nothing is written by a check, so that it cannot know whether that can be done.
        let expected = if text.contains("not-there") { 0 } else { status };
        assert_eq!(checked.code, Some(expected), "{text}: {}", checked.error);
    }
    cli.all_gone();
}

#[test]
fn a_program_of_somebody_else_is_given_a_user_limits_and_a_file_that_a_reload_changes() {
    if !installed("python3") || !is_root("a program of another user") {
        return;
    }
    let cli = open_to_all();
    fs::copy(python(), cli.path("guest.py")).unwrap();
    let file = |further: &str| {
        let text = "[app.guest]\nprogram = \"python3\"\nargs = [\"guest.py\"]\nprotocol = \"listen-fds\"\n\
                    listen = \"127.0.0.1:0\"\nworkers = 1\noutput = \"out.log\"\noutput_per_worker = true\n";
        cli.write("apps.toml", &format!("{text}{GUARDED}{further}"));
    };
    file("output_max = \"1MiB\"\n");
    let said = cli.run(&["start", "apps.toml"]);
    assert_eq!(said.code, Some(64), "{}", said.error);
    assert!(said.error.contains("output_max: a program that does not link evenkeel writes on"));
    file("");
    cli.done(&["start", "apps.toml"]);
    let here = cli.path("out-0.log");
    let serves = || {
        assert!(get(cli.port("guest"), "/").unwrap().text().starts_with("0 1 primary"));
        let worker = cli.master("guest").children()[0];
        is_guarded(worker);
        assert_eq!(outputs(worker), [here.clone(), here.clone()]);
        wait_until("its line", || fs::read_to_string(&here).unwrap().ends_with("python serves\n"));
    };
    serves();
    fs::rename(&here, cli.path("moved")).unwrap();
    let refused = cli.run(&["reopen", "guest"]);
    assert!(refused.code == Some(1) && refused.error.contains("reload replaces them"));
    cli.done(&["reload", "guest"]);
    serves();
    cli.done(&["stop", "all"]);
    cli.all_gone();
}
