//! Commands that come over the control socket, and those who wait for their outcome.

use super::action::Rollout;
use super::event::Event;
use super::reopening::Reopening;
use super::supervisor::Scaling;
use super::{Master, Outcome};
use crate::control::{Command, Control, Reply, Taken};
use crate::error::Error;
use crate::ids::ChildId;

/// Those who wait for an outcome.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    entries: Vec<(u64, Wait)>,
    /// Whose command is being decided about.
    asking: Option<u64>,
    pub(super) reopening: Reopening,
}

/// What somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Rollout(Rollout),
    /// The trial of a program, and then this rollout.
    Upgrade(Rollout),
    /// So many workers, of which those from this slot on are new.
    Scaled {
        target: u16,
        from: u16,
    },
    Stopped,
    /// The files of logs are open anew, by the order of this number.
    Reopened(u32),
}

impl Waiting {
    pub(super) fn add(&mut self, key: u64, wait: Wait) {
        self.entries.push((key, wait));
    }

    /// Those who wait for the outcome of an upgrade.
    pub(super) fn for_upgrade(&self) -> impl Iterator<Item = (u64, Rollout)> {
        self.entries.iter().filter_map(|(key, wait)| match wait {
            Wait::Upgrade(rollout) => Some((*key, *rollout)),
            _ => None,
        })
    }
}

impl Master<'_> {
    /// Carries out what was commanded since the last turn.
    pub(super) fn obey(&mut self) -> Result<(), Error> {
        let taken = self.control.as_mut().map(Control::take).unwrap_or_default();
        for Taken { key, command, is_child } in taken {
            let may = !is_child || matches!(command, Command::Reload {} | Command::Scale { .. });
            if may {
                self.carry_out(key, command)?;
            } else {
                self.answer(key, &Reply::failed("the admin process may scale and reload only"));
            }
        }
        self.look_at_scaling();
        self.look_at_reopening();
        Ok(())
    }

    fn carry_out(&mut self, key: u64, command: Command) -> Result<(), Error> {
        let rollout = self.supervisor.promised_rollout();
        let wanted = u16::try_from(self.supervisor.workers_wanted()).unwrap_or(u16::MAX);
        let (event, wait) = match command {
            Command::Status {} => {
                let status = Some(self.status());
                let reply = Reply { status, ..Reply::done("status") };
                self.answer(key, &reply);
                return Ok(());
            }
            Command::Reload {} => (Event::Reload, Wait::Rollout(rollout)),
            Command::Upgrade {} => (Event::Upgrade, Wait::Upgrade(rollout)),
            Command::Scale { workers } => {
                let target = workers.of(wanted);
                (Event::ScaleTo(target), Wait::Scaled { target, from: wanted })
            }
            Command::Reopen {} => {
                match self.reopen_logs() {
                    Ok(number) => self.waiting.add(key, Wait::Reopened(number)),
                    Err(why) => self.answer(key, &Reply::failed(why)),
                }
                return Ok(());
            }
            Command::Stop { now: false } if self.supervisor.stopping() => {
                // A second signal would mean: at once. This waits for the first to have its effect.
                self.waiting.add(key, Wait::Stopped);
                return Ok(());
            }
            Command::Stop { now: false } => (Event::Stop, Wait::Stopped),
            Command::Stop { now: true } => (Event::StopNow, Wait::Stopped),
        };
        self.waiting.add(key, wait);
        self.waiting.asking = Some(key);
        let decided = self.decide(event);
        self.waiting.asking = None;
        decided
    }

    /// Nothing is changed; whoever asked for it is told.
    pub(super) fn refuse(&mut self, why: &str) {
        tracing::warn!("nothing is changed: {why}");
        if let Some(key) = self.waiting.asking {
            self.waiting.entries.retain(|(other, _)| *other != key);
            self.answer(key, &Reply::failed(format!("nothing is changed: {why}")));
        }
    }

    /// Answers all who wait for one of these.
    pub(super) fn reply_to(&mut self, concerned: impl Fn(&Wait) -> bool, reply: &Reply) {
        let (answered, left): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.waiting.entries).into_iter().partition(|(_, w)| concerned(w));
        self.waiting.entries = left;
        for (key, _) in answered {
            self.answer(key, reply);
        }
    }

    fn look_at_scaling(&mut self) {
        let entries = self.waiting.entries.clone();
        for wait in entries.into_iter().map(|(_, wait)| wait) {
            let Wait::Scaled { target, from } = wait else { continue };
            let reply = match self.supervisor.scaling(target, from) {
                _ if self.supervisor.stopping() => Reply::failed("the master is stopping"),
                Scaling::Pending => continue,
                Scaling::Done => Reply::done(if target == 1 {
                    "1 worker serves".to_owned()
                } else {
                    format!("{target} workers serve")
                }),
                Scaling::Overtaken => Reply::failed("another number was asked for meanwhile"),
                Scaling::BackingOff(place) => {
                    let why = self.failures.at(place).unwrap_or("see the log");
                    Reply::failed(format!("{place} cannot begin, and is tried again later: {why}"))
                }
            };
            self.reply_to(|other| *other == wait, &reply);
        }
    }

    fn look_at_reopening(&mut self) {
        let here = |child: &ChildId| self.children.iter().any(|other| other.id == *child);
        self.waiting.reopening.retain(here);
        let entries = self.waiting.entries.clone();
        for wait in entries.into_iter().map(|(_, wait)| wait) {
            let Wait::Reopened(number) = wait else { continue };
            if let Some(outcome) = self.waiting.reopening.outcome(number) {
                let done = || Reply::done("the files of logs are open anew");
                let reply = outcome.map_or_else(done, Reply::failed);
                self.reply_to(|other| *other == wait, &reply);
            }
        }
    }

    /// The last words of this master.
    pub(super) fn dismiss_callers(&mut self) {
        if let Some(control) = &self.control {
            control.close();
        }
        let reply = match self.outcome {
            Some(Outcome::Abandoned(children)) => {
                Reply::failed(format!("stopped, but {children} processes are still not gone"))
            }
            _ => Reply::done("stopped: all workers are gone"),
        };
        self.reply_to(|wait| *wait == Wait::Stopped, &reply);
        self.reply_to(|_| true, &Reply::failed("the master has stopped"));
    }

    fn answer(&mut self, key: u64, reply: &Reply) {
        if let Some(control) = &mut self.control {
            control.answer(key, reply);
        }
    }
}
