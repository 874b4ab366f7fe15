//! The worker's loop: each turn takes new connections first, then looks at the others.

mod clients;
mod drain;
mod fresh;
mod intake;
mod room;
mod standing;

use std::io;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use drain::Drain;
use fresh::Fresh;
use standing::Standing;

use super::client::Client;
use super::desk::Desk;
use super::eager::Eager;
use super::pool::Pool;
use super::sources::Sources;
use super::tally::Tally;
use super::term::Watch;
use crate::birth::{Birth, code};
use crate::board::{Board, Seat};
use crate::http::{DateCache, Handler, Scratch};
use crate::limits::{EVENTS_PER_TURN, LOG_RETRY, READ_BUFFER_BYTES};
use crate::net::channel::{Channel, Report};
use crate::plan::Trusted;
use crate::signals::Signals;
use crate::sys::watchdog::Watchdog;

/// The loop and all that it looks after.
pub(super) struct EventLoop<'a, H> {
    poll: Poll,
    channel: &'a Channel,
    signals: &'a Signals,
    /// Who begins connections with the PROXY protocol.
    trusted: Option<&'a Trusted>,
    board: &'static Board,
    seat: &'static Seat,
    standing: Option<Standing>,
    grace: Duration,
    handshake_linger: Duration,
    sources: Sources,
    /// Out of descriptors: not accepting until then.
    paused_until: Option<Instant>,
    clients: Slab<Client>,
    clients_max: usize,
    fresh: Fresh,
    /// Whether more than one connection waits, mostly, when one does.
    more: Eager,
    /// Connections that gave way to the others with something left to do.
    again: Vec<usize>,
    /// Those of the turn before; a second buffer, so that none is made for each turn.
    again_now: Vec<usize>,
    desk: Desk<H>,
    dates: DateCache,
    sweep_at: Option<Instant>,
    drain: Option<Drain>,
    /// No other link to a dispatcher will come.
    parted: bool,
    watchdog: Option<Watchdog>,
    term: Watch,
    /// SIGTERM came to this process; a second one ends it at once.
    told_to_end: bool,
}

/// Whether the loop goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Going {
    On,
    Done,
    /// Told to end at once: what is left is cut.
    Cut,
}

// Those of the sources follow.
const MASTER: Token = Token(usize::MAX);
const SIGNALS: Token = Token(usize::MAX - 1);
const LETTERS: Token = Token(usize::MAX - 2);

impl<'a, H> EventLoop<'a, H>
where
    H: Handler,
{
    pub(super) fn new(
        birth: &'a Birth,
        poll: Poll,
        sources: Sources,
        handler: H,
    ) -> io::Result<Self> {
        let seat = birth.seat;
        let desk = Desk {
            handler,
            seat,
            tally: Tally::start(birth)?,
            input: vec![0; READ_BUFFER_BYTES].into_boxed_slice(),
            output: Vec::new(),
            scratch: Scratch::default(),
            limits: birth.plan.limits,
            timeouts: birth.plan.timeouts,
            pool: Pool::new(birth.plan.offload_threads)?,
            date: [b' '; 29],
            began: Instant::now(),
            now: Instant::now(),
            draining: false,
        };
        let mut this = Self {
            poll,
            channel: &birth.channel,
            signals: &birth.signals,
            trusted: birth.plan.trusted.as_ref(),
            board: birth.board,
            seat,
            standing: birth.load.map(|load| Standing::new(load, birth.plan.stall_after)),
            grace: birth.plan.grace,
            handshake_linger: birth.plan.handshake_linger(),
            sources,
            paused_until: None,
            clients: Slab::new(),
            clients_max: intake::room_for_clients(birth.plan.connections_max),
            fresh: Fresh::default(),
            more: Eager::default(),
            again: Vec::new(),
            again_now: Vec::new(),
            desk,
            dates: DateCache::default(),
            sweep_at: None,
            drain: None,
            parted: false,
            watchdog: birth.watchdog()?,
            term: Watch::new(birth.plan.term, Instant::now()),
            told_to_end: false,
        };
        this.watch()?;
        Ok(this)
    }

    fn watch(&mut self) -> io::Result<()> {
        use std::os::fd::AsFd;
        let registry = self.poll.registry();
        let channel = self.channel.as_fd().as_raw_fd();
        registry.register(&mut SourceFd(&channel), MASTER, Interest::READABLE)?;
        let signals = self.signals.as_fd().as_raw_fd();
        registry.register(&mut SourceFd(&signals), SIGNALS, Interest::READABLE)?;
        let bell = self.desk.pool.bell().as_raw_fd();
        registry.register(&mut SourceFd(&bell), LETTERS, Interest::READABLE)
    }

    /// Serves until it has drained; the exit code. Nothing is accepted before.
    pub(super) fn run(&mut self) -> io::Result<i32> {
        self.resume_accepting();
        let mut events = Events::with_capacity(EVENTS_PER_TURN);
        loop {
            match self.poll.poll(&mut events, self.timeout()) {
                Ok(()) => {}
                // epoll_wait(2) is not restarted after a signal; what it brought is looked at.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            self.begin_work();
            if let Some(watchdog) = &self.watchdog {
                watchdog.watch();
            }
            self.look_at_clocks();
            self.sources.primary_mut().begin_turn(events.is_empty());
            let going = self.turn(&events);
            if let Some(log) = &mut self.desk.tally.log {
                log.end_of_turn();
            }
            self.end_work();
            match going {
                Going::On => {}
                Going::Done => return Ok(code::DONE),
                Going::Cut => return Ok(code::CUT),
            }
        }
    }

    fn turn(&mut self, events: &Events) -> Going {
        // An order to drain comes before the requests that are to be the last.
        if events.iter().any(|event| event.token() == MASTER) {
            self.take_orders();
        }
        if events.iter().any(|event| event.token() == SIGNALS) && self.take_signals() == Going::Cut
        {
            return Going::Cut;
        }
        for event in events {
            if let Some(place) = self.sources.place(event.token()) {
                self.accept(place);
            }
        }
        if events.iter().any(|event| event.token() == LETTERS) {
            self.take_letters();
        }
        std::mem::swap(&mut self.again, &mut self.again_now);
        // One that is always ready comes here for each event that it got besides.
        self.again_now.sort_unstable();
        self.again_now.dedup();
        while let Some(key) = self.again_now.pop() {
            self.advance(key, true);
        }
        for event in events {
            match event.token() {
                MASTER | SIGNALS | LETTERS => {}
                // Nobody has the token of a source.
                Token(key) if event.is_write_closed() => self.hung_up(key),
                Token(key) => self.advance(key, event.is_read_closed()),
            }
        }
        self.begin_fresh();
        self.sweep();
        self.look_at_load();
        self.look_at_term();
        self.resume_accepting();
        self.finished()
    }

    /// Asks for a successor when it has served long enough.
    fn look_at_term(&mut self) {
        if self.drain.is_some() {
            return;
        }
        if let Some((why, text)) = self.term.over(self.desk.tally.requests(), self.desk.now) {
            // Without a master there is none, which the channel's end says as well.
            let _ = self.channel.report(&Report::WantsSuccessor { why, text });
        }
    }

    fn look_at_clocks(&mut self) {
        self.desk.now = Instant::now();
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.desk.date = *self.dates.at(since_epoch.as_secs());
        self.desk.tally.unix_seconds = since_epoch.as_secs();
    }

    fn timeout(&self) -> Option<Duration> {
        if !self.again.is_empty() || self.sources.primary().hesitates() {
            return Some(Duration::ZERO);
        }
        let orphaned = self.drain.and_then(|drain| drain.orphaned_until);
        let lingers = self.drain.map(|drain| drain.not_before);
        let lingers = lingers.filter(|until| *until > self.desk.now);
        let term = self.term.deadline().filter(|_| self.drain.is_none());
        let standing = self.standing.filter(|_| self.drain.is_none()).map(|it| it.check_at);
        let due = [self.sweep_at, self.paused_until, orphaned, lingers, term, standing];
        let due = due.into_iter().flatten().min();
        let left = due.map(|due| due.saturating_duration_since(Instant::now()));
        let log = self.desk.tally.log.as_ref().filter(|log| log.is_behind()).map(|_| LOG_RETRY);
        left.into_iter().chain(log).min()
    }
}
