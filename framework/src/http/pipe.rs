//! A body that another thread writes while the worker sends it.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::later::{Letter, Post, Ticket};
use super::limits::PIPE_BYTES_MAX;
use super::source::Filled;

/// Writes the body of an answer from any thread; see [`Responder::writer`](crate::Responder::writer).
///
/// A write waits while the client has much to take that was written before, so it must not be called on
/// the worker's own thread. It fails when the
/// connection has ended. The body is complete with [`BodyWriter::finish`]; dropping the writer before
/// cuts the connection, so that the client sees that something is missing.
#[derive(Debug)]
pub struct BodyWriter {
    pipe: Arc<Pipe>,
    post: Arc<Post>,
    ticket: Ticket,
}

/// The worker's end.
#[derive(Debug)]
pub(super) struct Outlet(Arc<Pipe>);

#[derive(Debug, Default)]
struct Pipe {
    state: Mutex<State>,
    taken: Condvar,
}

#[derive(Debug, Default)]
struct State {
    octets: Vec<u8>,
    end: End,
    /// The worker found it empty, and waits to be told.
    awaited: bool,
    /// Nobody takes it any more.
    abandoned: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum End {
    #[default]
    Open,
    Complete,
    Broken,
}

/// Both ends of a new body.
pub(super) fn pipe(post: Arc<Post>, ticket: Ticket) -> (BodyWriter, Outlet) {
    let pipe = Arc::new(Pipe::default());
    (BodyWriter { pipe: Arc::clone(&pipe), post, ticket }, Outlet(pipe))
}

impl BodyWriter {
    /// The body is complete.
    pub fn finish(self) {
        self.end(End::Complete);
    }

    fn end(&self, end: End) {
        let mut state = self.pipe.state();
        if state.end == End::Open {
            state.end = end;
            self.tell(state);
        }
    }

    /// Wakes the worker if it waits.
    fn tell(&self, mut state: MutexGuard<'_, State>) {
        let awaited = std::mem::take(&mut state.awaited);
        drop(state);
        if awaited {
            self.post.deliver(Letter::Look(self.ticket));
        }
    }
}

impl io::Write for BodyWriter {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        if octets.is_empty() {
            return Ok(0);
        }
        let full = |state: &mut State| state.octets.len() >= PIPE_BYTES_MAX && !state.abandoned;
        let state = self.pipe.taken.wait_while(self.pipe.state(), full);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        if state.abandoned {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let count = octets.len().min(PIPE_BYTES_MAX - state.octets.len());
        state.octets.extend_from_slice(&octets[..count]);
        self.tell(state);
        Ok(count)
    }

    /// What was written is on its way as soon as the worker has a moment.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for BodyWriter {
    fn drop(&mut self) {
        self.end(End::Broken);
    }
}

impl Outlet {
    pub(super) fn fill(&mut self, portion: &mut Vec<u8>) -> io::Result<Filled> {
        let mut state = self.0.state();
        if !state.octets.is_empty() {
            portion.append(&mut state.octets);
            self.0.taken.notify_one();
        }
        match state.end {
            End::Complete => Ok(Filled::Done),
            End::Broken => Err(io::Error::other("its writer was dropped before the end")),
            End::Open if portion.is_empty() => {
                state.awaited = true;
                Ok(Filled::Pending)
            }
            End::Open => Ok(Filled::More),
        }
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.0.state().abandoned = true;
        self.0.taken.notify_one();
    }
}

impl Pipe {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::http::later::Post;

    fn new_pipe() -> (BodyWriter, Outlet, Arc<Post>) {
        let post = Arc::new(Post::new(|| {}));
        let (writer, outlet) = pipe(Arc::clone(&post), Ticket { client: 1, serial: 2 });
        (writer, outlet, post)
    }

    #[test]
    fn a_writer_waits_for_room_and_the_worker_is_told_once() {
        let (mut writer, mut outlet, post) = new_pipe();
        let mut portion = Vec::new();
        assert!(matches!(outlet.fill(&mut portion), Ok(Filled::Pending)));
        let body = vec![7; PIPE_BYTES_MAX * 3 + 5];
        let sent = body.clone();
        let writing = std::thread::spawn(move || {
            writer.write_all(&sent).unwrap();
            writer.finish();
        });
        let mut all = Vec::new();
        loop {
            let filled = outlet.fill(&mut portion).unwrap();
            assert!(portion.len() <= PIPE_BYTES_MAX);
            all.append(&mut portion);
            match filled {
                Filled::Done => break,
                Filled::More | Filled::Pending => std::thread::yield_now(),
            }
        }
        writing.join().unwrap();
        assert_eq!(all, body);
        assert!(!post.take().is_empty());
    }

    #[test]
    fn a_writer_that_is_dropped_breaks_the_body_and_one_without_a_reader_fails() {
        let (writer, mut outlet, _post) = new_pipe();
        drop(writer);
        assert!(outlet.fill(&mut Vec::new()).is_err());
        let (mut writer, outlet, _post) = new_pipe();
        drop(outlet);
        assert_eq!(writer.write(b"x").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
