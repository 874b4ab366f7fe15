//! What the tests can do only with a privilege. Without it they say what they leave out, and how often
//! on the last line; where no privilege may be missing (`EVENKEEL_SKIP=never`, as in CI) they fail.

use std::fs;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

static SKIPPED: AtomicUsize = AtomicUsize::new(0);
static LAST_LINE: Once = Once::new();

/// Bits of a set of capabilities (capabilities(7)).
const CAP_NET_ADMIN: u32 = 12;
const CAP_NET_RAW: u32 = 13;
const CAP_SYS_ADMIN: u32 = 21;
const CAP_BPF: u32 = 39;

/// The kernel takes programs from this process; otherwise `what` is left out.
pub(crate) fn may_load_programs(what: &str) -> bool {
    may(has(CAP_BPF) || has(CAP_SYS_ADMIN), what, "CAP_BPF")
}

/// Packets may be made by hand; otherwise `what` is left out.
pub(crate) fn may_make_packets(what: &str) -> bool {
    may(has(CAP_NET_RAW), what, "CAP_NET_RAW")
}

/// Filters may be put on TCP sockets, which newer kernels do not leave to everybody; otherwise `what` is
/// left out.
pub(crate) fn may_filter(what: &str) -> bool {
    may(has(CAP_NET_ADMIN), what, "CAP_NET_ADMIN")
}

/// This process is root, with all that goes with it; otherwise `what` is left out.
pub(crate) fn is_root(what: &str) -> bool {
    may(nix::unistd::geteuid().is_root() && has(CAP_SYS_ADMIN), what, "root")
}

/// The program is there; otherwise `what` is left out.
pub(crate) fn is_installed(program: &str, what: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    may(folders.map(|folder| folder.join(program)).any(|path| path.is_file()), what, program)
}

/// Says that `what` is left out because this machine has no such thing.
pub(crate) fn skip(what: &str, missing: &str) {
    eprintln!("skipped: {what}: {missing} is missing");
    SKIPPED.fetch_add(1, Relaxed);
    LAST_LINE.call_once(|| at_exit::register(say_how_many));
}

/// What `what` needs is there; otherwise it is left out.
pub(crate) fn may(allowed: bool, what: &str, missing: &str) -> bool {
    if !allowed {
        let never = std::env::var("EVENKEEL_SKIP").is_ok_and(|value| value == "never");
        assert!(!never, "{what} is not to be left out, and {missing} is missing");
        skip(what, missing);
    }
    allowed
}

fn has(capability: u32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
    u64::from_str_radix(effective.trim(), 16).unwrap() & 1 << capability != 0
}

extern "C" fn say_how_many() {
    println!(
        "{} skipped: run as root, or grant CAP_BPF, and install what is missing, to run them",
        SKIPPED.load(Relaxed)
    );
}

#[allow(unsafe_code, reason = "the test runner has no hook for a last line")]
mod at_exit {
    /// Has `last` called when the process ends.
    pub(super) fn register(last: extern "C" fn()) {
        // SAFETY: the function lives as long as the program, and calls nothing that exits.
        unsafe { nix::libc::atexit(last) };
    }
}
