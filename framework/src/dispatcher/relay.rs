//! The dispatcher's loop: from the accept queue to the workers' links.

mod drain;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use super::rotation::Rotation;
use crate::birth::{Birth, code};
use crate::board::{Board, Seat};
use crate::ids::{Generation, SlotId};
use crate::limits::{ACCEPT_PAUSE, EVENTS_PER_TURN, HAND_OUT_PAUSE};
use crate::net::channel::{Channel, Queue};
use crate::net::handoff::{self, Answer};
use crate::net::listener::{self, AcceptError};
use crate::signals::Signals;
use crate::sys::clock::monotonic_ns;
use crate::sys::descriptors::{self, Received};
use crate::sys::epoll::{self, Wake};
use crate::sys::watchdog::Watchdog;
use drain::Drain;

const INTAKE: Token = Token(usize::MAX);
const MASTER: Token = Token(usize::MAX - 1);
const SIGNALS: Token = Token(usize::MAX - 2);

/// The loop and all that it looks after.
pub(super) struct Relay<'a> {
    poll: Poll,
    channel: &'a Channel,
    signals: &'a Signals,
    board: &'static Board,
    seat: &'static Seat,
    grace: Duration,
    handshake_linger: Duration,
    listener: OwnedFd,
    /// Whether whoever passed it to this server keeps it open, and has it served again.
    lent: Option<&'a bool>,
    /// The master has said that it may accept. Before the listener listens, waiting for connections would
    /// be answered with a hang-up for ever.
    listens: bool,
    armed: bool,
    paused_until: Option<Instant>,
    rotation: Rotation<OwnedFd, OwnedFd>,
    /// Which worker a token stands for.
    tokens: BTreeMap<usize, (SlotId, Generation)>,
    next_token: usize,
    next_ticket: u64,
    /// Sockets that come back from a worker that died.
    returned: VecDeque<OwnedFd>,
    drain: Option<Drain>,
    watchdog: Option<Watchdog>,
    /// SIGTERM came to this process; a second one ends it at once.
    told_to_end: bool,
}

impl<'a> Relay<'a> {
    pub(super) fn new(birth: &'a Birth, listener: OwnedFd) -> io::Result<Self> {
        let poll = Poll::new()?;
        for (source, token) in [(birth.channel.as_fd(), MASTER), (birth.signals.as_fd(), SIGNALS)] {
            let raw = source.as_raw_fd();
            poll.registry().register(&mut SourceFd(&raw), token, Interest::READABLE)?;
        }
        Ok(Self {
            poll,
            channel: birth.channel,
            signals: &birth.signals,
            board: birth.board,
            seat: birth.seat,
            grace: birth.plan.grace,
            handshake_linger: birth.plan.handshake_linger(),
            listens: false,
            listener,
            lent: birth.lent.first(),
            armed: false,
            paused_until: None,
            rotation: Rotation::default(),
            tokens: BTreeMap::new(),
            next_token: 0,
            next_ticket: 0,
            returned: VecDeque::new(),
            drain: None,
            watchdog: birth.watchdog()?,
            told_to_end: false,
        })
    }

    /// Hands out until it has drained; the exit code.
    pub(super) fn run(&mut self) -> io::Result<i32> {
        let mut events = Events::with_capacity(EVENTS_PER_TURN);
        loop {
            match self.poll.poll(&mut events, self.timeout()) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            self.seat.busy_since(monotonic_ns());
            if let Some(watchdog) = &self.watchdog {
                watchdog.watch();
            }
            if events.iter().any(|event| event.token() == SIGNALS) && self.take_signals() {
                return Ok(code::CUT);
            }
            // Workers are introduced before their turn comes.
            self.take_orders()?;
            for event in &events {
                if let Some(key) = self.tokens.get(&event.token().0).copied() {
                    self.hear(event.token(), key);
                }
            }
            self.hand_out()?;
            if self.finished() {
                return Ok(code::DONE);
            }
            self.seat.rests(monotonic_ns());
        }
    }

    fn timeout(&self) -> Option<Duration> {
        let now = Instant::now();
        let orphaned = self.drain.and_then(|drain| drain.orphaned_until);
        // Once it has passed, what is missing is a worker with room.
        let lingers = self.drain.map(|drain| drain.not_before).filter(|until| *until > now);
        let due = [self.paused_until, orphaned, lingers].into_iter().flatten().min();
        due.map(|due| due.saturating_duration_since(now))
    }

    /// Gives sockets to workers as long as there are both, then waits for what is missing.
    fn hand_out(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if self.paused_until.is_some_and(|until| until <= now) {
            self.paused_until = None;
        }
        if self.paused_until.is_some() {
            return self.arm(false);
        }
        let mut queue_empty = false;
        while self.paused_until.is_none()
            && let Some(member) = self.rotation.next()
        {
            let key = member.key();
            let socket = if let Some(socket) = self.returned.pop_front() {
                socket
            } else {
                let Some(socket) = self.accept() else {
                    queue_empty = true;
                    break;
                };
                socket
            };
            self.give(key, socket);
        }
        let wanted = queue_empty && self.listens && !self.leaves_queue();
        self.arm(wanted && self.paused_until.is_none())
    }

    /// A successor takes over the accept queue, or the next server will.
    fn leaves_queue(&self) -> bool {
        self.drain.is_some_and(|drain| {
            let all_go = self.board.closing() || drain.orphaned_until.is_some();
            drain.queue == Queue::Leave || self.lent == Some(&true) && all_go
        })
    }

    fn accept(&mut self) -> Option<OwnedFd> {
        if self.leaves_queue() || !self.listens {
            return None;
        }
        loop {
            let error = match listener::accept(&self.listener) {
                Ok((socket, remote)) => {
                    self.seat.count_accepted();
                    if remote.is_some() {
                        listener::readmit(&socket, self.board);
                    }
                    return Some(socket);
                }
                Err(error) => error,
            };
            match listener::accept_error(&error) {
                AcceptError::Nothing => {
                    self.found_empty();
                    return None;
                }
                AcceptError::ThisConnection => {}
                AcceptError::Lasting => {
                    tracing::warn!("accepting pauses: {error}; raise the limit of open files");
                    self.seat.count_error();
                    self.paused_until = Some(Instant::now() + ACCEPT_PAUSE);
                    return None;
                }
            }
        }
    }

    /// Sends the socket without waiting; if the worker cannot take it, it goes to the next.
    fn give(&mut self, (slot, generation): (SlotId, Generation), socket: OwnedFd) {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let link = self.rotation.members().iter().find(|member| member.key() == (slot, generation));
        let Some(link) = link.map(|member| &member.link) else {
            return self.returned.push_front(socket);
        };
        match descriptors::send(link, &ticket.to_le_bytes(), Some(socket.as_fd())) {
            Ok(()) => self.rotation.sent(slot, generation, ticket, socket),
            Err(error) => {
                self.returned.push_front(socket);
                let closed = [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset];
                if closed.contains(&error.kind()) {
                    // It drains, or is gone, and its end of the link will say so.
                    self.rotation.part(slot, generation);
                } else {
                    // unix(7): too many descriptors are on their way, or the like.
                    tracing::warn!(%slot, "handing out pauses: {error}");
                    self.paused_until = Some(Instant::now() + HAND_OUT_PAUSE);
                }
            }
        }
    }

    /// Waits for connections only when there is a worker for them.
    fn arm(&mut self, wanted: bool) -> io::Result<()> {
        if self.armed == wanted {
            return Ok(());
        }
        self.armed = wanted;
        if wanted {
            epoll::add(&self.poll, self.listener.as_fd(), INTAKE, Wake::All)
        } else {
            epoll::remove(&self.poll, self.listener.as_fd())
        }
    }

    /// Takes a worker's acknowledgements, or its end.
    fn hear(&mut self, token: Token, (slot, generation): (SlotId, Generation)) {
        let mut message = [0; handoff::MESSAGE_BYTES_MAX];
        loop {
            let members = self.rotation.members();
            let member = members.iter().find(|member| member.key() == (slot, generation));
            let Some(member) = member else { return };
            match descriptors::receive(&member.link, &mut message) {
                Ok(Received::Message(length, _)) => {
                    if let Some(answer) = handoff::answer(&message[..length]) {
                        self.take_answer((slot, generation), answer);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Received::End) | Err(_) => {
                    self.tokens.remove(&token.0);
                    self.returned.extend(self.rotation.leave(slot, generation));
                    return;
                }
            }
        }
    }

    /// What a worker could not take is for another.
    fn take_answer(&mut self, (slot, generation): (SlotId, Generation), answer: Answer) {
        self.rotation.says_full(slot, generation, answer.full);
        let Some((ticket, taken)) = answer.ticket else { return };
        match self.rotation.answered(slot, generation, ticket) {
            Some(_) if taken => self.seat.count_closed(),
            sent => self.returned.extend(sent),
        }
    }

    fn introduce(&mut self, slot: SlotId, generation: Generation, link: OwnedFd) -> io::Result<()> {
        let token = Token(self.next_token);
        self.next_token += 1;
        let raw = link.as_raw_fd();
        self.poll.registry().register(&mut SourceFd(&raw), token, Interest::READABLE)?;
        self.tokens.insert(token.0, (slot, generation));
        self.rotation.join(slot, generation, link);
        Ok(())
    }
}
