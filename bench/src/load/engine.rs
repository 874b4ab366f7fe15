//! The client's loop.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use mio::net::TcpStream;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use slab::Slab;

use super::connection::{Connection, Progress};
use super::schedule::Schedule;
use super::{Class, Load, Outcome, Pace, Sample};

const TIMER: Token = Token(usize::MAX);
/// How often the patience is looked at.
const EXPIRY_INTERVAL: Duration = Duration::from_millis(10);
/// Connections of a closed loop that wait for their first answer at a time, so that no accept queue
/// overflows: the shortest backlog of the servers is 511.
const RAMP: usize = 64;

/// Makes the load, to its end or until interrupted.
pub(crate) fn run(load: &Load, interrupted: &AtomicBool) -> Result<Outcome> {
    let mut engine = Engine::new(load)?;
    let mut events = Events::with_capacity(1024);
    while !engine.finished() && !interrupted.load(Relaxed) {
        engine.start_due()?;
        engine.set_timer()?;
        match engine.poll.poll(&mut events, Some(EXPIRY_INTERVAL)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        for event in &events {
            match event.token() {
                TIMER => engine.timer_at = None,
                Token(key) => engine.advance(key),
            }
        }
        engine.expire();
    }
    engine.outcome.elapsed = engine.start.elapsed();
    Ok(engine.outcome)
}

struct Engine<'a> {
    load: &'a Load,
    poll: Poll,
    timer: TimerFd,
    timer_at: Option<Duration>,
    start: Instant,
    schedule: Schedule,
    connections: Slab<Connection>,
    /// Connections with requests to be answered, and those of them without any answer yet.
    busy: usize,
    new: usize,
    expire_at: Instant,
    requests: [Vec<u8>; 2],
    batch: u16,
    requests_each: u64,
    /// What clients that lost their connection have still to ask.
    lost: Vec<u64>,
    at_once: usize,
    ramp: usize,
    time_max: Duration,
    outcome: Outcome,
}

impl<'a> Engine<'a> {
    fn new(load: &'a Load) -> Result<Self> {
        let (batch, requests_each, at_once, ramp, time_max) = match load.pace {
            Pace::NewConnections { clients, time_max, .. } => (1, 1, clients, clients, time_max),
            Pace::KeepAlive { clients, requests_each, pipelined, time_max } => {
                (pipelined, requests_each, clients, RAMP, time_max)
            }
            Pace::Open { .. } => (1, 1, usize::MAX, usize::MAX, Duration::MAX),
        };
        let keep_alive = matches!(load.pace, Pace::KeepAlive { .. });
        let request = |path: &str| {
            let close = if keep_alive { "" } else { "Connection: close\r\n" };
            let text = format!("GET {path} HTTP/1.1\r\nHost: bench\r\n{close}\r\n");
            text.repeat(usize::from(batch)).into_bytes()
        };
        let poll = Poll::new()?;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK)?;
        let descriptor = timer.as_fd().as_raw_fd();
        poll.registry().register(&mut SourceFd(&descriptor), TIMER, Interest::READABLE)?;
        let start = Instant::now();
        Ok(Self {
            load,
            poll,
            timer,
            timer_at: None,
            start,
            schedule: Schedule::new(load),
            connections: Slab::new(),
            busy: 0,
            new: 0,
            expire_at: start,
            requests: [request(load.short), request(load.long)],
            batch,
            requests_each,
            lost: Vec::new(),
            at_once,
            ramp,
            time_max,
            outcome: Outcome::default(),
        })
    }

    fn finished(&self) -> bool {
        self.busy == 0 && self.schedule.due().is_none()
    }

    /// Opens the connections whose time has come.
    fn start_due(&mut self) -> Result<()> {
        while let Some(due) = self.schedule.due() {
            let now = self.start.elapsed();
            if now >= self.time_max {
                self.outcome.cut = true;
                self.schedule.end();
                break;
            }
            if due > now || self.busy >= self.at_once || self.new >= self.ramp {
                break;
            }
            let open = matches!(self.load.pace, Pace::Open { .. });
            let intended = if open { self.start + due } else { Instant::now() };
            let class = self.schedule.class();
            self.schedule.take();
            self.open(class, intended)?;
        }
        Ok(())
    }

    fn open(&mut self, class: Class, intended: Instant) -> Result<()> {
        let requests = self.lost.pop().unwrap_or(self.requests_each);
        let address = SocketAddr::from(([127, 0, 0, 1], self.load.port));
        let stream = match TcpStream::connect(address) {
            Ok(stream) => stream,
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                self.outcome.resets += 1;
                return Ok(());
            }
            Err(error) => {
                return Err(error).context(
                    "the client cannot connect: it needs open files (ulimit -n) and free local \
                     ports (net.ipv4.ip_local_port_range)",
                );
            }
        };
        let mut connection = Connection::new(stream, class, intended, requests - 1);
        connection.deadline = intended + self.load.patience;
        let entry = self.connections.vacant_entry();
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut connection.stream, Token(entry.key()), both)?;
        entry.insert(connection);
        self.busy += 1;
        self.new += 1;
        Ok(())
    }

    /// Wakes the loop for the next arrival, to the microsecond.
    fn set_timer(&mut self) -> Result<()> {
        let due = self.schedule.due().filter(|_| matches!(self.load.pace, Pace::Open { .. }));
        if due == self.timer_at {
            return Ok(());
        }
        self.timer_at = due;
        if let Some(due) = due {
            let pause = due.saturating_sub(self.start.elapsed()).max(Duration::from_nanos(1));
            self.timer.set(Expiration::OneShot(pause.into()), TimerSetTimeFlags::empty())?;
        }
        Ok(())
    }

    fn advance(&mut self, key: usize) {
        while let Some(connection) = self.connections.get_mut(key).filter(|c| !c.idle) {
            let request = &self.requests[usize::from(connection.class == Class::Long)];
            match connection.advance(request, self.batch) {
                Progress::Pending => return,
                Progress::Answered(worker) => self.answered(key, worker, false),
                Progress::Last(worker) => self.answered(key, worker, true),
                Progress::Reset => {
                    self.outcome.resets += 1;
                    self.remove(key);
                }
                Progress::Wrong => {
                    self.outcome.errors += 1;
                    self.remove(key);
                }
            }
        }
    }

    fn answered(&mut self, key: usize, worker: Option<u32>, last: bool) {
        let now = Instant::now();
        let connection = &mut self.connections[key];
        let Connection { class, intended, first, .. } = *connection;
        self.outcome.samples.push(Sample {
            at: intended - self.start,
            latency: now - intended,
            class,
            worker,
            first,
            requests: self.batch,
        });
        self.new -= usize::from(first);
        let left = connection.left;
        let goes_on = left > 0 && now - self.start < self.time_max;
        self.outcome.cut |= left > 0 && !goes_on;
        if goes_on && !last {
            connection.renew(self.schedule.class(), now);
            connection.deadline = now + self.load.patience;
            return;
        }
        self.busy -= 1;
        if goes_on {
            self.connections.remove(key);
            self.resume_with(left);
        } else if matches!(self.load.pace, Pace::KeepAlive { .. }) {
            // Such clients keep their connections: that is their load.
            connection.idle = true;
        } else {
            self.connections.remove(key);
        }
    }

    fn remove(&mut self, key: usize) {
        let connection = self.connections.remove(key);
        self.busy -= 1;
        self.new -= usize::from(connection.first);
        if connection.left > 0 {
            self.resume_with(connection.left);
        }
    }

    /// A client lost its connection and has so many requests to make.
    fn resume_with(&mut self, left: u64) {
        self.lost.push(left);
        self.schedule.again();
    }

    fn expire(&mut self) {
        let now = Instant::now();
        if now < self.expire_at {
            return;
        }
        self.expire_at = now + EXPIRY_INTERVAL;
        let late = self.connections.iter().filter(|(_, c)| !c.idle && c.deadline <= now);
        for key in late.map(|(key, _)| key).collect::<Vec<_>>() {
            self.outcome.hung[self.connections[key].class as usize] += 1;
            self.remove(key);
        }
    }
}
