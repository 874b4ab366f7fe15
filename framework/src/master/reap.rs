//! Children that ended.

use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::Master;
use super::event::{Event, Exit};
use crate::birth::code;
use crate::ids::{ChildId, Place};

impl Master<'_> {
    /// Waits for all that have ended, until there is none: signals of one kind are merged.
    pub(super) fn reap(&mut self, events: &mut Vec<Event>) {
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) => self.bury(pid, Exit::Code(code), events),
                Ok(WaitStatus::Signaled(pid, signal, _)) => {
                    self.bury(pid, Exit::Signal(signal as i32), events);
                }
                Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return,
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return tracing::error!("cannot wait for children: {error}"),
            }
        }
    }

    fn bury(&mut self, pid: Pid, exit: Exit, events: &mut Vec<Event>) {
        if let Some(fits) = self.upgrade.buried(pid, exit) {
            if let Err(why) = &fits {
                self.fail_upgrade(why);
            }
            return events.push(Event::Tried(fits.is_ok()));
        }
        let Some(index) = self.children.iter().position(|child| child.pid == pid) else {
            // As PID 1, or as a subreaper, one gets the orphans of others.
            return tracing::debug!(pid = pid.as_raw(), "reaped a process that is no worker");
        };
        self.hear_out(index, events);
        let exit = self.taken_exit(self.children[index].id, exit);
        let mut child = self.children.swap_remove(index);
        let row = self.board.row(child.id.place);
        let hung = row.left(child.id.generation, child.seat);
        // A successor may have failed beside one that serves on.
        let rest = self.children.iter().filter(|other| other.id.place == child.id.place);
        if let Some(other) = rest.max_by_key(|other| other.id.generation) {
            row.show(other.id.generation, other.number(), other.since_ns);
        }
        if let (Some(balancer), Place::Slot(slot)) = (&self.balancer, child.id.place) {
            balancer.left(slot, child.seat, row.seat(child.seat).primary_accepted());
        }
        self.note_end(&child, exit, hung);
        self.unlink(child.id);
        let why = child.failure.as_deref();
        let (id, pid) = (child.id, pid.as_raw());
        match (exit, why) {
            _ if hung => {
                let limit = self.plan.term.hang_timeout.unwrap_or_default();
                tracing::error!(pid, "{id} hung: it was ended after {limit:?} away from its loop");
            }
            (Exit::Code(code::DONE), _) => tracing::info!(pid, "{id} is done"),
            (Exit::Code(code), Some(why)) => tracing::error!(pid, code, "{id} failed: {why}"),
            (Exit::Code(code), None) => {
                tracing::error!(pid, code, "{id} ended with exit code {code}");
            }
            (Exit::Signal(signal), _) => {
                tracing::error!(pid, signal, "{id} was ended by signal {signal}");
            }
        }
        if exit != Exit::Code(code::DONE) {
            let hung = hung.then(|| "it hung".to_owned());
            self.failures.note(id, child.failure.take().or(hung));
        }
        self.happenings.buried(child, exit);
        events.push(Event::Exited(id, exit));
    }

    /// A dispatcher that is gone: its links end when nobody holds them any more.
    fn unlink(&mut self, id: ChildId) {
        if id.place == Place::Dispatcher {
            for child in &mut self.children {
                child.links.retain(|(dispatcher, _)| *dispatcher != id.generation);
            }
        }
    }
}
