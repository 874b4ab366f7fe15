//! Each live slot in turn: exact round-robin, whatever the workers do.

use std::io;
use std::os::fd::BorrowedFd;

use super::program;
use super::table::{COUNT_MASK, LIST_SHIFT, LIST_SLOTS, Table, offset};
use crate::ids::SlotId;
use crate::sys::bpf::{
    Assembler, Condition, Instruction,
    Operation::{Add, And, Modulo, ShiftLeft, ShiftRight},
    Register::{R0, R1, R2, R3, R7, R8},
    Width,
};

/// What the program chooses; `None`: the kernel's hash does. `opens`: the packet opens a connection.
pub fn choose(table: &Table, opens: bool) -> Option<SlotId> {
    let count = table.count();
    (count > 0).then(|| table.listed(table.count_up(opens) % count))
}

/// The same for the kernel.
pub(super) fn program(
    table: BorrowedFd<'_>,
    listeners: BorrowedFd<'_>,
) -> io::Result<Vec<Instruction>> {
    let mut program = Assembler::default();
    let done = program.label();
    program::begin(&mut program, table);
    program
        .load(Width::Double, R1, R7, offset::CHOICE)
        .set(R2, R1)
        .compute(And, R2, COUNT_MASK)
        .jump_if(Condition::Equal, R2, 0, done)
        .set(R0, R8)
        .fetch_add(R7, offset::COUNTER, R0)
        .compute(Modulo, R0, R2)
        // The place in the list, and the list. The masks say the verifier how far that can be.
        .compute(And, R0, LIST_SLOTS - 1)
        .compute(ShiftRight, R1, LIST_SHIFT)
        .compute(And, R1, 1)
        .compute(ShiftLeft, R1, LIST_SLOTS.trailing_zeros().cast_signed())
        .compute(Add, R0, R1)
        .compute(Add, R7, R0)
        .load(Width::Byte, R3, R7, offset::LISTS);
    program::select(&mut program, listeners);
    program.place(done);
    program::pass(&mut program);
    program.finish()
}
