//! What the scoreboard says of the master's own doing: what it is about, what happened, and why workers
//! ended.

use serde::{Deserialize, Serialize};

use super::Master;
use super::action::{Reason, Rollout};
use super::child::Child;
use super::event::Exit;
use crate::birth::code;
use crate::board::{Cause, Deed, What};
use crate::ids::ChildId;

/// What is known of a child that bears on why it ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fate {
    /// It was ready.
    pub(super) served: bool,
    /// Why it asked to be replaced.
    pub(super) wish: Option<Cause>,
    dismissal: Dismissal,
    /// The master has killed it.
    killed: bool,
}

/// Whether it was told to go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Dismissal {
    #[default]
    No,
    For(Cause),
    /// It is not to be counted: all go, or it was never needed.
    Uncounted,
}

impl Dismissal {
    fn cause(self) -> Option<Cause> {
        match self {
            Self::For(cause) => Some(cause),
            Self::No | Self::Uncounted => None,
        }
    }
}

impl Fate {
    /// Why a child of this fate ended so; `None`: it is not to be counted.
    fn cause(self, exit: Exit, hung: bool) -> Option<Cause> {
        match (exit, self.dismissal) {
            _ if hung => Some(Cause::Hang),
            (_, dismissal) if self.killed => dismissal.cause(),
            (Exit::Code(code::DONE), Dismissal::No) if self.served => Some(Cause::Done),
            (Exit::Code(code::DONE), dismissal) if dismissal != Dismissal::No => dismissal.cause(),
            _ if !self.served => Some(Cause::FailedStart),
            (Exit::Code(_), _) => Some(Cause::ExitCode),
            (Exit::Signal(_), _) => Some(Cause::Signal),
        }
    }
}

impl Master<'_> {
    /// Writes down what the supervisor knows, for those who look.
    pub(super) fn chronicle(&self) {
        let wanted = self.supervisor.workers_wanted();
        let before = self.board.workers_wanted();
        if before != 0 && before != wanted as u64 && !self.supervisor.stopping() {
            self.board.count(Deed::Scaled);
            self.note_all(What::Scaled(wanted as u64));
            // A new worker may have a file of its own.
            let _ = self.publish().inspect_err(|error| tracing::error!("{error}"));
        }
        self.board.is_doing(self.doing(), wanted);
        for (place, phase) in self.supervisor.phases() {
            self.board.row(place).enter(phase);
        }
    }

    /// Something happened that concerns all.
    pub(super) fn note_all(&self, what: What) {
        self.board.note(what, None);
    }

    /// Something happened with this child.
    pub(super) fn note_of(&self, what: What, id: ChildId) {
        let pid = self.child(id).map_or(0, Child::number);
        self.board.note(what, Some((id, pid)));
    }

    /// The child that was asked for is not there.
    pub(super) fn note_not_forked(&self, id: ChildId) {
        self.note_of(What::NotForked, id);
        if id.place.slot().is_some() {
            self.board.count_end(Cause::FailedStart);
        }
    }

    /// The child is told to drain.
    pub(super) fn note_dismissal(&mut self, id: ChildId) {
        let stops = self.supervisor.stopping() && !self.supervisor.closing();
        let retired = id.place.slot().is_some_and(|slot| self.supervisor.is_retiring(slot));
        let rolls = self.supervisor.rolling().then(|| {
            let upgrade = self.upgrade.completes(Rollout(self.supervisor.rollouts()));
            if upgrade { Cause::Upgrade } else { Cause::Reload }
        });
        let Some(child) = self.children.iter_mut().find(|child| child.id == id) else { return };
        let why = child.fate.wish.or(retired.then_some(Cause::Scale)).or(rolls);
        if child.fate.dismissal == Dismissal::No {
            child.fate.dismissal = match why {
                _ if stops => Dismissal::Uncounted,
                why => Dismissal::For(why.unwrap_or(Cause::Terminated)),
            };
        }
    }

    /// The child is killed.
    pub(super) fn note_kill(&mut self, id: ChildId, reason: Reason) {
        let stops = self.supervisor.stopping();
        let Some(child) = self.children.iter_mut().find(|child| child.id == id) else { return };
        child.fate.killed = true;
        child.fate.dismissal = match reason {
            Reason::Late => Dismissal::For(Cause::FailedStart),
            Reason::Overdue if !stops => Dismissal::For(Cause::Overdue),
            Reason::Asked => Dismissal::For(Cause::Terminated),
            Reason::Deaf => Dismissal::For(Cause::Unreachable),
            Reason::Overdue | Reason::Unwanted | Reason::StopNow | Reason::Useless => {
                Dismissal::Uncounted
            }
        };
    }

    /// The child was reaped.
    pub(super) fn note_end(&self, child: &Child, exit: Exit, hung: bool) {
        let cause = child.fate.cause(exit, hung);
        if let Some(cause) = cause.filter(|_| child.id.place.slot().is_some()) {
            self.board.count_end(cause);
        }
        let number = |number: i32| u64::try_from(number).unwrap_or(0);
        let what = match exit {
            _ if hung => What::Hung,
            _ if child.fate.killed => What::Ended(cause),
            Exit::Code(code::DONE) => What::Ended(cause),
            Exit::Code(code) => What::Exited(number(code)),
            Exit::Signal(signal) => What::Signalled(number(signal)),
        };
        self.board.note(what, Some((child.id, child.number())));
    }

    /// A rollout, or an upgrade that came to none, has ended.
    pub(super) fn note_rollout(&self, upgrade: bool, done: bool) {
        let (deed, what) = match (upgrade, done) {
            (false, true) => (Deed::ReloadDone, What::ReloadDone),
            (false, false) => (Deed::ReloadFailed, What::ReloadFailed),
            (true, true) => (Deed::UpgradeDone, What::UpgradeDone),
            (true, false) => (Deed::UpgradeFailed, What::UpgradeFailed),
        };
        self.board.count(deed);
        self.note_all(what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_has_its_cause() {
        let served = Fate { served: true, ..Fate::default() };
        let told = Fate { dismissal: Dismissal::For(Cause::Reload), ..served };
        let stopped = Fate { dismissal: Dismissal::Uncounted, ..served };
        let late =
            Fate { dismissal: Dismissal::For(Cause::FailedStart), killed: true, ..Fate::default() };
        let overdue = Fate { dismissal: Dismissal::For(Cause::Overdue), killed: true, ..served };
        let retired = Fate { dismissal: Dismissal::For(Cause::Scale), ..Fate::default() };
        let (done, failed, killed) = (Exit::Code(0), Exit::Code(1), Exit::Signal(9));
        for (fate, exit, cause) in [
            (served, done, Some(Cause::Done)),
            (served, failed, Some(Cause::ExitCode)),
            (served, killed, Some(Cause::Signal)),
            (told, done, Some(Cause::Reload)),
            (told, failed, Some(Cause::ExitCode)),
            (told, killed, Some(Cause::Signal)),
            (stopped, done, None),
            (stopped, killed, Some(Cause::Signal)),
            (Fate::default(), done, Some(Cause::FailedStart)),
            (Fate::default(), failed, Some(Cause::FailedStart)),
            (late, killed, Some(Cause::FailedStart)),
            (overdue, killed, Some(Cause::Overdue)),
            (retired, done, Some(Cause::Scale)),
        ] {
            assert_eq!(fate.cause(exit, false), cause, "{fate:?} {exit:?}");
            assert_eq!(fate.cause(exit, true), Some(Cause::Hang));
        }
    }
}
