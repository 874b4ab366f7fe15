//! Limits of logs: the access log, and the output of workers.

use std::time::Duration;

/// How often each process looks whether a file of lines is too large, or was moved. Long enough to cost
/// nothing, short enough that a disk does not fill up meanwhile.
pub(crate) const ROTATION_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// A file that is younger is not moved away: all have looked twice, and nobody writes any more to the one
/// that is deleted for it.
pub(crate) const ROTATION_SETTLE: Duration = Duration::from_secs(2);

/// When the log of an application that was started without files of its own is moved away: days of what
/// masters and workers say, and quickly searched.
pub(crate) const STARTED_LOG_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// How many of those that were moved are kept: with the one that is written, 384 MiB an application.
pub(crate) const STARTED_LOGS_KEPT: u32 = 5;

/// Files of one log that are kept: each is renamed in a rotation, which is not to take long.
pub(crate) const ROTATIONS_KEPT_MAX: u32 = 1000;

/// Files of one log that are kept where only its size was said: enough to look back, and a known part of a disk.
pub(crate) const ROTATIONS_KEPT_DEFAULT: u32 = 5;

/// Room on a disk that workers leave to others, so that a line is not cut, and `println!` does not panic,
/// when a disk fills up: what a busy worker writes between two looks at it.
pub(crate) const OUTPUT_RESERVE_BYTES: u64 = 16 * 1024 * 1024;

/// One part in so many of a small disk is reserve enough.
pub(crate) const OUTPUT_RESERVE_PARTS: u64 = 64;

/// Bytes of the access log that wait in a worker: what a busy worker writes in some tenths of a second.
/// Lines beyond that are dropped, and counted.
pub(crate) const LOG_BUFFER_BYTES_MAX: usize = 1024 * 1024;

/// So many waiting bytes of the access log are written at once, and not after the pause: the buffers
/// stay small, and a write of this size costs hardly more for each byte than a larger one.
pub(crate) const LOG_BATCH_BYTES: usize = 64 * 1024;

/// Bytes of one line of the access log: what a pipe takes in one piece (`PIPE_BUF`), so that lines of
/// several workers never mix.
pub(crate) const LOG_LINE_BYTES_MAX: usize = 4096;

/// Bytes of the target in a line of the access log, as it is written; the rest is cut off.
pub(crate) const LOG_TARGET_BYTES_MAX: usize = 2048;

/// The same for `Referer` and for `User-Agent`: both fit in what the target leaves of a line.
pub(crate) const LOG_FIELD_BYTES_MAX: usize = 700;

/// The same for the method and for the version: those of the standards have less.
pub(crate) const LOG_WORD_BYTES_MAX: usize = 32;

/// After it has written, the thread of the access log lets lines gather for so long: one write for many
/// requests, and nobody who watches the log notices.
pub(crate) const LOG_WRITE_PAUSE: Duration = Duration::from_millis(20);

/// How often an access log that cannot be opened, such as a FIFO that nobody reads, is tried again
/// while lines wait for it.
pub(crate) const LOG_OPEN_INTERVAL: Duration = Duration::from_millis(500);

/// How long the thread of the access log waits for room in a pipe before it looks for orders.
pub(crate) const LOG_PIPE_WAIT: Duration = Duration::from_millis(50);

/// How soon a worker tries again to hand over lines when it met the thread at the very moment at which
/// that took some.
pub(crate) const LOG_RETRY: Duration = Duration::from_millis(1);

/// How long a worker that ends waits until its last lines are written. Longer than any disk that works
/// takes, and short beside the time for a drain.
pub(crate) const LOG_CLOSE_WAIT: Duration = Duration::from_secs(1);

/// How often dropped lines of the access log are told of.
pub(crate) const LOG_WARN_INTERVAL: Duration = Duration::from_secs(10);
