//! The thread that owns the file.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::SigSet;

use super::handover::{Handover, Wishes};
use super::outlet::Outlet;
use crate::board::Seat;
use crate::limits::{KEPT_BUFFER_BYTES, LOG_OPEN_INTERVAL, LOG_WARN_INTERVAL};
use crate::plan::AccessLog;

/// Hears the number of a wish to open the file anew, and why it failed, if it did.
pub(super) type Reopened = Box<dyn FnMut(u32, Option<String>) + Send>;

/// What the thread knows.
pub(super) struct Writer {
    outlet: Outlet,
    handover: Arc<Handover>,
    seat: &'static Seat,
    reopened: Reopened,
    /// The end of a line whose beginning stands in the file already.
    torn: Vec<u8>,
    trouble: Option<Trouble>,
    /// Dropped lines that were told of, and when.
    told: (u64, Option<Instant>),
}

/// Why the file could not be opened or written the last time that it was told.
struct Trouble {
    code: Option<i32>,
    at: Instant,
    /// Its end is worth telling.
    told: bool,
    lasts: bool,
}

impl Writer {
    pub(super) fn new(
        log: &AccessLog,
        handover: Arc<Handover>,
        seat: &'static Seat,
        reopened: Reopened,
    ) -> Self {
        let outlet = Outlet::new(log.target.clone(), log.rotation);
        let told = (seat.log_dropped(), None);
        Self { outlet, handover, seat, reopened, torn: Vec::new(), trouble: None, told }
    }

    /// Writes until it is told to end.
    pub(super) fn run(mut self) {
        // They are for the loop. SIGPIPE comes to whoever writes, and is an error to be seen instead.
        let _ = SigSet::all().thread_block();
        self.open();
        let mut batch = Vec::new();
        loop {
            let wishes = self.handover.take(&mut batch);
            self.reopen(wishes);
            self.write(&mut batch);
            self.tell_dropped(wishes.close);
            if wishes.close {
                break;
            }
            self.handover.pause();
        }
        let torn = std::mem::take(&mut self.torn);
        self.drop_lines(&torn);
        self.handover.finish();
    }

    /// Writes all of it, or drops what cannot be written.
    fn write(&mut self, batch: &mut Vec<u8>) {
        let continues = !self.torn.is_empty();
        if continues {
            batch.splice(0..0, self.torn.drain(..));
        } else {
            self.rotate();
        }
        let mut at = 0;
        while at < batch.len() && (self.outlet.is_open() || self.open_or_wait()) {
            match self.outlet.write(&batch[at..]) {
                Ok(0) => {
                    self.failed("write", &io::ErrorKind::WriteZero.into());
                    break;
                }
                Ok(count) => {
                    self.works();
                    self.handover.done(count_lines(&batch[at..at + count]), count);
                    at += count;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait_for_reader(),
                Err(error) => {
                    self.failed("write", &error);
                    break;
                }
            }
        }
        self.keep_torn_line(batch, at, continues);
        self.drop_lines(&batch[at..]);
        batch.clear();
        if batch.capacity() > KEPT_BUFFER_BYTES {
            *batch = Vec::new();
        }
    }

    /// Lines go to the file that stands at the path, which may be another one than a second ago.
    fn rotate(&mut self) {
        let rotated = self.outlet.rotate();
        let result = rotated.and_then(|moved| if moved { self.outlet.open() } else { Ok(()) });
        if let Err(error) = result {
            self.failed("rotate", &error);
        }
    }

    /// A full disk cuts a line anywhere. Its end follows when there is room again.
    /// `continues`: the batch began with such an end.
    fn keep_torn_line(&mut self, batch: &mut Vec<u8>, at: usize, continues: bool) {
        let torn = if at == 0 { continues } else { batch[at - 1] != b'\n' };
        if torn && at < batch.len() && self.outlet.is_open() {
            let end = batch[at..].iter().position(|octet| *octet == b'\n');
            let end = end.map_or(batch.len(), |end| at + end + 1);
            self.torn = batch.drain(at..end).collect();
        }
    }

    fn drop_lines(&mut self, lines: &[u8]) {
        let count = count_lines(lines);
        self.handover.done(count, lines.len());
        if count > 0 {
            self.seat.count_log_dropped(count);
        }
    }

    /// The pipe is full. Somebody may want another one.
    fn wait_for_reader(&mut self) {
        let wishes = self.handover.wish(Duration::ZERO);
        self.reopen(wishes);
        self.tell_dropped(false);
    }

    /// Tries to open the file. False: this thread is to end, and it cannot be opened.
    fn open_or_wait(&mut self) -> bool {
        while !self.open() {
            let wishes = self.handover.wish(LOG_OPEN_INTERVAL);
            self.reopen(wishes);
            self.tell_dropped(false);
            if wishes.close {
                return self.outlet.is_open();
            }
        }
        true
    }

    fn open(&mut self) -> bool {
        if let Err(error) = self.outlet.open() {
            self.failed("open", &error);
        }
        self.outlet.is_open()
    }

    /// What was recorded before may stand in the new file; what is recorded after this is never in the
    /// old one.
    fn reopen(&mut self, wishes: Wishes) {
        let Some(number) = wishes.reopen else { return };
        let failure = self.outlet.open().err().map(|error| {
            let path = self.outlet.name().display();
            let open = self.outlet.is_open();
            let then = if open { "the old file is written on" } else { "its lines wait" };
            format!("cannot open the access log {path} anew: {error}; {then}")
        });
        if let Some(failure) = &failure {
            tracing::error!("{failure}");
        } else {
            // Its beginning stands in the other file.
            let torn = std::mem::take(&mut self.torn);
            self.drop_lines(&torn);
        }
        (self.reopened)(number, failure);
    }

    /// Told once, and not for each line; and not at each change of something that comes and goes.
    fn failed(&mut self, doing: &str, error: &io::Error) {
        let code = error.raw_os_error();
        let known = self.trouble.as_mut().filter(|trouble| {
            trouble.code == code && (trouble.lasts || trouble.at.elapsed() < LOG_WARN_INTERVAL)
        });
        if let Some(trouble) = known {
            trouble.lasts = true;
            return;
        }
        let path = self.outlet.name().display();
        tracing::error!(
            "cannot {doing} the access log {path}: {error}; its lines wait, or are dropped"
        );
        self.trouble = Some(Trouble { code, at: Instant::now(), told: true, lasts: true });
    }

    fn works(&mut self) {
        let Some(trouble) = &mut self.trouble else { return };
        trouble.lasts = false;
        if std::mem::take(&mut trouble.told) {
            tracing::info!("the access log {} is written again", self.outlet.name().display());
        }
    }

    /// How many lines are missing. `last`: there will be no later time.
    fn tell_dropped(&mut self, last: bool) {
        let (told, at) = self.told;
        let dropped = self.seat.log_dropped();
        let due = last || at.is_none_or(|at| at.elapsed() >= LOG_WARN_INTERVAL);
        if dropped > told && due {
            let path = self.outlet.name().display();
            tracing::warn!("{} lines of the access log {path} were dropped", dropped - told);
            self.told = (dropped, Some(Instant::now()));
        }
    }
}

fn count_lines(lines: &[u8]) -> u64 {
    lines.iter().map(|octet| u64::from(*octet == b'\n')).sum()
}
