//! The worker's loop: each turn takes new connections first, then looks at the others.

use std::io;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use nix::sys::signal::Signal;
use slab::Slab;

use super::acceptor::{Accepted, Acceptor};
use super::client::{Client, Desk, Fate};
use super::tally::Tally;
use crate::board::Seat;
use crate::http::{DateCache, Limits, Request, Response, Scratch};
use crate::limits::{ACCEPT_PAUSE, EVENTS_PER_TURN, READ_BUFFER_BYTES, SWEEP_INTERVAL};
use crate::master::spawn::Birth;
use crate::net::channel::{Channel, Next, Order, Queue, Report};
use crate::signals::Signals;
use crate::sys::clock::monotonic_ns;

/// The loop and all that it looks after.
pub(super) struct EventLoop<'a, H> {
    poll: Poll,
    channel: &'a Channel,
    signals: &'a Signals,
    seat: &'static Seat,
    grace: Duration,
    acceptor: Acceptor,
    /// Out of descriptors: not accepting until then.
    paused_until: Option<Instant>,
    clients: Slab<Client>,
    clients_max: usize,
    /// Connections that gave way to the others with octets left to read.
    again: Vec<usize>,
    desk: Desk<H>,
    dates: DateCache,
    sweep_at: Option<Instant>,
    drain: Option<Drain>,
}

/// A drain that is under way.
#[derive(Clone, Copy)]
struct Drain {
    queue: Queue,
    /// The master is dead: nobody else watches the time.
    orphaned_until: Option<Instant>,
    /// It was begun by a signal to this process; a second one ends it.
    by_signal: bool,
}

/// Whether the loop goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Going {
    On,
    Done,
}

const INTAKE: Token = Token(usize::MAX);
const MASTER: Token = Token(usize::MAX - 1);
const SIGNALS: Token = Token(usize::MAX - 2);

impl<'a, H> EventLoop<'a, H>
where
    H: FnMut(&Request<'_>, &mut Response<'_>),
{
    pub(super) fn new(
        birth: &'a Birth,
        poll: Poll,
        acceptor: Acceptor,
        handler: H,
    ) -> io::Result<Self> {
        let seat = birth.board.row(birth.id.place).seat(birth.id.generation);
        let desk = Desk {
            handler,
            seat,
            tally: Tally::new(seat),
            input: vec![0; READ_BUFFER_BYTES].into_boxed_slice(),
            output: Vec::new(),
            scratch: Scratch::default(),
            limits: Limits::default(),
            timeouts: birth.plan.timeouts,
            date: [b' '; 29],
            now: Instant::now(),
            draining: false,
        };
        let mut this = Self {
            poll,
            channel: &birth.channel,
            signals: &birth.signals,
            seat,
            grace: birth.plan.grace,
            acceptor,
            paused_until: None,
            clients: Slab::new(),
            clients_max: birth.plan.connections_max,
            again: Vec::new(),
            desk,
            dates: DateCache::default(),
            sweep_at: None,
            drain: None,
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
        self.acceptor.arm(&self.poll, INTAKE)
    }

    /// Serves until it has drained.
    pub(super) fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS_PER_TURN);
        loop {
            match self.poll.poll(&mut events, self.timeout()) {
                Ok(()) => {}
                // epoll_wait(2) is not restarted after a signal; what it brought is looked at.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            self.seat.busy_since(monotonic_ns());
            self.look_at_clocks();
            if self.turn(&events)? == Going::Done {
                return Ok(());
            }
            self.seat.busy_since(0);
        }
    }

    fn turn(&mut self, events: &Events) -> io::Result<Going> {
        // An order to drain comes before the requests that are to be the last.
        if events.iter().any(|event| event.token() == MASTER) {
            self.take_orders();
        }
        if events.iter().any(|event| event.token() == SIGNALS) && self.take_signals() == Going::Done
        {
            return Ok(Going::Done);
        }
        if events.iter().any(|event| event.token() == INTAKE) {
            self.accept()?;
        }
        for key in std::mem::take(&mut self.again) {
            self.advance(key, true);
        }
        for event in events {
            match event.token() {
                INTAKE | MASTER | SIGNALS => {}
                Token(key) => self.advance(key, event.is_read_closed()),
            }
        }
        self.sweep();
        self.resume_accepting()?;
        self.finished()
    }

    fn look_at_clocks(&mut self) {
        self.desk.now = Instant::now();
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.desk.date = *self.dates.at(since_epoch.as_secs());
    }

    fn timeout(&self) -> Option<Duration> {
        if !self.again.is_empty() {
            return Some(Duration::ZERO);
        }
        let orphaned = self.drain.and_then(|drain| drain.orphaned_until);
        let due = [self.sweep_at, self.paused_until, orphaned].into_iter().flatten().min();
        due.map(|due| due.saturating_duration_since(Instant::now()))
    }
}

/// New connections.
impl<H> EventLoop<'_, H>
where
    H: FnMut(&Request<'_>, &mut Response<'_>),
{
    fn accept(&mut self) -> io::Result<()> {
        for _ in 0..self.acceptor.batch() {
            if self.clients.len() >= self.clients_max {
                self.acceptor.disarm(&self.poll);
                return Ok(());
            }
            match self.acceptor.accept() {
                Accepted::Connection(stream, remote) => {
                    self.seat.count_accepted();
                    let deadline = self.desk.now + self.desk.timeouts.head;
                    self.adopt(Client::new(stream, remote, deadline));
                    self.acceptor.took_turn(&self.poll, INTAKE)?;
                }
                Accepted::Nothing if self.acceptor.ended() => {
                    // Nobody sends on it any more. If no order to drain has come, it is on its
                    // way, or the master is dead, which its channel says.
                    self.acceptor.close(&self.poll);
                    return Ok(());
                }
                Accepted::Nothing => return Ok(()),
                Accepted::Exhausted(error) => {
                    tracing::warn!("accepting pauses: {error}; raise the limit of open files");
                    self.seat.count_error();
                    self.acceptor.disarm(&self.poll);
                    self.paused_until = Some(self.desk.now + ACCEPT_PAUSE);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn adopt(&mut self, mut client: Client) {
        let entry = self.clients.vacant_entry();
        let token = Token(entry.key());
        let registered =
            self.poll.registry().register(&mut client.stream, token, Interest::READABLE);
        match registered {
            Ok(()) => {
                entry.insert(client);
                self.sweep_at.get_or_insert(self.desk.now + SWEEP_INTERVAL);
            }
            Err(error) => {
                tracing::error!("cannot watch a connection: {error}");
                self.seat.count_closed();
            }
        }
    }

    /// After a pause, or when a connection made room.
    fn resume_accepting(&mut self) -> io::Result<()> {
        if self.paused_until.is_some_and(|until| until <= self.desk.now) {
            self.paused_until = None;
        }
        let leaves_queue = self.drain.is_some_and(|drain| drain.queue == Queue::Leave);
        let stopped = leaves_queue && !self.acceptor.is_link();
        if self.paused_until.is_some() || self.clients.len() >= self.clients_max || stopped {
            return Ok(());
        }
        self.acceptor.arm(&self.poll, INTAKE)
    }
}

/// Connections that are there.
impl<H> EventLoop<'_, H>
where
    H: FnMut(&Request<'_>, &mut Response<'_>),
{
    fn advance(&mut self, key: usize, to_the_end: bool) {
        if let Some(client) = self.clients.get_mut(key) {
            let fate = client.advance(&mut self.desk, to_the_end);
            self.settle(key, fate);
        }
    }

    fn settle(&mut self, key: usize, fate: Fate) {
        let Some(client) = self.clients.get_mut(key) else { return };
        let interest = match fate {
            Fate::Reads => client.change_interest(false),
            Fate::Writes => client.change_interest(true),
            Fate::Again => {
                self.again.push(key);
                client.change_interest(false)
            }
            Fate::Gone => return self.remove(key),
        };
        let Some(interest) = interest else { return };
        let changed = self.poll.registry().reregister(&mut client.stream, Token(key), interest);
        if let Err(error) = changed {
            tracing::error!("cannot watch a connection: {error}");
            self.remove(key);
        }
    }

    /// Closing a socket takes it out of epoll.
    fn remove(&mut self, key: usize) {
        drop(self.clients.remove(key));
        self.seat.count_closed();
        if self.clients.is_empty() && self.clients.capacity() > 1024 {
            self.clients.shrink_to_fit();
        }
    }

    /// Ends what is past its deadline.
    fn sweep(&mut self) {
        let now = self.desk.now;
        if self.sweep_at.is_none_or(|due| due > now) {
            return;
        }
        let overdue = self.clients.iter().filter(|(_, client)| client.deadline <= now);
        for key in overdue.map(|(key, _)| key).collect::<Vec<_>>() {
            let fate = self.clients[key].time_out(&mut self.desk);
            self.settle(key, fate);
        }
        // A drain waits for the deadlines; otherwise they may be as coarse as can be.
        let interval = if self.drain.is_some() { SWEEP_INTERVAL / 20 } else { SWEEP_INTERVAL };
        self.sweep_at = (!self.clients.is_empty()).then_some(now + interval);
    }
}

/// Orders, signals and the end.
impl<H> EventLoop<'_, H>
where
    H: FnMut(&Request<'_>, &mut Response<'_>),
{
    fn take_orders(&mut self) {
        loop {
            match self.channel.next_order() {
                Next::Message(Order::Drain { queue, .. }) => self.begin_drain(queue),
                // Only the dispatcher is introduced to anybody.
                Next::Message(Order::Introduce { .. }) => {}
                Next::Nothing => return,
                Next::End => return self.be_orphaned(),
            }
        }
    }

    fn take_signals(&mut self) -> Going {
        for signal in self.signals.take() {
            let again = self.drain.is_some_and(|drain| drain.by_signal);
            if signal == Signal::SIGQUIT || again {
                return Going::Done;
            }
            if self.drain.is_none() {
                // The slot's next worker takes over the accept queue.
                let _ = self.channel.report(&Report::Draining);
                self.begin_drain(Queue::Leave);
            }
            if let Some(drain) = &mut self.drain {
                drain.by_signal = true;
            }
        }
        Going::On
    }

    /// The master is dead: this worker finishes what it has, and lets go of the port as soon as
    /// nobody waits in its queue, so that a new master can take it.
    fn be_orphaned(&mut self) {
        if self.drain.is_some_and(|drain| drain.orphaned_until.is_some()) {
            return;
        }
        tracing::warn!("the master is dead; this worker drains");
        self.acceptor.refuse_newcomers();
        self.begin_drain(Queue::Empty);
        if let Some(drain) = &mut self.drain {
            drain.orphaned_until = Some(self.desk.now + self.grace);
        }
    }

    /// Begins to drain, or learns that nobody else will empty its queue.
    fn begin_drain(&mut self, queue: Queue) {
        let begun = self.drain.is_some();
        let drain =
            self.drain.get_or_insert(Drain { queue, orphaned_until: None, by_signal: false });
        if queue == Queue::Empty {
            drain.queue = queue;
        } else if !self.acceptor.is_link() {
            self.acceptor.disarm(&self.poll);
        }
        if begun {
            return;
        }
        self.desk.draining = true;
        for key in self.clients.iter().map(|(key, _)| key).collect::<Vec<_>>() {
            let fate = self.clients[key].drain(&mut self.desk);
            self.settle(key, fate);
        }
        self.sweep_at = Some(self.desk.now);
    }

    /// Drained: no connection is left, and none waits for this worker.
    fn finished(&mut self) -> io::Result<Going> {
        let Some(drain) = self.drain else { return Ok(Going::On) };
        if drain.orphaned_until.is_some_and(|until| until <= self.desk.now) {
            tracing::warn!(open = self.clients.len(), "the drain had its time");
            return Ok(Going::Done);
        }
        let orphaned = drain.orphaned_until.is_some();
        if orphaned || self.clients.is_empty() {
            self.empty_queue(drain, orphaned)?;
        }
        let intake_done = self.acceptor.ended() || !self.acceptor.is_link();
        let done = self.clients.is_empty() && intake_done;
        Ok(if done { Going::Done } else { Going::On })
    }

    /// Takes all that waits. An orphan's listener is closed then: nobody comes after it.
    fn empty_queue(&mut self, drain: Drain, orphaned: bool) -> io::Result<()> {
        if drain.queue == Queue::Leave && !self.acceptor.is_link() || self.paused_until.is_some() {
            return Ok(());
        }
        loop {
            let before = self.clients.len();
            self.accept()?;
            if self.paused_until.is_some() || self.clients.len() >= self.clients_max {
                return Ok(());
            }
            if self.clients.len() == before {
                break;
            }
        }
        if orphaned && !self.acceptor.is_link() {
            self.acceptor.close(&self.poll);
        }
        Ok(())
    }
}
