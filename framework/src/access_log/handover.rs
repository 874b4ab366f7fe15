//! Where the loop leaves its lines, and the thread finds them.
//!
//! Each holds the lock for a moment only. The loop does not wait even for that: it tries again.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use crate::limits::{LOG_BATCH_BYTES, LOG_WRITE_PAUSE};

/// Between the two.
#[derive(Debug, Default)]
pub(super) struct Handover {
    state: Mutex<State>,
    changed: Condvar,
    /// Lines and octets that were left here, and are neither written nor dropped.
    lines: AtomicU64,
    bytes: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    filled: Vec<u8>,
    wishes: Wishes,
    /// What the thread does; the loop wakes it only when it has to.
    rest: Rest,
    finished: bool,
}

/// What the thread is to do besides writing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wishes {
    /// To open the file anew, and then to tell this number.
    pub(super) reopen: Option<u32>,
    /// To write what there is, and to end.
    pub(super) close: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Rest {
    /// It is busy.
    #[default]
    None,
    /// It lets lines gather.
    Pause,
    /// It has nothing to do.
    Sleep,
}

/// The loop's side.
impl Handover {
    /// Octets that wait here.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }

    /// Leaves lines, and a wish to open the file anew. False: the thread holds the lock just now.
    pub(super) fn leave(&self, own: &mut Vec<u8>, lines: u64, reopen: Option<u32>) -> bool {
        let mut state = match self.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        self.add(&mut state, own, lines);
        state.wishes.reopen = reopen.or(state.wishes.reopen);
        let due = match state.rest {
            Rest::None => false,
            Rest::Pause => state.filled.len() >= LOG_BATCH_BYTES,
            Rest::Sleep => true,
        };
        if due || reopen.is_some() {
            state.rest = Rest::None;
            drop(state);
            self.changed.notify_all();
        }
        true
    }

    /// Leaves the last lines, and waits until all is written, or for this time. How many lines are
    /// not written.
    pub(super) fn close(&self, own: &mut Vec<u8>, lines: u64, time: Duration) -> u64 {
        let mut state = self.state();
        self.add(&mut state, own, lines);
        state.wishes.close = true;
        self.changed.notify_all();
        let state = self.wait_while(state, time, |state| !state.finished);
        if state.finished { 0 } else { self.lines.load(Relaxed) }
    }

    /// Exchanges buffers, so that none is made for each turn.
    fn add(&self, state: &mut State, own: &mut Vec<u8>, lines: u64) {
        self.lines.fetch_add(lines, Relaxed);
        self.bytes.fetch_add(own.len(), Relaxed);
        if state.filled.is_empty() {
            std::mem::swap(&mut state.filled, own);
        } else {
            state.filled.append(own);
        }
    }
}

/// The thread's side.
impl Handover {
    /// Waits for something to do. `batch` is empty, and gets the lines.
    pub(super) fn take(&self, batch: &mut Vec<u8>) -> Wishes {
        let mut state = self.state();
        while state.filled.is_empty() && !state.wishes.any() {
            state.rest = Rest::Sleep;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.rest = Rest::None;
        std::mem::swap(&mut state.filled, batch);
        state.wishes.take()
    }

    /// Lets lines gather.
    pub(super) fn pause(&self) {
        let mut state = self.state();
        state.rest = Rest::Pause;
        let gathers = |state: &State| !state.wishes.any() && state.filled.len() < LOG_BATCH_BYTES;
        self.wait_while(state, LOG_WRITE_PAUSE, gathers).rest = Rest::None;
    }

    /// Waits for a wish, but not for lines.
    pub(super) fn wish(&self, within: Duration) -> Wishes {
        self.wait_while(self.state(), within, |state| !state.wishes.any()).wishes.take()
    }

    /// So many lines and octets were written, or dropped.
    pub(super) fn done(&self, lines: u64, bytes: usize) {
        self.lines.fetch_sub(lines, Relaxed);
        self.bytes.fetch_sub(bytes, Relaxed);
    }

    /// The thread ends.
    pub(super) fn finish(&self) {
        self.state().finished = true;
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while<'a>(
        &self,
        state: MutexGuard<'a, State>,
        time: Duration,
        pending: impl Fn(&State) -> bool,
    ) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_timeout_while(state, time, |state| pending(state));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Wishes {
    fn any(self) -> bool {
        self.close || self.reopen.is_some()
    }

    /// The wish to end stays.
    fn take(&mut self) -> Self {
        Self { reopen: self.reopen.take(), close: self.close }
    }
}
