//! The PROXY protocol: which client a connection is for, in the words of the proxy that made it
//! (HAProxy's doc/proxy-protocol.txt, versions 1 and 2).
//!
//! Whether a header must be there is known before the first octet is read; nothing here guesses. The
//! destination and what else a proxy adds are checked for their form and not kept.

mod v1;
mod v2;

use std::net::SocketAddr;

use super::refusal::{Refusal, bad};

/// A complete header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Proxied {
    /// Octets of the header; the client's own follow.
    pub(super) length: usize,
    /// The client; `None` if the header tells none with an IP address, so that the peer itself is meant.
    pub(super) source: Option<SocketAddr>,
}

/// Reads the header that a connection begins with; `None` if more is needed. It is refused with the
/// first octet that no header could go on with.
pub(super) fn read(bytes: &[u8]) -> Result<Option<Proxied>, Refusal> {
    let header = match bytes.first() {
        None => Err(Stop::More),
        Some(b'P') => v1::read(bytes),
        Some(b'\r') => v2::read(bytes),
        Some(_) => Err(bad("no PROXY protocol header where there must be one").into()),
    };
    match header {
        Ok(proxied) => Ok(Some(proxied)),
        Err(Stop::More) => Ok(None),
        Err(Stop::Refused(refusal)) => Err(refusal),
    }
}

/// Why there is no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// Not yet.
    More,
    Refused(Refusal),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

#[cfg(test)]
mod tests;
