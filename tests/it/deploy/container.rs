//! The container file, as far as it can be followed without a builder of images.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;

use super::flags::{known, value_of};
use super::front::commands;
use super::{file, kubernetes};
use crate::harness::app::{App, demo_path};
use crate::harness::client::Client;
use crate::harness::network::Network;
use crate::harness::privilege::is_root;
use crate::harness::process::Process;
use crate::harness::wait::wait_for;

/// The libraries of the image that it is put into: those of the C library and of the compiler.
const LIBRARIES: [&str; 4] = ["libc.so.6", "libgcc_s.so.1", "libm.so.6", "linux-vdso.so.1"];

/// Instructions of the file: their names and the rest of the line.
fn instructions() -> Vec<(String, String)> {
    let text = fs::read_to_string(file("Containerfile")).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let split = |line: &str| line.split_once(' ').map(|(name, rest)| (name.into(), rest.into()));
    lines.map(|line| split(line).expect(line)).collect()
}

/// What stands behind the last instruction of this name.
fn last(name: &str) -> String {
    let found = instructions().into_iter().rfind(|(instruction, _)| instruction == name);
    found.unwrap_or_else(|| panic!("{name}")).1
}

/// The form that no shell reads.
fn words(name: &str) -> Vec<String> {
    serde_json::from_str(&last(name)).unwrap()
}

#[test]
fn the_container_file_builds_and_starts_what_there_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let froms: Vec<String> = instructions()
        .into_iter()
        .filter(|(name, _)| name == "FROM")
        .map(|(_, rest)| rest)
        .collect();
    // The oldest compiler that will do, and the same Debian for both.
    let rust = manifest.split_once("rust-version = \"").unwrap().1.split('"').next().unwrap();
    assert_eq!(froms, [&*format!("rust:{rust}-slim-bookworm AS build"), "debian:bookworm-slim"]);
    assert_eq!(last("RUN"), "cargo build --release --locked --package demo-app");
    assert!(root.join("Cargo.lock").is_file() && root.join("demo-app/Cargo.toml").is_file());
    let copied = last("COPY");
    let (from, to) = copied.strip_prefix("--from=build ").unwrap().split_once(' ').unwrap();
    assert_eq!(from, format!("{}/target/release/demo-app", last("WORKDIR")));
    assert_eq!(words("ENTRYPOINT"), [to]);
    assert_eq!(last("EXPOSE"), value_of(&words("CMD"), "--port"));
    // `docker stop` waits for 10 s.
    assert!(value_of(&words("CMD"), "--grace").parse::<u64>().unwrap() < 10);
    let left_out = fs::read_to_string(file("Containerfile.dockerignore")).unwrap();
    assert!(left_out.lines().any(|line| line == "**/target"));
}

#[test]
fn the_flags_of_all_files_are_those_of_the_demo() {
    known(&words("CMD"));
    known(&kubernetes::arguments());
    for name in ["haproxy.cfg", "nginx.conf"] {
        for command in commands(&fs::read_to_string(file(name)).unwrap()) {
            known(&command);
        }
    }
}

#[test]
fn the_demo_needs_no_library_that_the_image_does_not_have() {
    let list = Command::new("ldd").arg(demo_path()).output().unwrap();
    let text = String::from_utf8(list.stdout).unwrap();
    let names = text.lines().filter_map(|line| line.split_whitespace().next());
    let names: BTreeSet<&str> = names.filter(|name| !name.starts_with("/lib")).collect();
    assert!(names.contains("libc.so.6"), "{text}");
    assert!(names.iter().all(|name| LIBRARIES.contains(name)), "{text}");
}

/// Process 1 of namespaces of its own, as a user who is nobody, with all that is on disk for reading only.
#[test]
fn as_in_the_image_it_serves_and_stops_at_the_signal_that_is_named() {
    if !is_root("the container's command") {
        return;
    }
    let network = Network::new();
    let (user, command) = (last("USER"), words("CMD"));
    let (user, group) = user.split_once(':').unwrap();
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("demo-app");
    fs::copy(demo_path(), &program).unwrap();
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    let mut unshare = Command::new("unshare");
    unshare.args(["--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "sh", "-c"]);
    unshare.arg("mount -o remount,bind,ro / && exec setpriv \"$@\"").arg("sh");
    unshare.args(["--reuid", user, "--regid", group, "--clear-groups", "--bounding-set=-all"]);
    unshare.args(["--no-new-privs", "--inh-caps=-all"]).arg(&program).args(command);
    network.within(|| {
        let mut app = App::start(&mut unshare).listening();
        let first = wait_for("process 1", || app.master.children().first().copied());
        assert_eq!(seen_by_itself(first), Some(1));
        let answer = Client::connect(app.port).unwrap().get_last("/health").unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(last("STOPSIGNAL"), Signal::SIGTERM.as_str());
        first.signal(Signal::SIGTERM);
        assert_eq!(app.ended().code(), Some(0));
    });
}

/// The number of a process in the innermost of its namespaces.
fn seen_by_itself(process: Process) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{}/status", process.pid)).ok()?;
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    numbers.split_whitespace().next_back()?.parse().ok()
}
