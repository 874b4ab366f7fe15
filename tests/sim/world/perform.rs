//! What the supervisor asks for, done, after a look whether it may be.

use evenkeel::internals::{Action, ChildId, Layout, Outcome, Place};

use super::{GRACE, Mood, Process, WORKERS_MAX, World};

impl World {
    /// Does it, if it may be done. A child that could not be forked comes back.
    pub(super) fn perform(&mut self, action: Action) -> Option<ChildId> {
        match action {
            Action::Fork(child) => return self.fork(child),
            Action::Listen(slot) => {
                assert!(self.listening.insert(slot), "{slot} listens already");
                assert_eq!(self.rules.layout, Layout::Group);
                assert!(self.serving(slot), "no worker was ready when {slot} began to listen");
            }
            Action::ListenShared => {
                assert!(!std::mem::replace(&mut self.shared_listening, true));
                assert_ne!(self.rules.layout, Layout::Group);
            }
            Action::Steer(live) => {
                for slot in live {
                    assert!(self.listening.contains(&slot), "{slot} does not listen");
                    assert!(self.serving(slot), "{slot} is an empty chair");
                }
            }
            Action::CloseListener(slot) => {
                assert!(self.listening.remove(&slot), "{slot} does not listen");
                assert!(self.in_place(Place::Slot(slot)).next().is_none(), "{slot} is occupied");
            }
            Action::Introduce(child) => {
                assert_eq!(self.in_place(Place::Dispatcher).count(), 1, "links are shared");
                let serving = self.in_place(Place::Dispatcher).map(|(id, _)| id.generation).last();
                let process = self.living(child);
                assert!(process.ready && !process.draining && !process.parted);
                assert_ne!(process.introduced_to, serving, "{child} is known already");
                process.introduced_to = Some(serving.expect("a dispatcher"));
            }
            Action::Part(child) => {
                let parted = std::mem::replace(&mut self.living(child).parted, true);
                assert!(!parted, "{child} was parted already");
            }
            Action::Drain { child, grace, .. } => {
                assert!(grace <= GRACE);
                self.living(child).draining = true;
            }
            Action::Kill(child) => {
                let killed = std::mem::replace(&mut self.living(child).killed, true);
                assert!(!killed, "{child} was killed already");
            }
            Action::Finish(outcome) => {
                let left = self.processes.len();
                assert!(left == 0 || outcome == Outcome::Abandoned(left), "{left} are left behind");
                self.finished = Some(outcome);
            }
            Action::RefuseNewcomers => assert!(self.stopping),
            Action::BackOff(..) | Action::Refuse(_) => {}
        }
        None
    }

    fn fork(&mut self, child: ChildId) -> Option<ChildId> {
        assert!(!self.stopping, "{child} was forked during a stop");
        assert!(self.ever_forked.insert(child), "{child} was forked twice");
        let older = self.in_place(child.place).filter(|(_, process)| !process.draining);
        assert_eq!(older.count(), 0, "{child} was forked while another serves or starts there");
        if let Place::Slot(slot) = child.place {
            assert!(slot.0 < WORKERS_MAX);
        }
        self.processes.insert(child, Process::default());
        (self.mood == Mood::Stormy && self.chance.once_in(30)).then_some(child)
    }
}
