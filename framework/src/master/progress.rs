//! What the master is doing, in a line for the service manager (`systemctl status` shows it).

use std::time::Duration;

use super::supervisor::Supervisor;
use super::{Master, notify};
use crate::limits::{KILL_PATIENCE, NOTIFY_SLACK};
use crate::plan::Address;

impl Master<'_> {
    /// Tells of what has changed, if anything has.
    pub(super) fn tell_progress(&mut self) {
        if self.outcome.is_some() {
            return;
        }
        let line = self.progress();
        if line == self.told {
            return;
        }
        // Each step has its own time, however many there are.
        let step = self.supervisor.rolling() || !self.announced;
        notify::status(&line, step.then(|| self.longest_step()));
        self.told = line;
    }

    /// It is as it should be, after this.
    pub(super) fn tell_ready(&mut self, what: &str) {
        self.told = self.progress();
        let after = if what.is_empty() { String::new() } else { format!("; {what}") };
        notify::ready(&format!("{}{after}", self.told));
    }

    /// A stop begins, and takes no longer than this.
    pub(super) fn tell_stopping(&self, what: &str, before: Duration) {
        notify::stopping(what, before + self.longest_drain());
    }

    /// All of it takes so much longer.
    pub(super) fn tell_postponed(&self, time: Duration) {
        notify::extend(time + self.longest_step());
    }

    /// A worker's start, and the drain of the one before it.
    fn longest_step(&self) -> Duration {
        self.plan.ready_timeout + self.longest_drain()
    }

    /// And its end by force, and a moment for the master.
    fn longest_drain(&self) -> Duration {
        self.plan.grace + KILL_PATIENCE + NOTIFY_SLACK
    }

    fn progress(&self) -> String {
        if self.supervisor.closing() {
            return "a stop is announced".into();
        }
        if self.supervisor.stopping() {
            return format!("stopping: {} processes drain", self.supervisor.children().count());
        }
        if self.upgrade.under_way() {
            return "upgrading: the new program is tried".into();
        }
        let rolls = self.supervisor.rollout_step().map(|(at, slots)| self.rollout_line(at, slots));
        rolls.unwrap_or_else(|| workers_line(&self.supervisor, self.announced, &self.addresses()))
    }

    fn rollout_line(&self, at: usize, slots: usize) -> String {
        let what = self.rollout_name(self.supervisor.rollout());
        if at >= slots {
            return format!("{what}: the last of the old workers drain");
        }
        format!("{what}: slot {} of {slots}", at + 1)
    }

    fn addresses(&self) -> String {
        let addresses: Vec<String> = self.plan.addresses().map(Address::to_string).collect();
        addresses.join(", ")
    }
}

fn workers_line(supervisor: &Supervisor, announced: bool, addresses: &str) -> String {
    let (ready, wanted) = (supervisor.ready_slots().len(), supervisor.workers_wanted());
    let listening = if announced { format!(", listening on {addresses}") } else { String::new() };
    format!("{ready} of {wanted} workers ready{listening}")
}
