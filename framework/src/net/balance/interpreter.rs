//! Runs the programs as the kernel does, on a table of this process, and holds them against their Rust
//! functions with random tables. That the kernel agrees is shown by a test with real connections.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering::Relaxed;

use proptest::prelude::*;

use super::table::{NEVER, Table, offset};
use super::{least_busy, turns};
use crate::ids::SlotId;
use crate::limits::SLOTS_MAX;
use crate::sys::bpf::Instruction;
use crate::sys::shared;

/// Where the parts of the memory seem to lie.
const CONTEXT: u64 = 1 << 40;
const PACKET: u64 = 2 << 40;
const STACK: u64 = 3 << 40;
const TABLE: u64 = 4 << 40;

/// What the program is called for.
#[derive(Clone, Copy, Debug)]
struct Packet {
    octets: u64,
    flags: u8,
    /// It counts as a new connection.
    opens: bool,
}

struct Machine<'a> {
    table: &'a Table,
    now_ns: u64,
    packet: Packet,
    registers: [u64; 11],
    key: u64,
    selected: Option<u64>,
}

impl Machine<'_> {
    /// What the program selects.
    fn run(&mut self, program: &[Instruction]) -> Option<u64> {
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

/// One slot's part of a random table.
#[derive(Clone, Debug)]
struct Slot {
    live: bool,
    assigned: u64,
    last: u64,
    finished: [u64; 2],
    lost: u64,
    stalls_at: u64,
}

fn slot() -> impl Strategy<Value = Slot> {
    let stalls_at = prop_oneof![Just(0), Just(NEVER), 90u64..110];
    // Few values, so that there are ties; and some that are wrong for a moment.
    let count = || prop_oneof![0u64..4, 1000u64..1003];
    (any::<bool>(), count(), 0u64..1 << 33, [count(), count()], count(), stalls_at).prop_map(
        |(live, assigned, last, finished, lost, stalls_at)| Slot {
            live,
            assigned,
            last,
            finished,
            lost,
            stalls_at,
        },
    )
}

fn table(slots: &[Slot], counter: u64) -> (&'static Table, Vec<SlotId>) {
    let memory: OwnedFd = shared::create::<Table>(c"table").unwrap();
    let table = shared::map::<Table>(&memory).unwrap();
    table.begin();
    (0..counter).for_each(|_| assert!(table.count_up(true) <= counter));
    let mut live = Vec::new();
    for (id, slot) in (0..).map(SlotId).zip(slots) {
        let row = table.row(id);
        (0..slot.assigned).for_each(|_| row.assign(slot.last));
        (0..2).for_each(|seat| row.all_finished(seat, slot.finished[seat]));
        row.set_lost(slot.lost);
        row.stalls_at(slot.stalls_at);
        live.extend(slot.live.then_some(id));
    }
    (table, live)
}

fn chosen(slot: Option<SlotId>) -> Option<u64> {
    slot.map(|slot| u64::from(slot.0))
}

/// What is there to be told apart after a choice.
fn state(table: &Table, slots: usize) -> Vec<u64> {
    let rows = (0..slots).flat_map(|slot| {
        let row = table.row(SlotId(u16::try_from(slot).unwrap()));
        [row.assigned(), row.last()]
    });
    rows.chain([table.counted()]).collect()
}

/// SYN; SYN with ECN; SYN and ACK; ACK; and a connection that moves.
const PACKETS: [Packet; 5] = [
    Packet { octets: 20, flags: 0x02, opens: true },
    Packet { octets: 20, flags: 0xc2, opens: true },
    Packet { octets: 20, flags: 0x12, opens: false },
    Packet { octets: 20, flags: 0x10, opens: false },
    Packet { octets: 0, flags: 0, opens: true },
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_program_and_the_function_choose_the_same_least_busy_slot(
        slots in prop::collection::vec(slot(), 1..=70),
        counter in 0u64..100,
        steps in 1usize..20,
        packet in prop::sample::select(&PACKETS[..]),
    ) {
        let memory = shared::create::<Table>(c"any").unwrap();
        let program = least_busy::program(memory.as_fd(), memory.as_fd()).unwrap();
        let ((one, live), (other, _)) = (table(&slots, counter), table(&slots, counter));
        one.choose_among(&live);
        other.choose_among(&live);
        for step in 0..steps {
            let now_ns = 95 + step as u64;
            let (key, selected) = (u64::MAX, None);
            let mut machine =
                Machine { table: one, now_ns, packet, registers: [0; 11], key, selected };
            let by_program = machine.run(&program);
            prop_assert_eq!(by_program, chosen(least_busy::choose(other, now_ns, packet.opens)));
            prop_assert_eq!(state(one, slots.len()), state(other, slots.len()));
            prop_assert_eq!(by_program.is_none(), live.is_empty());
        }
    }

    #[test]
    fn the_program_and_the_function_take_the_same_turns(
        lists in prop::collection::vec(prop::collection::btree_set(0..SLOTS_MAX, 0..12), 1..5),
        packet in prop::sample::select(&PACKETS[..]),
    ) {
        let memory = shared::create::<Table>(c"any").unwrap();
        let program = turns::program(memory.as_fd(), memory.as_fd()).unwrap();
        let ((one, _), (other, _)) = (table(&[], 0), table(&[], 0));
        for list in lists {
            let live: Vec<SlotId> = list.into_iter().map(SlotId).collect();
            one.take_turns(&live);
            other.take_turns(&live);
            let mut hits = vec![0; live.len()];
            for _ in 0..live.len() * 3 {
                let (key, selected) = (u64::MAX, None);
                let mut machine =
                    Machine { table: one, now_ns: 0, packet, registers: [0; 11], key, selected };
                let by_program = machine.run(&program);
                let by_function = turns::choose(other, packet.opens);
                prop_assert_eq!(by_program, chosen(by_function));
                if let Some(at) = live.iter().position(|slot| Some(*slot) == by_function) {
                    hits[at] += 1;
                }
            }
            let turn = |hits: &u64| !packet.opens || *hits == 3;
            prop_assert!(hits.iter().all(turn), "{:?}", hits);
        }
    }
}

#[test]
fn of_equally_busy_slots_each_gets_its_turn() {
    let slots =
        vec![
            Slot { live: true, assigned: 0, last: 0, finished: [0; 2], lost: 0, stalls_at: NEVER };
            3
        ];
    let (table, live) = table(&slots, 0);
    table.choose_among(&live);
    let order: Vec<u16> = (0..9)
        .map(|_| {
            let slot = least_busy::choose(table, 1, true).unwrap();
            table.row(slot).all_finished(0, table.row(slot).assigned());
            slot.0
        })
        .collect();
    let mut first = order[..3].to_vec();
    first.sort_unstable();
    assert_eq!(first, [0, 1, 2]);
    assert_eq!(order[..3], order[3..6]);
    assert_eq!(order[..3], order[6..]);
    assert_eq!(offset::ROW, 1 << offset::ROW_SHIFT);
}
