//! What happens to the processes.

use evenkeel::internals::{ChildId, Event, Exit, Place};

use super::World;

impl World {
    pub(super) fn storm(&mut self) {
        let all: Vec<ChildId> = self.processes.keys().copied().collect();
        let child = self.chance.pick(&all);
        match (self.chance.below(24), child) {
            (0..=5, Some(child)) => self.become_ready(child),
            (6..=8, Some(child)) => {
                let exits = [0, 1, 75, 101].map(Exit::Code);
                let exit = self.chance.pick(&exits).filter(|_| self.chance.once_in(2));
                let exit = exit.unwrap_or(Exit::Signal(9));
                // Nobody says that he has drained when he has not.
                let lies = exit == Exit::Code(0)
                    && self.processes[&child].draining
                    && !self.may_have_drained(child);
                self.die(child, if lies { Exit::Code(1) } else { exit });
            }
            (9..=12, Some(child)) if self.may_have_drained(child) => {
                self.die(child, Exit::Code(0));
            }
            (13..=14, Some(child)) if self.processes[&child].ends() => {
                self.die(child, Exit::Signal(9));
            }
            (15, Some(child)) if self.chance.once_in(4) => {
                self.wants_drain(child);
            }
            (16, _) => self.tell(Event::ScaleUp),
            (18, Some(child)) if self.chance.once_in(100) => self.die(child, Exit::Code(78)),
            (20, Some(child)) if self.processes[&child].ready => {
                self.processes.get_mut(&child).unwrap().wants_successor = true;
                self.tell(Event::WantsSuccessor(child));
            }
            (21, _) if self.chance.once_in(4) => self.tell(Event::Reload),
            (22, _) if self.chance.once_in(4) => self.tell(Event::Upgrade),
            (23, _) if self.chance.once_in(8) => self.tell(Event::Continued),
            (23, _) => self.end_trial(),
            (17, _) if self.chance.once_in(4) => {
                let workers = u16::try_from(self.chance.below(10)).unwrap();
                self.tell(Event::ScaleTo(workers));
            }
            (17, _) => self.tell(Event::ScaleDown),
            (19, Some(child)) if self.chance.once_in(8) => self.tell(Event::KillAsked(child)),
            (19, _) if self.chance.once_in(300) => {
                let kinds = [Event::Stop, Event::StopNow];
                let event = self.chance.pick(&kinds).unwrap();
                self.tell(event);
            }
            _ => {}
        }
    }

    /// Everybody does at once what is expected of him.
    pub(super) fn calm(&mut self) {
        self.end_trial();
        for (child, process) in self.processes.clone() {
            if process.ends() {
                self.die(child, Exit::Signal(9));
            } else if self.may_have_drained(child) {
                self.die(child, Exit::Code(0));
            } else if !process.ready && !process.draining {
                self.become_ready(child);
            }
        }
    }

    fn become_ready(&mut self, child: ChildId) {
        let process = self.processes.get_mut(&child).unwrap();
        if !std::mem::replace(&mut process.ready, true) {
            self.tell(Event::Ready(child));
        }
    }

    fn wants_drain(&mut self, child: ChildId) {
        // It serves on until there is room for a successor.
        let heard = !self.supervisor.stopping();
        let process = self.processes.get_mut(&child).unwrap();
        process.wants_successor = true;
        process.wants_drain |= heard;
        self.tell(Event::WantsDrain(child));
    }

    /// The program that is tried says that it fits, or ends in some other way.
    fn end_trial(&mut self) {
        if let Some(ended) = self.trial.take() {
            let fits = !ended && self.chance.once_in(2);
            self.tell(Event::Tried(fits));
        }
    }

    fn die(&mut self, child: ChildId, exit: Exit) {
        self.note_drained(child, exit);
        self.processes.remove(&child);
        self.links.retain(|(worker, dispatcher)| {
            let gone = child.place == Place::Dispatcher && *dispatcher == child.generation;
            *worker != child && !gone
        });
        self.tell(Event::Exited(child, exit));
    }
}
