//! The limits of one message and one connection.

/// Octets of a request line and its header fields. nginx takes up to 4 × 8 KiB, Node 16 KiB.
pub(crate) const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Header fields of one request, as in Apache httpd. Its trailer may have as many.
pub(crate) const HEADERS_MAX: usize = 100;

/// Octets of one request body, which is held in memory: nginx's default.
pub(crate) const BODY_BYTES_MAX: u64 = 1024 * 1024;

/// Octets of the line that begins a chunk. Extensions have no use that anybody knows of.
pub(crate) const CHUNK_LINE_BYTES_MAX: usize = 256;

/// Octets of all trailer fields of one request.
pub(crate) const TRAILER_BYTES_MAX: usize = 4 * 1024;

/// Ranges of one request that are heeded; with more the field is ignored (RFC 9110 section 14.2). Each
/// costs a head and two system calls, so thousands would be an attack, as on Apache httpd in 2011
/// (CVE-2011-3192); players and viewers of documents ask for a few.
pub(crate) const RANGES_MAX: usize = 16;

/// Age in seconds from which on a file's time of modification is believed to change with the next
/// writing: one second is asked for by RFC 9110 section 8.8.2.2, and one is lost to rounding.
pub(crate) const SETTLED_AFTER_SECONDS: u64 = 2;

/// Octets of a PROXY protocol header in text, with its CRLF: the longest that the specification has.
pub(crate) const PROXY_LINE_BYTES_MAX: usize = 107;

/// Octets of what follows the fixed part of a binary PROXY protocol header: the longest addresses (216)
/// and 2 KiB for what a proxy adds, such as the name in a certificate. The specification wants all of a
/// header to fit into 536.
pub(crate) const PROXY_BLOCK_BYTES_MAX: usize = 216 + 2048;

/// Requests on one connection, so that a long-lived one meets the balance again some day.
pub(crate) const REQUESTS_MAX: u32 = 1_000_000;

/// Requests of one connection that are answered before the other connections get their turn. Clients that
/// pipeline send some tens.
pub(crate) const REQUESTS_PER_TURN: u32 = 64;

/// Octets of answers that are gathered for one write before they are sent.
pub(crate) const OUTPUT_HIGH_WATER_BYTES: usize = 64 * 1024;

/// Octets that a thread may have written of a body before the client takes them.
pub(crate) const PIPE_BYTES_MAX: usize = 64 * 1024;

/// The limits of requests. Make one from [`Limits::default`] and change what you like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Most bytes of a request line and its header fields. Default: 16 KiB. A longer one is refused with
    /// 414 or 431.
    pub head_bytes_max: usize,
    /// Most bytes of a body that is held in memory. Default: 1 MiB. A longer one is refused with 413. For a
    /// body that is taken as it comes see [`BodyPlan`](crate::BodyPlan).
    pub body_bytes_max: u64,
    /// Most requests on one connection, which is closed with the last answer. Default: 1,000,000.
    pub requests_max: u32,
    /// Most bytes of answers that are gathered for one write. Default: 64 KiB.
    pub output_high_water_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes_max: HEAD_BYTES_MAX,
            body_bytes_max: BODY_BYTES_MAX,
            requests_max: REQUESTS_MAX,
            output_high_water_bytes: OUTPUT_HIGH_WATER_BYTES,
        }
    }
}
