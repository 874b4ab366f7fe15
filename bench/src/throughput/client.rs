//! Who makes the load: wrk if it is installed, hyper otherwise. hyper sends no second request before the
//! first is answered, so this program's own client does where requests are pipelined.

mod hyper;

use std::fmt;
use std::io::Write;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tempfile::NamedTempFile;

use self::hyper::Keep;
use super::{PIPELINED, Way};
use crate::interrupt;
use crate::load::{self, Load, Pace};

/// An answer that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) enum Client {
    /// With the script that pipelines.
    Wrk(NamedTempFile),
    Hyper,
}

/// What it counted.
pub(super) struct Done {
    pub(super) requests: u64,
    pub(super) seconds: f64,
    pub(super) failed: u64,
}

impl Client {
    pub(crate) fn found() -> Result<Self> {
        if Command::new("wrk").arg("-v").output().is_err() {
            return Ok(Self::Hyper);
        }
        let mut script = NamedTempFile::new()?;
        write!(
            script,
            "init = function(args)\n  local all = {{}}\n  for i = 1, {PIPELINED} do all[i] = \
             wrk.format() end\n  request_all = table.concat(all)\nend\nrequest = function() return \
             request_all end\n"
        )?;
        Ok(Self::Wrk(script))
    }

    pub(super) fn run(&self, port: u16, way: Way, clients: u16, seconds: u8) -> Result<Done> {
        match self {
            Self::Wrk(script) => wrk(script, port, way, clients, seconds),
            Self::Hyper => {
                let time = Duration::from_secs(seconds.into());
                match way {
                    Way::KeepAlive => hyper::run(port, Keep::Always, clients, time),
                    Way::NewConnection => hyper::run(port, Keep::Never, clients, time),
                    Way::Pipelined => pipelined(port, clients, time),
                }
            }
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wrk(_) => "wrk",
            Self::Hyper => {
                "hyper, pipelined ones by this program's own client (wrk is not installed)"
            }
        })
    }
}

fn wrk(script: &NamedTempFile, port: u16, way: Way, clients: u16, seconds: u8) -> Result<Done> {
    let mut wrk = Command::new("wrk");
    wrk.args(["-t1", &format!("-c{clients}"), &format!("-d{seconds}s")]);
    match way {
        Way::KeepAlive => {}
        Way::Pipelined => _ = wrk.arg("-s").arg(script.path()),
        Way::NewConnection => _ = wrk.args(["-H", "Connection: close"]),
    }
    let output = wrk.arg(format!("http://127.0.0.1:{port}/")).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "wrk: {text}{}", String::from_utf8_lossy(&output.stderr));
    read(&text).with_context(|| format!("wrk says something new: {text}"))
}

/// Reads `N requests in 2.10s, …`, `Socket errors: connect 0, read 0, …`, `Non-2xx … responses: N`.
fn read(text: &str) -> Option<Done> {
    let line = text.lines().map(str::trim).find(|line| line.contains(" requests in "))?;
    let (requests, rest) = line.split_once(" requests in ")?;
    let time = rest.split(',').next()?;
    let seconds = match time.strip_suffix("ms") {
        Some(milliseconds) => milliseconds.parse::<f64>().ok()? / 1000.0,
        None => match time.strip_suffix('m') {
            Some(minutes) => minutes.parse::<f64>().ok()? * 60.0,
            None => time.strip_suffix('s')?.parse().ok()?,
        },
    };
    let wrong = text.lines().filter(|line| {
        line.contains("Socket errors:") || line.contains("Non-2xx or 3xx responses:")
    });
    let numbers = wrong.flat_map(|line| line.split([' ', ',']).flat_map(str::parse::<u64>));
    Some(Done { requests: requests.parse().ok()?, seconds, failed: numbers.sum() })
}

fn pipelined(port: u16, clients: u16, time_max: Duration) -> Result<Done> {
    let clients = usize::from(clients);
    let pace = Pace::KeepAlive { clients, requests_each: u64::MAX, pipelined: PIPELINED, time_max };
    let load = Load::of_greetings(port, pace, PATIENCE);
    let outcome = load::run(&load, interrupt::flag())?;
    let (requests, failed) = (outcome.answered(), outcome.failed());
    Ok(Done { requests, failed, seconds: outcome.elapsed.as_secs_f64() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_prints_is_read() {
        let text = "Running 2s test @ http://127.0.0.1:1/\n  67466 requests in 2.10s, 9.71MB read\n  \
                    Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 5\n\
                    Requests/sec:  32113.30\n";
        let Done { requests, seconds, failed } = read(text).unwrap();
        assert_eq!((requests, failed), (67466, 15));
        assert!((seconds - 2.1).abs() < 1e-9);
        assert!((read("1 requests in 1.50m, 1B read").unwrap().seconds - 90.0).abs() < 1e-9);
        assert!((read("1 requests in 500.00ms, 1B read").unwrap().seconds - 0.5).abs() < 1e-9);
        assert!(read("unable to connect").is_none());
    }
}
