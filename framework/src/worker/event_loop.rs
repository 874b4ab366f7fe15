//! The worker's loop: each turn takes new connections first, then looks at the others.

mod clients;
mod drain;
mod fresh;
mod room;

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::unix::SourceFd;
use mio::{Events, Interest, Token};
use slab::Slab;

use fresh::Fresh;

use super::client::Client;
use super::desk::Desk;
use super::intake::{Going, Intake, LETTERS, MASTER, SIGNALS};
use super::pool::Pool;
use super::sources::PRIMARY;
use super::tally::Tally;
use crate::birth::code;
use crate::http::{DateCache, Handler, Scratch};
use crate::limits::{EVENTS_PER_TURN, LOG_RETRY, READ_BUFFER_BYTES};
use crate::plan::Trusted;

/// The loop and all that it looks after.
pub(super) struct EventLoop<'a, H> {
    intake: Intake<'a>,
    /// Who begins connections with the PROXY protocol.
    trusted: Option<&'a Trusted>,
    clients: Slab<Client>,
    fresh: Fresh,
    /// Connections that gave way to the others with something left to do.
    again: Vec<usize>,
    /// Those of the turn before; a second buffer, so that none is made for each turn.
    again_now: Vec<usize>,
    desk: Desk<H>,
    dates: DateCache,
    sweep_at: Option<Instant>,
}

impl<'a, H> EventLoop<'a, H>
where
    H: Handler,
{
    pub(super) fn new(mut intake: Intake<'a>, handler: H) -> io::Result<Self> {
        let birth = intake.birth;
        let desk = Desk {
            handler,
            seat: birth.seat,
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
        let bell = desk.pool.bell().as_fd().as_raw_fd();
        let registry = intake.poll.registry();
        registry.register(&mut SourceFd(&bell), LETTERS, Interest::READABLE)?;
        intake.appear()?;
        Ok(Self {
            intake,
            trusted: birth.plan.trusted.as_ref(),
            clients: Slab::new(),
            fresh: Fresh::default(),
            again: Vec::new(),
            again_now: Vec::new(),
            desk,
            dates: DateCache::default(),
            sweep_at: None,
        })
    }

    /// Serves until it has drained; the exit code. Nothing is accepted before.
    pub(super) fn run(&mut self) -> io::Result<i32> {
        self.intake.resume_accepting();
        let mut events = Events::with_capacity(EVENTS_PER_TURN);
        loop {
            match self.intake.poll.poll(&mut events, self.timeout()) {
                Ok(()) => {}
                // epoll_wait(2) is not restarted after a signal; what it brought is looked at.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            self.intake.wake();
            self.look_at_clocks();
            self.intake.sources.primary_mut().begin_turn(events.is_empty());
            let going = self.turn(&events);
            if let Some(log) = &mut self.desk.tally.log {
                log.end_of_turn();
            }
            self.intake.end_work();
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
        let signals = events.iter().any(|event| event.token() == SIGNALS);
        if signals && self.intake.take_signals() == Going::Cut {
            return Going::Cut;
        }
        if self.intake.is_draining() && !self.desk.draining {
            self.begin_drain();
        }
        for event in events {
            if let Some(place) = self.intake.sources.place(event.token()) {
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
        if self.intake.is_in_doubt() {
            self.accept(PRIMARY);
            self.begin_fresh();
        }
        self.intake.look_at_term(self.desk.tally.requests());
        self.intake.resume_accepting();
        self.finished()
    }

    fn look_at_clocks(&mut self) {
        self.desk.now = Instant::now();
        self.intake.now = self.desk.now;
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.desk.date = *self.dates.at(since_epoch.as_secs());
        self.desk.tally.unix_seconds = since_epoch.as_secs();
    }

    fn timeout(&self) -> Option<Duration> {
        if !self.again.is_empty() {
            return Some(Duration::ZERO);
        }
        let intake = self.intake.timeout();
        let sweep = self.sweep_at.map(|due| due.saturating_duration_since(Instant::now()));
        let log = self.desk.tally.log.as_ref().filter(|log| log.is_behind()).map(|_| LOG_RETRY);
        [intake, sweep, log].into_iter().flatten().min()
    }
}
