//! What this process is.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// A process is one of these, and it changes once, right after its fork.
static ROLE: AtomicU8 = AtomicU8::new(MASTER);

const MASTER: u8 = 0;
const WORKER: u8 = 1;
const OTHER: u8 = 2;

/// This process is the master, or will be when it calls [`Server::serve`](crate::Server::serve): what runs
/// before that runs in the master, and in the trial of an upgrade. It asks the system nothing.
pub fn is_master() -> bool {
    ROLE.load(Relaxed) == MASTER
}

/// This process is a worker: true in the closures and handlers that a worker runs.
pub fn is_worker() -> bool {
    ROLE.load(Relaxed) == WORKER
}

/// This process was just forked to be a worker, or something else that serves workers.
pub(crate) fn be_child(worker: bool) {
    ROLE.store(if worker { WORKER } else { OTHER }, Relaxed);
}
