//! The dispatcher's metrics, which there are with policy `rr` only.
//!
//! How many connections wait for it is `evenkeel_queue_depth` with an empty `slot`: it leaves them in the
//! kernel until a worker has room.

use super::super::exposition::{Exposition, Kind};
use super::super::process;
use crate::board::{Board, Phase, Seat, total};
use crate::ids::Place;

#[allow(clippy::cast_precision_loss, reason = "nanoseconds stay below 2^52 for months")]
pub(super) fn write(all: &mut Exposition, board: &Board) {
    let row = board.row(Place::Dispatcher);
    if row.generation() == 0 {
        return;
    }
    let sum = |count: fn(&Seat) -> u64| total(row.seats().iter().map(count));
    let help = "Connections that the dispatcher took, each to hand it to a worker.";
    all.family("evenkeel_dispatcher_connections_accepted", Kind::Counter, help)
        .sample(&[], sum(Seat::accepted));
    let help = "Connections that the dispatcher took and no worker has acknowledged yet.";
    all.family("evenkeel_dispatcher_connections_held", Kind::Gauge, help)
        .sample(&[], sum(Seat::open));
    let help = "Pauses of the dispatcher's accepting, because a limit was reached.";
    all.family("evenkeel_dispatcher_errors", Kind::Counter, help).sample(&[], sum(Seat::errors));
    let help = "Time in which the dispatcher did not wait for events.";
    all.family("evenkeel_dispatcher_busy_seconds", Kind::Counter, help)
        .sample(&[], sum(Seat::busy_ns) as f64 / 1e9);
    let help = "Dispatchers so far.";
    all.family("evenkeel_dispatcher_generation", Kind::Gauge, help).sample(&[], row.generation());
    let help = "Process id of the newest dispatcher; 0 when it is gone.";
    all.family("evenkeel_dispatcher_pid", Kind::Gauge, help).sample(&[], row.pid());
    let help = "What the dispatcher is doing: 1 for that, 0 for the rest.";
    let mut family = all.family("evenkeel_dispatcher_phase", Kind::Gauge, help);
    for phase in Phase::ALL {
        family.sample(&[("phase", &phase)], u8::from(row.phase() == phase));
    }
    let pid = Some(row.pid()).filter(|pid| *pid != 0);
    if let Some(bytes) = pid.and_then(process::memory_bytes) {
        let help = "Memory that only the newest dispatcher has.";
        all.family("evenkeel_dispatcher_memory_bytes", Kind::Gauge, help).sample(&[], bytes);
    }
    if let Some(seconds) = pid.and_then(process::cpu_seconds) {
        let help = "CPU time of the newest dispatcher: it begins anew with each.";
        all.family("evenkeel_dispatcher_cpu_seconds", Kind::Gauge, help).sample(&[], seconds);
    }
}
