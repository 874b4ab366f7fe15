//! A dead man's switch: the kernel's timer ends a process whose loop does not come back.
//!
//! The timer sends a signal to the loop's own thread. Its handler reads when the loop last got on, from
//! the scoreboard: as long as the loop gets on, or waits for events, the timer costs a few signals for
//! each `limit` and no system call of the loop. A loop that has not got on for the whole limit is
//! ended.
//!
//! Time in which the process stood still is not counted. It stands still under SIGSTOP, under a
//! debugger, in a frozen container, on a machine that sleeps. Two things tell: SIGCONT, and a signal
//! that comes much later than its timer was due.

use std::io;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};
use nix::unistd::gettid;

use super::clock::monotonic_ns;

/// Hardly anybody uses it: setitimer(2) sends it for virtual time.
const SIGNAL: libc::c_int = libc::SIGVTALRM;

/// Looks for each limit: as coarse is what is known of a time in which the process stood still
/// without a SIGCONT at its end.
const LOOKS: u64 = 4;

/// The switch of this process; there is one loop in it.
#[derive(Debug)]
pub(crate) struct Watchdog(&'static State);

#[derive(Debug)]
struct State {
    timer: libc::timer_t,
    limit_ns: u64,
    /// A look that comes this much too late tells that the process stood still.
    stopped_after: Duration,
    progress: &'static AtomicU64,
    /// Told to those who look before the end.
    hung: &'static AtomicBool,
    armed: AtomicBool,
    due_ns: AtomicU64,
    /// When it last began to run again after it had stood still.
    resumed_ns: AtomicU64,
}

// SAFETY: timer_t is a number that the kernel gave out; all else is atomic.
unsafe impl Sync for State {}
// SAFETY: as above.
unsafe impl Send for State {}

impl Watchdog {
    /// For the loop of the calling thread, which writes into `progress` when it gets on, in
    /// nanoseconds of `CLOCK_MONOTONIC`, and 0 before it waits. `hung` becomes true just before the
    /// process is ended.
    pub(crate) fn new(
        limit: Duration,
        stopped_after: Duration,
        progress: &'static AtomicU64,
        hung: &'static AtomicBool,
    ) -> io::Result<Self> {
        let state: &'static State = Box::leak(Box::new(State {
            timer: timer_for_this_thread()?,
            stopped_after,
            limit_ns: u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX),
            progress,
            hung,
            armed: AtomicBool::new(false),
            due_ns: AtomicU64::new(0),
            resumed_ns: AtomicU64::new(0),
        }));
        // What this program was started with may have blocked them (signal(7)).
        [Signal::SIGVTALRM, Signal::SIGCONT].into_iter().collect::<SigSet>().thread_unblock()?;
        // SAFETY: the action reads and writes atomics and calls clock_gettime, timer_settime and
        // raise, all of them safe in a signal handler (signal-safety(7)).
        unsafe { signal_hook::low_level::register(SIGNAL, move || state.look()) }?;
        let resumed = move || state.resumed_ns.store(monotonic_ns(), SeqCst);
        // SAFETY: the action calls clock_gettime and stores an atomic.
        unsafe { signal_hook::low_level::register(libc::SIGCONT, resumed) }?;
        Ok(Self(state))
    }

    /// The loop begins a turn. Costs a system call when the switch had found it waiting only.
    pub(crate) fn watch(&self) {
        if !self.0.armed.load(SeqCst) {
            self.0.arm(self.0.limit_ns / LOOKS);
        }
    }
}

impl State {
    fn arm(&self, in_ns: u64) {
        self.armed.store(true, SeqCst);
        self.due_ns.store(monotonic_ns().saturating_add(in_ns), SeqCst);
        let (seconds, nanoseconds) = (in_ns / 1_000_000_000, in_ns % 1_000_000_000);
        let value = libc::timespec {
            tv_sec: libc::time_t::try_from(seconds).unwrap_or(libc::time_t::MAX),
            tv_nsec: libc::c_long::try_from(nanoseconds).unwrap_or(0),
        };
        let once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let time = libc::itimerspec { it_interval: once, it_value: value };
        // SAFETY: the timer is never deleted; `time` lives until the call returns, and null asks for
        // no old value. It fails for a wrong timer or a negative time only.
        unsafe { libc::timer_settime(self.timer, 0, &raw const time, std::ptr::null_mut()) };
    }

    /// The timer ran out. Runs in a signal handler.
    fn look(&self) {
        let now = monotonic_ns();
        let progress = self.progress.load(SeqCst);
        if progress == 0 {
            // It waits: the next turn arms the timer.
            return self.armed.store(false, SeqCst);
        }
        let late = now.saturating_sub(self.due_ns.load(SeqCst));
        if Duration::from_nanos(late) > self.stopped_after {
            self.resumed_ns.store(now, SeqCst);
        }
        let since = progress.max(self.resumed_ns.load(SeqCst));
        let busy = now.saturating_sub(since);
        if busy < self.limit_ns {
            return self.arm((self.limit_ns - busy).min(self.limit_ns / LOOKS));
        }
        self.hung.store(true, SeqCst);
        // SAFETY: raise(3) takes any number, and this one ends the process.
        unsafe { libc::raise(libc::SIGKILL) };
    }
}

/// A timer of `CLOCK_MONOTONIC`, whose signal comes to the calling thread.
fn timer_for_this_thread() -> io::Result<libc::timer_t> {
    // SAFETY: all zeroes are a valid sigevent, which is plain data.
    let mut event: libc::sigevent = unsafe { MaybeUninit::zeroed().assume_init() };
    event.sigev_notify = libc::SIGEV_THREAD_ID;
    event.sigev_signo = SIGNAL;
    event.sigev_notify_thread_id = gettid().as_raw();
    let mut timer: libc::timer_t = std::ptr::null_mut();
    // SAFETY: both pointers point to values of this frame, which the kernel uses during the call.
    let made = unsafe { libc::timer_create(libc::CLOCK_MONOTONIC, &raw mut event, &raw mut timer) };
    if made == 0 { Ok(timer) } else { Err(io::Error::last_os_error()) }
}
