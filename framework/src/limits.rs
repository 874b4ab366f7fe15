//! Every limit of the master, the workers and the dispatcher, with its unit and its reason. The
//! limits of HTTP stand in `http::limits`.

mod admin;
mod apps;
mod logs;

use std::time::Duration;

pub(crate) use admin::*;
pub(crate) use apps::*;
pub(crate) use logs::*;

/// Most slots of one master. Each costs the master about four descriptors, so that 256 stay below
/// the usual soft limit of 1,024; more processes than this share no machine usefully.
pub const SLOTS_MAX: u16 = 256;

/// Length of each accept queue unless the user says otherwise: what Linux allows by default
/// (`net.core.somaxconn` since 5.4).
pub(crate) const BACKLOG_DEFAULT: u32 = 4096;

#[cfg(feature = "config")]
/// Within so long a given number of workers must have died young to give up, unless the user says
/// otherwise: two pauses of the longest kind.
pub(crate) const GIVE_UP_WITHIN_DEFAULT: Duration = Duration::from_secs(60);

/// How often the accept queue of a program that is not ours, and is to end, is looked at: nobody says when
/// it is empty. It waits that long at most for nothing, and the master wakes for nothing else meanwhile.
pub(crate) const QUEUE_LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// Longest time that anything can be set to: a moment so far ahead can still be told.
pub(crate) const TIME_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

/// How long a drain may take before the worker is killed: what gunicorn and Kubernetes grant.
pub const GRACE_DEFAULT: Duration = Duration::from_secs(30);

/// How long a worker may take from the fork to READY before it is killed and tried again.
pub const READY_TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);

/// A worker that was ready for this long was healthy: its successor comes at once. As PM2's
/// `min_uptime`.
pub(crate) const MIN_UPTIME_DEFAULT: Duration = Duration::from_secs(1);

/// Pause before the first retry of a slot whose worker died young.
pub(crate) const BACKOFF_FIRST: Duration = Duration::from_millis(100);

/// Longest pause between two tries of a slot, as in einhorn.
pub(crate) const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// A deadline that is seen this much too late (by the master: of a child; by a worker: of a client) was not
/// missed by anybody: all of them stood still. A loaded machine runs a process that waits sooner than that.
pub(crate) const SUSPENDED_AFTER: Duration = Duration::from_secs(1);

/// After so long an introduction is tried again for which the master had no descriptor.
pub(crate) const INTRODUCE_PAUSE: Duration = Duration::from_secs(1);

/// How long the master waits for children that it has killed before it gives up on them. The kernel
/// needs longer only for a process in uninterruptible sleep.
pub(crate) const KILL_PATIENCE: Duration = Duration::from_secs(5);

/// What a service manager is asked to wait beyond the longest time that a stop, or a step of a reload, can
/// take: for the master's own end.
pub(crate) const NOTIFY_SLACK: Duration = Duration::from_secs(5);
/// Happenings that the scoreboard remembers: those of a reload of 16 workers.
pub(crate) const JOURNAL_ENTRIES: usize = 64;

/// How long a handshake that was under way when its listener was to be closed is waited for: the
/// initial retransmission time-out of TCP (RFC 6298 section 2.1), so that one lost packet is borne.
pub(crate) const HANDSHAKE_LINGER: Duration = Duration::from_secs(1);

/// The same on loopback, where nothing is lost on the way: the longest time for which Linux puts off the
/// last step of a handshake (`TCP_DELACK_MAX`, 200 ms), and some more.
pub(crate) const HANDSHAKE_LINGER_LOOPBACK: Duration = Duration::from_millis(250);

/// A worker that does not come back to its loop for so long hangs, unless the user says otherwise: what
/// puma grants, and twice what gunicorn does.
pub(crate) const HANG_TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);

#[cfg(feature = "tokio")]
/// So many times in the longest time that it may be away, a worker's runtime shows that it gets on: as
/// often as the timer looks.
pub(crate) const HEARTBEATS: u32 = 4;

/// The least that can be told from a worker that was only not scheduled.
pub(crate) const HANG_TIMEOUT_MIN: Duration = Duration::from_millis(100);

/// A timer that is answered this much too late was not missed by the worker: it stood still.
pub(crate) const STOPPED_AFTER: Duration = Duration::from_millis(500);

/// A worker that has not come back to its loop for so long gets no new connection, under policy
/// `least-busy`, while others can take it. Longer than a turn of a busy worker, shorter than what a user
/// notices; from 0.2 ms to 1 ms made no difference to latencies, and less costs evenness.
pub(crate) const STALL_AFTER_DEFAULT: Duration = Duration::from_millis(1);

/// How often a worker makes sure, under policy `least-busy`, that the connections which the kernel has
/// assigned to it have come: after an attack by SYNs alone nobody else would wake it.
pub(crate) const LOAD_CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// How often a worker looks at its age, its memory and the number of its requests, while it has
/// something to do.
pub(crate) const TERM_INTERVAL: Duration = Duration::from_secs(1);

/// A worker that asked for a successor and still has none asks again.
pub(crate) const SUCCESSOR_PATIENCE: Duration = Duration::from_secs(30);

/// The limits of a worker's term are less by up to one part in so many, by chance, so that workers
/// that began together do not end together. As gunicorn's `max_requests_jitter`.
pub(crate) const TERM_JITTER_PARTS: u64 = 10;

/// How often a retired slot whose worker died before its accept queue was empty is given another
/// worker to empty it.
pub(crate) const RETIRE_ATTEMPTS_MAX: u32 = 3;

/// How long a new master waits for the workers of a dead one to let go of the port. They close it as
/// soon as their accept queues are empty and handshakes are completed, which takes 0.25 to 1 s.
pub(crate) const ORPHAN_WAIT_MAX: Duration = Duration::from_secs(2);

/// Addresses beside the primary one. Each costs every process one descriptor, and a worker two system
/// calls when it begins.
pub(crate) const FURTHER_ADDRESSES_MAX: usize = 64;

/// Addresses for UDP. Each costs the master one descriptor a slot.
pub(crate) const UDP_ADDRESSES_MAX: usize = 8;

/// Octets of the path of a unix-domain socket (unix(7): `sun_path` has 108, of which one ends it).
pub(crate) const UNIX_PATH_BYTES_MAX: usize = 107;

/// Connections to the control socket at a time. Each costs the master one descriptor.
pub(crate) const CONTROL_CLIENTS_MAX: usize = 32;

/// Connections to the control socket that wait for the master to look: the standard library's number.
pub(crate) const CONTROL_BACKLOG: i32 = 128;

/// Octets of one command on the control socket: the longest one has 40.
pub(crate) const CONTROL_LINE_BYTES_MAX: usize = 1024;

/// Bytes of a text between the master and a child, as of an error. Longer ones are cut to fit.
pub(crate) const TEXT_BYTES_MAX: usize = 4096;

/// Octets of one message of the user between the master and a worker. It fits into half of the buffer that
/// Linux gives a socket by default (208 KiB), and what is larger belongs into a file or a database.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// Octets of the buffer of a channel between the master and a child, if the kernel allows so many. What one
/// short message costs there is most of 1 KiB: hundreds of them wait for a master that is not scheduled.
pub(crate) const CHANNEL_BUFFER_BYTES: usize = 1024 * 1024;

/// Octets of messages that wait in the master for one worker that does not read: four of the longest. The
/// sender is told beyond that, because the master must not grow.
pub(crate) const OUTBOX_BYTES_MAX: usize = 4 * MESSAGE_BYTES_MAX;

/// Messages that wait so, because short ones cost memory of their own.
pub(crate) const OUTBOX_MESSAGES_MAX: usize = 1024;

/// Octets of messages of one child that the master takes in a turn.
pub(crate) const MESSAGE_BYTES_PER_TURN: usize = 4 * MESSAGE_BYTES_MAX;

/// Connections that a worker holds at a time unless the user says otherwise; at the limit it stops
/// accepting, and the others or the accept queue take over.
pub(crate) const CONNECTIONS_MAX_DEFAULT: usize = 16_384;

/// Descriptors that a worker leaves to its handler. It stops accepting before it runs out of them: an
/// accept that fails would use up a wake-up that was meant for one worker only.
pub(crate) const DESCRIPTORS_LEFT: usize = 16;

/// How long to wait for a thread to come back from `accept` before it is interrupted again: it may have
/// been on its way there, which takes microseconds.
pub(crate) const ACCEPT_INTERRUPT_INTERVAL: Duration = Duration::from_millis(1);

/// After so many the handler of the signal is set anew: on the way into `accept` one or two suffice.
pub(crate) const ACCEPT_INTERRUPTS_MAX: u32 = 100;

/// Accepts a worker takes from its own accept queue before it looks at its connections again.
pub(crate) const ACCEPTS_PER_WAKE_OWN: usize = 64;

/// Accepts a worker takes from a shared accept queue for each wake-up: one, so that the wake-up that
/// belongs to a sibling is not answered here. nginx does the same unless `multi_accept` is on.
pub(crate) const ACCEPTS_PER_WAKE_SHARED: usize = 1;

/// Pause of accepting after the kernel ran out of descriptors or memory; nginx waits as long.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// How long the dispatcher hands nothing to a worker that gave a socket back, or to anybody when the
/// kernel took none: connections end often.
pub(crate) const HAND_OUT_PAUSE: Duration = Duration::from_millis(50);

/// Chances that are left out, at most, after system calls that found nothing: a useless one costs about half
/// of what a useful one saves.
pub(crate) const EAGER_PAUSE_MAX: u32 = 15;

/// Readiness events taken in one turn of a loop.
pub(crate) const EVENTS_PER_TURN: usize = 256;

/// Bytes of the one read buffer of a worker.
pub(crate) const READ_BUFFER_BYTES: usize = 64 * 1024;

/// Reads from one connection in a turn before the others get theirs.
pub(crate) const READS_PER_TURN: usize = 4;

/// Writes to one connection in a turn before the others get theirs: many that take megabytes into the kernel
/// and no further would hold up all others.
pub(crate) const WRITES_PER_TURN: usize = 2;

/// Bytes of a file that are sent in one call: enough that its own cost is of no account, few enough that
/// the others do not wait long while they are read from a disk.
pub(crate) const SENDFILE_BYTES_PER_CALL: usize = 128 * 1024;

/// Threads of a worker for offloaded work unless the user says otherwise: as many as libuv has.
pub(crate) const OFFLOAD_THREADS_DEFAULT: usize = 4;

/// Jobs that wait for a thread; what comes then is answered with 503. More would be answered after the
/// client has given up.
pub(crate) const OFFLOAD_QUEUE_MAX: usize = 1024;

/// Octets a second that a peer must send of a body, or take of an answer, on average: that of Kestrel.
pub(crate) const RATE_MIN_DEFAULT: u32 = 240;

/// A buffer that grew beyond this for one large answer is given back afterwards.
pub(crate) const KEPT_BUFFER_BYTES: usize = 256 * 1024;

/// How often a worker looks for connections that are past their deadline, unless the shortest of its
/// timeouts is less than four of it; deadlines are this coarse.
pub(crate) const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// A connection that has been silent for so long may give way to new ones when a worker is full: a client
/// that asks without a pause is never silent for so long.
pub(crate) const GIVE_WAY_AFTER: Duration = Duration::from_secs(1);

/// So many parts of a full worker's connections there are; one of them gives way at a time, at most.
pub(crate) const GIVE_WAY_PARTS: usize = 16;

/// Time to send a whole request head, from its first byte or, on a new connection, from the accept.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest silence within a request body.
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a keep-alive connection may stay idle: nginx's default.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// Longest time without the peer taking any byte of an answer.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a connection that we closed for writing is still read from, so that the answer is not
/// destroyed by a reset (RFC 9112 section 9.6); no longer than a peer has to take any of it.
pub(crate) const LINGER_TIMEOUT: Duration = Duration::from_secs(2);

/// While draining: how long a silent connection may still send one request, which is answered as the
/// last one. Longer than a client that asks without a pause is ever away; one that asks every minute
/// is met by the end of its connection once in thousands of drains.
pub(crate) const DRAIN_SILENCE: Duration = Duration::from_secs(1);

/// The part of the grace period, one in so many, for which a drain of the user's own server waits for
/// answers whose heads did not say that they are the last ones. One that never ends must not keep idle
/// connections until all are killed, and half of the period is left for those that come after.
pub(crate) const FINISH_PARTS: u32 = 2;

/// Sockets handed to one worker and not yet acknowledged. Node's cluster allows one; a few let a
/// worker that comes out of a handler go on without waiting for the dispatcher to be scheduled.
pub(crate) const UNACKNOWLEDGED_MAX: usize = 4;

/// A worker's limit of open files is raised to the hard one, but not beyond this: more than any number of
/// connections, and programs that close all descriptors up to their limit still get on.
pub(crate) const OPEN_FILES_RAISED_MAX: u64 = 1024 * 1024;

/// Reports of one child that the master takes before it looks at the others: more than any child has to
/// say, and one that says something all the time holds up nobody.
pub(crate) const REPORTS_PER_TURN: usize = 64;

/// Turns in which what a dead child had said is taken: more reports than a channel's buffer holds. A
/// process that it left behind may go on to speak.
pub(crate) const LAST_TURNS: usize = 32;
