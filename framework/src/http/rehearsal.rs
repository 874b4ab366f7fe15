//! The protocol without a socket, for counting what it costs.

use std::time::Duration;

use super::connection::{Connection, Next};
use super::limits::Limits;
use super::record::Served;
use super::request::Request;
use super::response::{Response, Scratch};
use super::solitude::Solitude;
use super::turn::{Meter, Turn};

struct Unheard;

impl Meter for Unheard {
    fn begin(&mut self) -> u64 {
        0
    }

    fn progress(&mut self) {}

    fn served(&mut self, _served: &Served<'_>) {}

    fn fault(&mut self, _what: &str) {}

    fn keeps_lines(&self) -> bool {
        false
    }
}

/// Feeds the input to a connection so many times, a new one whenever one ends; its handler answers
/// `hello` with one field. Octets of all answers.
pub fn rehearse(input: &[u8], times: u32) -> usize {
    let mut handler = |_: &Request<'_>, response: &mut Response<'_>| {
        response.header("X-Worker", "0").body("hello\n");
    };
    let (limits, office) = (Limits::default(), Solitude::default());
    let (mut scratch, mut out, mut remote) = (Scratch::default(), Vec::new(), None);
    let mut connection = Connection::new(false);
    let mut octets = 0;
    for _ in 0..times {
        let mut turn = Turn {
            handler: &mut handler,
            meter: &mut Unheard,
            out: &mut out,
            scratch: &mut scratch,
            limits: &limits,
            date: b"Sun, 06 Nov 1994 08:49:37 GMT",
            now: Duration::ZERO,
            remote: &mut remote,
            office: &office,
            client: 0,
            draining: false,
        };
        if let Next::Close { .. } = connection.feed(input, &mut turn) {
            connection = Connection::new(false);
        }
        octets += out.len();
        out.clear();
    }
    octets
}
