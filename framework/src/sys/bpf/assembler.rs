//! A small assembler for eBPF: registers and labels are types, so that a program that does not hang
//! together does not come to be.
//!
//! The instruction set is that of RFC 9669 (BPF Instruction Set Architecture).

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// One instruction, as the kernel takes it (RFC 9669 section 3.1).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instruction {
    pub(crate) code: u8,
    /// The destination and the source, four bits each: see [`registers`].
    pub(crate) registers: u8,
    pub(crate) offset: i16,
    pub(crate) immediate: i32,
}

/// A register. R0 takes results, R1 to R5 arguments, which calls destroy; R6 to R9 stay, and R10 is
/// the end of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Register {
    R0,
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R7,
    R8,
    R9,
    R10,
}

/// What stands on the right of an operation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operand {
    Register(Register),
    Constant(i32),
}

/// How much is loaded or stored.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(crate) enum Width {
    Word = 0x00,
    Byte = 0x10,
    Double = 0x18,
}

/// An operation on 64 bits (RFC 9669 section 4.1).
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(crate) enum Operation {
    Add = 0x00,
    Subtract = 0x10,
    Or = 0x40,
    And = 0x50,
    ShiftLeft = 0x60,
    ShiftRight = 0x70,
    Modulo = 0x90,
    Move = 0xb0,
    ShiftRightSigned = 0xc0,
}

/// When to jump (RFC 9669 section 4.3).
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(crate) enum Condition {
    Equal = 0x10,
    Above = 0x20,
    NotEqual = 0x50,
    AtLeastSigned = 0x70,
    AtMost = 0xb0,
}

/// A function of the kernel (`__BPF_FUNC_MAPPER` in `linux/bpf.h`).
#[derive(Clone, Copy, Debug)]
#[repr(i32)]
pub(crate) enum Helper {
    /// `CLOCK_MONOTONIC` in nanoseconds.
    MonotonicNs = 5,
    /// Selects a listener by its index in a map of sockets; 0 if it did.
    SelectReuseport = 82,
}

/// A place in the program that is jumped to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Label(usize);

/// A program that is being put together.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    instructions: Vec<Instruction>,
    /// Where each label stands.
    labels: Vec<Option<usize>>,
    /// Which instruction jumps to which label.
    jumps: Vec<(usize, Label)>,
}

/// Classes of instructions, and the bit that says where an operand is.
const LOAD_IMMEDIATE_64: u8 = 0x18;
const LOAD: u8 = 0x61;
const STORE: u8 = 0x63;
const ATOMIC: u8 = 0xdb;
const ALU_64: u8 = 0x07;
const JUMP: u8 = 0x05;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;
const FROM_REGISTER: u8 = 0x08;
/// The source of a wide load that names a map, or an address in the value of one.
const MAP: u8 = 1;
const MAP_VALUE: u8 = 2;
/// An atomic addition that brings the value before.
const FETCH_ADD: i32 = 0x01;

impl Assembler {
    pub(crate) fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// The label stands before the next instruction.
    pub(crate) fn place(&mut self, label: Label) -> &mut Self {
        self.labels[label.0] = Some(self.instructions.len());
        self
    }

    /// `to = to OPERATION with`.
    pub(crate) fn compute(
        &mut self,
        operation: Operation,
        to: Register,
        with: impl Into<Operand>,
    ) -> &mut Self {
        self.with_operand(ALU_64 | operation as u8, to, with.into())
    }

    /// `to = with`.
    pub(crate) fn set(&mut self, to: Register, with: impl Into<Operand>) -> &mut Self {
        self.compute(Operation::Move, to, with)
    }

    /// `to = *(base + offset)`, zero-extended.
    pub(crate) fn load(
        &mut self,
        width: Width,
        to: Register,
        base: Register,
        offset: i16,
    ) -> &mut Self {
        self.push(LOAD | width as u8, to, base as u8, offset, 0)
    }

    /// `*(base + offset) = from`.
    pub(crate) fn store(
        &mut self,
        width: Width,
        base: Register,
        offset: i16,
        from: Register,
    ) -> &mut Self {
        self.push(STORE | width as u8, base, from as u8, offset, 0)
    }

    /// Adds `amount` to 64 bits at `base + offset` at one stroke; `amount` becomes what stood there
    /// before.
    pub(crate) fn fetch_add(&mut self, base: Register, offset: i16, amount: Register) -> &mut Self {
        self.push(ATOMIC, base, amount as u8, offset, FETCH_ADD)
    }

    /// `to` = the map.
    pub(crate) fn load_map(&mut self, to: Register, map: BorrowedFd<'_>) -> &mut Self {
        self.wide(to, MAP, map, 0)
    }

    /// `to` = the address of the octet at `offset` of the value of a map that has one.
    pub(crate) fn load_value(
        &mut self,
        to: Register,
        map: BorrowedFd<'_>,
        offset: i32,
    ) -> &mut Self {
        self.wide(to, MAP_VALUE, map, offset)
    }

    pub(crate) fn jump(&mut self, label: Label) -> &mut Self {
        self.jumps.push((self.instructions.len(), label));
        self.push(JUMP, Register::R0, 0, 0, 0)
    }

    /// Jumps if `left CONDITION right`.
    pub(crate) fn jump_if(
        &mut self,
        condition: Condition,
        left: Register,
        right: impl Into<Operand>,
        label: Label,
    ) -> &mut Self {
        self.jumps.push((self.instructions.len(), label));
        self.with_operand(JUMP | condition as u8, left, right.into())
    }

    pub(crate) fn call(&mut self, helper: Helper) -> &mut Self {
        self.push(CALL, Register::R0, 0, 0, helper as i32)
    }

    pub(crate) fn exit(&mut self) -> &mut Self {
        self.push(EXIT, Register::R0, 0, 0, 0)
    }

    /// The program; an error if a label stands nowhere, or further away than a jump reaches.
    pub(crate) fn finish(mut self) -> io::Result<Vec<Instruction>> {
        for (from, Label(label)) in self.jumps {
            let lost = || io::Error::other(format!("instruction {from} jumps nowhere"));
            let to = self.labels[label].ok_or_else(lost)?;
            // Counted from the next instruction on.
            let distance = i64::try_from(to).map_err(io::Error::other)?
                - i64::try_from(from + 1).map_err(io::Error::other)?;
            self.instructions[from].offset = i16::try_from(distance).map_err(io::Error::other)?;
        }
        Ok(self.instructions)
    }

    /// Two instructions wide: the second one carries the upper half.
    fn wide(&mut self, to: Register, kind: u8, map: BorrowedFd<'_>, offset: i32) -> &mut Self {
        self.push(LOAD_IMMEDIATE_64, to, kind, 0, map.as_raw_fd());
        self.push(0, Register::R0, 0, 0, offset)
    }

    fn with_operand(&mut self, code: u8, to: Register, operand: Operand) -> &mut Self {
        match operand {
            Operand::Register(from) => self.push(code | FROM_REGISTER, to, from as u8, 0, 0),
            Operand::Constant(constant) => self.push(code, to, 0, 0, constant),
        }
    }

    fn push(&mut self, code: u8, to: Register, from: u8, offset: i16, immediate: i32) -> &mut Self {
        let registers = registers(to as u8, from);
        self.instructions.push(Instruction { code, registers, offset, immediate });
        self
    }
}

/// The destination stands in the low half on a little-endian machine, in the high half on the others
/// (RFC 9669 section 3.1).
const fn registers(to: u8, from: u8) -> u8 {
    if cfg!(target_endian = "little") { from << 4 | to } else { to << 4 | from }
}

impl From<Register> for Operand {
    fn from(register: Register) -> Self {
        Self::Register(register)
    }
}

impl From<i32> for Operand {
    fn from(constant: i32) -> Self {
        Self::Constant(constant)
    }
}

#[cfg(test)]
mod tests;
