//! Files of output that are moved away: by somebody else and a signal, by somebody who forgets the signal, and
//! by size.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use evenkeel::control::Command;
use nix::sys::signal::Signal;

use crate::access_log::is_whole;
use crate::harness::admin::{Admin, admin_process};
use crate::harness::app::App;
use crate::harness::load::Load;
use crate::harness::process::Process;
use crate::harness::wait::wait_until;
use crate::output::{Lines, outputs};

/// The numbers of the lines of each writer, in the order in which files were written.
fn numbers(texts: &[String]) -> BTreeMap<String, Vec<u64>> {
    let mut found: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let end = "x".repeat(30);
    for line in texts.iter().flat_map(|text| text.lines()) {
        if line.starts_with("begin ") {
            continue;
        }
        let fields: Vec<&str> = line.split(' ').collect();
        let &["flood", who, number, last] = &fields[..] else { panic!("not whole: {line}") };
        assert_eq!(last, end, "not whole: {line}");
        found.entry(who.to_owned()).or_default().push(number.parse().unwrap());
    }
    found
}

/// Stops it, and checks that each line of each of these writers is there, once, whole.
fn all_there(mut lines: Lines, names: &[String], writers: usize) {
    let answer = lines.app.get("/written").text();
    let (writer, written) = answer.split_once(' ').unwrap();
    let written: u64 = written.parse().unwrap();
    lines.app.signal(Signal::SIGTERM);
    assert_eq!(lines.app.ended().code(), Some(0));
    let texts: Vec<String> = names.iter().map(|name| lines.read(name)).collect();
    let found = numbers(&texts);
    assert_eq!(found.len(), writers);
    for (who, mut numbers) in found {
        let count = numbers.len() as u64;
        // A line that one process wrote to the old file may be younger than one in the new file.
        numbers.sort_unstable();
        assert!(numbers.iter().copied().eq(0..count), "{who} misses some of {count}");
        assert!(who != writer || count >= written, "{count} of {written} lines of {who}");
    }
}

#[test]
fn a_rotation_by_rename_and_command_loses_no_line_and_nobody_is_left_in_the_old_file() {
    let lines = Lines::start("merged", &[]);
    lines.ask_all("/flood");
    let mut names = Vec::new();
    for number in 0..5 {
        wait_until("some lines", || lines.read("out.log").len() > 10_000);
        let name = format!("moved.{number}");
        fs::rename(lines.path("out.log"), lines.path(&name)).unwrap();
        names.push(name);
        lines.done(Command::Reopen {});
        let here = lines.path("out.log");
        let children = lines.app.children();
        assert!(children.iter().all(|child| outputs(*child) == [here.clone(), here.clone()]));
    }
    names.push("out.log".to_owned());
    all_there(lines, &names, 4);
}

#[test]
fn a_signal_does_the_same_and_a_file_that_is_removed_comes_back_without_one() {
    let lines = Lines::start("each", &[]);
    let here = [lines.path("out-0.log"), lines.path("out-1.log")];
    let all_here = || {
        let mut found: Vec<_> =
            lines.app.children().into_iter().map(|it| outputs(it)[0].clone()).collect();
        found.sort();
        found == here
    };
    wait_until("the files", all_here);
    let moved = lines.path("moved");
    fs::rename(&here[0], &moved).unwrap();
    lines.app.signal(Signal::SIGUSR1);
    wait_until("the new file", all_here);
    fs::remove_file(&here[1]).unwrap();
    wait_until("the file again", || all_here() && here[1].exists());
    lines.ask_all("/line");
    assert!(lines.read("out-1.log").ends_with("out 1.1\nerr 1.1\n"));
    assert!(!lines.read("moved").contains("out 0.1"));
    lines.app.stop();
}

#[test]
fn a_reopening_that_fails_says_so_and_the_old_file_is_written_on() {
    let lines = Lines::start("merged", &[]);
    fs::rename(lines.path("out.log"), lines.path("moved")).unwrap();
    fs::create_dir(lines.path("out.log")).unwrap();
    let reply = crate::harness::app::ask(&lines.path("control"), Command::Reopen {});
    assert!(!reply.ok && reply.text.contains("the old file is written on"), "{}", reply.text);
    let who = lines.app.get("/line").text();
    assert!(lines.read("moved").contains(&format!("out {who}\n")));
    lines.app.stop();
}

#[test]
fn a_rotation_by_size_loses_no_line_of_four_writers() {
    let lines = Lines::start("merged", &["100000", "50"]);
    lines.ask_all("/flood");
    wait_until("the third rotation", || lines.path("out.log.3").exists());
    // There may be more until all have stopped.
    let mut names: Vec<String> = (1..20).rev().map(|it| format!("out.log.{it}")).collect();
    names.push("out.log".to_owned());
    all_there(lines, &names, 4);
}

#[test]
fn no_more_files_are_kept_than_was_said() {
    let lines = Lines::start("each", &["1000", "2"]);
    lines.ask_all("/flood");
    let names = || {
        let found = fs::read_dir(lines.folder.path()).unwrap();
        let mut names: Vec<String> =
            found.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let inode = |name: &str| {
        let found = fs::metadata(lines.path(name));
        found.map(|found| std::os::unix::fs::MetadataExt::ino(&found)).unwrap_or_default()
    };
    wait_until("two rotations of both", || {
        lines.path("out-0.log.2").exists() && lines.path("out-1.log.2").exists()
    });
    let oldest = inode("out-0.log.2");
    wait_until("the third", || ![0, oldest].contains(&inode("out-0.log.2")));
    let most = [
        "control",
        "out.log.requests",
        "out-0.log",
        "out-0.log.1",
        "out-0.log.2",
        "out-1.log",
        "out-1.log.1",
        "out-1.log.2",
    ];
    // A file is not there for a moment between two others.
    assert!(names().iter().all(|name| most.contains(&name.as_str())), "{:?}", names());
    lines.app.stop();
}

#[test]
fn an_access_log_rotates_by_size_and_loses_no_line() {
    let mut lines = Lines::start("merged", &["100000", "50"]);
    let load = Load::keep_alive(lines.app.port, 8, "/who");
    wait_until("two rotations", || lines.path("out.log.requests.2").exists());
    let answered = load.stop().answered;
    lines.app.signal(Signal::SIGTERM);
    assert_eq!(lines.app.ended().code(), Some(0));
    let mut names: Vec<String> = (1..20).map(|it| format!("out.log.requests.{it}")).collect();
    names.push("out.log.requests".to_owned());
    let texts: Vec<String> = names.iter().map(|name| lines.read(name)).collect();
    let found: Vec<&str> = texts.iter().flat_map(|text| text.lines()).collect();
    assert!(found.iter().all(|line| is_whole(line)), "a line is not whole");
    assert_eq!(found.len() as u64, answered);
}

#[test]
fn an_access_log_on_standard_output_goes_where_that_goes() {
    let folder = tempfile::tempdir().unwrap();
    let [here, moved] = ["out.log", "moved"].map(|name| folder.path().join(name));
    let path = here.to_str().unwrap();
    let app = App::controlled(&["--workers", "2", "--access-log", "-", "--output", path]);
    let ask = || (0..20).for_each(|_| assert_eq!(app.get("/").status, 200));
    let count = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.matches("\"GET / HTTP/1.1\" 200 ").count()
    };
    ask();
    wait_until("the lines", || count(&here) == 20);
    fs::rename(&here, &moved).unwrap();
    app.done(Command::Reopen {});
    ask();
    wait_until("the lines", || count(&here) == 20);
    assert_eq!(count(&moved), 20);
    app.stop();
}

#[test]
fn the_dispatcher_and_the_admin_process_have_files_too_and_leave_them_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.log");
    let path = path.to_str().unwrap();
    let each = ["--output", path, "--output-per-worker"];
    let (app, _) = Admin::demo(&[&["--workers", "1", "--policy", "rr"], &each[..]].concat());
    let writers =
        [(app.worker(0), "0"), (app.dispatcher(), "dispatcher"), (admin_process(&app), "admin")];
    let file = |who: &str| folder.path().join(format!("out-{who}.log"));
    let is = |process: Process, path: &PathBuf| outputs(process) == [path.clone(), path.clone()];
    for (process, who) in writers {
        wait_until(who, || is(process, &file(who)));
    }
    for turn in 0..3 {
        for (_, who) in writers {
            fs::rename(file(who), folder.path().join(format!("moved-{who}.{turn}"))).unwrap();
        }
        app.done(Command::Reopen {});
        for (process, who) in writers {
            assert!(is(process, &file(who)), "{who}");
        }
    }
    let names: Vec<String> = app.status().outputs.into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["worker 0", "dispatcher", "admin"]);
    app.stop();
}

#[test]
fn the_admin_process_leaves_the_file_of_all_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().join("out.log");
    let (app, _) = Admin::demo(&["--workers", "1", "--output", here.to_str().unwrap()]);
    let process = admin_process(&app);
    let is_here = || outputs(process) == [here.clone(), here.clone()];
    wait_until("the file", is_here);
    for turn in 0..3 {
        fs::rename(&here, folder.path().join(format!("moved.{turn}"))).unwrap();
        app.done(Command::Reopen {});
        assert!(is_here());
    }
    app.stop();
}
