//! Control groups: `--workers max` counts what a CPU quota leaves, in whole CPUs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command as Program;
use std::time::Duration;

use nix::sched::{CpuSet, sched_getaffinity};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::harness::app::{App, demo_path};
use crate::harness::privilege::{is_root, skip};
use crate::harness::wait::wait_until;

/// Where the controller of version 1 is.
const CPU: &str = "/sys/fs/cgroup/cpu";
/// A usual period, in microseconds.
const PERIOD: u64 = 100_000;

/// A group of the kernel's own; it is removed when the test ends, however that ends.
struct Group(PathBuf);

impl Group {
    fn new(parent: &Path, name: &str) -> Self {
        let path = parent.join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// To so many percent of a CPU.
    fn limit(&self, percent: u64) {
        fs::write(self.0.join("cpu.cfs_period_us"), PERIOD.to_string()).unwrap();
        fs::write(self.0.join("cpu.cfs_quota_us"), quota(percent).to_string()).unwrap();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Its processes are dead, and the kernel takes a moment to see them off.
        for _ in 0..500 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        eprintln!("{} is left", self.0.display());
    }
}

/// In microseconds, for so many percent of a CPU.
fn quota(percent: u64) -> u64 {
    PERIOD * percent / 100
}

/// How many CPUs there are without a quota.
fn usable() -> usize {
    let usable = sched_getaffinity(Pid::from_raw(0)).unwrap();
    (0..CpuSet::count()).filter(|cpu| usable.is_set(*cpu).unwrap()).count()
}

/// Percents of a CPU, and what is counted: whole ones, never less than one, never more than there are.
fn cases() -> [(u64, usize); 5] {
    let all = usable();
    [(50, 1), (100, 1), (190, 1), (200, 2.min(all)), (100_000, all)]
}

/// The demo, started by a shell that does this first, with as many workers as it may use.
fn workers(before: &str, what: &str) -> usize {
    let mut shell = Program::new("unshare");
    shell.args(["--mount", "sh", "-ec"]).arg(format!("{before}\nexec \"$@\"")).arg("sh");
    shell.arg(demo_path()).args(["--workers", "max", "--port", "0"]);
    let mut app = App::start(&mut shell).listening();
    let said = app.out.text();
    let said = said.rsplit_once(" workers)").unwrap().0.rsplit(' ').next().unwrap().to_owned();
    let said: usize = said.parse().unwrap();
    wait_until("all workers", || app.log.count("is ready") >= said);
    assert_eq!(app.children().len(), said, "{what}");
    app.signal(Signal::SIGTERM);
    assert_eq!(app.ended().code(), Some(0), "{what}");
    said
}

fn version_1(what: &str) -> bool {
    if !Path::new(CPU).join("cgroup.procs").is_file() {
        skip(what, "the CPU controller of cgroup version 1");
        return false;
    }
    is_root(what)
}

#[test]
fn max_counts_the_quota_of_a_version_1_group_and_of_those_above_it() {
    if !version_1("a quota of version 1") {
        return;
    }
    let group = Group::new(Path::new(CPU), &format!("evenkeel-{}", std::process::id()));
    let inner = Group::new(&group.0, "inner");
    for (percent, expected) in cases() {
        group.limit(percent);
        let join = format!("echo $$ > {}/cgroup.procs", inner.0.display());
        assert_eq!(workers(&join, "version 1"), expected, "{percent}%");
    }
    drop(inner);
}

/// A container sees its own group where the hierarchy's root is elsewhere.
#[test]
fn max_counts_the_quota_of_a_version_1_group_that_is_mounted_as_the_root() {
    if !version_1("a quota of version 1 in a container") {
        return;
    }
    let group = Group::new(Path::new(CPU), &format!("evenkeel-{}-root", std::process::id()));
    group.limit(100);
    let (path, folder) = (group.0.display(), tempfile::tempdir().unwrap());
    let own = folder.path().display();
    // What the machine has there is not to be seen in a container; this is a mount namespace.
    let join = format!(
        "echo $$ > {path}/cgroup.procs
        mount --bind {path} {own}
        umount {CPU}
        mount --bind {own} {CPU}
        umount {own}"
    );
    assert_eq!(workers(&join, "version 1 in a container"), 1);
}

/// Version 2, by files that stand in for the kernel's: what a process reads is the same on each machine.
#[test]
fn max_counts_the_quota_of_a_version_2_group_and_of_those_above_it() {
    if !is_root("a quota of version 2") {
        return;
    }
    for (percent, expected) in cases() {
        let tree = tempfile::tempdir().unwrap();
        let inner = tree.path().join("pod/container");
        fs::create_dir_all(&inner).unwrap();
        let pod = tree.path().join("pod");
        for folder in [&pod, &inner] {
            fs::write(folder.join("cgroup.controllers"), "cpu memory\n").unwrap();
        }
        fs::write(inner.join("cpu.max"), format!("max {PERIOD}\n")).unwrap();
        fs::write(pod.join("cpu.max"), format!("{} {PERIOD}\n", quota(percent))).unwrap();
        let place = tree.path().join("self");
        fs::write(&place, "0::/pod/container\n").unwrap();
        // The shell becomes the demo, and keeps its number.
        let stand_in = format!(
            "mount --bind {} /sys/fs/cgroup\nmount --bind {} /proc/$$/cgroup",
            tree.path().display(),
            place.display()
        );
        assert_eq!(workers(&stand_in, "version 2"), expected, "{percent}%");
    }
}
