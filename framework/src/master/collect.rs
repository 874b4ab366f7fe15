//! What happened since the last turn.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use super::Master;
use super::child::Parting;
use super::event::Event;
use super::telling::Happening;
use crate::board::{Cause, What};
use crate::control::Control;
use crate::ids::{Place, SlotId};
use crate::limits::{LAST_TURNS, MESSAGE_BYTES_PER_TURN, REPORTS_PER_TURN};
use crate::net::channel::{Next, Report};
use crate::net::listener;
use crate::plan::Address;

/// Milliseconds until somebody is asked in again for whom no descriptor was left.
const DEAF_RETRY_MS: u128 = 1000;

impl Master<'_> {
    /// Sleeps until a signal, a report, a command, a deadline, or the time for a sign of life if a
    /// service manager wants any. Wakes for nothing else.
    pub(super) fn wait(&self) -> io::Result<()> {
        let channels = self.children.iter().filter_map(|child| {
            let writes =
                if child.outbox.is_empty() { PollFlags::empty() } else { PollFlags::POLLOUT };
            Some(PollFd::new(child.channel.as_ref()?.as_fd(), PollFlags::POLLIN | writes))
        });
        let trial = self.upgrade.channel().map(AsFd::as_fd);
        let others = std::iter::once(self.signals.as_fd())
            .chain(trial)
            .chain(self.control.iter().flat_map(Control::sources));
        let others = others.map(|source| PollFd::new(source, PollFlags::POLLIN));
        let mut sources: Vec<PollFd<'_>> = others.chain(channels).collect();
        let deadlines = self.supervisor.deadline().into_iter().chain(self.heartbeat.due());
        let due = deadlines.min().map(|deadline| {
            let left = deadline.saturating_duration_since(Instant::now());
            // A millisecond more, so that the deadline has passed and not just begun to.
            left.as_millis().saturating_add(u128::from(!left.is_zero()))
        });
        let deaf = self.control.as_ref().is_some_and(Control::is_deaf);
        let untold = (!self.happenings.is_empty()).then_some(0);
        let retry = deaf.then_some(DEAF_RETRY_MS);
        let asked = retry.into_iter().chain(untold).chain(self.leaving_due());
        let first = due.into_iter().chain(asked).min();
        let timeout = first.map_or(PollTimeout::NONE, |milliseconds| {
            PollTimeout::try_from(milliseconds).unwrap_or(PollTimeout::MAX)
        });
        match poll(&mut sources, timeout) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// What happened since the last turn. Orders to this master come first: a child that was told to
    /// end at the same time is not to be replaced. Reports come before deaths, so that a child's last
    /// words are heard.
    pub(super) fn collect(&mut self) -> Vec<Event> {
        let signals = self.signals.take();
        if signals.contains(&Signal::SIGUSR1)
            && let Err(why) = self.reopen_logs()
        {
            tracing::info!("SIGUSR1 is ignored: {why}");
        }
        let mut events: Vec<Event> = signals.iter().copied().filter_map(meaning).collect();
        // Two signals with one meaning that come together are one order, not a repeated one.
        events.dedup();
        for index in 0..self.children.len() {
            // The rest is there in the next turn as well.
            self.hear(index, &mut events);
            self.children[index].flush();
        }
        self.upgrade.hear();
        self.look_at_leaving();
        if signals.contains(&Signal::SIGCHLD) {
            self.reap(&mut events);
        }
        if self.supervisor.deadline().is_some_and(|deadline| deadline <= Instant::now()) {
            events.push(Event::Tick);
        }
        events
    }

    /// Takes all that one child has said.
    pub(super) fn hear_out(&mut self, index: usize, events: &mut Vec<Event>) {
        let _rest = (0..LAST_TURNS).find(|_| !self.hear(index, events));
    }

    /// Takes the reports of one child, as many as it may say in one turn; whether there may be more.
    pub(super) fn hear(&mut self, index: usize, events: &mut Vec<Event>) -> bool {
        let (mut octets, mut said_unknown) = (0, false);
        for _ in 0..REPORTS_PER_TURN {
            let child = &mut self.children[index];
            let (id, pid) = (child.id, child.pid.as_raw());
            let who = Some((id, child.number()));
            let Some(channel) = child.channel.as_ref().filter(|_| octets < MESSAGE_BYTES_PER_TURN)
            else {
                return child.channel.is_some();
            };
            match channel.next_report() {
                Next::Message(Report::Ready { lodged }) => {
                    tracing::info!(pid, "{id} is ready");
                    child.fate.served = true;
                    self.board.note(What::Ready, who);
                    if let (Place::Slot(slot), Some(listener)) = (id.place, lodged) {
                        self.lodge(slot, listener);
                    }
                    events.push(Event::Ready(id));
                }
                Next::Message(Report::WantsDrain) => {
                    tracing::info!(pid, "{id} was told to end");
                    child.fate.wish = Some(Cause::Terminated);
                    events.push(Event::WantsDrain(id));
                }
                Next::Message(Report::WantsSuccessor { why, text }) => {
                    child.fate.wish = Some(why);
                    self.board.note(What::Wishes(why), who);
                    tracing::info!(pid, "{id} wants a successor: {text}");
                    events.push(Event::WantsSuccessor(id));
                }
                Next::Message(Report::Reopened { number, failure }) => {
                    self.waiting.reopening.heard(id, number, failure);
                }
                Next::Message(Report::Failed { text }) => {
                    self.happenings.note(Happening::Error(child.worker(), text.clone()));
                    child.failure = Some(text);
                }
                Next::Message(Report::Online) => {
                    if let Some(worker) = child.worker() {
                        self.happenings.note(Happening::Online(worker));
                    }
                }
                Next::Message(Report::Message(bytes)) => {
                    octets += bytes.len();
                    if let Some(worker) = child.worker() {
                        self.happenings.note(Happening::Message(worker, bytes));
                    }
                }
                Next::Unknown if !said_unknown => {
                    tracing::warn!(pid, "{id} said something that is not understood");
                    said_unknown = true;
                }
                Next::Unknown => {}
                Next::Nothing => return false,
                Next::End => {
                    child.channel = None;
                    self.happenings.parted(child, Parting::Lost);
                }
            }
        }
        true
    }

    /// Keeps what the first worker of a slot bound. Whatever else a worker sends that somebody has taken
    /// over would be given to its successors.
    fn lodge(&mut self, slot: SlotId, listener: OwnedFd) {
        let bound = listener::local_address(&listener).ok().map(Address::Tcp);
        if bound.as_ref() != Some(&self.plan.address) || self.group.has(slot) {
            return tracing::error!(
                "worker {slot} sent a socket that is not its listener: it is closed"
            );
        }
        self.lodged[slot.index()] = Some(listener);
    }
}

/// What a signal to the master means; nothing for those that only wake it or are not for it.
fn meaning(signal: Signal) -> Option<Event> {
    match signal {
        Signal::SIGTERM | Signal::SIGINT => Some(Event::Stop),
        Signal::SIGCONT => Some(Event::Continued),
        Signal::SIGQUIT => Some(Event::StopNow),
        Signal::SIGTTIN => Some(Event::ScaleUp),
        Signal::SIGTTOU => Some(Event::ScaleDown),
        Signal::SIGHUP => Some(Event::Reload),
        Signal::SIGUSR2 => Some(Event::Upgrade),
        _ => None,
    }
}
