//! What lies where in the shared mapping.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use super::head::Head;
use super::seat::{Seat, add};
use super::snapshot::Phase;
use crate::ids::{Generation, Place};
use crate::limits::SLOTS_MAX;
use crate::sys::shared::Shareable;

/// Workers of one slot that may live at a time: one, and the one that it replaces.
pub(crate) const SEATS: usize = 2;

/// Changes when anything below does, so that the program of an upgrade knows what it gets.
pub(crate) const LAYOUT: u64 = 6 << 48 | size_of::<Board>() as u64;

/// The whole mapping. Pages that no slot uses are never touched and cost nothing.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Board {
    head: Head,
    slots: [Row; SLOTS_MAX as usize],
    dispatcher: Row,
    admin: Row,
}

/// One place: what the master says of it, and the seats of its processes.
#[repr(C, align(128))]
#[derive(Debug)]
pub(crate) struct Row {
    phase: AtomicU32,
    pid: AtomicU32,
    generation: AtomicU32,
    respawns: AtomicU64,
    hangs: AtomicU64,
    since_ns: AtomicU64,
    /// The number of the slot's listener in the kernel's lists; 0: none listens.
    listener_inode: AtomicU64,
    seats: [Seat; SEATS],
}

// SAFETY: atomics only, through and through, for which all zeroes are valid.
#[allow(unsafe_code, reason = "the promise stands beside the fields that it is about")]
unsafe impl Shareable for Board {}

impl Board {
    pub(super) fn head(&self) -> &Head {
        &self.head
    }

    pub(crate) fn row(&self, place: Place) -> &Row {
        match place {
            Place::Admin => &self.admin,
            Place::Dispatcher => &self.dispatcher,
            Place::Slot(slot) => &self.slots[slot.index()],
        }
    }

    pub(super) fn slots(&self) -> &[Row] {
        &self.slots
    }
}

impl Row {
    /// One of the seats; no two workers that live at a time have the same one.
    pub(crate) fn seat(&self, number: usize) -> &Seat {
        &self.seats[number % SEATS]
    }

    pub(crate) fn seats(&self) -> &[Seat] {
        &self.seats
    }

    /// Notes that a process was put here, and when it was forked. For the master.
    pub(crate) fn occupied(&self, generation: Generation, pid: u32, since_ns: u64) {
        let respawns = u64::from(generation.0.saturating_sub(1));
        self.respawns.fetch_max(respawns, Relaxed);
        self.show(generation, pid, since_ns);
    }

    /// Notes that this one is here again, whose successor is gone. For the master.
    pub(crate) fn show(&self, generation: Generation, pid: u32, since_ns: u64) {
        self.pid.store(pid, Relaxed);
        self.generation.store(generation.0, Relaxed);
        self.since_ns.store(since_ns, Relaxed);
    }

    /// Notes that the process of this generation, and with this seat, is gone; whether it hung. For
    /// the master.
    pub(crate) fn left(&self, generation: Generation, seat: usize) -> bool {
        let hung = self.seat(seat).forget_gauges();
        if hung {
            add(&self.hangs, 1);
        }
        if self.generation.load(Relaxed) == generation.0 {
            self.pid.store(0, Relaxed);
        }
        hung
    }

    /// Notes the place's phase. For the master.
    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u32, Relaxed);
    }

    pub(crate) fn phase(&self) -> Phase {
        Phase::from_number(self.phase.load(Relaxed))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid.load(Relaxed)
    }

    pub(crate) fn generation(&self) -> u32 {
        self.generation.load(Relaxed)
    }

    /// Notes the slot's listener, by its number in the kernel's lists; 0: none listens. For the master.
    pub(crate) fn listens(&self, inode: u64) {
        self.listener_inode.store(inode, Relaxed);
    }

    /// The slot's listener in the kernel's lists, if it has one that listens.
    pub(crate) fn listener_inode(&self) -> Option<u64> {
        Some(self.listener_inode.load(Relaxed)).filter(|inode| *inode != 0)
    }

    pub(crate) fn respawns(&self) -> u64 {
        self.respawns.load(Relaxed)
    }

    pub(super) fn hangs(&self) -> u64 {
        self.hangs.load(Relaxed)
    }

    /// When the newest process was forked.
    pub(super) fn since_ns(&self) -> u64 {
        self.since_ns.load(Relaxed)
    }
}
