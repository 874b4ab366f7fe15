//! The model of a group against the kernel's own order: listeners come and go at random, and after
//! each step connections must reach those who are steered to, and nobody else.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use proptest::prelude::*;

use super::group::{Choice, Group};
use super::{listener, steer};
use crate::ids::SlotId;
use crate::sys::reuseport;

/// Connections made after each step: enough to meet each of a handful of listeners.
const CONNECTIONS: usize = 24;
const SLOTS: u16 = 6;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The slot's listener begins to listen, or is closed if it does already.
    Toggle(u16),
    /// Only slots with a bit in the mask are live.
    Live(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![(0..SLOTS).prop_map(Step::Toggle), any::<u8>().prop_map(Step::Live)]
}

/// A group in the kernel, and what is believed of it.
struct Pair {
    address: SocketAddr,
    sockets: BTreeMap<u16, TcpListener>,
    group: Group,
    live: u8,
    /// Duplicates of closed listeners.
    strays: Vec<TcpListener>,
    /// Keeps the port.
    _guard: OwnedFd,
}

impl Pair {
    fn new() -> Self {
        let guard = listener::bind_guard("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener::local_address(&guard).unwrap();
        let (sockets, group) = (BTreeMap::new(), Group::default());
        Self { address, sockets, group, live: u8::MAX, strays: Vec::new(), _guard: guard }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Toggle(slot) => self.toggle(slot),
            Step::Live(mask) => self.live = mask,
        }
        self.steer();
    }

    fn toggle(&mut self, slot: u16) {
        if let Some(socket) = self.sockets.remove(&slot) {
            // Closed first, then steered: the other way round an index means another one. Somebody who
            // still holds a duplicate changes nothing.
            self.strays.push(socket.try_clone().unwrap());
            listener::close(socket);
            self.group.left(SlotId(slot));
        } else {
            let socket = listener::bind_member(self.address).unwrap();
            listener::listen(&socket, 64).unwrap();
            self.sockets.insert(slot, socket.into());
            self.group.joined(SlotId(slot));
        }
    }

    fn is_live(&self, slot: u16) -> bool {
        self.live & 1 << slot != 0
    }

    fn steer(&self) {
        let Some(member) = self.sockets.values().next() else { return };
        let live: Vec<SlotId> = (0..SLOTS).filter(|slot| self.is_live(*slot)).map(SlotId).collect();
        match self.group.choice(&live) {
            Choice::Everyone => reuseport::detach(member).unwrap(),
            Choice::Among { live, .. } => {
                reuseport::attach(member, &mut steer::program(&live)).unwrap();
            }
        }
    }

    /// How many of some connections each slot gets.
    fn connect(&self) -> BTreeMap<u16, usize> {
        let clients: Vec<TcpStream> =
            (0..CONNECTIONS).map(|_| TcpStream::connect(self.address).unwrap()).collect();
        let mut counts = BTreeMap::new();
        for (slot, socket) in &self.sockets {
            while let Ok((_, from)) = socket.accept() {
                assert!(clients.iter().any(|client| client.local_addr().unwrap() == from));
                *counts.entry(*slot).or_insert(0) += 1;
            }
        }
        counts
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn connections_reach_those_who_are_steered_to(steps in prop::collection::vec(step(), 1..20)) {
        let mut pair = Pair::new();
        for step in steps {
            pair.take(step);
            if pair.sockets.is_empty() {
                continue;
            }
            let counts = pair.connect();
            prop_assert_eq!(counts.values().sum::<usize>(), CONNECTIONS, "all are accepted");
            let live = |slot: &u16| pair.is_live(*slot);
            if pair.sockets.keys().any(live) {
                prop_assert!(counts.keys().all(live), "{:?} of {:b}", counts, pair.live);
            }
        }
    }
}
