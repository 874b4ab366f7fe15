//! What the benchmarks say of the cost of a request: CPU time, system calls, instructions, memory.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use crate::bench::bench;
use crate::harness::privilege::is_installed;

const SERVER: [&str; 2] = ["--only", "evenkeel none/reuseport"];

/// What it prints; it is to succeed.
fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// The cells of the lines that begin so.
fn rows<'a>(text: &'a str, begin: &str) -> Vec<Vec<&'a str>> {
    let lines = text.lines().filter(|line| line.starts_with(begin));
    lines.map(|line| line.split_whitespace().collect()).collect()
}

#[test]
fn cpu_time_is_compared_with_the_bare_loop_and_with_the_better_nginx_of_each_repetition() {
    if !is_installed("nginx", "the comparison with nginx") {
        return;
    }
    let brief = ["throughput", "--repetitions", "1", "--seconds", "1", "--clients", "4"];
    let text = printed(bench(&brief).args(SERVER));
    let cpu = |cells: &[&str]| cells[cells.len() - 7].parse::<f64>().unwrap();
    let to_nginx = |cells: &[&str]| cells[cells.len() - 3].parse::<f64>().unwrap();
    let (servers, nginx) = (rows(&text, "evenkeel none/reuseport "), rows(&text, "nginx "));
    assert_eq!((servers.len(), nginx.len()), (3, 6), "{text}");
    for (server, nginx) in servers.iter().zip(nginx.chunks(2)) {
        let least = nginx.iter().map(|cells| cpu(cells)).fold(f64::INFINITY, f64::min);
        // Both have two digits after the point.
        let (lowest, highest) = (cpu(server) - 0.006, cpu(server) + 0.006);
        let said = lowest / (least + 0.006) - 0.006..highest / (least - 0.006) + 0.006;
        assert!(said.contains(&to_nginx(server)), "{said:?}: {text}");
    }
}

#[test]
fn the_system_calls_of_a_request_are_those_of_the_bare_loop() {
    if !is_installed("strace", "counting system calls") {
        return;
    }
    let brief = ["syscalls", "--requests", "400", "--connections", "100"];
    let text = printed(bench(&brief).args(SERVER));
    assert!(!text.contains("skipped: system calls"), "{text}");
    // One request at a time: one wait, one read, one write. A timer's tick may come between them.
    let near = |cell: &str, count: f64| (cell.parse::<f64>().unwrap() - count).abs() < 0.2;
    for (call, count) in [("epoll_wait", 1.0), ("recvfrom", 1.0), ("sendto", 1.0), ("all", 3.0)] {
        let keep_alive = &rows(&text, call)[0];
        assert!(keep_alive[1..3].iter().all(|cell| near(cell, count)), "{text}");
    }
    let new_connection = &rows(&text, "close")[0];
    assert!(new_connection[1..3].iter().all(|cell| near(cell, 1.0)), "{text}");
    let beyond = text.lines().find(|line| line.starts_with("evenkeel none/reuseport beyond"));
    let (_, calls) = beyond.unwrap().split_once(": ").unwrap();
    let counts = calls.split(", ").filter_map(|call| call.rsplit(' ').next());
    assert!(calls == "nothing" || counts.into_iter().all(|count| near(count, 0.0)), "{text}");
}

/// The program in `folder` is what is found under this name.
fn stand_in(folder: &Path, name: &str, script: &str) {
    let program = folder.join(name);
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn without_strace_or_its_permission_system_calls_are_skipped_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let text = printed(bench(&["syscalls"]).args(SERVER).env("PATH", path));
    assert_eq!(text, "skipped: system calls (strace is not installed)\n");
    stand_in(path, "strace", "#!/bin/sh\necho 'strace: attach: not permitted' >&2\nexit 1\n");
    let text = printed(bench(&["syscalls"]).args(SERVER).env("PATH", path));
    assert_eq!(text, "skipped: system calls (strace: attach: not permitted)\n");
}

/// `instructions`, with this file of budgets.
fn instructions(budget: &Path, arguments: &[&str]) -> Output {
    bench(&["instructions", "--budget"]).arg(budget).args(arguments).output().unwrap()
}

#[test]
fn a_case_above_its_budget_fails_by_name_and_one_far_below_does_not() {
    if !is_installed("valgrind", "counting instructions") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let budget = folder.path().join("budget.csv");
    let missing = instructions(&budget, &["--check"]);
    let error = String::from_utf8(missing.stderr).unwrap();
    assert!(!missing.status.success() && error.contains("refusal: no budget"), "{error}");

    assert!(instructions(&budget, &["--write"]).status.success());
    let written = fs::read_to_string(&budget).unwrap();
    assert!(written.starts_with("case,instructions\nget,"), "{written}");

    let line = |case: &str, most: u64| format!("{case},{most}");
    let replaced = |line: &str| match line.split_once(',') {
        Some(("get", _)) => "get,1".to_owned(),
        Some(("refusal", most)) => format!("refusal,{}", most.parse::<u64>().unwrap() * 2),
        _ => line.to_owned(),
    };
    let lines: Vec<String> = written.lines().map(replaced).collect();
    assert!(lines.contains(&line("get", 1)), "{lines:?}");
    fs::write(&budget, lines.join("\n")).unwrap();
    let output = instructions(&budget, &["--check"]);
    let (text, error) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{text}{error}");
    let over: Vec<&str> = error.lines().filter(|line| line.contains("are allowed")).collect();
    assert!(over.len() == 1 && over[0].starts_with("get: "), "{error}");
    assert!(text.contains("refusal: far below its budget"), "{text}");
}

#[test]
fn without_valgrind_instructions_are_an_error_that_names_it() {
    let output = bench(&["instructions"]).env("PATH", "/nowhere").output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && error.contains("valgrind"), "{error}");
}

#[test]
fn memory_is_measured_apart_for_workers_and_master_and_idle_connections_beside_busy_ones() {
    let brief = ["memory", "--workers", "2", "--connections", "400"];
    let text = printed(bench(&brief).args(["--only", "evenkeel none"]));
    let server = rows(&text, "evenkeel none/reuseport");
    let of_server = &server[0];
    let number = |from_the_end: usize| of_server[of_server.len() - from_the_end].parse::<u64>();
    let (worker, master, others) = (number(4).unwrap(), number(3).unwrap(), number(2).unwrap());
    // In KiB; a build for tests takes more than one that is optimised.
    assert!((1..8192).contains(&worker) && (1..8192).contains(&master), "{text}");
    assert_eq!(others, 0, "{text}");
    assert_eq!(rows(&text, "evenkeel none/inherited").len(), 1, "one way to wake: {text}");

    let idle = ["--idle", "--clients", "4", "--seconds", "1", "--repetitions", "1"];
    let text = printed(bench(&brief).args(idle).args(SERVER));
    assert_eq!((rows(&text, "none ").len(), rows(&text, "400 ").len()), (1, 1), "{text}");
    assert!(!text.contains("NaN"), "{text}");
}
