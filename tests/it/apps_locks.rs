//! What one process at a time may change: who can keep others from it, and what they are told.

use std::fs::{self, File};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::Signal;

use crate::harness::app::{App, demo_path, run_to_end};
use crate::harness::cli::{Cli, evenkeel_path};
use crate::harness::privilege::is_root;
use crate::harness::wait::wait_until;

fn hold(path: &Path) -> Flock<File> {
    let file = File::open(path).unwrap();
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| errno).unwrap()
}

fn make(path: &Path, mode: u32) {
    fs::DirBuilder::new().mode(mode).create(path).unwrap();
}

#[test]
fn of_masters_that_start_at_the_same_time_one_has_the_name() {
    let cli = Cli::new();
    for _ in 0..3 {
        let start = || {
            let mut demo = cli.program(demo_path());
            App::start(demo.args(["--name", "shop", "--port", "0", "--workers", "1"]))
        };
        let mut started: Vec<App> = (0..6).map(|_| start()).collect();
        wait_until("the end of all but one", || {
            started.iter().filter(|app| app.master.lives()).count() == 1
        });
        let at = started.iter().position(|app| app.master.lives()).unwrap();
        let mut winner = started.remove(at).listening();
        assert_eq!(cli.master("shop"), winner.master);
        for loser in &mut started {
            assert_eq!(loser.ended().code(), Some(69), "{}", loser.log.text());
            let text = format!("named shop runs already: process {}", winner.master.pid);
            assert!(loser.log.text().contains(&text), "{}", loser.log.text());
        }
        winner.signal(Signal::SIGTERM);
        assert_eq!(winner.ended().code(), Some(0));
        assert!(!cli.path("run/shop").exists());
    }
}

/// Another user can lock a directory that he can open, and no more than that: root's, and the folder of a service
/// whose manager made it as it does by default.
#[test]
fn who_may_only_read_a_directory_holds_up_nobody() {
    let cli = Cli::new();
    cli.write_two();
    let directories = [("run", 0o755), ("run/shop", 0o755), ("state", 0o700)];
    let _held: Vec<_> = directories
        .iter()
        .map(|(name, mode)| {
            make(&cli.path(name), *mode);
            hold(&cli.path(name))
        })
        .collect();
    cli.done(&["start", "apps.toml"]);
    for name in ["run/shop/lock", "run/blog/lock", "state/apps.lock"] {
        let mode = fs::metadata(cli.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    cli.done(&["stop", "shop", "--forget"]);
    cli.done(&["stop", "blog"]);
    cli.all_gone();
    assert!(!cli.path("run/shop").exists() && !cli.path("run/blog").exists());
}

#[test]
fn a_lock_that_is_never_given_back_is_named() {
    let cli = Cli::two();
    cli.done(&["stop", "shop"]);
    make(&cli.path("run/shop"), 0o700);
    File::create(cli.path("run/shop/lock")).unwrap();
    let _held = [hold(&cli.path("run/shop/lock")), hold(&cli.path("state/apps.lock"))];
    let mut demo = cli.program(demo_path());
    demo.args(["--name", "shop", "--port", "0"]);
    let mut forget = cli.command(&["stop", "blog", "--forget"]);
    // A wait that does not end is seen by these.
    let ends = std::thread::scope(|scope| {
        [&mut demo, &mut forget]
            .map(|command| scope.spawn(|| run_to_end(command)))
            .map(|thread| thread.join().unwrap())
    });
    for (end, path) in ends.iter().zip(["run/shop/lock", "state/apps.lock"]) {
        assert_eq!(end.0, Some(71), "{}", end.2);
        let text = format!("{} is locked by another process", cli.path(path).display());
        assert!(end.2.contains(&text) && end.2.contains("lslocks"), "{}", end.2);
    }
    cli.all_gone();
}

/// Prints what is there, and what user nobody comes to. `$0` is the program, `$1` its file.
const IN_VAR_LIB: &str = r#"
mount -t tmpfs -o mode=755 none /var/lib
umask 077
"$0" start "$1" shop
stat -c 'made %a' /var/lib/evenkeel "$EVENKEEL_RUNTIME_DIR"
umask 022
chmod 700 /var/lib/evenkeel
"$0" start "$1"
stat -c 'opened %a' /var/lib/evenkeel
mkdir -m 755 /var/lib/evenkeel/service
chown 65534 /var/lib/evenkeel/service
setpriv --reuid=65534 --regid=65534 --clear-groups sh -c '
    touch /var/lib/evenkeel/service/file && echo his own
    for file in /var/lib/evenkeel/*.*; do
        if cat "$file"; then echo "secret $file"; else echo "closed $file"; fi
    done'
chmod 750 /var/lib/evenkeel
"$0" stop --forget all
stat -c 'left %a' /var/lib/evenkeel
"#;

/// Needs root, whose directory it is.
#[test]
fn roots_state_is_closed_and_services_of_others_come_through() {
    if !is_root("the directory of root's applications") {
        return;
    }
    let cli = Cli::new();
    cli.write_two();
    let mut shell = cli.program("unshare");
    shell.args(["--mount", "sh", "-ec", IN_VAR_LIB]).arg(evenkeel_path());
    shell.arg(cli.path("apps.toml")).env_remove("EVENKEEL_STATE_DIR");
    let (code, out, error) = run_to_end(&mut shell);
    assert_eq!(code, Some(0), "{out}{error}");
    let files = ["apps.json", "apps.lock", "blog.log", "blog.started.json", "shop.log"];
    let files = files.map(|name| format!("closed /var/lib/evenkeel/{name}\n"));
    let lines = ["made 755\nmade 755\n", "opened 755\n", "his own\n", "left 750\n"];
    for line in lines.into_iter().chain(files.iter().map(String::as_str)) {
        assert!(out.contains(line), "{line}: {out}");
    }
    assert!(!out.contains("secret"), "{out}");
}
