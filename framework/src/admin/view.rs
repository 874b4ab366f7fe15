//! What the admin process can see: the scoreboard, the plan, the kernel's lists.

use nix::unistd::getppid;

use super::queues::{self, Named, Waiting};
use crate::birth::Birth;
use crate::board::{Board, Doing, Phase, Snapshot};
use crate::ids::{Place, SlotId};
use crate::limits::SLOTS_MAX;
use crate::plan::Address;

/// Everything that is looked at.
pub(super) struct View {
    pub(super) board: &'static Board,
    /// The master's process id.
    pub(super) master: u32,
    pub(super) name: String,
    pub(super) policy: String,
    pub(super) addresses: Vec<Address>,
    /// Workers are programs that count nothing on the scoreboard.
    pub(super) foreign: bool,
    primary: Address,
    backlog: u32,
    shared: Vec<(Address, u64)>,
}

impl View {
    pub(super) fn new(birth: &Birth, master: u32, shared: Vec<(Address, u64)>) -> Self {
        let plan = &birth.plan;
        Self {
            board: birth.board,
            master,
            name: birth.plan.name.as_ref().map_or_else(program_name, ToString::to_string),
            policy: plan.intake.to_string(),
            addresses: plan.addresses().cloned().collect(),
            foreign: plan.foreign.is_some(),
            primary: plan.address.clone(),
            backlog: plan.backlog,
            shared,
        }
    }

    /// The parent of this process is still the master: as soon as that has ended, another one is.
    pub(super) fn master_lives(&self) -> bool {
        u32::try_from(getppid().as_raw()) == Ok(self.master)
    }

    pub(super) fn why_not_ready(&self) -> Option<&'static str> {
        if !self.master_lives() {
            return Some("the master is dead");
        }
        match self.board.doing() {
            Doing::Closing => return Some("a stop is announced"),
            Doing::Stopping => return Some("stopping"),
            Doing::Running | Doing::Reloading | Doing::Upgrading => {}
        }
        if self.board.closing() {
            return Some("a stop is announced");
        }
        let ready = |slot| self.board.row(Place::Slot(SlotId(slot))).phase() == Phase::Ready;
        if (0..SLOTS_MAX).any(ready) { None } else { Some("no worker is ready") }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot::of(self.board)
    }

    /// All accept queues: those of the slots, and those that all workers share.
    pub(super) fn queues(&self) -> Vec<Waiting> {
        let own = (0..SLOTS_MAX).filter_map(|slot| {
            let inode = self.board.row(Place::Slot(SlotId(slot))).listener_inode()?;
            Some(Named { address: self.primary.clone(), slot: Some(slot), inode })
        });
        let shared = self.shared.iter();
        let shared = shared.map(|(address, inode)| Named {
            address: address.clone(),
            slot: None,
            inode: *inode,
        });
        queues::look(own.chain(shared).collect(), self.backlog)
    }
}

/// As the program was called.
fn program_name() -> String {
    let path = std::env::args_os().next().unwrap_or_default();
    let name = std::path::Path::new(&path).file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
