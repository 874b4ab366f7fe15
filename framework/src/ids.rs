//! The numbers that name a place, a process and a member of a group.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A worker's place, `0..N`. It outlives the workers that sit in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SlotId(pub u16);

impl SlotId {
    /// The slot's place in a table of all slots.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for SlotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Counts the processes that have sat in one place: 1 is the first, its successor is 2.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Generation(pub u32);

impl Generation {
    /// The generation of the process that comes after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a child of the master sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Place {
    /// The process that shows how all is; see [`Server::admin`](crate::Server::admin).
    Admin,
    /// The process of policy `rr` that accepts and hands sockets out.
    Dispatcher,
    /// A worker's slot.
    Slot(SlotId),
}

impl Place {
    /// The slot, if it is one.
    pub fn slot(self) -> Option<SlotId> {
        match self {
            Self::Slot(slot) => Some(slot),
            Self::Admin | Self::Dispatcher => None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admin => f.write_str("admin"),
            Self::Dispatcher => f.write_str("dispatcher"),
            Self::Slot(slot) => write!(f, "worker {slot}"),
        }
    }
}

/// One child for all time: a place and the generation in it. Unlike a pid it is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ChildId {
    /// Where it sits.
    pub place: Place,
    /// The how-manieth process there it is.
    pub generation: Generation,
}

impl fmt::Display for ChildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (generation {})", self.place, self.generation)
    }
}
