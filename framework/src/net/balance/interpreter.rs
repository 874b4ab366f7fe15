//! Runs the programs as the kernel does, on a table of this process.

use std::sync::atomic::Ordering::Relaxed;

use super::table::Table;
use crate::sys::bpf::Instruction;

/// Where the parts of the memory seem to lie.
const CONTEXT: u64 = 1 << 40;
const PACKET: u64 = 2 << 40;
const STACK: u64 = 3 << 40;
const TABLE: u64 = 4 << 40;

/// What the program is called for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet {
    pub(super) octets: u64,
    pub(super) flags: u8,
    /// It counts as a new connection.
    pub(super) opens: bool,
}

pub(super) struct Machine<'a> {
    table: &'a Table,
    now_ns: u64,
    packet: Packet,
    registers: [u64; 11],
    key: u64,
    selected: Option<u64>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(table: &'a Table, now_ns: u64, packet: Packet) -> Self {
        Self { table, now_ns, packet, registers: [0; 11], key: u64::MAX, selected: None }
    }

    /// What the program selects.
    pub(super) fn run(mut self, program: &[Instruction]) -> Option<u64> {
        self.registers[1] = CONTEXT;
        self.registers[10] = STACK;
        let mut at = 0;
        // Without a jump backwards it ends.
        loop {
            let instruction = program[at];
            at += 1;
            let (to, from) = (usize::from(instruction.registers & 15), instruction.registers >> 4);
            let immediate = i64::from(instruction.immediate).cast_unsigned();
            let register = self.registers[usize::from(from)];
            let (left, code) = (self.registers[to], instruction.code);
            let right = if code & 8 == 0 { immediate } else { register };
            let place = |base: u64| base.wrapping_add_signed(i64::from(instruction.offset));
            match code {
                0x18 => {
                    // A map is not looked at; a value begins where the second half says.
                    let within = u64::try_from(program[at].immediate).unwrap();
                    self.registers[to] = if from == 2 { TABLE + within } else { 0 };
                    at += 1;
                }
                0x61 | 0x71 | 0x79 => self.registers[to] = self.load(code, place(register)),
                0x63 | 0x7b => self.store(place(left), register),
                0xdb => {
                    let before = self.fetch_add(place(left), register);
                    self.registers[usize::from(from)] = before;
                }
                0x85 => self.call(instruction.immediate),
                0x95 => {
                    assert_eq!(self.registers[0], 1, "SK_PASS");
                    return self.selected;
                }
                _ if code & 7 == 7 => self.registers[to] = compute(code & 0xf0, left, right),
                _ => {
                    assert!(instruction.offset >= 0, "it might not end");
                    let taken = code & 0xf0 == 0 || holds(code & 0xf0, left, right);
                    at += if taken { usize::try_from(instruction.offset).unwrap() } else { 0 };
                }
            }
        }
    }

    fn call(&mut self, helper: i32) {
        self.registers[0] = match helper {
            5 => self.now_ns,
            82 => {
                assert_eq!((self.registers[1], self.registers[4]), (CONTEXT, 0));
                assert_eq!(self.registers[3], STACK - 4);
                self.selected = Some(self.key);
                0
            }
            other => panic!("helper {other}"),
        };
        // A call destroys them.
        self.registers[1..=5].fill(u64::MAX);
    }

    fn load(&self, code: u8, address: u64) -> u64 {
        match (code, address) {
            (0x79, CONTEXT) => PACKET,
            (0x79, at) if at == CONTEXT + 8 => PACKET + self.packet.octets,
            (0x71, at) if at == PACKET + 13 => {
                assert!(self.packet.octets > 13, "there is no such octet");
                u64::from(self.packet.flags)
            }
            (0x71, at) => u64::from(self.table.octet_at(at - TABLE)),
            (0x79, at) => self.table.word_at(at - TABLE).load(Relaxed),
            other => panic!("load {other:x?}"),
        }
    }

    fn store(&mut self, address: u64, value: u64) {
        if address == STACK - 4 {
            self.key = value;
        } else {
            self.table.word_at(address - TABLE).store(value, Relaxed);
        }
    }

    fn fetch_add(&self, address: u64, amount: u64) -> u64 {
        let word = self.table.word_at(address - TABLE);
        word.fetch_add(amount, Relaxed)
    }
}

fn compute(operation: u8, left: u64, right: u64) -> u64 {
    match operation {
        0x00 => left.wrapping_add(right),
        0x10 => left.wrapping_sub(right),
        0x40 => left | right,
        0x50 => left & right,
        0x60 => left << right,
        0x70 => left >> right,
        0x90 => left % right,
        0xb0 => right,
        0xc0 => (left.cast_signed() >> right).cast_unsigned(),
        other => panic!("operation {other:x}"),
    }
}

fn holds(condition: u8, left: u64, right: u64) -> bool {
    match condition {
        0x10 => left == right,
        0x20 => left > right,
        0x50 => left != right,
        0x70 => left.cast_signed() >= right.cast_signed(),
        0xb0 => left <= right,
        other => panic!("condition {other:x}"),
    }
}
