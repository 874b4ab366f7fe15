//! The program that makes the kernel choose among some members of a group only.
//!
//! Classic BPF (socket(7), `SO_ATTACH_REUSEPORT_CBPF`): the program returns the index of a member;
//! an index out of range falls back to the kernel's hash.

use std::collections::BTreeMap;

use libc::{
    BPF_A, BPF_ABS, BPF_ALU, BPF_JA, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_MOD, BPF_RET, BPF_W,
    SKF_AD_CPU, SKF_AD_OFF, SKF_AD_RANDOM,
};

use crate::sys::reuseport::Instruction;

/// Returns one of the `live` indexes (ascending, at least one), each as likely as the others.
///
/// A random number below `live.len()` is itself a live index unless a hole stands there; each hole
/// is sent to one of the live indexes that lie too high to be drawn. So the program grows by two
/// instructions a hole, and not with the group.
pub(crate) fn program(live: &[u32]) -> Vec<Instruction> {
    if let [only] = live {
        return vec![instruction(BPF_RET | BPF_K, 0, 0, *only)];
    }
    let count = u32::try_from(live.len()).unwrap_or(u32::MAX).max(1);
    // The kernel's ancillary data begins at a negative offset, SKF_AD_OFF.
    let random = u32::from_ne_bytes((SKF_AD_OFF + SKF_AD_RANDOM).to_ne_bytes());
    let mut code = vec![
        instruction(BPF_LD | BPF_W | BPF_ABS, 0, 0, random),
        instruction(BPF_ALU | BPF_MOD | BPF_K, 0, 0, count),
    ];
    let holes = (0..count).filter(|index| live.binary_search(index).is_err());
    let high = live.iter().filter(|index| **index >= count);
    for (hole, target) in holes.zip(high) {
        code.push(instruction(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, hole));
        code.push(instruction(BPF_RET | BPF_K, 0, 0, *target));
    }
    code.push(instruction(BPF_RET | BPF_A, 0, 0, 0));
    code
}

/// Returns one of the live indexes of the CPU on which the packet came in, each as likely as the others;
/// where that CPU has none, one of all. At least one is live.
pub(crate) fn program_by_cpu(live: &[(u32, Option<u32>)]) -> Vec<Instruction> {
    let mut by_cpu: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (index, cpu) in live {
        by_cpu.entry(cpu.unwrap_or(u32::MAX)).or_default().push(*index);
    }
    let cpu = u32::from_ne_bytes((SKF_AD_OFF + SKF_AD_CPU).to_ne_bytes());
    let mut code = vec![instruction(BPF_LD | BPF_W | BPF_ABS, 0, 0, cpu)];
    for (cpu, indexes) in by_cpu.iter().filter(|(cpu, _)| **cpu != u32::MAX) {
        let block = program(indexes);
        // Conditional jumps reach 255 instructions only.
        let length = u32::try_from(block.len()).unwrap_or(u32::MAX);
        code.push(instruction(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, *cpu));
        code.push(instruction(BPF_JMP | BPF_JA, 0, 0, length));
        code.extend(block);
    }
    let all: Vec<u32> = live.iter().map(|(index, _)| *index).collect();
    code.extend(program(&all));
    code
}

/// Instructions of a socket filter that drops packets which open a connection (SYN without ACK) and
/// passes all others, so that handshakes under way are completed. It sees a packet from its TCP
/// header on: offset 13 is the octet with the flags (RFC 9293 section 3.1).
pub(crate) fn refuse_openers() -> [socket2::SockFilter; 5] {
    const FLAGS_OFFSET: u32 = 13;
    const SYN_AND_ACK: u32 = 0x12;
    const SYN: u32 = 0x02;
    let code = |code: u32, jump: (u8, u8), k| {
        socket2::SockFilter::new(u16::try_from(code).unwrap_or(0), jump.0, jump.1, k)
    };
    [
        code(BPF_LD | libc::BPF_B | BPF_ABS, (0, 0), FLAGS_OFFSET),
        code(BPF_ALU | libc::BPF_AND | BPF_K, (0, 0), SYN_AND_ACK),
        code(BPF_JMP | BPF_JEQ | BPF_K, (0, 1), SYN),
        code(BPF_RET | BPF_K, (0, 0), 0),
        code(BPF_RET | BPF_K, (0, 0), u32::MAX),
    ]
}

fn instruction(code: u32, jt: u8, jf: u8, k: u32) -> Instruction {
    // All operation codes of classic BPF are below 256.
    Instruction { code: u16::try_from(code).unwrap_or(0), jt, jf, k }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// What the program returns on a CPU when the kernel's random number is `random`.
    fn run_on(program: &[Instruction], cpu: u32, random: u32) -> u32 {
        let mut accumulator = 0;
        let mut at = 0;
        loop {
            let Instruction { code, jt, jf, k } = program[at];
            at += 1;
            match u32::from(code) {
                code if code == BPF_LD | BPF_W | BPF_ABS => {
                    let which = i32::from_ne_bytes(k.to_ne_bytes()) - SKF_AD_OFF;
                    accumulator = if which == SKF_AD_CPU { cpu } else { random };
                }
                code if code == BPF_JMP | BPF_JA => at += usize::try_from(k).unwrap(),
                code if code == BPF_ALU | BPF_MOD | BPF_K => accumulator %= k,
                code if code == BPF_JMP | BPF_JEQ | BPF_K => {
                    at += usize::from(if accumulator == k { jt } else { jf });
                }
                code if code == BPF_RET | BPF_K => return k,
                code if code == BPF_RET | BPF_A => return accumulator,
                code => panic!("unexpected operation {code:#x}"),
            }
        }
    }

    fn run(program: &[Instruction], random: u32) -> u32 {
        run_on(program, 0, random)
    }

    #[test]
    fn a_cpu_reaches_its_own_live_indexes_and_one_without_any_reaches_all() {
        let live = [(0, Some(0)), (2, Some(1)), (3, Some(0)), (7, Some(1)), (9, None)];
        let program = program_by_cpu(&live);
        let reached = |cpu| (0..60).map(|random| run_on(&program, cpu, random)).collect::<Vec<_>>();
        let count = |cpu, index| reached(cpu).iter().filter(|found| **found == index).count();
        assert_eq!([0, 2, 3, 7, 9].map(|index| count(0, index)), [30, 0, 30, 0, 0]);
        assert_eq!([0, 2, 3, 7, 9].map(|index| count(1, index)), [0, 30, 0, 30, 0]);
        assert_eq!([0, 2, 3, 7, 9].map(|index| count(5, index)), [12; 5]);
    }

    #[test]
    fn each_live_index_is_returned_as_often_as_the_others_and_no_other_ever() {
        for members in 1u32..=8 {
            for mask in 1u32..1 << members {
                let live: Vec<u32> = (0..members).filter(|index| mask & 1 << index != 0).collect();
                let program = program(&live);
                let mut hits = BTreeMap::new();
                let draws = u32::try_from(live.len()).unwrap() * 3;
                (0..draws).for_each(|random| *hits.entry(run(&program, random)).or_insert(0) += 1);
                assert_eq!(hits, live.iter().map(|index| (*index, 3)).collect());
            }
        }
    }
}
