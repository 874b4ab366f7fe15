//! A whole conversation with one connection, for tests and fuzzers that know nothing of its parts.

use std::net::SocketAddr;
use std::time::Duration;

use super::connection::{Awaits, Connection, Next};
use super::date::DateLine;
use super::handler::Handler;
use super::limits::Limits;
use super::proxy;
use super::record::Served;
use super::request::{Request, Version};
use super::response::{Response, Scratch};
use super::solitude::Solitude;
use super::turn::{Meter, Turn};

/// Under which terms a conversation is held.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms {
    /// The limits of its requests.
    pub limits: Limits,
    /// The header of the PROXY protocol comes first.
    pub proxied: bool,
}

/// What came of all that a peer said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conversation {
    /// What the handler heard, in order. It answers each with 200.
    pub requests: Vec<Heard>,
    /// How many octets had been fed when each of them was heard. Where the portions are single octets,
    /// that is where the request ended.
    pub ends: Vec<usize>,
    /// All that was sent back.
    pub output: Vec<u8>,
    /// The status of the server's own answer to what it refused.
    pub refusal: Option<u16>,
    /// The connection was closed. What came behind that was not looked at.
    pub closed: bool,
    /// What the peer owed in the end.
    pub awaits: Awaited,
    /// Whom the PROXY protocol's header named.
    pub remote: Option<SocketAddr>,
}

/// A request as a handler sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// As it was sent.
    pub method: String,
    /// As it was sent.
    pub target: String,
    /// 1.0 or 1.1.
    pub version: Version,
    /// All fields in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Without its coding.
    pub body: Vec<u8>,
}

/// What a peer owes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Awaited {
    /// A request, when it likes.
    #[default]
    Request,
    /// The rest of a head.
    Head,
    /// The rest of a body.
    Body,
    /// Nothing: the connection is closed.
    Nothing,
}

/// Feeds the portions to a new connection until it closes.
pub fn converse(portions: &[&[u8]]) -> Conversation {
    converse_on(&Terms::default(), portions)
}

/// [`converse`] under other terms than usual.
pub fn converse_on(terms: &Terms, portions: &[&[u8]]) -> Conversation {
    let mut peer = Peer { connection: Connection::new(terms.proxied), ..Peer::default() };
    let mut said = Conversation::default();
    for portion in portions {
        peer.listener.fed += portion.len();
        let mut next = peer.turn(terms, |connection, turn| connection.feed(portion, turn));
        while matches!(next, Next::Flush | Next::Again) {
            said.output.append(&mut peer.out);
            next = peer.turn(terms, Connection::resume);
        }
        said.output.append(&mut peer.out);
        if next != Next::Read {
            said.closed = true;
            break;
        }
    }
    said.awaits = match peer.connection.awaits() {
        _ if said.closed => Awaited::Nothing,
        Awaits::Idle => Awaited::Request,
        Awaits::Head => Awaited::Head,
        Awaits::Body => Awaited::Body,
        Awaits::Nothing => Awaited::Nothing,
    };
    let Peer { listener, refusals, remote, .. } = peer;
    let (requests, ends) = (listener.requests, listener.ends);
    Conversation { requests, ends, refusal: refusals.status, remote, ..said }
}

/// The PROXY protocol's header that `bytes` begin with: its length in octets, and whom it names. `None`
/// if more is needed.
///
/// # Errors
/// The status of the refusal.
pub fn proxied(bytes: &[u8]) -> Result<Option<(usize, Option<SocketAddr>)>, u16> {
    match proxy::read(bytes) {
        Ok(header) => Ok(header.map(|header| (header.length, header.source))),
        Err(refusal) => Err(refusal.status),
    }
}

/// The server's side.
#[derive(Default)]
struct Peer {
    connection: Connection,
    listener: Listener,
    refusals: Refusals,
    remote: Option<SocketAddr>,
    scratch: Scratch,
    office: Solitude,
    out: Vec<u8>,
}

/// Remembers what it hears.
#[derive(Default)]
struct Listener {
    requests: Vec<Heard>,
    ends: Vec<usize>,
    fed: usize,
}

/// Notes what no handler sees.
#[derive(Default)]
struct Refusals {
    status: Option<u16>,
}

impl Peer {
    fn turn<T>(
        &mut self,
        terms: &Terms,
        go: impl FnOnce(&mut Connection, &mut Turn<'_, Listener, Refusals>) -> T,
    ) -> T {
        const DATE: &DateLine = b"Sun, 06 Nov 1994 08:49:37 GMT";
        let mut turn = Turn {
            handler: &mut self.listener,
            meter: &mut self.refusals,
            out: &mut self.out,
            scratch: &mut self.scratch,
            limits: &terms.limits,
            date: DATE,
            now: Duration::ZERO,
            remote: &mut self.remote,
            office: &self.office,
            client: 0,
            draining: false,
        };
        go(&mut self.connection, &mut turn)
    }
}

impl Handler for Listener {
    fn answer(&mut self, request: &Request<'_>, response: &mut Response<'_>) {
        self.ends.push(self.fed);
        let owned = |(name, value): (&str, &[u8])| (name.to_owned(), value.to_vec());
        self.requests.push(Heard {
            method: request.method().to_owned(),
            target: request.target().to_owned(),
            version: request.version(),
            headers: request.headers().map(owned).collect(),
            body: request.body().to_vec(),
        });
        response.body(format!("{} octets\n", request.body().len()));
    }
}

impl Meter for Refusals {
    fn begin(&mut self) -> u64 {
        0
    }

    fn served(&mut self, served: &Served<'_>) {
        if served.began_ns.is_none() {
            self.status = Some(served.status);
        }
    }

    fn fault(&mut self, _what: &str) {}

    fn keeps_lines(&self) -> bool {
        false
    }
}
