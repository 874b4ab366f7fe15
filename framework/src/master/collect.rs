//! What happened since the last turn.

use std::io;
use std::os::fd::AsFd;
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use super::Master;
use super::event::Event;
use crate::board::{Cause, What};
use crate::control::Control;
use crate::ids::Place;
use crate::net::channel::{Next, Report};

/// Milliseconds until somebody is asked in again for whom no descriptor was left.
const DEAF_RETRY_MS: u128 = 1000;

impl Master<'_> {
    /// Sleeps until a signal, a report, a command or a deadline. Wakes for nothing else.
    pub(super) fn wait(&self) -> io::Result<()> {
        let channels = self.children.iter().filter_map(|child| child.channel.as_ref());
        let trial = self.upgrade.channel().map(AsFd::as_fd);
        let sources = std::iter::once(self.signals.as_fd())
            .chain(channels.map(AsFd::as_fd))
            .chain(trial)
            .chain(self.control.iter().flat_map(Control::sources));
        let mut sources: Vec<PollFd<'_>> =
            sources.map(|source| PollFd::new(source, PollFlags::POLLIN)).collect();
        let due = self.supervisor.deadline().map(|deadline| {
            let left = deadline.saturating_duration_since(Instant::now());
            // A millisecond more, so that the deadline has passed and not just begun to.
            left.as_millis().saturating_add(u128::from(!left.is_zero()))
        });
        let deaf = self.control.as_ref().is_some_and(Control::is_deaf);
        let first = due.into_iter().chain(deaf.then_some(DEAF_RETRY_MS)).min();
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
        if signals.contains(&Signal::SIGUSR1) && self.reopen_log().is_none() {
            tracing::info!("SIGUSR1 is ignored: there are no log files to reopen");
        }
        let mut events: Vec<Event> = signals.iter().copied().filter_map(meaning).collect();
        // Two signals with one meaning that come together are one order, not a repeated one.
        events.dedup();
        for index in 0..self.children.len() {
            self.hear(index, &mut events);
        }
        self.upgrade.hear();
        if signals.contains(&Signal::SIGCHLD) {
            self.reap(&mut events);
        }
        if self.supervisor.deadline().is_some_and(|deadline| deadline <= Instant::now()) {
            events.push(Event::Tick);
        }
        events
    }

    /// Takes all reports of one child.
    pub(super) fn hear(&mut self, index: usize, events: &mut Vec<Event>) {
        let child = &mut self.children[index];
        let (id, pid) = (child.id, child.pid.as_raw());
        let who = Some((id, u32::try_from(pid).unwrap_or(0)));
        while let Some(channel) = &child.channel {
            match channel.next_report() {
                Next::Message(Report::Ready { lodged }) => {
                    tracing::info!(pid, "{id} is ready");
                    child.fate.served = true;
                    self.board.note(What::Ready, who);
                    if let (Place::Slot(slot), Some(listener)) = (id.place, lodged) {
                        self.lodged[slot.index()] = Some(listener);
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
                Next::Message(Report::Failed { text }) => child.failure = Some(text),
                Next::Nothing => break,
                Next::End => child.channel = None,
            }
        }
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
