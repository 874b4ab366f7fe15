//! What the supervisor asks for, done, after a look whether it may be.

use evenkeel::internals::{
    Action, ChildId, Event, Generation, Layout, Outcome, Place, Reason, Rollout, SlotId, Verdict,
};

use super::{GRACE, Mood, Process, WORKERS_MAX, World};

impl World {
    /// Does it, if it may be done; what happened at once because of it.
    pub(super) fn perform(&mut self, action: Action) -> Option<Event> {
        match action {
            Action::Fork(child) => return self.fork(child),
            Action::Listen(slot) => return self.listen(slot),
            Action::ListenShared => {
                assert!(!std::mem::replace(&mut self.shared_listening, true));
                assert_ne!(self.rules.layout, Layout::Group);
            }
            Action::Accept(child) => {
                let listens = match child.place {
                    Place::Slot(slot) if self.rules.layout == Layout::Group => {
                        self.listening.contains(&slot) || self.deaf.contains(&slot)
                    }
                    Place::Admin => true,
                    _ => self.shared_listening,
                };
                assert!(listens, "{child} has nothing to accept from");
                let process = self.living(child);
                assert!(process.serves(), "{child} is not to accept");
                assert!(!std::mem::replace(&mut process.accepts, true), "{child} accepts already");
            }
            Action::Steer(live) => {
                let nobody = self.supervisor.ready_slots().is_empty();
                for slot in live.into_iter().filter(|slot| !self.deaf.contains(slot)) {
                    assert!(self.listening.contains(&slot), "{slot} does not listen");
                    assert!(nobody || self.serving(slot), "{slot} is an empty chair");
                }
            }
            Action::CloseListener(slot) => {
                assert!(self.listening.remove(&slot), "{slot} does not listen");
                assert!(self.in_place(Place::Slot(slot)).next().is_none(), "{slot} is occupied");
            }
            Action::Look(child) => {
                let Place::Slot(slot) = child.place else { panic!("{child} has no queue") };
                assert!(self.listening.contains(&slot), "{slot} does not listen");
                let process = self.living(child);
                assert!(!process.draining || process.empties, "{child} leaves its queue");
            }
            Action::Introduce(child, generation) => self.introduce(child, generation),
            Action::Part(child) => {
                let parted = std::mem::replace(&mut self.living(child).parted, true);
                assert!(!parted, "{child} was parted already");
                let dispatches = self.in_place(Place::Dispatcher).next().is_some();
                assert!(
                    !self.stopping || !dispatches,
                    "{child} is parted from a living dispatcher"
                );
            }
            Action::Drain { child, grace, empty_queue } => {
                assert!(grace <= GRACE);
                self.check_admin_drain(child);
                let process = self.living(child);
                process.draining = true;
                process.empties = empty_queue;
            }
            Action::Kill(child, reason) => self.kill(child, reason),
            Action::Finish(outcome) => {
                let left = self.processes.len();
                assert!(left == 0 || outcome == Outcome::Abandoned(left), "{left} are left behind");
                self.assert_no_queue_is_left();
                if let Outcome::Fatal(child) | Outcome::GaveUp(child) = outcome {
                    assert_ne!(child.place, Place::Admin, "its end is nobody's");
                }
                self.finished = Some(outcome);
            }
            Action::RefuseNewcomers => self.begin_stop(),
            Action::RolloutBegan(rollout) => self.begin_rollout(rollout),
            Action::RolloutEnded(rollout, verdict) => self.end_rollout(rollout, verdict),
            Action::Try => assert_eq!(self.trial.replace(false), None, "two trials at a time"),
            Action::EndTrial => {
                let ended = self.trial.replace(true);
                assert_eq!(ended, Some(false), "it has been ended, or is none");
            }
            Action::Become => {
                assert!(!self.stopping && self.rollout.is_none());
                self.becomes = true;
            }
            Action::Postponed(_)
            | Action::Closing(_)
            | Action::UpgradeFailed
            | Action::BackOff(..)
            | Action::Refuse(_) => {}
        }
        None
    }

    fn kill(&mut self, child: ChildId, reason: Reason) {
        if reason == Reason::Asked {
            let process = self.living(child);
            assert!(!process.killed, "{child} was killed already");
            process.doomed = true;
            return;
        }
        self.stopping |= reason == Reason::StopNow;
        self.hurried |= reason == Reason::StopNow;
        let useless = reason == Reason::Useless;
        assert!(!useless || child.place == Place::Dispatcher, "{child} is of use");
        let deserved = !matches!(reason, Reason::Late | Reason::Overdue);
        assert!(deserved || !self.suspended, "{child} could not run, and is killed");
        let process = self.living(child);
        assert!(!std::mem::replace(&mut process.killed, true), "{child} was killed already");
        let innocent = matches!(reason, Reason::Late | Reason::Unwanted);
        assert!(!innocent || !process.accepts, "{child} is killed, and may have connections");
    }

    fn introduce(&mut self, child: ChildId, generation: Generation) {
        let dispatcher = ChildId { place: Place::Dispatcher, generation };
        assert!(!self.living(dispatcher).killed, "{dispatcher} hands nothing out any more");
        let process = self.living(child);
        let serves = process.ready && !process.draining;
        assert!(!process.parted);
        assert!(serves || self.stopping, "{child} takes nothing");
        if self.mood == Mood::Stormy && self.chance.once_in(50) {
            // No descriptor was left.
            return self.supervisor.not_introduced(child, generation);
        }
        assert!(self.links.insert((child, generation)), "{child} is known already");
    }

    fn begin_rollout(&mut self, rollout: Rollout) {
        let old = self.processes.keys().copied().filter(|id| id.place != Place::Admin).collect();
        self.outdate_admin();
        assert!(self.rollout.replace((rollout, old)).is_none(), "two rollouts at a time");
    }

    /// What it has done is that nobody whom it had to replace is left, and somebody new serves in
    /// each place.
    fn end_rollout(&mut self, rollout: Rollout, verdict: Verdict) {
        let (begun, old) = self.rollout.take().expect("it has begun");
        assert_eq!(begun, rollout);
        match verdict {
            Verdict::Done => {
                let left = old.iter().find(|id| self.processes.contains_key(id));
                assert_eq!(left, None, "it is still there");
            }
            Verdict::Failed { child, .. } => {
                assert!(!old.contains(&child), "{child} was there before");
                assert_ne!(child.place, Place::Admin, "nobody waits for it");
            }
            Verdict::Stopped => assert!(self.supervisor.stopping()),
        }
    }

    fn listen(&mut self, slot: SlotId) -> Option<Event> {
        assert_eq!(self.rules.layout, Layout::Group);
        assert!(self.serving(slot), "no worker was ready when {slot} began to listen");
        if self.mood == Mood::Stormy && self.chance.once_in(40) {
            self.deaf.insert(slot);
            return Some(Event::NotListening(slot));
        }
        assert!(self.listening.insert(slot), "{slot} listens already");
        None
    }

    fn fork(&mut self, child: ChildId) -> Option<Event> {
        if self.stopping {
            assert_ne!(child.place, Place::Admin, "there is nothing left to see");
            // To empty a queue that nobody empties, and not for ever.
            let tries = self.forked_in_stop.entry(child.place).or_default();
            *tries += 1;
            assert!(*tries <= 3, "{child} is forked in vain");
            assert!(self.in_place(child.place).all(|(_, process)| process.leaves()));
        }
        assert!(self.ever_forked.insert(child), "{child} was forked twice");
        let older: Vec<Process> = self
            .in_place(child.place)
            .map(|(_, process)| process)
            .filter(|process| !process.draining)
            .collect();
        // Beside one that serves, only to replace it.
        let replaces =
            self.rollout.is_some() || older.iter().all(|process| process.wants_successor);
        let beside = older.len() == 1 && older[0].ready && replaces;
        assert!(older.is_empty() || beside, "{child} was forked while another serves or starts");
        if let Place::Slot(slot) = child.place {
            assert!(slot.0 < WORKERS_MAX);
        }
        self.processes.insert(child, Process::default());
        (self.mood == Mood::Stormy && self.chance.once_in(30)).then_some(Event::NotForked(child))
    }
}
