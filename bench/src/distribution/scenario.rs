//! What the clients do in each run.

use std::time::Duration;

use anyhow::{Result, bail};

use super::disturb::STALL_PERIOD;
use super::settings::Settings;
use crate::load::{Load, Pace};
use crate::subject::Subject;

/// Long enough for any answer but that of a worker which does nothing any more.
const PATIENCE: Duration = Duration::from_secs(5);
/// With a stopped worker on purpose, waiting is the measurement's own time.
const PATIENCE_WITH_STOPPED: Duration = Duration::from_secs(1);

/// A closed loop that takes longer is ended: its server does not answer.
const TIME_MAX: Duration = Duration::from_secs(120);

/// A way to ask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scenario {
    /// In tables and files.
    pub(super) name: &'static str,
    /// For a reader of the report.
    pub(super) title: &'static str,
    way: Way,
    pub(super) disturbance: Disturbance,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// New connections, so many at a time.
    New(usize),
    /// So many connections for all requests.
    KeepAlive(usize),
    /// Open loop, with this share of long requests.
    Open(f64),
}

/// What is done to one worker meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disturbance {
    None,
    /// A request blocks it for half a second, every two seconds.
    Stall,
    /// SIGSTOP, until the end of the run.
    Stop,
}

const ALL: [Scenario; 9] = [
    plain("sequential", "New connections, one after the other, idle workers", Way::New(1)),
    plain("concurrent-64", "64 new connections at a time", Way::New(64)),
    plain("keep-alive-16", "16 keep-alive connections", Way::KeepAlive(16)),
    plain("keep-alive-64", "64 keep-alive connections", Way::KeepAlive(64)),
    plain("keep-alive-200", "200 keep-alive connections", Way::KeepAlive(200)),
    plain("keep-alive-1000", "1,000 keep-alive connections", Way::KeepAlive(1000)),
    plain("mixed", "Poisson arrivals: 99% take 50 µs of CPU, 1% take 20 ms", Way::Open(0.01)),
    Scenario {
        name: "stall",
        title: "Poisson arrivals of 50 µs; one worker is blocked for 500 ms every 2 s",
        way: Way::Open(0.0),
        disturbance: Disturbance::Stall,
    },
    Scenario {
        name: "stopped",
        title: "Poisson arrivals of 50 µs; one worker gets SIGSTOP",
        way: Way::Open(0.0),
        disturbance: Disturbance::Stop,
    },
];

const fn plain(name: &'static str, title: &'static str, way: Way) -> Scenario {
    Scenario { name, title, way, disturbance: Disturbance::None }
}

impl Scenario {
    /// Those with these names; all without any.
    pub(super) fn named(names: &[String]) -> Result<Vec<Self>> {
        let all = ALL.map(|scenario| scenario.name);
        if let Some(wrong) = names.iter().find(|name| !all.contains(&name.as_str())) {
            bail!("{wrong:?} is no scenario: choose of {}", all.join(", "));
        }
        let wanted = |scenario: &Self| names.is_empty() || names.iter().any(|n| n == scenario.name);
        Ok(ALL.into_iter().filter(wanted).collect())
    }

    /// Arrivals at their own times, of which the latencies are told.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.way, Way::Open(_))
    }

    /// Why the server cannot be asked so.
    pub(super) fn skips(&self, subject: &Subject) -> Option<&'static str> {
        subject.kind.cannot_work().filter(|_| self.is_open())
    }

    /// How long an open loop has arrivals.
    fn time(&self, settings: &Settings) -> Duration {
        let time = Duration::from_secs_f64(settings.seconds);
        if self.disturbance != Disturbance::Stall {
            return time;
        }
        let periods = time.as_millis().div_ceil(STALL_PERIOD.as_millis());
        STALL_PERIOD * u32::try_from(periods).unwrap_or(u32::MAX)
    }

    pub(super) fn load(&self, port: u16, settings: &Settings, seed: u64) -> Load {
        let time_max = TIME_MAX;
        let pace = match self.way {
            Way::New(clients) => {
                Pace::NewConnections { clients, requests: settings.connections, time_max }
            }
            Way::KeepAlive(clients) => {
                let each = settings.connections / u64::try_from(clients).unwrap_or(u64::MAX);
                Pace::KeepAlive { clients, requests_each: each.max(2), pipelined: 1, time_max }
            }
            Way::Open(_) => {
                Pace::Open { per_second: settings.rate.unwrap_or(0.0), time: self.time(settings) }
            }
        };
        let patience = match self.disturbance {
            Disturbance::Stop => PATIENCE_WITH_STOPPED,
            _ => PATIENCE,
        };
        let load = mixed(port, pace, seed, patience);
        match self.way {
            Way::Open(long_share) => Load { long_share, ..load },
            _ => Load { short: "/whoami", long_share: 0.0, ..load },
        }
    }
}

/// The open-loop mix as fast as 64 clients can have it answered: what it measures is the capacity.
pub(super) fn capacity(port: u16, seed: u64, time_max: Duration) -> Load {
    let pace = Pace::NewConnections { clients: 64, requests: u64::MAX, time_max };
    mixed(port, pace, seed, PATIENCE)
}

fn mixed(port: u16, pace: Pace, seed: u64, patience: Duration) -> Load {
    let (short, long) = ("/work?us=50", "/work?us=20000");
    Load { port, pace, short, long, long_share: 0.01, seed, patience }
}
