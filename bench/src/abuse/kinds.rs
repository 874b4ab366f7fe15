//! The ways to be a nuisance.

use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

use anyhow::{Result, ensure};

use super::greedy;
use super::held::{hold_idle, hold_stalled, send_slowly};
use super::torrent::{Then, repeat, send_without_end};

/// One of them.
pub(super) struct Abuse {
    pub(super) name: &'static str,
    /// On this port until told to stop; how many connections it took.
    pub(super) run: fn(u16, &AtomicBool) -> Result<u64>,
}

pub(super) const SLOW_HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ";
pub(super) const SLOW_BODY: &[u8] =
    b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
const CHUNKED: &str = "POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

const MIB: usize = 1 << 20;

const ALL: [Abuse; 18] = [
    Abuse { name: "nobody misbehaves", run: |_, _| Ok(0) },
    Abuse {
        name: "slow heads, octet by octet",
        run: |port, done| Ok(send_slowly(port, done, SLOW_HEAD)),
    },
    Abuse {
        name: "slow bodies, octet by octet",
        run: |port, done| Ok(send_slowly(port, done, SLOW_BODY)),
    },
    Abuse {
        name: "stalled readers, with small windows",
        run: |port, done| Ok(hold_stalled(port, done)),
    },
    Abuse { name: "9,000 idle connections", run: hold_idle },
    Abuse {
        name: "connections that are reset at once",
        run: |port, done| repeat(port, done, b"", Then::Reset),
    },
    Abuse {
        name: "requests that are reset at once",
        run: |port, done| repeat(port, done, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", Then::Reset),
    },
    Abuse {
        name: "a header field of 1 MB",
        run: |port, done| repeat(port, done, &LONG_HEAD, Then::Read),
    },
    Abuse {
        name: "a chunk extension of 1 MB",
        run: |port, done| repeat(port, done, &LONG_EXTENSION, Then::Read),
    },
    Abuse {
        name: "200,000 trailer fields",
        run: |port, done| repeat(port, done, &TRAILERS, Then::Read),
    },
    Abuse {
        name: "1 TB announced, by length",
        run: |port, done| {
            let said = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000\r\n\r\n";
            repeat(port, done, said, Then::Read)
        },
    },
    Abuse {
        name: "1 TB announced, by a chunk's size",
        run: |port, done| {
            let said =
                b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\ne8d4a51000\r\n";
            repeat(port, done, said, Then::Read)
        },
    },
    Abuse {
        name: "1,000 requests in one segment",
        run: |port, done| repeat(port, done, &PIPELINE, Then::Read),
    },
    Abuse { name: "requests without end, pipelined", run: greedy::run },
    Abuse {
        name: "one octet a segment",
        run: |port, done| {
            let said = b"GET / HTTP/1.1\r\nHost: a\r\nX-Some: more\r\nConnection: close\r\n\r\n";
            repeat(port, done, said, Then::OctetsAndRead)
        },
    },
    Abuse {
        name: "the end within a request",
        run: |port, done| repeat(port, done, SLOW_BODY, Then::Read),
    },
    Abuse { name: "octets by chance", run: |port, done| repeat(port, done, &NOISE, Then::Read) },
    Abuse {
        name: "bodies without end, one octet a chunk",
        run: |port, done| send_without_end(port, done, CHUNKED.as_bytes(), &SMALL_CHUNKS),
    },
];

static LONG_HEAD: LazyLock<Vec<u8>> =
    LazyLock::new(|| format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(MIB)).into());
static LONG_EXTENSION: LazyLock<Vec<u8>> =
    LazyLock::new(|| format!("{CHUNKED}1;{}\r\nx\r\n0\r\n\r\n", "x".repeat(MIB)).into());
static TRAILERS: LazyLock<Vec<u8>> =
    LazyLock::new(|| format!("{CHUNKED}0\r\n{}\r\n", "X: y\r\n".repeat(200_000)).into());
static PIPELINE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let request = "GET / HTTP/1.1\r\nHost:a\r\n\r\n";
    let last = "GET / HTTP/1.1\r\nHost:a\r\nConnection: close\r\n\r\n";
    (request.repeat(999) + last).into()
});
/// As long as the greeting of TLS, with the octet that it begins with.
static NOISE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut chance = fastrand::Rng::with_seed(1);
    [0x16].into_iter().chain(std::iter::repeat_with(|| chance.u8(..)).take(516)).collect()
});
static SMALL_CHUNKS: LazyLock<Vec<u8>> = LazyLock::new(|| "1\r\nx\r\n".repeat(10_000).into());

/// Those whose name begins so.
pub(super) fn named(prefix: &str) -> Result<Vec<&'static Abuse>> {
    let found: Vec<&Abuse> = ALL.iter().filter(|abuse| abuse.name.starts_with(prefix)).collect();
    let names: Vec<&str> = ALL.iter().map(|abuse| abuse.name).collect();
    ensure!(!found.is_empty(), "no abuse's name begins with {prefix:?}: {}", names.join(", "));
    Ok(found)
}
