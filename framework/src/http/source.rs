//! Bodies of answers that are made while they are sent.

use std::fmt;
use std::io;

/// Makes the body of an answer in portions. It is asked for the next one when the client has taken the
/// one before, so that a slow client holds it up and nothing piles up in memory.
///
/// Each closure of this form is one: see [`Response::stream`](crate::Response::stream).
pub trait Source: Send {
    /// Appends the next portion to `portion`, which is empty; some 16 to 64 KiB serve well. An error ends
    /// the connection before the body is complete, so that the client can see that it is not.
    ///
    /// It runs on the worker's thread and should not wait for anything. One that says [`Flow::More`] again
    /// and again, and makes nothing, has failed.
    ///
    /// # Errors
    /// Whatever keeps it from going on.
    fn fill(&mut self, portion: &mut Vec<u8>) -> io::Result<Flow>;
}

/// What follows a portion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// There is more: ask again.
    More,
    /// This was the last one.
    Done,
}

impl<F> Source for F
where
    F: FnMut(&mut Vec<u8>) -> io::Result<Flow> + Send,
{
    fn fill(&mut self, portion: &mut Vec<u8>) -> io::Result<Flow> {
        self(portion)
    }
}

/// A source that may have nothing yet, and then tells the worker when it has.
pub(super) enum Filled {
    More,
    Done,
    Pending,
}

/// Where an answer's body comes from while it is sent.
pub(super) enum Producer {
    Pulled(Box<dyn Source>),
    /// Another thread writes it.
    Piped(super::pipe::Outlet),
}

impl Producer {
    pub(super) fn fill(&mut self, portion: &mut Vec<u8>) -> io::Result<Filled> {
        match self {
            Self::Piped(outlet) => outlet.fill(portion),
            Self::Pulled(source) => Ok(match source.fill(portion)? {
                Flow::More => Filled::More,
                Flow::Done => Filled::Done,
            }),
        }
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pulled(_) => "Pulled",
            Self::Piped(_) => "Piped",
        })
    }
}
