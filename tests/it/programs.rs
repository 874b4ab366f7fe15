//! The programs that choose a worker, in the kernel, against their functions in Rust: real connections
//! with loads that the test sets.

use std::net::{SocketAddr, TcpListener, TcpStream};

use evenkeel::internals::{Balancer, Rule, SlotId, least_busy, turns};
use socket2::{Domain, Socket, Type};

use crate::harness::privilege::may_load_programs;
use crate::harness::wait::wait_for;
use crate::sim::chance::Chance;

/// A worker that gets on.
const NEVER: u64 = i64::MAX.unsigned_abs();

/// A group of listeners, and a program that chooses among them.
struct Group {
    balancer: Balancer,
    listeners: Vec<TcpListener>,
    address: SocketAddr,
}

impl Group {
    fn new(rule: Rule, size: u16) -> Self {
        let balancer = Balancer::load(rule).unwrap();
        let mut address: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let mut listeners = Vec::new();
        for slot in (0..size).map(SlotId) {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_reuse_port(true).unwrap();
            socket.bind(&address.into()).unwrap();
            socket.listen(64).unwrap();
            socket.set_nonblocking(true).unwrap();
            let listener = TcpListener::from(socket);
            address = listener.local_addr().unwrap();
            balancer.admit(slot, &listener).unwrap();
            listeners.push(listener);
        }
        Self { balancer, listeners, address }
    }

    fn steer(&self, live: &[SlotId]) {
        self.balancer.steer(&self.listeners[0], live).unwrap();
    }

    /// Where one connection goes.
    fn connect(&self) -> SlotId {
        let _client = TcpStream::connect(self.address).unwrap();
        wait_for("the connection", || {
            let mut listeners = (0..).map(SlotId).zip(&self.listeners);
            listeners.find_map(|(slot, listener)| listener.accept().ok().map(|_| slot))
        })
    }
}

fn some_of(chance: &mut Chance, size: u16) -> Vec<SlotId> {
    (0..size).filter(|_| chance.below(4) > 0).map(SlotId).collect()
}

#[test]
fn the_kernel_chooses_as_the_function_does_among_random_loads() {
    if !may_load_programs("the program of least-busy in the kernel") {
        return;
    }
    let mut chance = Chance::from_seed(5);
    for size in [1, 2, 7, 8, 9, 33, 70] {
        let group = Group::new(Rule::LeastBusy, size);
        let table = group.balancer.table();
        for _ in 0..60 {
            let live = some_of(&mut chance, size);
            group.steer(&live);
            for slot in (0..size).map(SlotId) {
                let row = table.row(slot);
                // Some load more than the others, or a little less than nothing for a moment.
                row.set_lost(row.assigned().wrapping_add(1).wrapping_sub(chance.below(4) as u64));
                row.stalls_at([0, u64::MAX, NEVER, NEVER][chance.below(4)]);
            }
            for _ in 0..3 {
                // The time is of no account: stalled for ever, taking none, or neither.
                let expected = least_busy::choose(table, 1, false);
                let chosen = group.connect();
                // With nobody live the kernel's hash chooses.
                assert!(expected.is_none_or(|expected| expected == chosen), "{live:?}");
                assert_eq!(expected.is_none(), live.is_empty());
            }
        }
    }
}

#[test]
fn the_kernel_takes_the_same_turns_as_the_function() {
    if !may_load_programs("the program of kernel-rr in the kernel") {
        return;
    }
    let mut chance = Chance::from_seed(6);
    for size in [1, 2, 7, 70] {
        let group = Group::new(Rule::Turns, size);
        for _ in 0..60 {
            let live = some_of(&mut chance, size);
            group.steer(&live);
            for _ in 0..3 {
                let expected = turns::choose(group.balancer.table(), false);
                let chosen = group.connect();
                assert!(expected.is_none_or(|expected| expected == chosen), "{live:?}");
            }
        }
    }
}
