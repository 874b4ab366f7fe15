//! The loop's side of the log.

use std::io;
use std::sync::Arc;
use std::thread::Builder;

use super::format::{Lines, Record};
use super::handover::Handover;
use super::writer::Writer;
use crate::board::Seat;
use crate::limits::{LOG_BUFFER_BYTES_MAX, LOG_CLOSE_WAIT};
use crate::plan::AccessLog;

/// Takes what is to be told of each request, and never waits for a disk or a reader.
pub(crate) struct AccessLogger {
    lines: Lines,
    /// Lines of this turn of the loop.
    own: Vec<u8>,
    own_lines: u64,
    reopen: Option<u32>,
    handover: Arc<Handover>,
    seat: &'static Seat,
    closed: bool,
}

impl AccessLogger {
    /// Starts the thread that writes, and opens the file. `reopened` is called by that thread with the
    /// number given to [`AccessLogger::reopen`], and why it failed, if it did.
    pub(crate) fn start(
        log: &AccessLog,
        seat: &'static Seat,
        reopened: impl FnMut(u32, Option<String>) + Send + 'static,
    ) -> io::Result<Self> {
        let handover = Arc::new(Handover::default());
        let writer = Writer::new(log, Arc::clone(&handover), seat, Box::new(reopened));
        let thread = Builder::new().name("access-log".into()).spawn(move || writer.run());
        thread.map_err(|error| {
            io::Error::new(error.kind(), format!("cannot start the access log's thread: {error}"))
        })?;
        let lines = Lines::new(log.format);
        let (own, own_lines, reopen, closed) = (Vec::new(), 0, None, false);
        Ok(Self { lines, own, own_lines, reopen, handover, seat, closed })
    }

    /// Notes one request. Its line is dropped, and counted, when too many wait.
    pub(crate) fn record(&mut self, record: &Record<'_>) {
        let begin = self.own.len();
        self.lines.append(&mut self.own, record);
        if self.own.len() + self.handover.waiting_bytes() > LOG_BUFFER_BYTES_MAX {
            self.own.truncate(begin);
            self.seat.count_log_dropped(1);
        } else {
            self.own_lines += 1;
        }
    }

    /// Hands over what was noted. To be called before the loop waits.
    pub(crate) fn end_of_turn(&mut self) {
        if self.is_behind() && self.handover.leave(&mut self.own, self.own_lines, self.reopen) {
            (self.own_lines, self.reopen) = (0, None);
        }
    }

    /// Something is still to be handed over: the thread was just taking lines. Another turn is to
    /// follow soon.
    pub(crate) fn is_behind(&self) -> bool {
        !self.own.is_empty() || self.reopen.is_some()
    }

    /// Has the file opened anew: what is noted from now on stands in the file that is at the path then.
    pub(crate) fn reopen(&mut self, number: u32) {
        self.reopen = Some(number);
    }

    /// Waits until all is written, but for no longer than [`LOG_CLOSE_WAIT`]; what is not written then
    /// counts as dropped.
    pub(crate) fn close(&mut self) {
        if std::mem::replace(&mut self.closed, true) {
            return;
        }
        let left = self.handover.close(&mut self.own, self.own_lines, LOG_CLOSE_WAIT);
        if left > 0 {
            self.seat.count_log_dropped(left);
            tracing::warn!("the last {left} lines of the access log could not be written in time");
        }
    }
}

impl Drop for AccessLogger {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests;
