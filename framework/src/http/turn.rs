//! What a connection is lent to go on for a while.

use std::net::SocketAddr;
use std::time::Duration;

use super::date::DateLine;
use super::later::Office;
use super::limits::Limits;
use super::record::Served;
use super::response::Scratch;

/// Hears what happens, to count it.
pub(crate) trait Meter {
    /// A handler is about to be called. The moment, in nanoseconds of a clock that only goes on.
    fn begin(&mut self) -> u64;
    /// Something was done that may have taken a while: the worker gets on.
    fn progress(&mut self);
    /// An answer was made, and sent as far as it will be.
    fn served(&mut self, served: &Served<'_>);
    /// A handler panicked, or made an answer that cannot be sent.
    fn fault(&mut self, what: &str);
    /// What each request said is to be kept for [`Meter::served`].
    fn keeps_lines(&self) -> bool;
}

/// What a connection is lent for a while.
pub(crate) struct Turn<'a, H, M> {
    pub(crate) handler: &'a mut H,
    pub(crate) meter: &'a mut M,
    pub(crate) out: &'a mut Vec<u8>,
    pub(crate) scratch: &'a mut Scratch,
    pub(crate) limits: &'a Limits,
    pub(crate) date: &'a DateLine,
    /// Since the server began.
    pub(crate) now: Duration,
    /// The client's address. A PROXY header changes it.
    pub(crate) remote: &'a mut Option<SocketAddr>,
    pub(crate) office: &'a dyn Office,
    /// By which name the office knows the connection.
    pub(crate) client: usize,
    /// Answer what was sent, and close with the last answer.
    pub(crate) draining: bool,
}
