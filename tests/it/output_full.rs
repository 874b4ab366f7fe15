//! A disk that is full: no request fails for it, and it is told once.

use std::fs;
use std::path::PathBuf;
use std::process::Command as Program;

use crate::harness::app::App;
use crate::harness::privilege::is_root;
use crate::harness::wait::wait_until;

/// Needs root, for a small file system of its own.
#[test]
fn on_a_full_disk_lines_go_where_those_of_the_master_go_until_there_is_room() {
    if !is_root("a full disk") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let mount = format!("mount -t tmpfs -o size=1m none {0} && exec \"$@\"", disk.display());
    let mut program = Program::new("unshare");
    program.args(["--mount", "sh", "-c", &mount, "sh", env!("CARGO_BIN_EXE_lines")]);
    program.arg(folder.path().join("control")).arg("each").arg(disk.join("out.log"));
    let app = App::start(&mut program).listening();
    // Nobody else sees that file system.
    let seen = |name: &str| {
        let below = disk.join(name);
        PathBuf::from(format!("/proc/{}/root{}", app.master.pid, below.display()))
    };
    let count =
        |name: &str| fs::read_to_string(seen(name)).unwrap_or_default().matches("out ").count();
    let ask = || (0..20).for_each(|_| assert_eq!(app.get("/line").status, 200));
    app.log.wait_for("worker 1 (generation 1) is ready");
    ask();
    assert_eq!(count("out-0.log") + count("out-1.log"), 20);

    let mut filler = fs::File::create(seen("filler")).unwrap();
    let wrote = std::io::copy(&mut std::io::repeat(0), &mut filler);
    assert_eq!(wrote.unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    wait_until("both to be told", || app.log.count("its disk is full") == 2);
    ask();
    wait_until("the lines", || app.out.count("out ") == 20 && app.log.count("err ") == 20);
    assert_eq!(count("out-0.log") + count("out-1.log"), 20);

    drop(filler);
    fs::remove_file(seen("filler")).unwrap();
    wait_until("room", || {
        ["out-0.log", "out-1.log"].iter().all(|name| {
            fs::read_to_string(seen(name)).unwrap_or_default().contains("is written again")
        })
    });
    ask();
    assert_eq!(count("out-0.log") + count("out-1.log"), 40);
    assert_eq!(app.log.count("its disk is full"), 2, "it is told once by each");
    app.stop();
}
