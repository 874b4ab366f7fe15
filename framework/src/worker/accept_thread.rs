//! A thread that blocks in `accept(2)`, for one connection at a time.
//!
//! The kernel wakes those who block there one at a time and in the order in which they came
//! (`inet_csk_wait_for_connect`), so that a worker takes its turn when it is free. The loop offers to
//! take a connection when it has nothing else to do, and takes the offer back before it stops
//! accepting: no connection stays in the thread's hands when the worker ends.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::thread::JoinHandleExt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use mio::Waker;

use crate::limits::{ACCEPT_INTERRUPT_INTERVAL, ACCEPT_INTERRUPTS_MAX};
use crate::net::listener::{self, AcceptError};
use crate::sys::interrupt;

/// What the thread brought.
pub(super) type Taken = io::Result<(OwnedFd, Option<SocketAddr>)>;

/// The thread, as the loop sees it. It starts with the first offer.
pub(super) struct AcceptThread {
    counter: Arc<Counter>,
    thread: Option<JoinHandle<()>>,
    /// The loop has nothing to do, or was asked to look once more already.
    may_offer: bool,
    /// The offer is put off until the loop has looked once more.
    hesitates: bool,
}

/// Where the loop and the thread meet.
struct Counter {
    listener: OwnedFd,
    waker: Waker,
    state: Mutex<State>,
    changed: Condvar,
}

enum State {
    Idle,
    /// The worker offers to take one: the thread is in `accept`, or on its way.
    Offered,
    /// The loop waits for the thread to come back.
    Withdrawn,
    /// Not yet picked up by the loop.
    Done(Taken),
    Ended,
}

impl AcceptThread {
    /// For a listener that blocks. `waker` wakes the loop when there is something to take.
    pub(super) fn new(listener: OwnedFd, waker: Waker) -> Self {
        let (state, changed) = (Mutex::new(State::Idle), Condvar::new());
        let counter = Arc::new(Counter { listener, waker, state, changed });
        Self { counter, thread: None, may_offer: true, hesitates: false }
    }

    pub(super) fn listener(&self) -> BorrowedFd<'_> {
        self.counter.listener.as_fd()
    }

    /// A turn of the loop begins; `quiet` if it found nothing to do.
    pub(super) fn begin_turn(&mut self, quiet: bool) {
        self.may_offer = std::mem::take(&mut self.hesitates) || quiet;
    }

    /// The loop is to look once more, without waiting, before an offer is made.
    pub(super) fn hesitates(&self) -> bool {
        self.hesitates
    }

    /// Offers to take a connection, unless one is offered or there is one to pick up already.
    ///
    /// A worker that has just had something to do may have more: it looks once more first, so that
    /// no connection waits behind a request that had already come.
    pub(super) fn offer(&mut self) -> io::Result<()> {
        if !matches!(*self.counter.state(), State::Idle) {
            return Ok(());
        }
        self.hesitates = !self.may_offer;
        if self.hesitates { Ok(()) } else { self.offer_now() }
    }

    fn offer_now(&mut self) -> io::Result<()> {
        if self.thread.is_none() {
            interrupt::prepare()?;
            let counter = Arc::clone(&self.counter);
            let builder = std::thread::Builder::new().name("accept".into());
            self.thread = Some(builder.spawn(move || counter.serve())?);
        }
        self.counter.change(State::Offered);
        Ok(())
    }

    /// Takes the offer back. What the thread has taken meanwhile can be picked up.
    pub(super) fn withdraw(&mut self) {
        self.hesitates = false;
        let mut state = self.counter.state();
        if matches!(*state, State::Offered) {
            *state = State::Withdrawn;
        }
        let mut tries = 0u32;
        while matches!(*state, State::Withdrawn) {
            // It may just be on its way into `accept`, where it would not notice: say it again.
            if let Some(thread) = &self.thread {
                interrupt::send(thread.as_pthread_t());
            }
            state = self.counter.wait_while(state, |state| matches!(state, State::Withdrawn));
            tries += 1;
            if tries == ACCEPT_INTERRUPTS_MAX && interrupt::prepare().is_ok() {
                // The user's code may have taken the signal for something else.
                tracing::warn!("a thread that blocks in accept does not hear SIGURG; tries again");
                tries = 0;
            }
        }
    }

    /// There is something to pick up.
    pub(super) fn has_taken(&self) -> bool {
        matches!(*self.counter.state(), State::Done(_))
    }

    /// Picks up what the thread took.
    pub(super) fn pick_up(&mut self) -> Option<Taken> {
        let mut state = self.counter.state();
        match std::mem::replace(&mut *state, State::Idle) {
            State::Done(taken) => Some(taken),
            other => {
                *state = other;
                None
            }
        }
    }

    /// Waits for the thread to take one that is queued, if any is and none is taken yet. No offer is left
    /// afterwards.
    pub(super) fn fetch(&mut self) {
        self.withdraw();
        // A sibling may be quicker: the thread would wait for the next one.
        while !self.has_taken()
            && listener::has_queue(self.listener()).unwrap_or(false)
            && self.offer_now().is_ok()
        {
            let state = self.counter.state();
            drop(self.counter.wait_while(state, |state| matches!(state, State::Offered)));
            self.withdraw();
        }
    }
}

impl Drop for AcceptThread {
    fn drop(&mut self) {
        self.withdraw();
        self.counter.change(State::Ended);
        if let Some(thread) = self.thread.take() {
            // It does not panic.
            let _ = thread.join();
        }
    }
}

impl Counter {
    /// The thread's life.
    fn serve(&self) {
        interrupt::listen_for_it_only();
        let mut state = self.state();
        loop {
            match *state {
                State::Ended => return,
                State::Withdrawn => {
                    *state = State::Idle;
                    self.changed.notify_all();
                }
                State::Idle | State::Done(_) => {
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                State::Offered => {
                    drop(state);
                    let taken = listener::accept(&self.listener);
                    state = self.state();
                    if let Err(error) = &taken
                        && let AcceptError::ThisConnection = listener::accept_error(error)
                    {
                        // An interruption among them is a withdrawal, which the next turn sees.
                        continue;
                    }
                    *state = State::Done(taken);
                    self.changed.notify_all();
                    // The loop waits for this with its timeout: nothing else can be done.
                    let _ = self.waker.wake();
                }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, state: State) {
        *self.state() = state;
        self.changed.notify_all();
    }

    /// Waits as long as an interruption may take.
    fn wait_while<'a>(
        &self,
        state: MutexGuard<'a, State>,
        pending: fn(&State) -> bool,
    ) -> MutexGuard<'a, State> {
        let changed = &self.changed;
        let waited =
            changed.wait_timeout_while(state, ACCEPT_INTERRUPT_INTERVAL, |state| pending(state));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
