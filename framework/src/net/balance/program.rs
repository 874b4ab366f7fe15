//! What the programs have in common: how they begin, and how they end.
//!
//! The kernel calls a program for each packet that finds no connection yet: for the SYN of a new one,
//! for stray packets, for the ACK that redeems a SYN cookie, and for connections whose listener is
//! closed before it has accepted them; for these there is no packet, and they count as new ones. Of
//! packets only a SYN does; the others are sent where the next connection would be.
//!
//! Where a firewall looks sockets up before the packet arrives there (the `socket` match of iptables and
//! nftables, TPROXY), the program runs once more for it, and may count a connection twice.

use std::os::fd::BorrowedFd;

use super::table::offset;
use crate::sys::bpf::{
    Assembler, Condition, Helper,
    Operation::{Add, And},
    Register::{R0, R1, R2, R3, R4, R6, R7, R8, R10},
    Width,
};

/// `struct sk_reuseport_md`: where the packet begins, with its TCP header, and where it ends.
const DATA: i16 = 0;
const DATA_END: i16 = 8;
/// The octet with the flags of a TCP header (RFC 9293 section 3.1).
const FLAGS: i16 = 13;
const SYN_AND_ACK: i32 = 0x12;
const SYN: i32 = 0x02;
/// `SK_PASS`. Without a selection it means the kernel's own hash.
const PASS: i32 = 1;
/// Where the index of the slot stands for the helper.
const KEY: i16 = -4;

/// From here on R6 is the context, R7 the address from which [`offset`] counts, and R8 is 1 for a
/// new connection and 0 for any other packet.
pub(super) fn begin(program: &mut Assembler, table: BorrowedFd<'_>) {
    let (known, other) = (program.label(), program.label());
    program
        .set(R6, R1)
        .load_value(R7, table, offset::BASE)
        .set(R8, 1)
        .load(Width::Double, R2, R6, DATA)
        .load(Width::Double, R3, R6, DATA_END)
        .set(R4, R2)
        .compute(Add, R4, i32::from(FLAGS) + 1)
        .jump_if(Condition::Above, R4, R3, known)
        .load(Width::Byte, R8, R2, FLAGS)
        .compute(And, R8, SYN_AND_ACK)
        .jump_if(Condition::NotEqual, R8, SYN, other)
        .set(R8, 1)
        .jump(known)
        .place(other)
        .set(R8, 0)
        .place(known);
}

/// Selects the listener of the slot whose number stands in R3. Goes on if there is one; otherwise the
/// kernel's hash chooses.
pub(super) fn select(program: &mut Assembler, listeners: BorrowedFd<'_>) {
    let selected = program.label();
    program
        .store(Width::Word, R10, KEY, R3)
        .set(R1, R6)
        .load_map(R2, listeners)
        .set(R3, R10)
        .compute(Add, R3, i32::from(KEY))
        .set(R4, 0)
        .call(Helper::SelectReuseport)
        .jump_if(Condition::Equal, R0, 0, selected);
    pass(program);
    program.place(selected);
}

pub(super) fn pass(program: &mut Assembler) {
    program.set(R0, PASS).exit();
}
