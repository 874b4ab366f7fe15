//! The units that `evenkeel systemd` writes, as systemd reads them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::harness::app::{built_with, demo_path};
use crate::harness::privilege::is_installed;

/// The command line, built once for these tests.
pub(crate) fn evenkeel() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| built_with("evenkeel", &["--features", "cli"]))
}

/// Its exit code, and all that it says.
pub(crate) fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(evenkeel()).arg("systemd").args(arguments).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

fn show(arguments: &[&str]) -> String {
    let (code, text) = run(&[&["show"], arguments, &["--", "/bin/sh", "-c", "exit"]].concat());
    assert_eq!(code, Some(0), "{text}");
    text
}

/// Writes units for the demo into a folder: the paths.
fn install(folder: &Path, arguments: &[&str]) -> Vec<PathBuf> {
    let dir = folder.to_str().unwrap();
    let demo = demo_path();
    // Where the project lies, its program may be one that the service could not see.
    let hidden = demo.starts_with("/tmp") || demo.starts_with("/var/tmp");
    let program = if hidden { "/bin/sh" } else { demo.to_str().unwrap() };
    let all = [&["install", "--dir", dir], arguments, &["--", program, "--port", "80"]].concat();
    let (code, text) = run(&all);
    assert_eq!(code, Some(0), "{text}");
    let wrote = text.lines().filter_map(|line| line.strip_prefix("wrote "));
    wrote.map(PathBuf::from).collect()
}

/// Nothing is wrong with them, and nothing is only warned of.
pub(crate) fn verify(how: &[&str], units: &[PathBuf]) {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Command::new("systemd-analyze");
    program.args(how).arg("verify").args(units).env("XDG_RUNTIME_DIR", folder.path());
    let output = program.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{units:?}: {said}");
}

#[test]
fn systemd_finds_no_fault_in_the_units() {
    if !is_installed("systemd-analyze", "the units, read by systemd") {
        return;
    }
    let cases: [&[&str]; 5] = [
        &[],
        &["--bpf", "--low-ports", "--account", "daemon", "--watchdog", "0"],
        &["--socket", "0.0.0.0:80", "--socket", "[::1]:80", "--listeners", "4"],
        &["--socket", "unix:/run/app.sock", "--description", "100% of \"it\""],
        &["--user", "--socket", "127.0.0.1:8080"],
    ];
    for (at, arguments) in cases.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let name = format!("app-{at}");
        let units = install(folder.path(), &[&["--name", &name], arguments].concat());
        assert_eq!(units.len(), 1 + usize::from(arguments.contains(&"--socket")));
        let user = arguments.contains(&"--user").then_some("--user");
        verify(user.as_slice(), &units);
    }
}

/// The applications of a file, with programs that all may run.
fn write_set(folder: &Path) -> PathBuf {
    let text = "[app.shop]\nprogram = \"/bin/sh\"\nlisten = \"localhost:8080\"\ngrace = \"90s\"\ndirectory = \"/\"\n\
                pre_stop_delay = \"1500ms\"\npolicy = \"auto\"\n\
                [app.blog]\nprogram = \"gunicorn\"\nprotocol = \"listen-fds\"\nlisten = \"127.0.0.1:8081\"\n\
                directory = \"/\"\n";
    let file = folder.join("apps.toml");
    fs::write(&file, text).unwrap();
    file
}

#[test]
fn applications_of_a_file_have_a_unit_each() {
    let folder = tempfile::tempdir().unwrap();
    let file = write_set(folder.path()).canonicalize().unwrap().display().to_string();
    // For who may go anywhere, and has no folder for passing files.
    let units = |how: &[&str]| run(&[&["show", &file], how].concat());
    let (code, text) = units(&["--user"]);
    assert_eq!(code, Some(0), "{text}");
    let (blog, shop) = text.split_once("# evenkeel-shop.service\n").unwrap();
    assert!(shop.contains(&format!(" start --foreground {file} shop\n")), "{shop}");
    assert!(shop.contains("\nRuntimeDirectory=evenkeel/shop\n"), "{shop}");
    assert!(shop.contains("\nTimeoutStopSec=107\n"), "the drain, and before: {shop}");
    // Node makes machine code while it runs.
    assert!(!blog.contains("MemoryDenyWriteExecute") && shop.contains("MemoryDenyWriteExecute"));
    assert_eq!(units(&["--user", "shop"]).1.matches("[Service]").count(), 1);
    let (code, text) = units(&["--user", "chop"]);
    assert_eq!(code, Some(64));
    assert!(text.contains("no application named chop; it has blog, shop"), "{text}");
    assert_eq!(units(&["--name", "other"]).0, Some(2));
    assert_eq!(run(&["show", "/nowhere/apps.toml"]).0, Some(64));
    // The folder is its owner's only.
    let (code, text) = units(&[]);
    assert_eq!(code, Some(64));
    assert!(text.contains("is closed to others") || text.contains("is not seen by"), "{text}");
}

#[test]
fn systemd_finds_no_fault_in_the_units_of_a_set() {
    if !is_installed("systemd-analyze", "the units of a set, read by systemd") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = write_set(folder.path()).display().to_string();
    let units = folder.path().join("units");
    fs::create_dir(&units).unwrap();
    let dir = units.to_str().unwrap();
    let (code, text) = run(&["install", "--user", "--dir", dir, &file]);
    assert_eq!(code, Some(0), "{text}");
    let next = "next: systemctl --user enable --now evenkeel-shop.service evenkeel-blog.service\n";
    assert!(text.contains(next), "{text}");
    let paths = ["evenkeel-blog.service", "evenkeel-shop.service"].map(|name| units.join(name));
    verify(&["--user"], &paths);
}

#[test]
fn a_service_is_exposed_to_little() {
    if !is_installed("systemd-analyze", "the exposure of the service") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // In tenths, of at most 10.
    for (arguments, most) in [(&["--name", "plain"][..], "16"), (&["--bpf", "--low-ports"], "20")] {
        let units = install(folder.path(), arguments);
        let threshold = format!("--threshold={most}");
        let mut program = Command::new("systemd-analyze");
        program.args(["security", "--offline=yes", "--no-pager", &threshold]).args(&units);
        let output = program.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let score = text.lines().last().unwrap_or_default();
        println!("{score}");
        assert!(output.status.success(), "{score}");
    }
}

#[test]
fn the_type_of_the_service_goes_by_the_version_of_systemd() {
    let new = show(&["--for", "253"]);
    assert!(new.contains("\nType=notify-reload\n") && !new.contains("ExecReload="), "{new}");
    let old = show(&["--for", "252"]);
    assert!(old.contains("\nType=notify\n") && old.contains("\nExecReload=kill -HUP $MAINPID\n"));
}

#[test]
fn what_the_program_may_do_goes_by_what_it_was_told() {
    let none = show(&[]);
    assert!(none.contains("\nAmbientCapabilities=\nCapabilityBoundingSet=\n"), "{none}");
    assert!(none.contains("\nSystemCallFilter=@system-service\n"));
    let both = show(&["--bpf", "--low-ports"]);
    for name in ["Ambient", "CapabilityBounding"] {
        assert!(
            both.lines()
                .any(|line| line.starts_with(name)
                    && line.ends_with("=CAP_BPF CAP_NET_BIND_SERVICE"))
        );
    }
    assert!(both.contains("\nSystemCallFilter=@system-service bpf\n"));
    let (_, told) = run(&["show", "--", "/bin/sh", "--policy", "least-busy"]);
    assert!(told.contains("\nAmbientCapabilities=CAP_BPF\n"), "{told}");
    let user = show(&["--user"]);
    for word in ["DynamicUser", "Capabilit", "ProtectSystem", "multi-user"] {
        assert!(!user.contains(word), "{user}");
    }
    let grace = show(&["--grace", "90"]);
    assert!(grace.contains("\nTimeoutStopSec=105\n"));
}

#[test]
fn arguments_reach_the_program_as_they_are() {
    let words = ["a b", "c%d", "$HOME", "e\"f", "g\\h", "", "plain"];
    let (code, text) = run(&[&["show", "--", "/bin/echo"], &words[..]].concat());
    assert_eq!(code, Some(0), "{text}");
    let line = r#"ExecStart=/bin/echo "a b" c%%d $$HOME "e\"f" "g\\h" "" plain"#;
    assert!(text.contains(line), "{text}");
    let (_, text) = run(&["show", "--", "sh", "-c", "exit"]);
    assert!(text.contains("/sh -c exit\n") && text.contains("ExecStart=/"), "{text}");
}

#[test]
fn what_cannot_be_a_unit_is_refused_with_the_mend() {
    let cases: [(&[&str], i32, &str); 6] = [
        (&["show", "--name", "a@b", "--", "/bin/sh"], 64, "cannot name a unit"),
        (&["show", "--", "/nowhere/program"], 64, "name it by its whole path"),
        (&["show", "--", "/bin/sh", "a\nb"], 64, "control character"),
        (&["show", "--user", "--bpf", "--", "/bin/sh"], 2, "cannot be used with"),
        (&["show", "--socket", "here", "--", "/bin/sh"], 2, "127.0.0.1:8080"),
        (&["install", "--dir", "/nowhere", "--", "/bin/sh"], 1, "its folder must be there"),
    ];
    for (arguments, code, text) in cases {
        let (found, said) = run(arguments);
        assert_eq!(found, Some(code), "{arguments:?}: {said}");
        assert!(said.contains(text), "{arguments:?}: {said}");
    }
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    fs::copy("/bin/sh", &program).unwrap();
    if program.starts_with("/tmp") {
        let (code, said) = run(&["show", "--", program.to_str().unwrap()]);
        assert_eq!(code, Some(64), "{said}");
        assert!(said.contains("is not seen by the service"), "{said}");
    }
}

#[test]
fn units_that_are_there_are_replaced_by_force_only() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let arguments =
        ["install", "--dir", dir, "--name", "app", "--socket", "127.0.0.1:80", "--", "/bin/sh"];
    let (code, text) = run(&arguments);
    assert_eq!(code, Some(0), "{text}");
    let next = "next: systemctl daemon-reload\n\
                next: systemctl enable --now app.socket app.service\n";
    assert!(text.contains(next), "{text}");
    fs::write(folder.path().join("app.socket"), "mine").unwrap();
    let (code, text) = run(&arguments);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("app.service is there already"), "{text}");
    fs::remove_file(folder.path().join("app.service")).unwrap();
    assert_eq!(run(&arguments).0, Some(1));
    assert!(!folder.path().join("app.service").exists(), "all or none");
    let (code, text) = run(&[&arguments[..1], &["--force"], &arguments[1..]].concat());
    assert_eq!(code, Some(0), "{text}");
    assert!(fs::read_to_string(folder.path().join("app.socket")).unwrap().contains("[Socket]"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}
