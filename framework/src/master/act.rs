//! What the supervisor decided, done.

use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use socket2::SockRef;

use super::action::{Action, Outcome};
use super::event::Event;
use super::{Child, Master};
use crate::error::Error;
use crate::ids::{ChildId, Place, SlotId};
use crate::net::channel::{Order, Queue};
use crate::net::group::Choice;
use crate::net::{listener, steer};
use crate::sys::reuseport;

impl Master<'_> {
    /// Performs one action; what happened at once because of it.
    pub(super) fn act(&mut self, action: Action) -> Result<Option<Event>, Error> {
        match action {
            Action::Fork(child) => return Ok(self.fork_or_report(child)),
            Action::Listen(slot) => self.listen(slot)?,
            Action::ListenShared => self.listen_shared()?,
            Action::Steer(live) => self.steer(&live),
            Action::CloseListener(slot) => {
                self.lodged[slot.index()] = None;
                self.group.left(slot);
            }
            Action::RefuseNewcomers => self.refuse_newcomers(),
            Action::Introduce(child) => self.introduce(child),
            Action::Part(child) => self.part(child),
            Action::Drain { child, grace, empty_queue } => self.drain(child, grace, empty_queue),
            Action::Kill(child) => self.kill(child),
            Action::BackOff(child, pause, failures) => {
                let milliseconds = pause.as_millis();
                tracing::warn!(failures, "{} is backing-off for {milliseconds} ms", child.place);
            }
            Action::Refuse(why) => tracing::warn!("nothing is changed: {why}"),
            Action::Finish(outcome) => self.finish(outcome),
        }
        Ok(None)
    }

    fn fork_or_report(&mut self, child: ChildId) -> Option<Event> {
        match self.fork(child) {
            Ok(()) => None,
            Err(why) => {
                tracing::error!("cannot fork {child}: {why}");
                Some(Event::NotForked(child))
            }
        }
    }

    fn listen(&mut self, slot: SlotId) -> Result<(), Error> {
        let lodged = self.lodged[slot.index()].as_ref();
        let lodged = lodged.ok_or_else(|| io::Error::other("no listener was lodged"));
        lodged
            .and_then(|socket| listener::listen(socket, self.plan.backlog))
            .map_err(|error| Error::system(&format!("listen for worker {slot}"), error))?;
        self.group.joined(slot);
        self.let_accept(|place| place == Place::Slot(slot));
        self.announce();
        Ok(())
    }

    fn listen_shared(&mut self) -> Result<(), Error> {
        listener::listen(&self.address.socket, self.plan.backlog)
            .map_err(|error| Error::system("listen", error))?;
        self.let_accept(|_| true);
        self.announce();
        Ok(())
    }

    /// Children that were born before the listener listened wait for this word.
    fn let_accept(&self, concerned: impl Fn(Place) -> bool) {
        for child in self.children.iter().filter(|child| concerned(child.id.place)) {
            let sent = child.channel.as_ref().map(|channel| channel.order(&Order::Accept));
            if let Some(Err(error)) = sent {
                tracing::error!("{} does not listen ({error}) and is replaced", child.id);
                signal(child, Signal::SIGKILL);
            }
        }
    }

    fn announce(&mut self) {
        if let Some(on_listening) = self.hooks.on_listening.take() {
            tracing::info!(address = %self.plan.address, "listening");
            on_listening(self.plan.address);
        }
    }

    /// The program belongs to the group, so that any member will do to set it.
    fn steer(&self, live: &[SlotId]) {
        let member = self.group.members().first();
        let Some(member) = member.and_then(|slot| self.lodged[slot.index()].as_ref()) else {
            return;
        };
        let result = match self.group.choice(live) {
            Choice::Everyone => reuseport::detach(member),
            Choice::Among { live, .. } => reuseport::attach(member, &mut steer::program(&live)),
        };
        match result {
            Ok(()) => tracing::debug!(?live, "steered"),
            Err(error) => tracing::error!(?live, "cannot steer new connections: {error}"),
        }
    }

    fn refuse_newcomers(&self) {
        let shared = self.group.members().is_empty().then_some(&self.address.socket);
        for socket in self.lodged.iter().flatten().chain(shared) {
            if let Err(error) = listener::refuse_newcomers(socket) {
                tracing::warn!("connections that come now may be reset: {error}");
            }
        }
        tracing::info!("stopping: no new connections, what is queued and in flight is answered");
    }

    fn introduce(&mut self, child: ChildId) {
        let Place::Slot(slot) = child.place else { return };
        let link = self.child(child).and_then(|child| child.link.as_ref());
        let link: Option<OwnedFd> = link.and_then(|link| link.try_clone().ok());
        let dispatcher = self.children.iter().rfind(|other| other.id.place == Place::Dispatcher);
        let (Some(link), Some(dispatcher)) = (link, dispatcher) else { return };
        let order = Order::Introduce { slot, generation: child.generation, link };
        let sent = dispatcher.channel.as_ref().map(|channel| channel.order(&order));
        if let Some(Err(error)) = sent {
            // A successor is told everything anew.
            tracing::error!("the dispatcher does not listen ({error}) and is replaced");
            signal(dispatcher, Signal::SIGKILL);
        }
    }

    /// What was sent before can still be read; then the worker sees the end.
    fn part(&mut self, child: ChildId) {
        let child = self.children.iter_mut().find(|other| other.id == child);
        if let Some(link) = child.and_then(|child| child.link.take()) {
            // It fails only when the worker is gone, which is as good.
            let _ = SockRef::from(&link.as_fd()).shutdown(Shutdown::Write);
        }
    }

    fn drain(&self, id: ChildId, grace: Duration, empty_queue: bool) {
        let Some(child) = self.child(id) else { return };
        let queue = if empty_queue { Queue::Empty } else { Queue::Leave };
        let order = Order::Drain { grace, queue };
        let sent = child.channel.as_ref().map(|channel| channel.order(&order));
        if !matches!(sent, Some(Ok(()))) {
            signal(child, Signal::SIGTERM);
        }
    }

    fn kill(&self, id: ChildId) {
        let Some(child) = self.child(id) else { return };
        let open = self.board.row(id.place).seat(id.generation).open();
        tracing::warn!(pid = child.pid.as_raw(), open, "{id} had its time and is killed");
        signal(child, Signal::SIGKILL);
    }

    fn finish(&mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }

    fn child(&self, id: ChildId) -> Option<&Child> {
        self.children.iter().find(|child| child.id == id)
    }
}

/// The pid is certain: it is a child that has not been reaped.
fn signal(child: &Child, signal: Signal) {
    if let Err(error) = kill(child.pid, signal) {
        tracing::error!(pid = child.pid.as_raw(), "cannot send {signal}: {error}");
    }
}
