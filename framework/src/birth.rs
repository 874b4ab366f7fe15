//! What a child begins its life with, and what it says with its death.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use nix::sys::prctl::set_pdeathsig;

use crate::board::{Board, Seat};
use crate::ids::ChildId;
use crate::limits::STOPPED_AFTER;
use crate::net::balance::Load;
use crate::net::channel::{Channel, Report};
use crate::plan::{AcceptWake, Address, Plan};
use crate::signals::Signals;
use crate::sys::watchdog::Watchdog;

/// What a child begins its life with. It owns nothing else of the master.
#[derive(Debug)]
pub(crate) struct Birth {
    pub(crate) id: ChildId,
    pub(crate) plan: Plan,
    pub(crate) board: &'static Board,
    /// Where it counts.
    pub(crate) seat: &'static Seat,
    /// Where it tells of its load, if the policy goes by that.
    pub(crate) load: Option<Load>,
    pub(crate) channel: &'static Channel,
    /// The user's master hears what the worker says.
    pub(crate) heard: bool,
    pub(crate) signals: Signals,
    pub(crate) stock: Stock,
    /// The listeners of further addresses, if it is a worker.
    pub(crate) further: Vec<OwnedFd>,
    /// Which of its listeners were passed to the server and stay open when all go, the primary one first.
    pub(crate) lent: Vec<bool>,
    /// Its slot's sockets for datagrams. The user's threads may use them until the process ends.
    pub(crate) udp: &'static [OwnedFd],
    /// If it is the admin process.
    pub(crate) outfit: Option<Outfit>,
}

/// What the admin process has besides.
#[derive(Debug)]
pub(crate) struct Outfit {
    /// The process id of the master.
    pub(crate) master: u32,
    /// On each of these the master takes one command at a time.
    pub(crate) lines: Vec<UnixStream>,
    /// Addresses whose accept queue all workers share, and their sockets' numbers in the kernel's lists.
    pub(crate) shared: Vec<(Address, u64)>,
}

/// Where a child gets its connections from.
#[derive(Debug)]
pub(crate) enum Stock {
    /// Its slot's listener.
    Slot {
        listener: OwnedFd,
        /// The first worker of a slot bound it, and is to lodge it.
        is_new: bool,
        /// Which CPU's connections it is for.
        cpu: Option<usize>,
    },
    /// The listener that all workers share.
    Shared(OwnedFd, AcceptWake),
    /// Links with dispatchers, which the master brings.
    Links,
    /// It is the dispatcher, and this is its listener.
    Dispatcher(OwnedFd),
}

/// What a worker takes up, once.
#[derive(Debug)]
pub(crate) struct Possessions {
    pub(crate) stock: Stock,
    pub(crate) further: Vec<OwnedFd>,
}

impl Birth {
    /// What there is to take up. The second time it is nothing.
    pub(crate) fn take_possessions(&mut self) -> Possessions {
        // An empty stand-in.
        let stock = std::mem::replace(&mut self.stock, Stock::Links);
        Possessions { stock, further: std::mem::take(&mut self.further) }
    }

    /// Ends this process when its loop, on the calling thread, does not come back; `None` if the user
    /// wants none.
    pub(crate) fn watchdog(&self) -> io::Result<Option<Watchdog>> {
        let (progress, hung) = self.seat.watched();
        let limit = self.plan.term.hang_timeout;
        limit.map(|limit| Watchdog::new(limit, STOPPED_AFTER, progress, hung)).transpose()
    }

    /// What was asked for after the start: a filter of system calls, for all threads.
    #[cfg(feature = "seccomp")]
    pub(crate) fn confine(&self) -> io::Result<()> {
        self.plan.guard.seccomp.map_or(Ok(()), crate::guard::filter)
    }

    /// The library was built without a filter of system calls.
    #[cfg(not(feature = "seccomp"))]
    #[allow(clippy::unnecessary_wraps, clippy::unused_self, reason = "as with the feature")]
    pub(crate) fn confine(&self) -> io::Result<()> {
        Ok(())
    }

    /// Tells the master that this child serves. From now on the end of the channel says when the
    /// master dies, and the child may finish what it has.
    pub(crate) fn ready(&self, lodged: Option<OwnedFd>) -> io::Result<()> {
        self.channel.report(&Report::Ready { lodged })?;
        set_pdeathsig(None)?;
        Ok(())
    }
}

/// What a worker says with its exit code.
pub(crate) mod code {
    /// Done; a successor is welcome at once.
    pub(crate) const DONE: i32 = 0;
    /// It ended with an error; the text came over the channel.
    pub(crate) const FAILED: i32 = 1;
    /// `EX_TEMPFAIL` of sysexits(3): try again later, even after a healthy life.
    pub(crate) const RETRY_LATER: i32 = 75;
    /// `EX_CONFIG` of sysexits(3): no worker can ever work like this; stop everything.
    pub(crate) const FATAL: i32 = 78;
    /// Told by somebody else than the master to end at once, and what it had is cut: as a shell says of
    /// SIGTERM.
    pub(crate) const CUT: i32 = 143;
    /// What Rust programs exit with after a panic.
    pub(crate) const PANICKED: i32 = 101;
}
