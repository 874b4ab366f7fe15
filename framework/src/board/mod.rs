//! The scoreboard: one shared mapping, written by the workers, read by everybody who looks.
//!
//! Each slot has two seats, because two of its workers may live at a time: one that drains and its
//! successor. A seat's counters are written by the one worker that sits there, with plain relaxed
//! stores, so that counting costs no locked instruction. They go on over generations; only the
//! gauges are set back when a worker leaves.

mod cause;
mod head;
mod histogram;
mod journal;
mod layout;
mod seat;
mod snapshot;

use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;

use crate::sys::shared;

pub(crate) use cause::Cause;
pub(crate) use head::{Deed, Doing};
pub(crate) use journal::{Happening, What};
pub(crate) use layout::{Board, LAYOUT, Row, SEATS};
pub(crate) use seat::Seat;
pub use seat::total;
pub use snapshot::{Phase, Snapshot, WorkerSnapshot};

/// How the name of the mapping begins in `/proc/PID/maps`; the master's pid follows.
pub(crate) const NAME_PREFIX: &str = "evenkeel-board-";

/// Makes the scoreboard of this master, and the descriptor by which another program gets it.
pub(crate) fn create() -> io::Result<(&'static Board, OwnedFd)> {
    let name = CString::new(format!("{NAME_PREFIX}{}", std::process::id()))?;
    let memory = shared::create::<Board>(&name)?;
    let board = shared::map::<Board>(&memory)?;
    board.sign();
    Ok((board, memory))
}

/// Takes over the scoreboard that another program made.
pub(crate) fn take_over(memory: &OwnedFd) -> io::Result<&'static Board> {
    let board = shared::map::<Board>(memory)?;
    if !board.is_signed() {
        return Err(io::Error::other("its scoreboard is laid out in another way"));
    }
    Ok(board)
}
