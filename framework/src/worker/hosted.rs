//! The intake for a loop that is not ours: nothing waits in it, and all who serve share it.

mod alarm;
mod answers;
mod drain;
#[cfg(feature = "tokio")]
mod tasks;
mod turn;
mod waiting;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError};
use std::task::Waker;
use std::time::Instant;

use mio::Events;
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::intake::{self, Intake, LETTERS};
use super::mailbox;
use super::stream::Origin;
use crate::birth::{Birth, Possessions, code};
use crate::limits::EVENTS_PER_TURN;
use crate::sys::epoll::{self, Wake};
use alarm::Alarm;
pub(crate) use drain::Phase;
pub(crate) use turn::Arrived;
pub(crate) use waiting::Reached;
use waiting::Waiting;

/// What a worker with a loop of its own has, behind one lock. It is held for system calls that do not
/// wait only, so that those who meet there do not notice each other.
#[derive(Debug)]
pub(crate) struct Hosted {
    state: Mutex<State>,
    /// Readable when there is something to do.
    ready: OwnedFd,
    /// Readable once the drain has begun.
    begun: EventFd,
}

/// Why it ends at once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    Told,
    /// Nobody is left who would end it when its time is up.
    TimeUp,
}

struct State {
    intake: Intake<'static>,
    events: Events,
    /// What the user's master says, to be delivered without the lock.
    news: Vec<Vec<u8>>,
    alarm: Alarm,
    phase: Phase,
    /// Somebody takes connections.
    wanted: bool,
    /// The user says when the loop waits, so that it can be told from one that hangs.
    attended: bool,
    requests: u64,
    /// Answers under way whose head did not say that they are the last ones.
    unfinished: usize,
    /// When the newest connection of a drain has had its time.
    patient_until: Instant,
    /// When answers that were under way at its beginning have had theirs.
    finish_until: Instant,
    /// The queue that nobody else would have emptied is empty.
    emptied: bool,
    cut: Option<Cut>,
    /// Its connections and orders come no more, for this reason.
    failure: Option<io::Error>,
    waiting: Waiting,
    takers: Vec<Waker>,
    /// Those that tasks take connections from.
    #[cfg(feature = "tokio")]
    listeners: usize,
    /// To be called without the lock.
    called: Vec<Waker>,
}

impl Hosted {
    pub(crate) fn new(birth: &'static Birth, possessions: Possessions) -> io::Result<Self> {
        let intake = Intake::new(birth, possessions, intake::Waiting::Epoll)?;
        let ready = epoll::duplicate(&intake.poll)?;
        let alarm = Alarm::new(&intake.poll)?;
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let state = State {
            intake,
            events: Events::with_capacity(EVENTS_PER_TURN),
            news: Vec::new(),
            alarm,
            phase: Phase::Serving,
            wanted: false,
            attended: false,
            requests: 0,
            unfinished: 0,
            patient_until: Instant::now(),
            finish_until: Instant::now(),
            emptied: false,
            cut: None,
            failure: None,
            waiting: Waiting::default(),
            takers: Vec::new(),
            #[cfg(feature = "tokio")]
            listeners: 0,
            called: Vec::new(),
        };
        let begun = EventFd::from_value_and_flags(0, flags)?;
        Ok(Self { state: Mutex::new(state), ready, begun })
    }

    /// Does what there is to do. True if there was nothing: the descriptor is not readable now.
    pub(crate) fn turn(&self) -> io::Result<bool> {
        let (quiet, news) = self.with(|state| {
            let quiet = state.turn();
            if state.phase != Phase::Serving {
                // A counter that is full was rung before.
                let _ = self.begun.write(1);
            }
            (quiet, std::mem::take(&mut state.news))
        });
        for bytes in news {
            mailbox::deliver(&bytes);
        }
        quiet
    }

    /// Keeps the descriptor readable from now on, for a loop that waits once more though all is over. A task
    /// that is told so ends by itself, and its driver would spin.
    pub(crate) fn stay_ready(&self) -> io::Result<()> {
        let added = self
            .with(|state| epoll::add(&state.intake.poll, self.begun.as_fd(), LETTERS, Wake::All));
        // It does so already.
        added.or_else(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Ok(()),
            _ => Err(error),
        })
    }

    /// The next connection. The first call tells the master that this worker is ready.
    pub(crate) fn take(&self) -> io::Result<Option<Arrived>> {
        self.with(State::take)
    }

    /// A connection is about to be closed.
    pub(crate) fn closed(&self, origin: Origin) {
        self.with(|state| state.closed(origin));
    }

    /// The loop is about to wait, and says so each time.
    pub(crate) fn rests(&self) {
        self.with(|state| {
            state.attended = true;
            state.intake.end_work();
        });
    }

    /// The loop goes on.
    pub(crate) fn works(&self) {
        self.with(|state| {
            state.attended = true;
            state.intake.wake();
        });
    }

    pub(crate) fn count_error(&self) {
        self.with(|state| state.intake.birth.seat.count_error());
    }

    pub(crate) fn phase(&self) -> Phase {
        self.with(|state| state.phase)
    }

    /// When the drain that is under way is to be over.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.with(|state| state.intake.drain_deadline())
    }

    /// Told to end at once, or nobody is left who would end it: what it has is to be cut.
    pub(crate) fn is_cut(&self) -> bool {
        self.with(|state| state.cut.is_some())
    }

    /// What the exit code is to be when the user's loop has ended in order.
    pub(crate) fn exit_code(&self) -> i32 {
        self.with(|state| {
            if state.cut == Some(Cut::Told) {
                code::CUT
            } else if state.intake.owes_queue() && !state.emptied {
                tracing::error!("it ended before its accept queue was empty");
                code::FAILED
            } else {
                code::DONE
            }
        })
    }

    pub(crate) fn ready(&self) -> BorrowedFd<'_> {
        self.ready.as_fd()
    }

    pub(crate) fn begun(&self) -> BorrowedFd<'_> {
        self.begun.as_fd()
    }

    fn with<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = act(&mut state);
        let called = std::mem::take(&mut state.called);
        drop(state);
        called.into_iter().for_each(Waker::wake);
        result
    }
}
