//! Load from one thread: many connections at a time, each request timed.

mod connection;
mod engine;
mod schedule;

use std::time::Duration;

pub(crate) use engine::run;

/// What is asked, and when.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) port: u16,
    pub(crate) pace: Pace,
    /// Paths of the short and the long requests.
    pub(crate) short: &'static str,
    pub(crate) long: &'static str,
    /// Share of the long requests, 0 to 1.
    pub(crate) long_share: f64,
    pub(crate) seed: u64,
    /// An answer that takes longer is a hang.
    pub(crate) patience: Duration,
}

impl Load {
    /// Nothing but `/`, all of it short.
    pub(crate) fn of_greetings(port: u16, pace: Pace, patience: Duration) -> Self {
        Self { port, pace, short: "/", long: "/", long_share: 0.0, seed: 1, patience }
    }
}

/// When requests begin.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// Clients that ask again as soon as they have their answer, each time on a new connection.
    NewConnections { clients: usize, requests: u64, time_max: Duration },
    /// Clients with one connection each for all their requests, which are sent `pipelined` at a time.
    /// A client whose connection ends opens another and goes on; one that is refused gives up.
    KeepAlive { clients: usize, requests_each: u64, pipelined: u16, time_max: Duration },
    /// Each request on a new connection at a time of its own, whatever the server does: a Poisson
    /// process, as the arrivals of many independent clients are.
    Open { per_second: f64, time: Duration },
}

/// The two kinds of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Short,
    Long,
}

/// One answered request, or one answered batch of pipelined ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// When it was to begin, from the start of the load.
    pub(crate) at: Duration,
    /// From when it was to begin until its last octet: what a late client adds counts, too (Tene,
    /// "How not to measure latency": no coordinated omission).
    pub(crate) latency: Duration,
    pub(crate) class: Class,
    /// The header `X-Worker`.
    pub(crate) worker: Option<u32>,
    /// The first on its connection.
    pub(crate) first: bool,
    /// Requests in the batch.
    pub(crate) requests: u16,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) samples: Vec<Sample>,
    /// Answers other than 200, and such as are no HTTP.
    pub(crate) errors: u64,
    /// Connections refused, reset, or closed before the answer, without a word before.
    pub(crate) resets: u64,
    /// No answer within the patience: short and long ones.
    hung: [u64; 2],
    /// Requests were left when the time was up.
    pub(crate) cut: bool,
    /// From the start to the last answer or failure.
    pub(crate) elapsed: Duration,
}

impl Outcome {
    pub(crate) fn answered(&self) -> u64 {
        self.samples.iter().map(|sample| u64::from(sample.requests)).sum()
    }

    pub(crate) fn failed(&self) -> u64 {
        self.errors + self.resets + self.hangs()
    }

    pub(crate) fn hangs(&self) -> u64 {
        self.hung.iter().sum()
    }

    pub(crate) fn hung(&self, class: Class) -> u64 {
        self.hung[class as usize]
    }
}
