//! What a connection is lent to go on for a while.

use std::net::SocketAddr;

use super::date::DateLine;
use super::limits::Limits;
use super::response::Scratch;

/// Hears what happens, to count it.
pub(crate) trait Meter {
    /// A handler is about to be called.
    fn begin(&mut self);
    /// An answer with this status stands in the output.
    fn served(&mut self, status: u16);
    /// A handler panicked, or made an answer that cannot be sent.
    fn fault(&mut self, what: &str);
}

/// What a connection is lent for a while.
pub(crate) struct Turn<'a, H, M> {
    pub(crate) handler: &'a mut H,
    pub(crate) meter: &'a mut M,
    pub(crate) out: &'a mut Vec<u8>,
    pub(crate) scratch: &'a mut Scratch,
    pub(crate) limits: &'a Limits,
    pub(crate) date: &'a DateLine,
    pub(crate) remote: Option<SocketAddr>,
    /// Answer what was sent, and close with the last answer.
    pub(crate) draining: bool,
}
