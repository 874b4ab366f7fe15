//! What a machine can hold of the project's habits.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Files below a folder of the project with this ending, and their text.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(ROOT).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty(), "no {ending} in {folder}");
    found
}

/// The Rust sources below a folder of the project.
pub(crate) fn source_files(folder: &str) -> Vec<(PathBuf, String)> {
    files(folder, ".rs")
}

/// The top-level module that a file of the framework belongs to.
fn module_of(path: &Path) -> String {
    let source = Path::new(ROOT).join("framework/src");
    let first = path.strip_prefix(source).unwrap().components().next().unwrap();
    first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// Which modules each module may import: downward only.
fn may_import(module: &str) -> Option<&'static [&'static str]> {
    Some(match module {
        "access_log" => &["board", "decimal", "error", "limits", "plan", "rotation"],
        "admin" => {
            &["birth", "board", "control", "http", "ids", "limits", "net", "plan", "sys", "worker"]
        }
        "sys" | "ids" | "limits" | "decimal" | "role" => &[],
        "error" => &["limits"],
        "apps" => &["board", "error", "limits", "sys"],
        "cluster" => &["plan"],
        "config" => &["apps", "error", "limits", "plan"],
        "adapters" => &["limits", "net", "sys", "worker"],
        "board" => &["sys", "ids", "limits"],
        "http" => &["decimal", "error", "limits"],
        "control" => &["apps", "board", "error", "ids", "limits", "plan", "sys"],
        "output" => &["error", "ids", "limits", "plan", "rotation"],
        "plan" => &["apps", "error", "http", "limits"],
        "rotation" => &["limits", "plan"],
        "files" => &["http"],
        "signals" => &["sys"],
        "net" => &["board", "ids", "limits", "plan", "error", "sys"],
        "guard" => &["limits", "plan", "sys"],
        "birth" => &["board", "guard", "ids", "limits", "net", "plan", "signals", "sys"],
        "worker" => &[
            "access_log",
            "birth",
            "board",
            "error",
            "http",
            "ids",
            "limits",
            "net",
            "output",
            "plan",
            "signals",
            "sys",
        ],
        "dispatcher" => &["birth", "board", "ids", "limits", "net", "output", "signals", "sys"],
        "master" => &[
            "admin",
            "apps",
            "birth",
            "board",
            "cluster",
            "control",
            "dispatcher",
            "error",
            "guard",
            "ids",
            "limits",
            "master",
            "net",
            "output",
            "plan",
            "role",
            "signals",
            "sys",
        ],
        "server" | "lib" | "guide" | "bin" => return None,
        other => panic!("say here what the new module {other} may import"),
    })
}

#[test]
fn imports_point_downward() {
    for (path, text) in files("framework/src", ".rs") {
        let module = module_of(&path);
        let Some(allowed) = may_import(&module) else { continue };
        // Links in the documentation point anywhere.
        let code: String =
            text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for after in code.split("crate::").skip(1) {
            let name: String =
                after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let fine = name == module || allowed.contains(&name.as_str());
            assert!(fine, "{} imports crate::{name}", path.display());
        }
    }
}

#[test]
fn parsers_know_no_socket_clock_or_event_loop() {
    for (path, text) in files("framework/src/http", ".rs") {
        for word in
            ["TcpStream", "TcpListener", "Instant", "SystemTime", "mio::", "nix::", "libc::"]
        {
            assert!(!text.contains(word), "{} knows {word}", path.display());
        }
    }
}

#[test]
fn unsafe_code_stands_in_sys_only() {
    // The promise that a type may lie in shared memory stands beside its fields.
    // The test runner has no hook for a last line but the C library's.
    let exceptions = ["board/layout.rs", "balance/table.rs", "harness/privilege.rs"];
    for folder in [
        "framework/src",
        "demo-app/src",
        "bench/src",
        "tests/harness",
        "tests/sim",
        "tests/fixture",
    ] {
        for (path, text) in files(folder, ".rs") {
            let name = path.to_string_lossy();
            let allowed =
                name.contains("/sys/") || exceptions.iter().any(|end| name.ends_with(end));
            let uses = ["unsafe {", "unsafe impl", "unsafe fn"];
            let found = uses.iter().find(|word| text.contains(**word));
            assert!(allowed || found.is_none(), "{name} has {}", found.unwrap());
        }
    }
}

#[test]
fn files_and_lines_are_short_enough_to_read() {
    const LINES_MAX: usize = 300;
    for folder in ["framework/src", "demo-app/src", "bench/src", "tests"] {
        for (path, text) in files(folder, ".rs") {
            let lines = text.lines().count();
            let name = path.display();
            let tests = path.ends_with("tests.rs");
            assert!(tests || lines <= LINES_MAX, "{name} has {lines} lines: split it");
        }
    }
}

#[test]
fn every_flag_of_the_command_lines_is_explained() {
    for path in ["framework/src/bin/evenkeel/cli.rs", "demo-app/src/cli.rs"] {
        let text = fs::read_to_string(Path::new(ROOT).join(path)).unwrap();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let is_flag = |at: &usize| lines[*at].starts_with("#[arg(");
        let flags: Vec<usize> = (0..lines.len()).filter(is_flag).collect();
        assert!(flags.len() > 8, "{path}");
        for at in flags {
            assert!(lines[at - 1].starts_with("///"), "{path}: {} has no explanation", lines[at]);
        }
    }
}

#[test]
fn every_limit_has_its_reason() {
    let limits = files("framework/src", "limits.rs").into_iter();
    for (path, text) in limits.chain(files("framework/src/limits", ".rs")) {
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            if line.starts_with("pub(crate) const") || line.starts_with("pub const") {
                let documented = at > 0 && lines[at - 1].starts_with("///");
                assert!(documented, "{}: {line}", path.display());
            }
        }
    }
}

#[test]
fn the_readme_names_every_value_signal_and_exit_code() {
    let readme = page("README.md");
    let names = evenkeel::Policy::ALL.iter().map(ToString::to_string);
    let names = names.chain(evenkeel::Listener::ALL.iter().map(ToString::to_string));
    let names = names.chain(evenkeel::AcceptWake::ALL.iter().map(ToString::to_string));
    let codes = [64, 69, 70, 71, 75, 77, 78, 79].map(|code| format!("| {code} |"));
    let signals = ["TERM", "INT", "QUIT", "TTIN", "TTOU", "HUP", "USR1", "USR2"].map(str::to_owned);
    for word in names.chain(codes).chain(signals) {
        assert!(readme.contains(&word), "README.md does not say {word}");
    }
    assert!(readme.lines().count() < 250, "README.md is too long");
}

#[test]
fn the_page_of_the_demo_names_every_flag() {
    let cli = page("demo-app/src/cli.rs");
    let fields = cli.lines().filter_map(|line| line.trim().strip_prefix("pub(crate) "));
    let flags = fields.filter_map(|field| field.split_once(": ").map(|(name, _)| name));
    let flags: BTreeSet<String> =
        flags.map(|name| format!("--{}", name.replace('_', "-"))).collect();
    assert!(flags.len() >= 8, "{flags:?}");
    let said = page("demo-app/README.md");
    for flag in flags {
        assert!(said.contains(&flag), "demo-app/README.md does not say {flag}");
    }
}

#[test]
fn links_between_pages_lead_somewhere() {
    for name in ["README.md", "demo-app/README.md", "bench/README.md", "bench/results/README.md"] {
        let folder = Path::new(ROOT).join(name);
        let folder = folder.parent().unwrap();
        for link in page(name).split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap();
            let outside = target.is_empty() || target.contains("://");
            assert!(outside || folder.join(target).exists(), "{name} points to {target}");
        }
    }
}

/// A file of the project.
pub(crate) fn page(name: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(name)).unwrap()
}
