use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::*;
use crate::plan::LogFormat;

/// After so long a condition will not come true any more.
const PATIENCE: Duration = Duration::from_secs(30);

/// More lines than all buffers and a pipe have room for.
const FLOOD: u64 = 20_000;

struct Logged {
    logger: AccessLogger,
    seat: &'static Seat,
    reopened: Receiver<(u32, Option<String>)>,
    recorded: u64,
}

impl Logged {
    fn at(path: &Path) -> Self {
        let seat: &'static Seat = Box::leak(Box::default());
        let (tell, reopened) = channel();
        let log = AccessLog::new(path).format(LogFormat::Common);
        let heard = move |number, failure| tell.send((number, failure)).unwrap();
        let logger = AccessLogger::start(&log, seat, heard).unwrap();
        Self { logger, seat, reopened, recorded: 0 }
    }

    /// Notes so many requests, whose targets are numbered, in turns of ten.
    fn record(&mut self, count: u64) {
        for _ in 0..count {
            let target = format!("/{}", self.recorded);
            self.logger.record(&Record {
                remote: None,
                method: b"GET",
                target: target.as_bytes(),
                version: "HTTP/1.1",
                status: 200,
                body_bytes: 0,
                duration_ns: 0,
                referer: None,
                user_agent: None,
                worker: 0,
                unix_seconds: 0,
            });
            self.recorded += 1;
            if self.recorded.is_multiple_of(10) {
                self.logger.end_of_turn();
            }
        }
        self.hand_over();
    }

    fn hand_over(&mut self) {
        wait_until("the lock", || {
            self.logger.end_of_turn();
            !self.logger.is_behind()
        });
    }

    /// Has the file opened anew, and waits until it is; why it is not.
    fn reopen(&mut self, number: u32) -> Option<String> {
        self.logger.reopen(number);
        self.hand_over();
        let (told, failure) = self.reopened.recv_timeout(PATIENCE).unwrap();
        assert_eq!(told, number);
        failure
    }

    fn dropped(&self) -> u64 {
        self.seat.log_dropped()
    }
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The numbers of the targets in a log, each line of which is whole.
fn numbers(text: &str) -> Vec<u64> {
    assert!(text.is_empty() || text.ends_with('\n'), "a line is not complete");
    let number = |line: &str| {
        let target = line.strip_prefix("- - - [01/Jan/1970:00:00:00 +0000] \"GET /")?;
        target.strip_suffix(" HTTP/1.1\" 200 0")?.parse().ok()
    };
    text.lines().map(|line| number(line).unwrap_or_else(|| panic!("{line:?}"))).collect()
}

fn lines(text: &[u8]) -> usize {
    text.split(|octet| *octet == b'\n').count() - 1
}

fn fifo(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("fifo");
    mkfifo(&path, Mode::S_IRWXU).unwrap();
    path
}

/// A reader that does not wait for a writer.
fn reader(path: &Path) -> File {
    File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path).unwrap()
}

/// All that is in the pipe.
fn drain(reader: &mut File, into: &mut Vec<u8>) {
    let mut part = [0; 4_096];
    while let Ok(count) = reader.read(&mut part) {
        if count == 0 {
            break;
        }
        into.extend_from_slice(&part[..count]);
    }
}

#[test]
fn each_line_stands_in_the_file_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut logged = Logged::at(&path);
    logged.record(5);
    wait_until("the lines", || {
        fs::read_to_string(&path).is_ok_and(|text| text.lines().count() == 5)
    });
    // No faster than the thread writes, so that all are kept.
    for _ in 0..20 {
        logged.record(1_000);
        wait_until("room", || logged.logger.handover.waiting_bytes() < LOG_BUFFER_BYTES_MAX / 2);
    }
    logged.logger.close();
    assert_eq!(numbers(&fs::read_to_string(&path).unwrap()), (0..20_005).collect::<Vec<_>>());
    assert_eq!(logged.dropped(), 0);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777 & !0o640, 0, "{mode:o}");
}

#[test]
fn what_stood_in_the_file_before_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    for _ in 0..2 {
        Logged::at(&path).record(3);
    }
    assert_eq!(numbers(&fs::read_to_string(&path).unwrap()), [0, 1, 2, 0, 1, 2]);
}

#[test]
fn after_a_reopening_all_stands_in_the_new_file_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (path, moved) = (folder.path().join("log"), folder.path().join("log.1"));
    let mut logged = Logged::at(&path);
    logged.record(100);
    wait_until("the file", || path.exists());
    fs::rename(&path, &moved).unwrap();
    logged.record(100);
    assert_eq!(logged.reopen(1), None);
    let old = fs::read_to_string(&moved).unwrap();
    logged.record(100);
    logged.logger.close();
    assert_eq!(fs::read_to_string(&moved).unwrap(), old, "nothing is written to it any more");
    let all = old + &fs::read_to_string(&path).unwrap();
    assert_eq!(numbers(&all), (0..300).collect::<Vec<_>>());
}

#[test]
fn when_the_new_file_cannot_be_opened_the_old_one_is_written_on() {
    let folder = tempfile::tempdir().unwrap();
    let (sub, moved) = (folder.path().join("sub"), folder.path().join("moved"));
    fs::create_dir(&sub).unwrap();
    let mut logged = Logged::at(&sub.join("log"));
    logged.record(1);
    wait_until("the line", || fs::metadata(sub.join("log")).is_ok_and(|found| found.len() > 0));
    fs::rename(&sub, &moved).unwrap();
    let failure = logged.reopen(7).unwrap();
    assert!(failure.contains("No such file") && failure.contains("old file"), "{failure}");
    logged.record(1);
    logged.logger.close();
    assert_eq!(numbers(&fs::read_to_string(moved.join("log")).unwrap()), [0, 1]);
    assert_eq!(logged.dropped(), 0);
}

#[test]
fn lines_wait_for_the_first_reader_of_a_fifo_and_the_rest_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = fifo(folder.path());
    let mut logged = Logged::at(&path);
    logged.record(FLOOD);
    assert!(logged.dropped() > 0, "there is no room for so much");
    let mut reader = reader(&path);
    let mut text = Vec::new();
    let kept = usize::try_from(FLOOD - logged.dropped()).unwrap();
    wait_until("what was kept", || {
        drain(&mut reader, &mut text);
        lines(&text) == kept
    });
    assert_eq!(numbers(&String::from_utf8(text).unwrap()), (0..kept as u64).collect::<Vec<_>>());
    // It is read now: what comes is written.
    logged.record(1);
    let mut text = Vec::new();
    wait_until("a line more", || {
        drain(&mut reader, &mut text);
        !text.is_empty()
    });
    assert_eq!(numbers(&String::from_utf8(text).unwrap()), [FLOOD]);
}

#[test]
fn a_full_pipe_holds_up_neither_the_loop_nor_the_end_of_the_worker() {
    let folder = tempfile::tempdir().unwrap();
    let path = fifo(folder.path());
    let mut reader = reader(&path);
    let mut logged = Logged::at(&path);
    logged.record(FLOOD);
    let before = logged.dropped();
    assert!(before > 0, "there is no room for so much");
    logged.logger.close();
    let dropped = logged.dropped();
    assert!(dropped > before, "what did not get out is counted");
    // In a worker the process ends here; in this one the thread goes on when there is room again.
    let mut text = Vec::new();
    drain(&mut reader, &mut text);
    assert!(lines(&text) as u64 >= FLOOD - dropped);
}

#[test]
fn a_reader_that_goes_costs_lines_and_the_next_one_gets_whole_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = fifo(folder.path());
    let mut first = reader(&path);
    let mut logged = Logged::at(&path);
    logged.record(1);
    let mut text = Vec::new();
    wait_until("a line", || {
        drain(&mut first, &mut text);
        !text.is_empty()
    });
    drop(first);
    wait_until("lines that nobody gets", || {
        logged.record(1);
        logged.dropped() > 0
    });
    let mut second = reader(&path);
    let mut text = Vec::new();
    wait_until("lines", || {
        logged.record(1);
        drain(&mut second, &mut text);
        !text.is_empty()
    });
    logged.logger.close();
    drain(&mut second, &mut text);
    let got = numbers(&String::from_utf8(text).unwrap());
    assert!(got.is_sorted());
    assert_eq!(got.last(), Some(&(logged.recorded - 1)));
}

#[test]
fn a_full_disk_costs_each_line_once() {
    let path = Path::new("/dev/full");
    assert!(fs::metadata(path).unwrap().file_type().is_char_device());
    let mut logged = Logged::at(path);
    for _ in 0..10 {
        logged.record(100);
    }
    logged.logger.close();
    assert_eq!(logged.dropped(), 1_000);
}

#[test]
fn at_the_end_a_fifo_that_nobody_reads_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = fifo(folder.path());
    let mut logged = Logged::at(&path);
    logged.record(100);
    logged.logger.close();
    assert_eq!(logged.dropped(), 100);
}
