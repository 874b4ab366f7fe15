//! What the supervisor decided, done.

use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use socket2::SockRef;

use super::action::{Action, Outcome, Reason};
use super::child::{Child, Parting};
use super::event::Event;
use super::telling::Happening;
use super::{Endpoint, Master};
use crate::board::{Deed, What};
use crate::error::Error;
use crate::ids::{ChildId, Generation, Place, SlotId};
use crate::limits::SUSPENDED_AFTER;
use crate::net::channel::{Order, Queue};
use crate::net::listener;
use crate::sys::descriptors;

impl Master<'_> {
    /// Performs one action; what happened at once because of it.
    pub(super) fn act(&mut self, action: Action) -> Result<Option<Event>, Error> {
        match action {
            Action::Fork(child) => return Ok(self.fork_or_report(child)),
            Action::Listen(slot) => {
                self.open_further()?;
                return self.listen(slot);
            }
            Action::ListenShared => {
                self.open_further()?;
                self.primary.listen(self.plan.backlog)?;
            }
            Action::Accept(child) => self.let_accept(child),
            Action::Steer(live) => self.steer(&live)?,
            Action::CloseListener(slot) if self.is_lent(slot) => {
                tracing::info!("the listener of worker {slot} stays: a service manager passed it");
            }
            Action::CloseListener(slot) => {
                self.lodged[slot.index()].take().into_iter().for_each(listener::close);
                self.group.left(slot);
                self.board.row(Place::Slot(slot)).listens(0);
            }
            Action::Look(child) => {
                // Who cannot be told is about to end, or finds it with the next connection.
                let _ = self.order(child, &Order::Look);
            }
            Action::RefuseNewcomers => self.refuse_newcomers(),
            Action::Closing(delay) => self.announce_stop(delay),
            Action::Introduce(child, dispatcher) => self.introduce(child, dispatcher),
            Action::Part(child) => self.part(child),
            Action::Drain { child, grace, empty_queue } => self.drain(child, grace, empty_queue),
            Action::Kill(child, reason) => self.kill(child, reason),
            Action::BackOff(child, pause, failures) => {
                let milliseconds = pause.as_millis();
                self.board.count(Deed::Paused);
                self.note_of(What::Paused(u64::try_from(milliseconds).unwrap_or(u64::MAX)), child);
                tracing::warn!(failures, "{} is backing-off for {milliseconds} ms", child.place);
            }
            Action::Refuse(why) => self.refuse(why),
            Action::RolloutBegan(rollout) => self.rollout_began(rollout),
            Action::RolloutEnded(rollout, verdict) => self.rollout_ended(rollout, verdict),
            Action::Try => return Ok(self.try_program()),
            Action::EndTrial => self.end_trial(),
            Action::UpgradeFailed => self.forget_upgrade(),
            Action::Become => self.upgrade.pass(),
            Action::Postponed(time) if time < SUSPENDED_AFTER => {}
            Action::Postponed(time) => {
                self.tell_postponed(time);
                tracing::warn!("nothing ran for {time:?}: all deadlines are put off by that");
            }
            Action::Finish(outcome) => self.finish(outcome),
        }
        Ok(None)
    }

    fn fork_or_report(&mut self, child: ChildId) -> Option<Event> {
        match self.fork(child) {
            Ok(()) => None,
            Err(why) => {
                let text = format!("cannot fork {child}: {why}");
                tracing::error!("{text}");
                self.happenings.note(Happening::Error(None, text));
                self.note_not_forked(child);
                Some(Event::NotForked(child))
            }
        }
    }

    /// At the start there is no server without it; later the others go on.
    fn listen(&mut self, slot: SlotId) -> Result<Option<Event>, Error> {
        match self.try_to_listen(slot) {
            Err(error) if self.announced => {
                tracing::error!("{error}");
                self.happenings.note(Happening::Error(None, error.to_string()));
                Ok(Some(Event::NotListening(slot)))
            }
            other => other.map(|()| None),
        }
    }

    fn try_to_listen(&mut self, slot: SlotId) -> Result<(), Error> {
        let Some(socket) = &self.lodged[slot.index()] else {
            return Err(Error::system(
                &format!("listen for worker {slot}"),
                io::Error::other("its listener did not arrive; raise the limit of open files"),
            ));
        };
        let failed = |error| Error::system(&format!("listen for worker {slot}"), error);
        listener::listen(socket, self.plan.backlog).map_err(failed)?;
        if self.group.has(slot) {
            return Ok(());
        }
        self.admit(slot, socket).map_err(|error| {
            // It is opened again with the next try.
            listener::close(socket);
            failed(error)
        })?;
        // Only those who look at its queue would miss it.
        self.board.row(Place::Slot(slot)).listens(listener::inode(socket).unwrap_or(0));
        self.group.joined(slot);
        Ok(())
    }

    /// With the first listener of the primary address: from then on whoever is told that its own listens
    /// finds that these do, too.
    fn open_further(&self) -> Result<(), Error> {
        let closed = |endpoint: &&Endpoint| !listener::listens(&endpoint.socket).unwrap_or(false);
        self.further
            .iter()
            .filter(closed)
            .try_for_each(|endpoint| endpoint.listen(self.plan.backlog))
    }

    fn let_accept(&mut self, child: ChildId) {
        match self.order(child, &Order::Accept) {
            Ok(()) => self.note(child, Happening::Listening),
            Err(error) => {
                tracing::error!("{child} does not listen ({error}) and is replaced");
                self.signal(child, Signal::SIGKILL);
            }
        }
    }

    pub(super) fn announce(&mut self) {
        if !self.announced {
            self.tell_address();
            self.tell_ready("");
        }
    }

    /// Connections are accepted, from now on or already.
    pub(super) fn tell_address(&mut self) {
        self.announced = true;
        for address in self.plan.addresses() {
            tracing::info!(%address, "listening");
        }
        let on_listening = self.hooks.listening.take();
        if let (Some(on_listening), Some(address)) = (on_listening, self.plan.address.tcp()) {
            on_listening(address);
        }
        if let Some(on_listening_all) = self.hooks.listening_all.take() {
            on_listening_all(&self.plan.addresses().cloned().collect::<Vec<_>>());
        }
    }

    /// Each of the two gets one end of a new link. The master keeps the dispatcher's, to end it.
    fn introduce(&mut self, id: ChildId, dispatcher: Generation) {
        let Place::Slot(slot) = id.place else { return };
        let result = descriptors::pair().and_then(|(ours, theirs)| {
            let link = Some(ours.try_clone()?);
            self.order(id, &Order::Link { link: Some(theirs) })?;
            let introduction = Order::Introduce { slot, generation: id.generation, link };
            let told = ChildId { place: Place::Dispatcher, generation: dispatcher };
            if let Err(error) = self.order(told, &introduction) {
                // A successor is told everything anew.
                tracing::error!("the dispatcher does not listen ({error}) and is replaced");
                self.signal(told, Signal::SIGKILL);
            }
            Ok(ours)
        });
        match result {
            Ok(link) => {
                let child =
                    self.children.iter_mut().find(|child| child.is(id.place, id.generation));
                if let Some(child) = child {
                    child.links.push((dispatcher, link));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                tracing::error!("{id} does not listen and is replaced");
                self.signal(id, Signal::SIGKILL);
            }
            Err(error) => {
                tracing::error!("{id} is introduced to the dispatcher later: {error}");
                self.supervisor.not_introduced(id, dispatcher);
            }
        }
    }

    /// What was sent before can still be read; then the worker sees the end, and knows that no other
    /// link comes.
    fn part(&mut self, id: ChildId) {
        let child = self.children.iter_mut().find(|other| other.id == id);
        for (_, link) in child.into_iter().flat_map(|child| child.links.drain(..)) {
            // It fails only when the worker is gone, which is as good.
            let _ = SockRef::from(&link.as_fd()).shutdown(Shutdown::Write);
        }
        if self.order(id, &Order::Parted).is_err() {
            self.signal(id, Signal::SIGTERM);
        }
    }

    pub(super) fn order(&self, id: ChildId, order: &Order) -> io::Result<()> {
        let channel = self.child(id).and_then(|child| child.channel.as_ref());
        channel.map_or(Err(io::ErrorKind::BrokenPipe.into()), |channel| channel.order(order))
    }

    pub(super) fn signal(&self, id: ChildId, with: Signal) {
        if let Some(child) = self.child(id) {
            signal(child, with);
        }
    }

    fn drain(&mut self, id: ChildId, grace: Duration, empty_queue: bool) {
        self.note_dismissal(id);
        if self.plan.foreign.is_some() {
            return self.drain_foreign(id, empty_queue);
        }
        // Before it is told to read what is left.
        self.steer_datagrams();
        let queue = if empty_queue { Queue::Empty } else { Queue::Leave };
        if let Some(child) = self.children.iter_mut().find(|child| child.id == id) {
            self.happenings.parted(child, Parting::Told);
        }
        if self.order(id, &Order::Drain { grace, queue }).is_err() {
            self.signal(id, Signal::SIGTERM);
        }
    }

    fn kill(&mut self, id: ChildId, reason: Reason) {
        self.note_kill(id, reason);
        let Some(child) = self.child(id) else { return };
        let open = self.board.row(id.place).seat(child.seat).open();
        let pid = child.pid.as_raw();
        match reason {
            Reason::Late => {
                let time = self.plan.ready_timeout;
                tracing::error!(pid, "{id} was not ready within {time:?} and is killed");
            }
            Reason::Overdue => {
                tracing::warn!(pid, "{id} had its time and is killed: {open} connections are cut");
            }
            Reason::StopNow => tracing::warn!(pid, "{id} is killed: {open} connections are cut"),
            Reason::Unwanted => tracing::info!(pid, "{id} is not needed any more and is killed"),
            Reason::Deaf => tracing::error!(pid, "{id} cannot be reached and is replaced"),
            Reason::Asked => {
                tracing::warn!(pid, "{id} is killed, as asked: {open} connections are cut");
            }
            Reason::Useless => {
                tracing::warn!(pid, "{id} is killed: no worker is left to hand connections to");
            }
        }
        signal(child, Signal::SIGKILL);
        if self.plan.foreign.is_some() {
            // And what it has started. Before it is a program it leads no group.
            let _ = killpg(child.pid, Signal::SIGKILL);
        }
    }

    fn finish(&mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }
}

/// The pid is certain: it is a child that has not been reaped.
fn signal(child: &Child, signal: Signal) {
    if let Err(error) = kill(child.pid, signal) {
        tracing::error!(pid = child.pid.as_raw(), "cannot send {signal}: {error}");
    }
}
