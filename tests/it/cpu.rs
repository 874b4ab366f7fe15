//! Policy `cpu`: a connection is served on the CPU on which it came in, which on loopback is that of the
//! client.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::harness::app::{App, demo_path};
use crate::harness::client;
use crate::harness::privilege::{is_root, skip};
use crate::harness::process::{Process, queued};
use crate::harness::wait::{wait_for, wait_until};

const POLICY: [&str; 2] = ["--policy", "cpu"];

/// The CPUs of this process.
fn cpus() -> Vec<usize> {
    cpus_of(std::process::id())
}

fn cpus_of(pid: u32) -> Vec<usize> {
    let set = sched_getaffinity(Pid::from_raw(i32::try_from(pid).unwrap())).unwrap();
    (0..CpuSet::count()).filter(|cpu| set.is_set(*cpu).unwrap()).collect()
}

/// The first two; `None` on a machine with one.
fn two_cpus(what: &str) -> Option<[usize; 2]> {
    let cpus = cpus();
    if cpus.len() < 2 {
        skip(what, "a second CPU");
        return None;
    }
    Some([cpus[0], cpus[1]])
}

/// What `ask` brings on a thread of its own that is bound to this CPU.
fn on<T: Send>(cpu: usize, ask: impl FnOnce() -> T + Send) -> T {
    let bound = || {
        let mut only = CpuSet::new();
        only.set(cpu).unwrap();
        sched_setaffinity(Pid::from_raw(0), &only).unwrap();
        ask()
    };
    std::thread::scope(|scope| scope.spawn(bound).join().unwrap())
}

/// The workers that answer clients on this CPU.
fn answering(app: &App, cpu: usize) -> BTreeSet<u16> {
    let port = app.port;
    on(cpu, || (0..60).map(|_| client::get(port, "/").unwrap().worker()).collect())
}

fn demo(arguments: &[&str]) -> App {
    App::controlled(&[&POLICY, arguments].concat())
}

#[test]
fn a_connection_is_served_on_the_cpu_on_which_it_came_in() {
    let Some([first, second]) = two_cpus("locality") else { return };
    let others = cpus().len();
    let app = demo(&["--workers", &(2 * others).to_string()]);
    let slot = |at: usize| u16::try_from(at).unwrap();
    wait_until("all workers", || app.status().workers_ready == slot(2 * others));
    assert_eq!(answering(&app, first), [0, slot(others)].into());
    assert_eq!(answering(&app, second), [1, slot(others + 1)].into());
    assert_eq!(cpus_of(app.worker(0).pid), [first]);
    assert_eq!(cpus_of(app.worker(1).pid), [second]);
    assert_eq!(cpus_of(app.master.pid), cpus(), "the master is bound to none");
    app.stop();
}

/// Left alone, the kernel gives the second of them twice as many: it looks for a listener of the CPU from
/// where its hash points.
#[test]
fn workers_that_share_a_cpu_share_its_connections_evenly() {
    let Some([first, second]) = two_cpus("shared CPUs") else { return };
    let mut command = Command::new("taskset");
    command.args(["-c", &format!("{first},{second}")]).arg(demo_path()).args(POLICY);
    let app = App::start(command.args(["--workers", "3", "--port", "0"])).listening();
    let port = app.port;
    let workers: Vec<u16> =
        on(first, || (0..600).map(|_| client::get(port, "/").unwrap().worker()).collect());
    let of_the_first = workers.iter().filter(|worker| **worker == 0).count();
    // By chance alone it is outside of this once in a million runs.
    assert!((240..=360).contains(&of_the_first), "{of_the_first} of 600");
    assert!(workers.iter().all(|worker| [0, 2].contains(worker)));
    assert_eq!(answering(&app, second), [1].into());
    app.stop();
}

#[test]
fn with_fewer_workers_than_cpus_they_serve_the_other_cpus_as_well() {
    let Some([first, second]) = two_cpus("fewer workers than CPUs") else { return };
    let app = demo(&["--workers", "1"]);
    assert_eq!(answering(&app, first), [0].into());
    assert_eq!(answering(&app, second), [0].into());
    app.stop();
}

/// As with taskset(1), systemd's `CPUAffinity`, or a cpuset.
#[test]
fn only_cpus_that_may_be_used_are_used() {
    let Some([_, second]) = two_cpus("affinity") else { return };
    let mut command = Command::new("taskset");
    command.args(["-c", &second.to_string()]).arg(demo_path()).args(POLICY);
    let app = App::start(command.args(["--workers", "max", "--port", "0"])).listening();
    assert_eq!(app.children().len(), 1, "max is one for each CPU that may be used");
    assert_eq!(cpus_of(app.worker(0).pid), [second]);
    app.signal(Signal::SIGTTIN);
    app.log.wait_for("worker 1 (generation 1) is ready");
    assert_eq!(cpus_of(app.worker(1).pid), [second]);
    assert!(answering(&app, second).len() == 2, "two workers share the CPU");
    app.stop();
}

#[test]
fn a_slot_without_a_worker_is_led_around_within_its_cpu_and_else_to_the_others() {
    let Some([first, second]) = two_cpus("vacant slots") else { return };
    let mut command = Command::new("taskset");
    command.args(["-c", &format!("{first},{second}")]).arg(demo_path()).args(POLICY);
    // A worker that dies has no successor for a while.
    command.args(["--workers", "4", "--port", "0", "--min-uptime", "1000"]);
    let app = App::start(&mut command).listening();
    let kill = |worker: u16| {
        for generation in 1..=8 {
            app.log.wait_for(&format!("worker {worker} (generation {generation}) is ready"));
            app.worker(worker).signal(Signal::SIGKILL);
        }
        app.log.wait_for(&format!("worker {worker} is backing-off for 1708 ms"));
    };
    kill(2);
    // The log line comes just before the kernel is told.
    wait_until("the detour", || queued(app.port) == 0 && answering(&app, first) == [0].into());
    assert_eq!(answering(&app, second), [1, 3].into());
    let late = app.log.count("worker 2 (generation 9) is starting");
    assert_eq!(late, 0, "the machine is too slow for this test");
    app.log.wait_for("worker 2 (generation 9) is ready");
    wait_until("both to serve again", || answering(&app, first) == [0, 2].into());
    app.stop();
}

/// CPUs of a control group, version 1 or 2.
struct Cpuset {
    folder: PathBuf,
}

impl Cpuset {
    /// A new group with this CPU only; `None` where that cannot be had.
    fn new(cpu: usize) -> Option<Self> {
        let roots = ["/sys/fs/cgroup/cpuset", "/sys/fs/cgroup"];
        let root = roots.iter().map(PathBuf::from).find(|root| {
            root.join("cpuset.cpus").exists() || root.join("cpuset.cpus.effective").exists()
        })?;
        let folder = root.join(format!("evenkeel-test-{}", std::process::id()));
        fs::create_dir(&folder).ok()?;
        let this = Self { folder };
        this.set(cpu).ok()?;
        // Version 1 wants to be told, version 2 has no such file or takes the parent's.
        let _ = fs::write(this.folder.join("cpuset.mems"), "0");
        Some(this)
    }

    fn set(&self, cpu: usize) -> std::io::Result<()> {
        fs::write(self.folder.join("cpuset.cpus"), cpu.to_string())
    }

    fn take(&self, process: Process) {
        fs::write(self.folder.join("cgroup.procs"), process.pid.to_string()).unwrap();
    }
}

impl Drop for Cpuset {
    /// A group can be removed when the last of its processes has been reaped.
    fn drop(&mut self) {
        for _ in 0..1000 {
            if fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

/// The kernel moves workers at once; which connections are theirs follows with a reload.
#[test]
fn a_reload_follows_a_change_of_the_cpuset() {
    let what = "a change of the cpuset";
    let Some([first, second]) = two_cpus(what) else { return };
    let Some(group) = is_root(what).then(|| Cpuset::new(second)).flatten() else {
        return skip(what, "a control group with cpuset");
    };
    let app = demo(&["--workers", "2"]);
    wait_until("all workers", || app.status().workers_ready == 2);
    assert_eq!(answering(&app, first), [0].into());
    for process in app.children().into_iter().chain([app.master]) {
        group.take(process);
    }
    assert_eq!(cpus_of(app.worker(0).pid), [second], "by the kernel");
    assert_eq!(answering(&app, first).len(), 1, "all goes on");
    app.done(evenkeel::control::Command::Reload {});
    wait_until("two that share the CPU", || answering(&app, second) == [0, 1].into());
    assert_eq!(answering(&app, first).len(), 2, "no worker has this one: the kernel's hash");
    app.stop();
}

/// Takes a CPU offline, and back.
struct Offline(PathBuf);

impl Offline {
    fn new(cpu: usize) -> Option<Self> {
        let switch = PathBuf::from(format!("/sys/devices/system/cpu/cpu{cpu}/online"));
        fs::write(&switch, "0").ok().map(|()| Self(switch))
    }
}

impl Drop for Offline {
    fn drop(&mut self) {
        let _ = fs::write(&self.0, "1");
    }
}

#[test]
#[ignore = "takes a CPU from the whole machine for a second: to be run alone"]
fn a_cpu_that_goes_offline_takes_nobody_with_it() {
    let what = "a CPU that goes offline";
    let Some([first, second]) = two_cpus(what) else { return };
    if !is_root(what) {
        return;
    }
    // The kernel gives a CPU that comes back to the root's cpuset only (cgroup version 1).
    if fs::read_to_string("/proc/self/cpuset").is_ok_and(|path| path.trim() != "/") {
        return skip(what, "the cpuset of the root");
    }
    let app = demo(&["--workers", "2"]);
    wait_until("all workers", || app.status().workers_ready == 2);
    assert_eq!(answering(&app, second), [1].into());
    let Some(offline) = Offline::new(second) else {
        app.stop();
        return skip(what, "a CPU that can be taken offline");
    };
    let worker = app.worker(1);
    assert_eq!(answering(&app, first), [0].into(), "as before");
    assert!(worker.lives());
    // Who comes now looks which CPUs there are.
    app.done(evenkeel::control::Command::Reload {});
    assert_eq!(cpus_of(app.worker(1).pid), [first]);
    wait_until("two that share the CPU", || answering(&app, first) == [0, 1].into());
    drop(offline);
    wait_for("the CPU", || cpus().contains(&second).then_some(()));
    app.done(evenkeel::control::Command::Reload {});
    wait_until("each on its own again", || answering(&app, second) == [1].into());
    app.stop();
}
