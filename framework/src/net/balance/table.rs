//! What lies where in the memory that the program, the master and the workers share.

use std::mem::offset_of;
use std::sync::atomic::{
    AtomicU8, AtomicU64,
    Ordering::{Relaxed, Release},
};

use crate::board::SEATS;
use crate::ids::SlotId;
use crate::limits::SLOTS_MAX;
use crate::sys::shared::Shareable;

const SLOTS: usize = SLOTS_MAX as usize;

/// Changes when anything below does, so that the program of an upgrade knows what it gets.
pub(crate) const LAYOUT: u64 = 1 << 48 | size_of::<Table>() as u64;

/// The whole of it.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Table {
    layout: AtomicU64,
    /// For turns: how many slots take part, and which of the two lists names them, in one word so that
    /// the program never sees half of a change. For the least busy: how many rows to look at.
    choice: AtomicU64,
    counter: Counter,
    lists: [[AtomicU8; SLOTS]; 2],
    rows: [Row; SLOTS],
}

/// The number of the next connection, from 1. The program writes it for each one, so nothing else shares
/// its cache line.
#[repr(C, align(64))]
#[derive(Debug)]
struct Counter(AtomicU64);

/// One slot: a cache line that the program writes, and one that it reads.
#[repr(C, align(128))]
#[derive(Debug)]
pub struct Row {
    /// New connections that the program gave to the slot.
    assigned: AtomicU64,
    /// The number of the last one; 0 if there was none.
    last: AtomicU64,
    told: Told,
}

/// What the program is told of a slot.
#[repr(C, align(64))]
#[derive(Debug)]
struct Told {
    /// Connections of those in each seat that were accepted and are closed.
    finished: [AtomicU64; SEATS],
    /// Connections that were assigned and never came to be accepted.
    lost: AtomicU64,
    /// From this moment on, in `CLOCK_MONOTONIC` nanoseconds, the worker counts as stalled; or
    /// [`TAKES_NONE`].
    stalls_at: AtomicU64,
    /// [`EXCLUDED`] unless the slot is live.
    handicap: AtomicU64,
}

/// The worker waits for events.
pub(crate) const NEVER: u64 = i64::MAX as u64;
/// The worker takes no new connections: as a signed number before all times.
pub(crate) const TAKES_NONE: u64 = u64::MAX;
/// The logarithm of so many connections more than any slot can have: the others come first.
pub(super) const STALLED_SHIFT: i32 = 24;
/// One that takes none comes after one that is stalled, which may go on in a moment.
pub(super) const TAKES_NONE_SHIFT: i32 = STALLED_SHIFT + 1;
/// More than any slot can have, whatever it says of itself.
pub(super) const EXCLUDED: u64 = 1 << 30;

/// Bits of `choice`.
pub(super) const COUNT_MASK: i32 = 0xffff;
pub(super) const LIST_SHIFT: i32 = 16;
/// Slots of one list.
pub(super) const LIST_SLOTS: i32 = SLOTS_MAX as i32;

// SAFETY: atomics only, through and through, for which all zeroes are valid.
#[allow(unsafe_code, reason = "the promise stands beside the fields that it is about")]
unsafe impl Shareable for Table {}

impl Table {
    /// Before the first slot is live.
    pub(super) fn begin(&self) {
        self.rows.iter().for_each(|row| row.told.handicap.store(EXCLUDED, Relaxed));
        self.counter.0.store(1, Relaxed);
        self.layout.store(LAYOUT, Relaxed);
    }

    /// This program lays it out in the same way as the one that made it.
    pub(super) fn is_ours(&self) -> bool {
        self.layout.load(Relaxed) == LAYOUT
    }

    /// What is told of a slot.
    pub fn row(&self, slot: SlotId) -> &Row {
        &self.rows[slot.index() % SLOTS]
    }

    /// Each of these is to get a connection in turn.
    pub(super) fn take_turns(&self, live: &[SlotId]) {
        let other = usize::from(self.list() == 0);
        for (entry, slot) in self.lists[other].iter().zip(live) {
            entry.store(u8::try_from(slot.0).unwrap_or(u8::MAX), Relaxed);
        }
        let count = live.len().min(SLOTS);
        // The entries are seen before the word that leads to them.
        self.choice.store((other << LIST_SHIFT | count) as u64, Release);
    }

    /// One of these is to be chosen.
    pub(super) fn choose_among(&self, live: &[SlotId]) {
        for (slot, row) in (0..).map(SlotId).zip(&self.rows) {
            let handicap = if live.contains(&slot) { 0 } else { EXCLUDED };
            row.told.handicap.store(handicap, Relaxed);
        }
        let rows = live.iter().map(|slot| slot.index() + 1).max().unwrap_or(0);
        self.choice.store(rows.min(SLOTS) as u64, Release);
    }

    /// Slots that take part, or rows to look at.
    pub(super) fn count(&self) -> u64 {
        self.choice.load(Relaxed) & COUNT_MASK as u64
    }

    fn list(&self) -> usize {
        usize::from(self.choice.load(Relaxed) >> LIST_SHIFT & 1 != 0)
    }

    /// The slot at a place of the list that is valid now.
    pub(super) fn listed(&self, place: u64) -> SlotId {
        let place = usize::try_from(place).unwrap_or(0) % SLOTS;
        SlotId(u16::from(self.lists[self.list()][place].load(Relaxed)))
    }

    /// The number of this connection, if it is one, or of the next.
    pub(super) fn count_up(&self, opens: bool) -> u64 {
        self.counter.0.fetch_add(u64::from(opens), Relaxed)
    }

    pub(super) fn counted(&self) -> u64 {
        self.counter.0.load(Relaxed)
    }
}

/// By address, as a program sees it.
#[cfg(test)]
impl Table {
    pub(super) fn word_at(&self, at: u64) -> &AtomicU64 {
        let at = usize::try_from(at).unwrap();
        let rows = offset_of!(Self, rows);
        if at < rows {
            let words = [
                (offset_of!(Self, choice), &self.choice),
                (offset_of!(Self, counter), &self.counter.0),
            ];
            return words.iter().find(|(place, _)| *place == at).unwrap().1;
        }
        let row = &self.rows[(at - rows) / size_of::<Row>()];
        let told = offset_of!(Row, told);
        let words = [
            (offset_of!(Row, assigned), &row.assigned),
            (offset_of!(Row, last), &row.last),
            (told + offset_of!(Told, finished), &row.told.finished[0]),
            (told + offset_of!(Told, finished) + size_of::<u64>(), &row.told.finished[1]),
            (told + offset_of!(Told, lost), &row.told.lost),
            (told + offset_of!(Told, stalls_at), &row.told.stalls_at),
            (told + offset_of!(Told, handicap), &row.told.handicap),
        ];
        words.iter().find(|(place, _)| *place == (at - rows) % size_of::<Row>()).unwrap().1
    }

    pub(super) fn octet_at(&self, at: u64) -> u8 {
        let place = usize::try_from(at).unwrap() - offset_of!(Self, lists);
        self.lists[place / SLOTS][place % SLOTS].load(Relaxed)
    }
}

impl Row {
    /// New connections that the program gave to the slot.
    pub fn assigned(&self) -> u64 {
        self.assigned.load(Relaxed)
    }

    pub(super) fn assign(&self, at: u64) {
        self.assigned.fetch_add(1, Relaxed);
        self.last.store(at, Relaxed);
    }

    pub(super) fn last(&self) -> u64 {
        self.last.load(Relaxed)
    }

    /// All that whoever sat on this seat had accepted is closed; so many there were.
    pub fn all_finished(&self, seat: usize, accepted: u64) {
        self.told.finished[seat % SEATS].store(accepted, Relaxed);
    }

    /// So many of the connections that were assigned never came to be accepted.
    pub fn set_lost(&self, connections: u64) {
        self.told.lost.store(connections, Relaxed);
    }

    pub(super) fn lost(&self) -> u64 {
        self.told.lost.load(Relaxed)
    }

    /// The worker counts as stalled from this moment on.
    pub fn stalls_at(&self, ns: u64) {
        self.told.stalls_at.store(ns, Relaxed);
    }

    /// What counts on top of the load: a worker that is stalled, or that takes none.
    pub(super) fn penalty(&self, now_ns: u64) -> i64 {
        let stalls_at = self.told.stalls_at.load(Relaxed).cast_signed();
        let is_stalled = stalls_at < now_ns.cast_signed();
        i64::from(is_stalled) << STALLED_SHIFT | i64::from(stalls_at < 0) << TAKES_NONE_SHIFT
    }

    pub(super) fn handicap(&self) -> u64 {
        self.told.handicap.load(Relaxed)
    }

    /// Connections that wait in the slot's accept queue or are open. It can be negative for a moment.
    pub fn load(&self) -> i64 {
        let finished = self.told.finished.iter().map(|seat| seat.load(Relaxed));
        let gone = finished.fold(self.lost(), u64::wrapping_add);
        self.assigned().wrapping_sub(gone).cast_signed()
    }
}

/// Where the program finds things: offsets from an address in the middle, because an instruction
/// reaches 32 KiB in either direction.
pub(super) mod offset {
    use super::{Counter, Row, SLOTS, Table, Told, offset_of};

    const MIDDLE: usize = offset_of!(Table, rows) + SLOTS / 2 * ROW;
    pub(in super::super) const ROW: usize = size_of::<Row>();
    /// The logarithm of a row's size.
    pub(in super::super) const ROW_SHIFT: i32 = ROW.trailing_zeros().cast_signed();
    /// Where the middle is, in the table.
    pub(in super::super) const BASE: i32 = in_table(MIDDLE);
    /// Where the rows begin, in the table.
    pub(in super::super) const ROWS: i32 = in_table(offset_of!(Table, rows));

    pub(in super::super) const CHOICE: i16 = from_base(offset_of!(Table, choice));
    pub(in super::super) const COUNTER: i16 =
        from_base(offset_of!(Table, counter) + offset_of!(Counter, 0));
    pub(in super::super) const LISTS: i16 = from_base(offset_of!(Table, lists));

    /// Within a row.
    pub(in super::super) const ASSIGNED: usize = offset_of!(Row, assigned);
    pub(in super::super) const LAST: usize = offset_of!(Row, last);
    pub(in super::super) const FINISHED: usize = offset_of!(Row, told) + offset_of!(Told, finished);
    pub(in super::super) const LOST: usize = offset_of!(Row, told) + offset_of!(Told, lost);
    pub(in super::super) const STALLS_AT: usize =
        offset_of!(Row, told) + offset_of!(Told, stalls_at);
    pub(in super::super) const HANDICAP: usize = offset_of!(Row, told) + offset_of!(Told, handicap);

    /// A field of the row of this slot.
    pub(in super::super) const fn of_row(slot: usize, field: usize) -> i16 {
        from_base(offset_of!(Table, rows) + slot * ROW + field)
    }

    /// A field, from the beginning of its row.
    pub(in super::super) const fn within_row(field: usize) -> i16 {
        from_base(MIDDLE + field)
    }

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        reason = "the table is far smaller than 2 GiB"
    )]
    const fn in_table(offset: usize) -> i32 {
        offset as i32
    }

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        reason = "the assertion says so, while it is compiled"
    )]
    const fn from_base(offset: usize) -> i16 {
        let distance = offset as isize - MIDDLE as isize;
        assert!(distance >= i16::MIN as isize && distance <= i16::MAX as isize);
        distance as i16
    }
}
