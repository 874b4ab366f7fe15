//! The live slot with the fewest connections, and of equals the one whose turn was the longest ago. Those
//! that are stalled come last but one, those that take no connections last.
//!
//! A slot's connections are those that this program gave to it, less those that its workers closed or
//! never saw; what a worker knows itself leaves out its accept queue, and a worker that stands still
//! would look idle.
//!
//! The program has no branch for a slot but an end after every few of them: minima are computed with
//! shifts and masks. So the kernel verifies few paths, and asks for no privilege beyond `CAP_BPF`, as it
//! does for programs that it must guard against speculation.

use std::io;
use std::os::fd::BorrowedFd;

use super::program;
use super::table::{EXCLUDED, STALLED_SHIFT, TAKES_NONE_SHIFT, Table, offset};
use crate::board::SEATS;
use crate::ids::SlotId;
use crate::limits::SLOTS_MAX;
use crate::sys::bpf::{
    Assembler, Condition, Helper, Instruction,
    Operation::{Add, And, Or, ShiftLeft, ShiftRight, ShiftRightSigned, Subtract},
    Register::{R0, R1, R2, R3, R4, R5, R7, R8, R9},
    Width,
};

/// A key compares slots: the load stands in its upper half, then 24 bits of how long ago the last turn
/// was, and in the lowest 8 bits the slot.
const LOAD_SHIFT: i32 = 32;
const TURN_SHIFT: i32 = 8;
const TURN_MASK: i32 = 0xff_ffff;
const SLOT_MASK: i32 = SLOTS_MAX as i32 - 1;
/// A key of a slot that is not live is not below this one.
const NONE: i64 = ((EXCLUDED / 2) << LOAD_SHIFT).cast_signed();
/// After so many slots the program looks whether there are more.
const STRIDE: usize = 8;

/// What the program chooses; `None`: the kernel's hash does. `opens`: the packet opens a connection.
pub fn choose(table: &Table, now_ns: u64, opens: bool) -> Option<SlotId> {
    let counter = table.counted();
    let rows = usize::try_from(table.count()).unwrap_or(0).next_multiple_of(STRIDE);
    let keys = (0..SLOTS_MAX).take(rows).map(|slot| key(table, SlotId(slot), now_ns, counter));
    let (_, slot) = keys.filter(|(key, _)| *key < NONE).min()?;
    if opens {
        table.row(slot).assign(table.count_up(true));
    }
    Some(slot)
}

fn key(table: &Table, slot: SlotId, now_ns: u64, counter: u64) -> (i64, SlotId) {
    let row = table.row(slot);
    let load = row.load() + row.penalty(now_ns) + row.handicap().cast_signed();
    // The longer ago, the less, until it goes round.
    let turn = row.last().wrapping_sub(counter) & u64::from(TURN_MASK.unsigned_abs());
    (load << LOAD_SHIFT | (turn << TURN_SHIFT).cast_signed() | i64::from(slot.0), slot)
}

/// The same for the kernel.
pub(super) fn program(
    table: BorrowedFd<'_>,
    listeners: BorrowedFd<'_>,
) -> io::Result<Vec<Instruction>> {
    let mut program = Assembler::default();
    let (decided, done) = (program.label(), program.label());
    program::begin(&mut program, table);
    // R9: the least key so far. R0: the time. R4: how many rows. R5: the counter.
    program
        .call(Helper::MonotonicNs)
        .load(Width::Double, R4, R7, offset::CHOICE)
        .load(Width::Double, R5, R7, offset::COUNTER)
        .set(R9, 1)
        .compute(ShiftLeft, R9, 62);
    for slot in 0..usize::from(SLOTS_MAX) {
        if slot % STRIDE == 0 {
            let seen = i32::try_from(slot).map_err(io::Error::other)?;
            program.jump_if(Condition::AtMost, R4, seen, decided);
        }
        consider(&mut program, slot)?;
    }
    program.place(decided);
    // What is not below NONE is no slot to choose.
    let none_load = i32::try_from(NONE >> LOAD_SHIFT).map_err(io::Error::other)?;
    program
        .set(R1, R9)
        .compute(ShiftRightSigned, R1, LOAD_SHIFT)
        .jump_if(Condition::AtLeastSigned, R1, none_load, done)
        .compute(And, R9, SLOT_MASK)
        .set(R3, R9);
    program::select(&mut program, listeners);
    program
        .jump_if(Condition::Equal, R8, 0, done)
        .compute(ShiftLeft, R9, offset::ROW_SHIFT)
        .load_value(R1, table, offset::ROWS)
        .compute(Add, R1, R9)
        .set(R2, 1)
        .fetch_add(R1, offset::within_row(offset::ASSIGNED), R2)
        .set(R2, 1)
        .fetch_add(R7, offset::COUNTER, R2)
        .store(Width::Double, R1, offset::within_row(offset::LAST), R2)
        .place(done);
    program::pass(&mut program);
    program.finish()
}

/// R9 becomes the slot's key, if that is less.
fn consider(program: &mut Assembler, slot: usize) -> io::Result<()> {
    let at = |field| offset::of_row(slot, field);
    program.load(Width::Double, R1, R7, at(offset::ASSIGNED));
    let finished = (0..SEATS).map(|seat| at(offset::FINISHED + seat * size_of::<u64>()));
    for gone in finished.chain([at(offset::LOST)]) {
        program.load(Width::Double, R2, R7, gone).compute(Subtract, R1, R2);
    }
    program
        .load(Width::Double, R2, R7, at(offset::HANDICAP))
        .compute(Add, R1, R2)
        // The sign says whether it takes none, and then whether it stalls before now. (A mask of it
        // would make the verifier follow both cases.)
        .load(Width::Double, R2, R7, at(offset::STALLS_AT))
        .set(R3, R2)
        .compute(ShiftRight, R3, 63)
        .compute(ShiftLeft, R3, TAKES_NONE_SHIFT)
        .compute(Add, R1, R3)
        .compute(Subtract, R2, R0)
        .compute(ShiftRight, R2, 63)
        .compute(ShiftLeft, R2, STALLED_SHIFT)
        .compute(Add, R1, R2)
        .compute(ShiftLeft, R1, LOAD_SHIFT)
        .load(Width::Double, R2, R7, at(offset::LAST))
        .compute(Subtract, R2, R5)
        .compute(And, R2, TURN_MASK)
        .compute(ShiftLeft, R2, TURN_SHIFT)
        .compute(Or, R2, i32::try_from(slot).map_err(io::Error::other)?)
        .compute(Or, R1, R2)
        // The lesser of R1 and R9: R9 + min(R1 - R9, 0).
        .compute(Subtract, R1, R9)
        .set(R3, R1)
        .compute(ShiftRightSigned, R3, 63)
        .compute(And, R1, R3)
        .compute(Add, R9, R1);
    Ok(())
}
