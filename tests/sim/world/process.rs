//! A process of the simulated machine.

/// A process as an observer sees it.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is seen apart from the others")]
pub(super) struct Process {
    pub(super) ready: bool,
    /// May have connections.
    pub(super) accepts: bool,
    pub(super) draining: bool,
    pub(super) killed: bool,
    /// Was sent a signal on the user's behalf, of which the supervisor need not think any more.
    pub(super) doomed: bool,
    pub(super) parted: bool,
    /// Was told to empty its queue.
    pub(super) empties: bool,
    /// It asked to be told to drain, and asks once.
    pub(super) wants_drain: bool,
    /// It asked for a successor.
    pub(super) wants_successor: bool,
}

impl Process {
    pub(super) fn serves(self) -> bool {
        self.ready && !self.leaves()
    }

    /// It was sent a signal that ends it.
    pub(super) fn ends(self) -> bool {
        self.killed || self.doomed
    }

    pub(super) fn leaves(self) -> bool {
        self.draining || self.killed
    }
}
