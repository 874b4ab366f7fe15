//! Policies that the kernel carries out with a program of ours: which worker gets a new connection is
//! decided when its first packet comes, without a process in between.
//!
//! A table in shared memory holds what the program goes by: the master writes which slots are live,
//! the workers what became of their connections, and the program itself what it gave to whom. A map
//! names the listener of each slot; the kernel takes out those that are closed.
//!
//! The privilege (`CAP_BPF`) is needed to create the maps and to load the program, and before Linux 5.19
//! to name listeners. Attaching it and writing the table need none. So a worker could lie about every
//! slot, and whoever holds a listener can detach the program: workers trust each other, as they share a
//! port.

#[cfg(test)]
mod interpreter;
pub mod least_busy;
mod load;
mod program;
mod table;
#[cfg(test)]
mod tests;
pub mod turns;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

pub(crate) use load::Load;
pub(crate) use table::LAYOUT;
pub use table::Table;

use crate::board::Row;
use crate::error::{BalanceMend, Error};
use crate::ids::SlotId;
use crate::limits::SLOTS_MAX;
use crate::plan::Rule;
use crate::sys::bpf::{self, Refusal, SocketMap};
use crate::sys::{clock, reuseport};

/// The program, and what it goes by. For the master.
#[derive(Debug)]
pub struct Balancer {
    rule: Rule,
    table: &'static Table,
    descriptors: Descriptors,
    clock_offset_ns: i64,
}

/// What the kernel keeps for it. They can be handed to another program.
#[derive(Debug)]
pub(crate) struct Descriptors {
    pub(crate) table: OwnedFd,
    pub(crate) listeners: SocketMap,
    pub(crate) program: OwnedFd,
}

impl Balancer {
    /// Loads the program for a policy.
    pub(crate) fn new(rule: Rule) -> Result<Self, Refusal> {
        let table_map = bpf::create_shared::<Table>("evenkeel_load")?;
        let listeners = SocketMap::new("evenkeel_slots", u32::from(SLOTS_MAX))?;
        let assembled = match rule {
            Rule::Turns => turns::program(table_map.as_fd(), listeners.as_fd()),
            Rule::LeastBusy => least_busy::program(table_map.as_fd(), listeners.as_fd()),
        };
        let refused = |doing| move |error| Refusal { doing, error, log: String::new() };
        let program = assembled.map_err(refused("put the program together"))?;
        let name = match rule {
            Rule::Turns => "evenkeel_turns",
            Rule::LeastBusy => "evenkeel_least",
        };
        let program = bpf::load(name, &program)?;
        let table = bpf::map_shared::<Table>(&table_map).map_err(refused("map the table"))?;
        table.begin();
        let descriptors = Descriptors { table: table_map, listeners, program };
        Ok(Self { rule, table, descriptors, clock_offset_ns: clock::namespace_offset_ns() })
    }

    /// The same, for the project's own tests.
    ///
    /// # Errors
    /// The kernel does not take it.
    pub fn load(rule: Rule) -> Result<Self, Error> {
        Self::new(rule).map_err(|refusal| refusal.to_error(rule))
    }

    /// Listeners can be named to the program without the privilege. Before Linux 5.19 (commit
    /// c8644cd0efe7) all of bpf(2) asked for it where `kernel.unprivileged_bpf_disabled` is set.
    pub(crate) fn serves_anybody(&self) -> bool {
        // What is no socket is refused, but not for want of a privilege.
        let named = self.descriptors.listeners.put(0, &self.descriptors.table);
        !named.is_err_and(|refusal| refusal.error.raw_os_error() == Some(libc::EPERM))
    }

    /// Goes on with what another program made.
    pub(crate) fn take_over(rule: Rule, descriptors: Descriptors) -> io::Result<Self> {
        let table = bpf::map_shared::<Table>(&descriptors.table)?;
        if !table.is_ours() {
            return Err(io::Error::other("its table of loads is laid out in another way"));
        }
        Ok(Self { rule, table, descriptors, clock_offset_ns: clock::namespace_offset_ns() })
    }

    pub(crate) fn descriptors(&self) -> &Descriptors {
        &self.descriptors
    }

    /// What the program goes by.
    pub fn table(&self) -> &'static Table {
        self.table
    }

    /// Names the slot's listener to the program. It must listen already.
    ///
    /// # Errors
    /// It does not, or stands under another slot.
    pub fn admit(&self, slot: SlotId, listener: impl AsFd) -> io::Result<()> {
        let named = self.descriptors.listeners.put(u32::from(slot.0), listener);
        named.map_err(|refusal| io::Error::new(refusal.error.kind(), refusal.to_string()))
    }

    /// Has the kernel choose among the slots in `live`; with none of them, its hash chooses among all
    /// members of the group. The program belongs to the group, so that any member will do to attach
    /// it.
    ///
    /// # Errors
    /// The member is not in a group.
    pub fn steer(&self, member: impl AsFd, live: &[SlotId]) -> io::Result<()> {
        match self.rule {
            Rule::Turns => self.table.take_turns(live),
            Rule::LeastBusy => self.table.choose_among(live),
        }
        reuseport::attach_loaded(member, self.descriptors.program.as_fd())
    }

    /// What a worker tells the program; `None` if the program does not want to know.
    pub(crate) fn load_of(&self, slot: SlotId, row: &'static Row, seat: usize) -> Option<Load> {
        let load = || Load::new(self.table.row(slot), row, seat, self.clock_offset_ns);
        (self.rule == Rule::LeastBusy).then(load)
    }

    /// A worker is gone, and with it all connections that it had accepted.
    pub(crate) fn left(&self, slot: SlotId, seat: usize, accepted: u64) {
        self.table.row(slot).all_finished(seat, accepted);
    }
}

impl Refusal {
    /// What helps. (The verifier says EACCES, too, of what it finds unsafe.)
    pub(crate) fn mend(&self) -> BalanceMend {
        match self.error.raw_os_error() {
            Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM) => BalanceMend::Resources,
            Some(libc::EPERM | libc::EACCES) if self.log.is_empty() => BalanceMend::Privilege,
            _ => BalanceMend::Kernel,
        }
    }

    /// With the mend.
    pub(crate) fn to_error(&self, rule: Rule) -> Error {
        Error::balance(rule, self.mend(), &self.to_string())
    }
}

impl Descriptors {
    /// What another program left: the table, the map of listeners and the program.
    pub(crate) fn take_over([table, listeners, program]: [OwnedFd; 3]) -> io::Result<Self> {
        Ok(Self { table, listeners: SocketMap::take_over(listeners)?, program })
    }

    pub(crate) fn all(&self) -> [BorrowedFd<'_>; 3] {
        [self.table.as_fd(), self.listeners.as_fd(), self.program.as_fd()]
    }
}
