//! A machine in a box: systemd as process 1 of namespaces of its own, with its own network, `/run`, `/var`
//! and units, and nothing of the machine's own services.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use tempfile::TempDir;

use super::client::{Answer, Client, Failure};
use super::load::Load;
use super::privilege::{is_installed, is_root, skip};
use super::process::Process;
use super::wait::wait_until;

/// The only port that is used there.
pub(crate) const PORT: u16 = 8080;
const SYSTEMD: &str = "/lib/systemd/systemd";
/// A machine that is not there by then does not come up here.
const BOOT_PATIENCE: Duration = Duration::from_secs(20);

/// Arguments: the cgroup, the folder of units, the folder of programs. What the machine would start by
/// itself is hidden. Mounts are shared there, as a service is handed files (`LoadCredential=`) by a mount that
/// another process makes.
const BOOT: &str = r#"
echo $$ > "$1/cgroup.procs" || exit 1
exec unshare --fork --pid --mount --cgroup --uts --ipc --net --mount-proc --kill-child sh -ec '
mount --make-rshared /
mount -t tmpfs tmpfs /run
mkdir -p /run/lock /run/programs
mount --bind "$2" /run/programs
mount -t cgroup2 cgroup2 /sys/fs/cgroup
units=/lib/systemd/system
for folder in /lib/systemd/system-generators $units/sysinit.target.wants $units/sockets.target.wants \
    $units/timers.target.wants $units/local-fs.target.wants $units/basic.target.wants \
    $units/multi-user.target.wants /var/lib /var/log /var/cache; do
    if [ -d "$folder" ]; then mount -t tmpfs -o mode=755 tmpfs "$folder"; fi
done
mount --bind "$1" /etc/systemd/system
exec env -i container=evenkeel-test PATH="$PATH" /lib/systemd/systemd --system \
    --unit=multi-user.target --show-status=no --log-target=null --default-standard-output=null
' sh "$2" "$3"
"#;

/// What stays when it is switched off.
pub(crate) struct Disk {
    folder: TempDir,
}

/// The machine, switched on.
pub(crate) struct Booted {
    outer: Child,
    init: Process,
    cgroup: PathBuf,
}

impl Disk {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["units", "programs"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder }
    }

    /// Puts a program there, in the place of one of the same name; its path on the machine.
    pub(crate) fn install(&self, program: &Path, name: &str) -> String {
        let programs = self.folder.path().join("programs");
        fs::copy(program, programs.join("new")).unwrap();
        fs::rename(programs.join("new"), programs.join(name)).unwrap();
        format!("/run/programs/{name}")
    }

    /// Switches the machine on, if this one can have such a thing; otherwise `what` is left out.
    pub(crate) fn boot(&self, what: &str) -> Option<Booted> {
        if !is_root(what) || !is_installed("systemctl", what) {
            return None;
        }
        let Some(cgroup) = own_cgroup().filter(|_| Path::new(SYSTEMD).exists()) else {
            skip(what, "a cgroup of its own, or systemd");
            return None;
        };
        let mut outer = Command::new("sh");
        outer.args(["-c", BOOT, "sh"]).arg(&cgroup);
        outer.args(["units", "programs"].map(|name| self.folder.path().join(name)));
        outer.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut outer = outer.spawn().unwrap();
        let process = Process::of(outer.id()).unwrap();
        let deadline = Instant::now() + BOOT_PATIENCE;
        while Instant::now() < deadline && outer.try_wait().unwrap().is_none() {
            if let Some(init) = process.children().first().copied()
                && running(init)
            {
                return Some(Booted { outer, init, cgroup });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = outer.kill();
        let output = outer.wait_with_output().unwrap();
        remove(&cgroup);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        skip(what, &format!("systemd as process 1 of a namespace ({})", said.trim()));
        None
    }
}

impl Booted {
    /// Runs a program there: whether it succeeded, and what it said.
    pub(crate) fn run(&self, program: impl AsRef<Path>, arguments: &[&str]) -> (bool, String) {
        run(self.init, program.as_ref(), arguments)
    }

    pub(crate) fn systemctl(&self, arguments: &[&str]) -> String {
        let (done, text) = self.run("systemctl", arguments);
        assert!(done, "systemctl {arguments:?}: {text}");
        text
    }

    /// A property of a unit.
    pub(crate) fn show(&self, unit: &str, property: &str) -> String {
        self.systemctl(&["show", "--value", "--property", property, unit]).trim().to_owned()
    }

    /// The process that has this number there.
    pub(crate) fn process(&self, number: &str) -> Process {
        let has_number = |pid: &u32| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
            let inside = numbers.is_some_and(|all| all.split_whitespace().last() == Some(number));
            inside && same_namespace(self.init.pid, *pid)
        };
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.into_iter().find(has_number).and_then(Process::of).expect("that process")
    }

    /// One request on a connection of its own.
    pub(crate) fn get(&self, target: &str) -> Result<Answer, Failure> {
        let (namespace, target) = (self.network(), target.to_owned());
        let asking = std::thread::spawn(move || {
            enter(&namespace);
            Client::connect(PORT)?.get_last(&target)
        });
        asking.join().unwrap()
    }

    /// A new connection for each request.
    pub(crate) fn load(&self, clients: usize) -> Load {
        Load::of(clients, || {
            let mut network = Some(self.network());
            move || {
                network.take().iter().for_each(enter);
                Client::connect(PORT)?.get_last("/whoami")
            }
        })
    }

    fn network(&self) -> File {
        File::open(format!("/proc/{}/ns/net", self.init.pid)).unwrap()
    }
}

impl Drop for Booted {
    fn drop(&mut self) {
        // Nothing in the namespace outlives its process 1.
        self.init.signal(nix::sys::signal::Signal::SIGKILL);
        let _ = self.outer.wait();
        remove(&self.cgroup);
    }
}

fn same_namespace(one: u32, other: u32) -> bool {
    let [one, other] = [one, other].map(|pid| fs::read_link(format!("/proc/{pid}/ns/pid")).ok());
    one.is_some() && one == other
}

/// This thread is on that network from now on.
fn enter(network: &File) {
    setns(network, CloneFlags::CLONE_NEWNET).unwrap();
}

fn running(init: Process) -> bool {
    // Before that, the namespaces are not complete.
    let name = fs::read_to_string(format!("/proc/{}/comm", init.pid)).unwrap_or_default();
    name.trim() == "systemd"
        && run(init, Path::new("systemctl"), &["is-active", "multi-user.target"]).0
}

fn run(init: Process, program: &Path, arguments: &[&str]) -> (bool, String) {
    let pid = init.pid.to_string();
    let mut inside = Command::new("nsenter");
    inside.args(["--all", "--target", &pid]).arg(program).args(arguments);
    let output = inside.stdin(Stdio::null()).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

/// A new cgroup of version 2, which has no process.
fn own_cgroup() -> Option<PathBuf> {
    static MACHINES: AtomicUsize = AtomicUsize::new(0);
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let mut roots =
        fields.filter(|fields| fields[2] == "cgroup2").map(|fields| fields[1].to_owned());
    let name = format!("evenkeel-test-{}-{}", std::process::id(), MACHINES.fetch_add(1, Relaxed));
    let folder = Path::new(&roots.next()?).join(name);
    fs::create_dir(&folder).ok()?;
    Some(folder)
}

/// As soon as nobody lives in it.
fn remove(cgroup: &Path) {
    fn remove_below(folder: &Path) {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            remove_below(&entry.path());
        }
        let _ = fs::remove_dir(folder);
    }
    if std::thread::panicking() {
        return remove_below(cgroup);
    }
    wait_until("the end of the machine", || {
        remove_below(cgroup);
        !cgroup.exists()
    });
}
