//! The scoreboard: one shared mapping, written by the workers, read by everybody who looks.
//!
//! Each slot has two seats, because two of its workers may live at a time: one that drains and its
//! successor. A seat's counters are written by the one worker that sits there, with plain relaxed
//! stores, so that counting costs no locked instruction. They go on over generations; only the
//! gauges are set back when a worker leaves.

mod histogram;
mod layout;
mod snapshot;

use std::ffi::CString;
use std::io;

use crate::sys::shared;

pub(crate) use layout::{Board, Seat};
pub use snapshot::{Phase, Snapshot, WorkerSnapshot};

/// How the name of the mapping begins in `/proc/PID/maps`; the master's pid follows.
pub(crate) const NAME_PREFIX: &str = "evenkeel-board-";

/// Makes the scoreboard of this master.
pub(crate) fn create() -> io::Result<&'static Board> {
    let name = CString::new(format!("{NAME_PREFIX}{}", std::process::id()))?;
    shared::map_shared(&name)
}
