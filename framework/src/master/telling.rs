//! Tells the user's hook what has happened, and does what it wants.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Master;
use super::child::{Child, Parting};
use super::cluster::Cluster;
use super::event::Exit;
use crate::cluster::{ClusterEvent, WorkerId};
use crate::error::{Error, panic_text};
use crate::ids::ChildId;
use crate::plan::Address;

/// What the hook has not been told yet, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Happenings(VecDeque<Happening>);

/// One thing that happened.
#[derive(Debug)]
pub(super) enum Happening {
    Fork(WorkerId),
    Online(WorkerId),
    Listening(WorkerId),
    Message(WorkerId, Vec<u8>),
    Disconnect(WorkerId),
    Exit { worker: WorkerId, exit: Exit, after_disconnect: bool },
    Error(Option<WorkerId>, String),
}

impl Happenings {
    pub(super) fn note(&mut self, happening: Happening) {
        self.0.push_back(happening);
    }

    /// A child has gone one step on its way out.
    pub(super) fn parted(&mut self, child: &mut Child, parting: Parting) {
        if child.parting == Parting::No
            && let Some(worker) = child.worker()
        {
            self.note(Happening::Disconnect(worker));
        }
        child.parting = if child.parting == Parting::Told { Parting::Told } else { parting };
    }

    /// A child is gone, and what was sent to it and did not reach it.
    pub(super) fn buried(&mut self, mut child: Child, exit: Exit) {
        let Some(worker) = child.worker() else { return };
        let (waiting, refused) = child.outbox.lost();
        if waiting > 0 {
            let text =
                format!("{waiting} messages did not reach {worker} ({refused} were refused)");
            tracing::error!("{text}");
            self.note(Happening::Error(Some(worker), text));
        }
        let after_disconnect = child.parting == Parting::Told;
        self.parted(&mut child, Parting::Lost);
        self.note(Happening::Exit { worker, exit, after_disconnect });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Happening {
    fn event<'a>(&'a self, addresses: &'a [Address], udp: &'a [SocketAddr]) -> ClusterEvent<'a> {
        match self {
            Self::Fork(worker) => ClusterEvent::Fork { worker: *worker },
            Self::Online(worker) => ClusterEvent::Online { worker: *worker },
            Self::Listening(worker) => ClusterEvent::Listening { worker: *worker, addresses, udp },
            Self::Message(worker, bytes) => ClusterEvent::Message { worker: *worker, bytes },
            Self::Disconnect(worker) => ClusterEvent::Disconnect { worker: *worker },
            Self::Exit { worker, exit, after_disconnect } => {
                let (code, signal) = match exit {
                    Exit::Code(code) => (Some(*code), None),
                    Exit::Signal(signal) => (None, Some(*signal)),
                };
                let exited_after_disconnect = *after_disconnect;
                ClusterEvent::Exit { worker: *worker, code, signal, exited_after_disconnect }
            }
            Self::Error(worker, text) => ClusterEvent::Error { worker: *worker, text },
        }
    }
}

impl Master<'_> {
    /// Something happened to the child of this identity, if it is a worker.
    pub(super) fn note(&mut self, id: ChildId, happening: fn(WorkerId) -> Happening) {
        if let Some(worker) = self.child(id).and_then(Child::worker) {
            self.happenings.note(happening(worker));
        }
    }

    /// Tells what has happened so far. What follows from the hook's wishes is told in the next turn, so
    /// that a hook that always wants more does not keep the master from its signals.
    pub(super) fn tell(&mut self) -> Result<(), Error> {
        let happenings = std::mem::take(&mut self.happenings.0);
        let addresses: Vec<Address> = self.plan.addresses().cloned().collect();
        let udp = self.datagrams.addresses();
        for happening in happenings {
            let Some(mut hook) = self.hooks.event.take() else { return Ok(()) };
            let mut wishes = Vec::new();
            let event = happening.event(&addresses, &udp);
            let mut cluster = Cluster {
                children: &mut self.children,
                supervisor: &self.supervisor,
                addresses: &addresses,
                udp: &udp,
                wishes: &mut wishes,
            };
            let call = AssertUnwindSafe(|| hook(&event, &mut cluster));
            if let Err(panic) = catch_unwind(call) {
                let text = panic_text(&*panic);
                tracing::error!("the hook of on_event panicked, and the master goes on: {text}");
            }
            // Whoever is forked now is to know that there is one.
            self.hooks.event = Some(hook);
            for wish in wishes {
                self.decide(wish)?;
            }
        }
        Ok(())
    }
}
