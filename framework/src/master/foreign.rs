//! Workers that are other programs: they take no orders, and count nothing on the scoreboard. They are told
//! to end by a signal, when nothing that nobody else would take waits in their accept queue.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use nix::sys::signal::Signal;

use super::event::Exit;
use super::{Endpoint, Master};
use crate::birth::code;
use crate::ids::{ChildId, Place};
use crate::limits::QUEUE_LOOK_INTERVAL;
use crate::net::channel::Order;
use crate::net::listener;

/// A worker that is to end.
#[derive(Debug)]
pub(super) struct Leaving {
    child: ChildId,
    /// Has been sent the signal.
    told: bool,
    empty_queue: bool,
    since: Instant,
}

impl Master<'_> {
    /// Begins a drain, or gives one that has begun its present meaning.
    pub(super) fn drain_foreign(&mut self, child: ChildId, empty_queue: bool) {
        if empty_queue {
            // One that has not been told so yet is needed to empty the queue.
            let _ = self.order(child, &Order::Accept);
        }
        let since = Instant::now();
        match self.leaving.iter_mut().find(|leaving| leaving.child == child) {
            Some(leaving) => leaving.empty_queue = empty_queue,
            None => self.leaving.push(Leaving { child, told: false, empty_queue, since }),
        }
        self.look_at_leaving();
    }

    /// Sends the signal to those who may go now.
    pub(super) fn look_at_leaving(&mut self) {
        let Some(signal) = self.plan.foreign else { return };
        let mut leaving = std::mem::take(&mut self.leaving);
        leaving.retain(|leaving| self.child(leaving.child).is_some());
        for leaving in leaving.iter_mut().filter(|leaving| !leaving.told) {
            if !leaving.empty_queue || self.is_served(leaving) {
                leaving.told = true;
                self.signal(leaving.child, signal);
            }
        }
        self.leaving = leaving;
    }

    /// Milliseconds until somebody who is to end is looked at again.
    pub(super) fn leaving_due(&self) -> Option<u128> {
        let waits = self.leaving.iter().any(|leaving| !leaving.told);
        waits.then_some(QUEUE_LOOK_INTERVAL.as_millis())
    }

    /// Nothing waits for it, and nothing is on its way there.
    fn is_served(&self, leaving: &Leaving) -> bool {
        leaving.since.elapsed() >= self.plan.handshake_linger() && !self.has_queue(leaving.child)
    }

    fn has_queue(&self, child: ChildId) -> bool {
        let Place::Slot(slot) = child.place else { return false };
        let own = self.lodged.get(slot.index()).and_then(Option::as_ref);
        let shared = self.group.members().is_empty().then_some(&self.primary.socket);
        // While others serve, those take what comes there.
        let stopping = self.supervisor.stopping();
        let further =
            self.further.iter().filter(|_| stopping).map(|Endpoint { socket, .. }| socket);
        let waits = |socket: &OwnedFd| {
            listener::listens(socket).unwrap_or(false)
                && listener::has_queue(socket.as_fd()).unwrap_or(false)
        };
        own.into_iter().chain(shared).chain(further).any(waits)
    }

    /// How the end of a child is to be taken: one that was told to end, and left nothing behind, is done,
    /// whatever it says.
    pub(super) fn taken_exit(&self, child: ChildId, exit: Exit) -> Exit {
        let told = self.leaving.iter().any(|leaving| leaving.child == child && leaving.told);
        if told && exit != Exit::Signal(Signal::SIGKILL as i32) {
            return Exit::Code(code::DONE);
        }
        exit
    }
}
