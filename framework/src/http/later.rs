//! Answers that are given later, from any thread.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use super::pipe::{self, BodyWriter};
use super::response::{Asked, Draft, Payload, Response, Scratch};
use super::source::Producer;
use crate::error::panic_text;

/// Answers one request, whenever and in whatever thread; see [`Response::later`]. The request's
/// connection waits meanwhile, and the worker's others do not.
///
/// Dropped without an answer, the client gets a 500.
#[derive(Debug)]
pub struct Responder {
    post: Arc<Post>,
    ticket: Ticket,
    /// Until it has answered.
    asked: Option<Box<Asked>>,
}

/// Which answer of which connection is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) client: usize,
    pub(crate) serial: u64,
}

/// Something to be done in a thread.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// What the worker offers to handlers for answers that take their time.
pub(crate) trait Office {
    /// Where answers are sent.
    fn post(&self) -> &Arc<Post>;
    /// A number that no other answer of this worker has.
    fn next_serial(&self) -> u64;
    /// Has one of its threads do it. False if too many wait already; nothing is done then.
    fn submit(&self, job: Job) -> bool;
}

/// What another thread sends to the worker.
#[derive(Debug)]
pub(crate) enum Letter {
    Answer(Ticket, Box<Answer>),
    /// There is more of the body that it sends.
    Look(Ticket),
}

/// An answer on its way.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(super) draft: Draft,
    pub(super) scratch: Scratch,
}

/// A worker's letter box.
pub(crate) struct Post {
    letters: Mutex<Vec<Letter>>,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Responder {
    pub(super) fn new(post: Arc<Post>, ticket: Ticket, asked: Asked) -> Self {
        Self { post, ticket, asked: Some(Box::new(asked)) }
    }

    /// Answers. `make` is called right away, on this thread; a panic of it costs a 500.
    pub fn answer(mut self, make: impl FnOnce(&mut Response<'_>)) {
        self.send(make);
    }

    /// Answers with what `make` says, and a body that this thread writes. The body that `make` sets is
    /// not sent.
    ///
    /// ```no_run
    /// # use std::io::Write;
    /// evenkeel::Server::bind("127.0.0.1:8080").serve(|_req, res| {
    ///     let responder = res.later();
    ///     std::thread::spawn(move || {
    ///         let mut body = responder.writer(|res| _ = res.header("Content-Type", "text/plain"));
    ///         // A write waits while the client is slow, and fails when it has gone.
    ///         if (0..1_000_000).try_for_each(|n| writeln!(body, "{n}")).is_ok() {
    ///             body.finish();
    ///         }
    ///     });
    /// })?;
    /// # Ok::<(), evenkeel::Error>(())
    /// ```
    pub fn writer(mut self, make: impl FnOnce(&mut Response<'_>)) -> BodyWriter {
        let (writer, outlet) = pipe::pipe(Arc::clone(&self.post), self.ticket);
        self.send(|response| {
            make(response);
            response.payload = Payload::Stream(Producer::Piped(outlet), None);
        });
        writer
    }

    fn send(&mut self, make: impl FnOnce(&mut Response<'_>)) {
        let Some(asked) = self.asked.take() else { return };
        let mut scratch = Scratch::default();
        let mut response = Response::elsewhere(&mut scratch, &asked);
        let panicked = catch_unwind(AssertUnwindSafe(|| make(&mut response)));
        let mut draft = response.into_draft();
        if let Err(panic) = panicked {
            draft.fault = Some(panic_text(&*panic).to_owned().into());
        }
        let answer = Box::new(Answer { draft, scratch });
        self.post.deliver(Letter::Answer(self.ticket, answer));
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.send(|response| {
            response.fault = Some("an answer that was to come later was dropped".into());
        });
    }
}

impl Post {
    pub(crate) fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self { letters: Mutex::new(Vec::new()), wake: Box::new(wake) }
    }

    /// Wakes the worker if it is not awake already.
    pub(super) fn deliver(&self, letter: Letter) {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        let first = letters.is_empty();
        letters.push(letter);
        drop(letters);
        if first {
            (self.wake)();
        }
    }

    /// All that came.
    pub(crate) fn take(&self) -> Vec<Letter> {
        std::mem::take(&mut *self.letters.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post").finish_non_exhaustive()
    }
}
