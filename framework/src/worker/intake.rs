//! What brings a worker its connections and its orders, whoever serves them: the built-in loop, or the
//! user's own.

mod accepting;
mod ending;
mod orders;
mod standing;
mod taking_up;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Interest, Poll, Token};

use super::eager::Eager;
use super::sources::Sources;
use super::stream::Stream;
use super::term::Watch;
use crate::birth::{Birth, Possessions};
use crate::net::channel::{Order, Report};
use crate::plan::Term;
use crate::sys::watchdog::Watchdog;
use ending::Drain;
use standing::Standing;
use taking_up::Debut;
pub(super) use taking_up::Waiting;

/// The sources of connections, the channel to the master, the signals, and what becomes of them. It waits
/// on them with one epoll instance.
pub(super) struct Intake<'a> {
    pub(super) poll: Poll,
    pub(super) birth: &'a Birth,
    standing: Option<Standing>,
    pub(super) sources: Sources,
    /// Out of descriptors: not accepting until then.
    paused_until: Option<Instant>,
    /// Connections that are there, and the most that may be.
    open: usize,
    open_max: usize,
    /// Whether more than one connection waits, mostly, when one does.
    more: Eager,
    /// Accepted, and not taken in yet.
    pub(super) arrivals: VecDeque<Arrival>,
    drain: Option<Drain>,
    /// No other link to a dispatcher will come.
    parted: bool,
    watchdog: Option<Watchdog>,
    term: Watch,
    /// SIGTERM came to this process; a second one ends it at once.
    told_to_end: bool,
    /// What is left to do before this worker is ready.
    debut: Option<Debut>,
    /// When the turn began.
    pub(super) now: Instant,
}

/// A connection that was just accepted.
pub(super) struct Arrival {
    pub(super) stream: Stream,
    pub(super) remote: Option<SocketAddr>,
}

/// Whether the loop goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Going {
    On,
    Done,
    /// Told to end at once: what is left is cut.
    Cut,
}

/// An order that is not about connections.
pub(super) type Errand<'a> = &'a mut dyn FnMut(&Birth, &Order);

// Those of the sources follow.
pub(super) const MASTER: Token = Token(usize::MAX);
pub(super) const SIGNALS: Token = Token(usize::MAX - 1);
/// For what else wakes the loop.
pub(super) const LETTERS: Token = Token(usize::MAX - 2);

impl<'a> Intake<'a> {
    /// Takes up the listeners. Nothing is waited for before [`Intake::appear`].
    pub(super) fn new(
        birth: &'a Birth,
        possessions: Possessions,
        waiting: Waiting,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let (sources, debut) = taking_up::take_up(birth, possessions, &poll, waiting)?;
        let now = Instant::now();
        Ok(Self {
            poll,
            birth,
            standing: None,
            sources,
            paused_until: None,
            open: 0,
            open_max: birth.plan.connections_max,
            more: Eager::default(),
            arrivals: VecDeque::new(),
            drain: None,
            parted: false,
            watchdog: None,
            term: Watch::new(Term::default(), now),
            told_to_end: false,
            debut: Some(debut),
            now,
        })
    }

    /// The user's own start is done: the master is told that this worker is ready, and gives its orders
    /// from now on. The second time it does nothing.
    pub(super) fn appear(&mut self) -> io::Result<()> {
        let Some(debut) = self.debut.take() else { return Ok(()) };
        let plan = &self.birth.plan;
        self.now = Instant::now();
        self.standing = self.birth.load.map(|load| Standing::new(load, plan.stall_after));
        self.open_max = accepting::room_for_clients(plan.connections_max);
        self.term = Watch::new(plan.term, self.now);
        self.watchdog = self.birth.watchdog()?;
        let registry = self.poll.registry();
        let channel = self.birth.channel.as_fd().as_raw_fd();
        registry.register(&mut SourceFd(&channel), MASTER, Interest::READABLE)?;
        let signals = self.birth.signals.as_fd().as_raw_fd();
        registry.register(&mut SourceFd(&signals), SIGNALS, Interest::READABLE)?;
        // The worker before this one has the listener as well: nothing changes for it before.
        debut.cpu.map_or(Ok(()), |cpu| self.sources.primary().prefer_cpu(cpu))?;
        self.birth.confine()?;
        self.birth.ready(debut.lodged)
    }

    /// The loop begins a turn, and does not wait.
    pub(super) fn wake(&self) {
        self.begin_work();
        if let Some(watchdog) = &self.watchdog {
            watchdog.watch();
        }
    }

    /// Asks for a successor when it has served long enough.
    pub(super) fn look_at_term(&mut self, requests: u64) {
        if self.drain.is_some() {
            return;
        }
        if let Some((why, text)) = self.term.over(requests, self.now) {
            // Without a master there is none, which the channel's end says as well.
            let _ = self.birth.channel.report(&Report::WantsSuccessor { why, text });
        }
    }

    /// It is ready, or was.
    pub(super) fn has_appeared(&self) -> bool {
        self.debut.is_none()
    }

    /// How long the loop may wait for events, as far as this goes.
    pub(super) fn timeout(&self) -> Option<Duration> {
        if self.hesitates() {
            return Some(Duration::ZERO);
        }
        self.due().map(|due| due.saturating_duration_since(Instant::now()))
    }

    /// The loop is to look once more, without waiting.
    pub(super) fn hesitates(&self) -> bool {
        self.sources.primary().hesitates()
    }

    /// When there is something to do without an event.
    pub(super) fn due(&self) -> Option<Instant> {
        let orphaned = self.drain.and_then(|drain| drain.orphaned_until);
        let lingers = self.drain.map(|drain| drain.not_before);
        let lingers = lingers.filter(|until| *until > self.now);
        let term = self.term.deadline().filter(|_| self.drain.is_none());
        let standing = self.standing.filter(|_| self.drain.is_none()).map(|it| it.check_at);
        let due = [self.paused_until, orphaned, lingers, term, standing];
        due.into_iter().flatten().min()
    }
}
