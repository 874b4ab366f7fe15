//! Holds the programs against their Rust functions with random tables. That the kernel agrees is shown by a
//! test with real connections.

use std::os::fd::{AsFd, OwnedFd};

use proptest::prelude::*;

use super::interpreter::{Machine, Packet};
use super::table::{NEVER, TAKES_NONE, Table, offset};
use super::{least_busy, turns};
use crate::ids::SlotId;
use crate::limits::SLOTS_MAX;
use crate::sys::shared;

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
    let stalls_at = prop_oneof![Just(TAKES_NONE), Just(NEVER), 90u64..110];
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
            let by_program = Machine::new(one, now_ns, packet).run(&program);
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
                let by_program = Machine::new(one, 0, packet).run(&program);
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

#[test]
fn one_that_takes_none_comes_after_one_that_is_stalled_however_busy() {
    let slot = |assigned, stalls_at| Slot {
        live: true,
        assigned,
        last: 0,
        finished: [0; 2],
        lost: 0,
        stalls_at,
    };
    let (table, live) = table(&[slot(0, TAKES_NONE), slot(9, 90), slot(99, NEVER)], 0);
    table.choose_among(&live);
    assert_eq!(least_busy::choose(table, 100, true), Some(SlotId(2)));
    table.choose_among(&live[..2]);
    assert_eq!(least_busy::choose(table, 100, true), Some(SlotId(1)));
    table.choose_among(&live[..1]);
    assert_eq!(least_busy::choose(table, 100, true), Some(SlotId(0)), "rather than nobody");
}
