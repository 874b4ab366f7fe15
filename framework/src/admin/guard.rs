//! Who may ask for what.
//!
//! - Where a token is set, it is needed for everything but `/livez`, `/readyz` and the empty page:
//!   as `Authorization: Bearer TOKEN`, or as `?token=TOKEN` in the address.
//! - Where none is set, the `Host` of a request must be an IP address, `localhost`, or the host that the user
//!   named, so that a page whose name was made to point here (DNS rebinding) can read nothing but `/livez` and
//!   `/readyz`: it could not know a token. A proxy in front passes the host on, or sets one of these. On a
//!   unix-domain socket, which no page can reach, any will do.
//! - What changes something must be such that a page from elsewhere cannot send it without being asked
//!   first (a content type of JSON, or the field `X-Evenkeel: 1`), and must not come from elsewhere, by
//!   `Origin` and `Sec-Fetch-Site`, where a browser says so.

use std::net::IpAddr;

use crate::http::Request;
use crate::plan::{Address, Admin};

/// Looks at each request before anything else does.
pub(super) struct Guard {
    admin: Admin,
    /// Workers are another user than the master.
    workers_differ: bool,
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) text: &'static str,
}

const WRONG_HOST: Refusal = Refusal {
    status: 421,
    text: "this host is not served here: ask by IP address, localhost, or the name of the admin address, or \
           set a token (admin_token_file)",
};
const NO_TOKEN: Refusal = Refusal {
    status: 401,
    text: "a token is needed: send Authorization: Bearer TOKEN, or ?token=TOKEN",
};
/// Else whoever takes over a worker could go beyond it.
const WORKERS_COULD: Refusal = Refusal {
    status: 403,
    text: "workers have a user of their own, and any process of this machine can ask here: to change \
           something, set a token (admin_token_file), use a unix-domain socket, or ask the control socket",
};
const FROM_ELSEWHERE: Refusal =
    Refusal { status: 403, text: "this came from a page of another origin" };
const NOT_MEANT: Refusal =
    Refusal { status: 403, text: "send Content-Type: application/json, or X-Evenkeel: 1" };

/// What of a request matters here.
struct Facts<'a> {
    method: &'a str,
    path: &'a str,
    token: Option<&'a [u8]>,
    host: &'a [u8],
    origin: Option<&'a [u8]>,
    fetch_site: Option<&'a [u8]>,
    content_type: Option<&'a [u8]>,
    mark: Option<&'a [u8]>,
}

impl Guard {
    pub(super) fn new(admin: Admin, workers_differ: bool) -> Self {
        Self { admin, workers_differ }
    }

    pub(super) fn admits(&self, request: &Request<'_>) -> Result<(), Refusal> {
        let bearer = request.header("authorization").and_then(bearer);
        self.judge(&Facts {
            method: request.method(),
            path: request.path(),
            token: bearer.or_else(|| request.query_value("token").map(str::as_bytes)),
            host: request.header("host").unwrap_or_default(),
            origin: request.header("origin"),
            fetch_site: request.header("sec-fetch-site"),
            content_type: request.header("content-type"),
            mark: request.header("x-evenkeel"),
        })
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<(), Refusal> {
        let probe = matches!(facts.path, "/livez" | "/readyz");
        match &self.admin.token {
            None if !probe && !self.serves(facts.host) => return Err(WRONG_HOST),
            None => {}
            // The page holds no secret, and asks for the token itself.
            Some(_) if probe || facts.path == "/" => {}
            Some(token) if facts.token.is_some_and(|said| token.is(said)) => {}
            Some(_) => return Err(NO_TOKEN),
        }
        if matches!(facts.method, "GET" | "HEAD") {
            return Ok(());
        }
        if self.workers_differ && self.admin.token.is_none() && self.admin.address.tcp().is_some() {
            return Err(WORKERS_COULD);
        }
        if facts.fetch_site.is_some_and(|site| !matches!(site, b"same-origin" | b"none"))
            || facts.origin.is_some_and(|origin| !is_of(origin, facts.host))
        {
            return Err(FROM_ELSEWHERE);
        }
        let json = facts.content_type.is_some_and(is_json);
        if json || facts.mark == Some(b"1") { Ok(()) } else { Err(NOT_MEANT) }
    }

    fn serves(&self, host: &[u8]) -> bool {
        if matches!(self.admin.address, Address::Unix(_)) {
            return true;
        }
        let Ok(host) = std::str::from_utf8(host) else { return false };
        let name = without_port(host);
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        bare.parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || !self.admin.host.is_empty() && name.eq_ignore_ascii_case(&self.admin.host)
    }
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_first_chunk::<7>()?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token.trim_ascii())
}

fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|octet| *octet == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

/// An origin is a scheme and a host, with a port that is not the scheme's own (RFC 6454).
fn is_of(origin: &[u8], host: &[u8]) -> bool {
    let rest = [&b"http://"[..], b"https://"].into_iter().find_map(|it| origin.strip_prefix(it));
    rest.is_some_and(|rest| !host.is_empty() && rest.eq_ignore_ascii_case(host))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|octet| octet.is_ascii_digit()) => {
            // The last colon of an address in brackets is none before a port.
            if name.starts_with('[') && !name.ends_with(']') { host } else { name }
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        let address = "127.0.0.1:9000".parse().unwrap();
        Guard::new(Admin { address, host: "admin.example".into(), token: None }, false)
    }

    fn post() -> Facts<'static> {
        Facts {
            method: "POST",
            path: "/api/reload",
            token: None,
            host: b"127.0.0.1:9000",
            origin: None,
            fetch_site: None,
            content_type: Some(b"application/json; charset=utf-8"),
            mark: None,
        }
    }

    #[test]
    fn a_host_must_be_an_address_or_a_name_of_ours() {
        for host in
            ["127.0.0.1", "10.0.0.1:80", "[::1]:9000", "[::1]", "localhost:9000", "Admin.Example:1"]
        {
            assert!(guard().serves(host.as_bytes()), "{host}");
        }
        for host in
            ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "[::1", "a:b"]
        {
            assert!(!guard().serves(host.as_bytes()), "{host}");
        }
    }

    #[test]
    fn what_workers_can_reach_changes_nothing_if_they_are_not_to() {
        let mut guard = Guard { workers_differ: true, ..guard() };
        assert_eq!(guard.judge(&post()), Err(WORKERS_COULD));
        assert_eq!(guard.judge(&Facts { method: "GET", ..post() }), Ok(()));
        guard.admin.address = "unix:/run/admin.sock".parse().unwrap();
        assert_eq!(guard.judge(&post()), Ok(()));
    }

    #[test]
    fn a_change_must_come_from_here_and_be_meant() {
        let judge = |facts: Facts<'_>| guard().judge(&facts);
        assert_eq!(judge(post()), Ok(()));
        assert_eq!(judge(Facts { origin: Some(b"http://127.0.0.1:9000"), ..post() }), Ok(()));
        assert_eq!(judge(Facts { fetch_site: Some(b"same-origin"), ..post() }), Ok(()));
        assert_eq!(judge(Facts { content_type: None, mark: Some(b"1"), ..post() }), Ok(()));
        for origin in
            ["null", "http://evil.example", "http://127.0.0.1:9001", "http://127.0.0.1", ""]
        {
            let facts = Facts { origin: Some(origin.as_bytes()), ..post() };
            assert_eq!(judge(facts), Err(FROM_ELSEWHERE), "{origin}");
        }
        for site in ["cross-site", "same-site", ""] {
            let facts = Facts { fetch_site: Some(site.as_bytes()), ..post() };
            assert_eq!(judge(facts), Err(FROM_ELSEWHERE), "{site}");
        }
        for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx"]
        {
            let facts = Facts { content_type: Some(content_type.as_bytes()), ..post() };
            assert_eq!(judge(facts), Err(NOT_MEANT), "{content_type}");
        }
        assert_eq!(judge(Facts { content_type: None, ..post() }), Err(NOT_MEANT));
    }

    #[test]
    fn a_bearer_is_read_in_any_case() {
        assert_eq!(bearer(b"Bearer abc"), Some(&b"abc"[..]));
        assert_eq!(bearer(b"bearer  abc "), Some(&b"abc"[..]));
        assert_eq!((bearer(b"Basic abc"), bearer(b"Bearer")), (None, None));
    }
}
