//! What a worker says to the user's master, and hears from it.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::Worker;
use crate::error::{Error, panic_text};
use crate::limits::MESSAGE_BYTES_MAX;
use crate::net::channel::Report;

/// A worker is one process, and drains once.
static DRAINING: AtomicBool = AtomicBool::new(false);

/// Hears what the user's master says.
type Listener = Box<dyn FnMut(&[u8])>;

thread_local! {
    /// Of the thread that runs the loop, so that it may share anything with the handler.
    static LISTENER: RefCell<Option<Listener>> = const { RefCell::new(None) };
}

impl Worker {
    /// Sends a message to the master, whose [`Server::on_event`](crate::Server::on_event) gets it, also when
    /// this worker ends right after. It never waits, and may be called from any thread.
    ///
    /// # Errors
    /// It is too long ([`Error::is_config`]), the master has no such hook or is dead
    /// ([`Error::is_unreachable`]), or it has not read what was sent before ([`Error::is_full`]).
    pub fn send(&self, bytes: &[u8]) -> Result<(), Error> {
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Err(Error::message_too_long(bytes.len()));
        }
        if !self.heard {
            let text = "nobody hears a message to the master: give the server an on_event";
            return Err(Error::unheard(text.into()));
        }
        let sent = self.channel.report(&Report::Message(bytes.into()));
        sent.map_err(|error| Error::message_refused("the master", error))
    }

    /// Has `listen` called with each message that the master sends
    /// ([`Cluster::send`](crate::Cluster::send)), on the thread of the worker's loop, between requests. To be
    /// called on that thread, as that of [`Server::serve_with`](crate::Server::serve_with) is; the last one
    /// counts. A message that comes while there is none is dropped. When it panics, that is logged.
    ///
    /// ```no_run
    /// use std::{cell::RefCell, rc::Rc};
    ///
    /// evenkeel::Server::bind("127.0.0.1:8080").serve_with(|worker| {
    ///     let news = Rc::new(RefCell::new(Vec::new()));
    ///     let latest = Rc::clone(&news);
    ///     worker.on_message(move |bytes| *latest.borrow_mut() = bytes.to_vec());
    ///     Ok::<_, evenkeel::Error>(move |_: &evenkeel::Request<'_>, res: &mut evenkeel::Response<'_>| {
    ///         res.body(news.borrow().clone());
    ///     })
    /// })?;
    /// # Ok::<(), evenkeel::Error>(())
    /// ```
    pub fn on_message(&self, listen: impl FnMut(&[u8]) + 'static) {
        LISTENER.set(Some(Box::new(listen)));
    }

    /// This worker drains: it takes nothing new, and ends when it has answered what it has.
    pub fn is_draining(&self) -> bool {
        DRAINING.load(Relaxed)
    }

    /// Has this worker drain and end, and its slot get a successor at once: the same as a SIGTERM to it, or
    /// [`Cluster::disconnect`](crate::Cluster::disconnect).
    ///
    /// # Errors
    /// The master is dead ([`Error::is_unreachable`]), and this worker drains anyway.
    pub fn disconnect(&self) -> Result<(), Error> {
        let asked = self.channel.report(&Report::WantsDrain);
        asked.map_err(|error| Error::message_refused("the master", error))
    }
}

/// The worker has begun to drain.
pub(super) fn begin_drain() {
    DRAINING.store(true, Relaxed);
}

/// The master says this.
pub(super) fn deliver(bytes: &[u8]) {
    // Taken out meanwhile: it may set another one.
    let Some(mut listener) = LISTENER.take() else {
        return tracing::debug!("a message of the master is dropped: on_message was not called");
    };
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| listener(bytes))) {
        tracing::error!("the closure of on_message panicked: {}", panic_text(&*panic));
    }
    LISTENER.with_borrow_mut(|place| _ = place.get_or_insert(listener));
}
