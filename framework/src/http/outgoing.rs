//! A body that is being sent.

use std::collections::VecDeque;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::encode;
use super::file::Segment;
use super::limits::Limits;
use super::source::{Filled, Producer};
use crate::error::panic_text;

/// What is left of a body.
#[derive(Debug)]
pub(super) enum Outgoing {
    Stream(Producer, Coding),
    File(Box<Parts>),
}

/// How the end of a body that is made while it is sent can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Chunked,
    /// So many octets are left to come.
    Counted(u64),
    UntilClose,
}

/// Texts and parts of a file, in order.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) file: File,
    pub(crate) segments: VecDeque<Segment>,
    /// Octets of all of them, before any is sent.
    pub(crate) length: u64,
}

/// How far it went.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// There is output to be sent first.
    Output,
    /// A part of the file comes next.
    File,
    /// Nothing can be sent before somebody says that there is more.
    Pending,
    Done,
    /// The body cannot be completed.
    Broken(String),
}

impl Parts {
    /// The part of the file that is next: where it begins, and its length.
    pub(crate) fn slice(&self) -> Option<(&File, u64, u64)> {
        match self.segments.front() {
            Some(Segment::Slice(slice)) => Some((&self.file, slice.first, slice.length)),
            _ => None,
        }
    }

    fn go_on(&mut self, out: &mut Vec<u8>, sent: &mut u64) -> Progress {
        while let Some(Segment::Text(text)) = self.segments.front() {
            out.extend_from_slice(text);
            *sent += text.len() as u64;
            self.segments.pop_front();
        }
        if self.segments.is_empty() { Progress::Done } else { Progress::File }
    }

    /// So many octets of it were sent.
    pub(crate) fn sent(&mut self, count: u64) {
        if let Some(Segment::Slice(slice)) = self.segments.front_mut() {
            slice.first += count;
            slice.length -= count.min(slice.length);
            if slice.length == 0 {
                self.segments.pop_front();
            }
        }
    }
}

impl Outgoing {
    /// Appends what is next to `out`, up to its high-water mark; `sent` counts the body's own octets.
    pub(super) fn go_on(
        &mut self,
        out: &mut Vec<u8>,
        portion: &mut Vec<u8>,
        limits: &Limits,
        sent: &mut u64,
    ) -> Progress {
        // A source that makes little at a time is asked a few times for one write.
        const FILLS_MAX: usize = 16;
        let (producer, coding) = match self {
            Self::File(parts) => return parts.go_on(out, sent),
            Self::Stream(producer, coding) => (producer, coding),
        };
        let before = *sent;
        for _ in 0..FILLS_MAX {
            portion.clear();
            let filled = fill(producer, portion);
            *sent += portion.len() as u64;
            let written = coding.write(out, portion);
            match (filled, written) {
                (Err(why), _) | (_, Err(why)) => return Progress::Broken(why),
                (Ok(Filled::Pending), _) => return Progress::Pending,
                (Ok(Filled::Done), _) => return coding.end(out),
                (Ok(Filled::More), _) if out.len() >= limits.output_high_water_bytes => break,
                (Ok(Filled::More), _) => {}
            }
        }
        if *sent == before {
            return Progress::Broken("a source says that there is more, and makes nothing".into());
        }
        Progress::Output
    }
}

impl Coding {
    fn write(&mut self, out: &mut Vec<u8>, portion: &[u8]) -> Result<(), String> {
        match self {
            Self::Chunked => encode::chunk(out, portion),
            Self::UntilClose => out.extend_from_slice(portion),
            Self::Counted(left) => {
                let rest = left.checked_sub(portion.len() as u64);
                *left = rest.ok_or("a body is longer than was said")?;
                out.extend_from_slice(portion);
            }
        }
        Ok(())
    }

    fn end(self, out: &mut Vec<u8>) -> Progress {
        match self {
            Self::Chunked => out.extend_from_slice(encode::LAST_CHUNK),
            Self::UntilClose | Self::Counted(0) => {}
            Self::Counted(_) => return Progress::Broken("a body is shorter than was said".into()),
        }
        Progress::Done
    }
}

/// A source is the user's, so it may panic.
fn fill(producer: &mut Producer, portion: &mut Vec<u8>) -> Result<Filled, String> {
    match catch_unwind(AssertUnwindSafe(|| producer.fill(portion))) {
        Ok(filled) => filled.map_err(|error| format!("a body breaks off: {error}")),
        Err(panic) => Err(format!("the source of a body panicked: {}", panic_text(&*panic))),
    }
}
