//! How everything is, for those who ask.

use crate::apps::OutputFile;
use crate::board::{Doing, Snapshot, WorkerSnapshot};
use crate::control::{AdminStatus, DispatcherStatus, EventStatus, Status, WorkerStatus};
use crate::ids::{Place, SlotId};
use crate::output;
use crate::plan::Intake;
use crate::sys::clock::monotonic_ns;

use super::Master;

impl Master<'_> {
    pub(super) fn status(&self) -> Status {
        let now_ns = monotonic_ns();
        let workers = Snapshot::of(self.board).workers;
        let counts = self.plan.foreign.is_none();
        let count = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
        Status {
            pid: std::process::id(),
            address: self.plan.address.clone(),
            addresses: self.plan.addresses().cloned().collect(),
            policy: self.plan.intake.to_string(),
            policy_why: self.why_policy.clone(),
            doing: self.doing().to_string(),
            workers_wanted: count(self.supervisor.workers_wanted()),
            workers_ready: count(self.supervisor.ready_slots().len()),
            rollouts: self.supervisor.rollouts(),
            dispatcher: self.dispatcher(),
            outputs: self.outputs(),
            admin: self.admin_status(),
            workers: workers.iter().map(|it| worker_status(it, now_ns, counts)).collect(),
            restarts: self.board.ends().map(|(cause, n)| (cause.to_string(), n)).collect(),
            events: self.board.happenings().iter().map(EventStatus::from).collect(),
        }
    }

    /// Of all slots that ever had a worker, or are to have one.
    pub(super) fn outputs(&self) -> Vec<OutputFile> {
        let seen = Snapshot::of(self.board).workers.last().map_or(0, |worker| worker.slot + 1);
        let wanted = u16::try_from(self.supervisor.workers_wanted()).unwrap_or(u16::MAX);
        let slots = 0..seen.max(wanted);
        let dispatcher = (self.plan.intake == Intake::Dispatcher).then_some(Place::Dispatcher);
        let admin = self.plan.admin.as_ref().map(|_| Place::Admin);
        let places = slots.map(|slot| Place::Slot(SlotId(slot))).chain(dispatcher).chain(admin);
        let files = self.plan.output.as_ref().map(|output| output::files(output, places));
        files.into_iter().flatten().map(|(name, path)| OutputFile::new(name, path)).collect()
    }

    pub(super) fn doing(&self) -> Doing {
        match () {
            () if self.supervisor.closing() => Doing::Closing,
            () if self.supervisor.stopping() => Doing::Stopping,
            () if self.upgrade.under_way() => Doing::Upgrading,
            () if self.supervisor.rolling() => Doing::Reloading,
            () => Doing::Running,
        }
    }

    fn admin_status(&self) -> Option<AdminStatus> {
        let address = self.plan.admin.as_ref()?.address.clone();
        let row = self.board.row(Place::Admin);
        let (pid, generation, phase) = (row.pid(), row.generation(), row.phase().to_string());
        Some(AdminStatus { address, pid, generation, phase })
    }

    fn dispatcher(&self) -> Option<DispatcherStatus> {
        if self.plan.intake != Intake::Dispatcher {
            return None;
        }
        let row = self.board.row(Place::Dispatcher);
        let (pid, generation, phase) = (row.pid(), row.generation(), row.phase().to_string());
        Some(DispatcherStatus { pid, generation, phase })
    }
}

fn worker_status(worker: &WorkerSnapshot, now_ns: u64, counts: bool) -> WorkerStatus {
    let since = |then_ns: u64| if then_ns == 0 { 0 } else { now_ns.saturating_sub(then_ns) };
    WorkerStatus {
        slot: worker.slot,
        pid: worker.pid,
        generation: worker.generation,
        phase: worker.phase.to_string(),
        age_s: if worker.pid == 0 { 0 } else { since(worker.since_ns) / 1_000_000_000 },
        respawns: worker.respawns,
        hangs: worker.hangs,
        counts,
        accepted: worker.accepted,
        open: worker.open,
        requests: worker.requests,
        errors: worker.errors,
        log_dropped: worker.log_dropped,
        busy_ms: since(worker.busy_since_ns) / 1_000_000,
    }
}
