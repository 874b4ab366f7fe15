//! Everything that can go wrong, at random and at the same time, under full load.
//!
//! `EVENKEEL_SEED=N cargo test -p tests storm` repeats a storm; `EVENKEEL_STORM_SECONDS` makes it longer.

use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use evenkeel::control::{Command, Status};
use nix::sys::signal::Signal;

use crate::harness::app::{App, intakes};
use crate::harness::client::Client;
use crate::harness::load::{Count, Load};
use crate::harness::process::{Process, listening, queued};
use crate::harness::wait::wait_until;
use crate::sim::chance::Chance;

const SECONDS: u64 = 60;
const CLIENTS: usize = 4;
const WORKERS_MAX: usize = 8;
/// A worker and its successor in each slot, a dispatcher and its successor, and a trial.
const CHILDREN_MAX: usize = 2 * WORKERS_MAX + 3;

/// What was done that may cut requests.
#[derive(Debug, Default)]
struct Done {
    kills: u64,
    hangs: u64,
    dispatcher_kills: u64,
    others: u64,
}

struct Storm {
    app: App,
    kind: Kind,
    chance: Chance,
    /// Who was told to end, in a mild storm: told twice he ends at once.
    told: BTreeSet<Process>,
    done: Done,
    /// Those who asked for something that hangs.
    victims: Vec<Client>,
    requests: u64,
}

/// Says which seed to repeat.
struct SaySeed(u64);

impl Drop for SaySeed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("repeat this with EVENKEEL_SEED={}", self.0);
        }
    }
}

fn number_from(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn a_storm_of_faults_loses_what_was_in_flight_in_killed_processes_and_nothing_else() {
    storms(Kind::Deadly, 1);
}

/// Reloads, upgrades, scaling, orders to end, pauses: whatever comes together, no request fails.
#[test]
fn a_storm_without_kills_loses_nothing() {
    storms(Kind::Mild, 4);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Deadly,
    /// Nothing is killed, and nothing hangs.
    Mild,
}

/// Each way in which connections come gets its share of `1 / part` of the time.
fn storms(kind: Kind, part: u32) {
    let pid = u64::from(std::process::id());
    let seed = number_from("EVENKEEL_SEED").unwrap_or(pid);
    let seconds = number_from("EVENKEEL_STORM_SECONDS").unwrap_or(SECONDS);
    let _say_seed = SaySeed(seed);
    println!("seed {seed}");
    for (at, arguments) in (0u64..).zip(intakes()) {
        let time = Duration::from_secs(seconds) / u32::try_from(intakes().len()).unwrap() / part;
        storm(kind, arguments, seed.wrapping_add(at << 32), time);
    }
}

fn storm(kind: Kind, arguments: &[&str], seed: u64, time: Duration) {
    let all = ["--workers", "4", "--min-uptime", "0", "--hang-timeout", "0.5", "--grace", "10"];
    let app = App::controlled(&[&all, arguments].concat());
    let loads = [
        Load::start(app.port, CLIENTS, "/work?us=50"),
        Load::keep_alive(app.port, CLIENTS, "/work?us=50"),
    ];
    let chance = Chance::from_seed(seed);
    let mut storm = Storm {
        app,
        kind,
        chance,
        done: Done::default(),
        told: BTreeSet::new(),
        victims: Vec::new(),
        requests: 0,
    };
    let end = Instant::now() + time;
    let mut next_look = Instant::now() + Duration::from_secs(1);
    while Instant::now() < end {
        storm.strike();
        let pause = storm.chance.below(40);
        std::thread::sleep(Duration::from_millis(u64::try_from(pause).unwrap()));
        if Instant::now() >= next_look {
            storm.look();
            next_look = Instant::now() + Duration::from_secs(1);
        }
    }
    let mut total = Count::default();
    for load in loads {
        total.add(load.stop());
    }
    storm.calm_down();
    let Done { kills, hangs, dispatcher_kills, .. } = storm.done;
    println!("{arguments:?}: {} answered, {} cut, {:?}", total.answered, total.cut, storm.done);
    assert_eq!((total.refused, total.hung), (0, 0), "{total:?}");
    // One request of each client at most was under way in whatever was killed.
    let most = (kills + hangs) * 2 * CLIENTS as u64 + dispatcher_kills;
    assert!(total.cut <= most, "{total:?}");
    storm.app.stop();
}

impl Storm {
    /// One thing happens.
    fn strike(&mut self) {
        let workers: Vec<Process> = (0..WORKERS_MAX)
            .filter_map(|at| self.app.child_named(&format!("worker {at}")))
            .filter(|worker| worker.lives())
            .collect();
        let worker = self.chance.pick(&workers);
        match (self.chance.below(20), worker) {
            (0..=5, Some(worker)) if self.kind == Kind::Mild => self.tell_to_end(worker),
            (0..=4, Some(worker)) => {
                self.done.kills += 1;
                worker.signal(Signal::SIGKILL);
            }
            (5, Some(worker)) => {
                // Told twice it ends at once.
                self.done.kills += 1;
                worker.signal(Signal::SIGTERM);
            }
            (6, Some(worker)) => {
                worker.signal(Signal::SIGSTOP);
                std::thread::sleep(Duration::from_millis(20));
                worker.signal(Signal::SIGCONT);
                self.done.others += 1;
            }
            (7, _) if self.kind == Kind::Deadly => self.hang(),
            (8..=9, _) => self.end_dispatcher(),
            (10..=11, _) => self.signal_master(Signal::SIGHUP),
            (12, _) => self.signal_master(Signal::SIGUSR2),
            (13, _) => self.signal_master(Signal::SIGTTIN),
            (14, _) => self.signal_master(Signal::SIGTTOU),
            (15..=16, _) => {
                let workers = 1 + self.chance.below(WORKERS_MAX);
                self.command(&format!(r#"{{"command":"scale","workers":"{workers}"}}"#));
            }
            (17, _) => self.command(r#"{"command":"reload"}"#),
            (18, _) => self.command(r#"{"command":"upgrade"}"#),
            _ => {}
        }
        self.limit_workers();
    }

    /// Does not wait for the outcome: more happens meanwhile.
    fn command(&mut self, line: &str) {
        self.done.others += 1;
        let mut stream = UnixStream::connect(self.app.control()).unwrap();
        stream.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn signal_master(&mut self, signal: Signal) {
        self.done.others += 1;
        self.app.signal(signal);
    }

    /// TTIN knows no bound of ours.
    fn limit_workers(&mut self) {
        if self.chance.once_in(10) {
            self.command(r#"{"command":"scale","workers":"4"}"#);
        }
    }

    fn hang(&mut self) {
        if self.victims.len() < 3
            && let Ok(mut victim) = Client::connect(self.app.port)
            && victim.ask("/sleep?ms=60000").is_ok()
        {
            self.done.hangs += 1;
            self.victims.push(victim);
        }
        // A victim's worker may be killed for another reason, or its request be answered by none.
        self.victims.retain_mut(|victim| {
            let answer = victim.get_within("/", Duration::from_millis(1));
            answer.err().is_some_and(|failure| failure == crate::harness::client::Failure::Hung)
        });
    }

    fn tell_to_end(&mut self, process: Process) {
        if self.told.insert(process) {
            self.done.others += 1;
            process.signal(Signal::SIGTERM);
        }
    }

    fn end_dispatcher(&mut self) {
        let Some(dispatcher) = self.app.child_named("dispatcher") else { return };
        if self.kind == Kind::Mild {
            self.tell_to_end(dispatcher);
        } else {
            self.done.dispatcher_kills += 1;
            dispatcher.signal(Signal::SIGKILL);
        }
    }

    fn status(&self) -> Status {
        self.app.status()
    }

    /// What must hold at any moment, seen from outside.
    fn look(&mut self) {
        let app = &self.app;
        assert!(app.master.lives(), "the master is dead: {}", app.log.text());
        let children = app.children();
        assert!(children.len() <= CHILDREN_MAX + 4, "{} children", children.len());
        let descriptors = app.master.descriptors().len();
        assert!(descriptors < 160, "the master has {descriptors} descriptors");
        self.assert_the_master_keeps_each_listener();
        let status = self.status();
        let requests: u64 = status.workers.iter().map(|worker| worker.requests).sum();
        assert!(requests > self.requests, "nobody serves: {status:?}");
        self.requests = requests;
        for worker in &status.workers {
            assert!(worker.open <= 64, "{worker:?}");
        }
        assert!(queued(self.app.port) <= 4 * CLIENTS + 8, "what waits is not taken");
    }

    /// Each listening socket belongs to the master, which keeps it over the death of its workers.
    fn assert_the_master_keeps_each_listener(&self) {
        let listeners: BTreeSet<u64> =
            listening(self.app.port).iter().map(|listener| listener.inode).collect();
        assert!(!listeners.is_empty() && listeners.len() <= CHILDREN_MAX, "{listeners:?}");
        let held = self.app.master.sockets();
        let strays: Vec<u64> = listeners.difference(&held).copied().collect();
        // One that is being closed may be seen a moment longer.
        let still = || -> BTreeSet<u64> {
            listening(self.app.port).iter().map(|listener| listener.inode).collect()
        };
        wait_until("strays to go", || {
            let still = still();
            let held = self.app.master.sockets();
            strays.iter().all(|stray| !still.contains(stray) || held.contains(stray))
        });
    }

    /// When nothing happens any more, everything is as it should be.
    fn calm_down(&mut self) {
        self.victims.clear();
        wait_until("what was begun to end", || self.status().doing == "running");
        self.app.done(Command::Scale { workers: evenkeel::control::Scale::To(4) });
        wait_until("all to serve", || {
            let status = self.status();
            status.doing == "running" && status.workers_ready == 4
        });
        let dispatchers = usize::from(self.status().dispatcher.is_some());
        wait_until("those who are too many to go", || self.app.children().len() == 4 + dispatchers);
        self.app.done(Command::Reload {});
        for _ in 0..40 {
            assert_eq!(self.app.get("/").status, 200);
        }
        assert_eq!(queued(self.app.port), 0);
    }
}
