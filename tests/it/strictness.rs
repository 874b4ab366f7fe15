//! RFC 9110 and RFC 9112, rule by rule: octets in, a status out. The table in the docs of
//! `evenkeel::conformance` names these tests.

mod answers;
mod chunks;
mod fields;
mod framing;
mod host;
mod limits;
mod octets;
mod request_line;
mod targets;

use evenkeel::internals::{Conversation, converse};

/// Heard by the handler, and answered with 200.
const ACCEPTED: u16 = 200;

/// The status that each message is answered with, however it is cut. What is refused is heard by
/// nobody, ends the connection and hides what follows it.
fn hold<T: AsRef<[u8]>>(cases: impl IntoIterator<Item = (&'static str, T, u16)>) {
    for (rule, message, expected) in cases {
        let message = message.as_ref();
        let shown = String::from_utf8_lossy(&message[..message.len().min(200)]).into_owned();
        let followed = [message, b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
        let octets: Vec<&[u8]> = followed.chunks(1).collect();
        for said in [converse(&[&followed]), converse(&octets)] {
            assert_eq!(status(&said), expected, "{rule}: {shown:?}");
            if expected == ACCEPTED {
                let next = said.requests.get(1).map(|request| request.target.as_str());
                assert_eq!(next, Some("/next"), "{rule}: {shown:?}");
            } else {
                assert!(said.closed && said.requests.is_empty(), "{rule}: {shown:?}");
                assert!(says_close(&said), "{rule}: {shown:?}");
            }
        }
    }
}

/// Of the first answer.
fn status(said: &Conversation) -> u16 {
    let text = text(said);
    let rest = text.strip_prefix("HTTP/1.1 100 Continue\r\n\r\n").unwrap_or(&text);
    let line = rest.strip_prefix("HTTP/1.1 ").unwrap_or_default();
    line.split(' ').next().unwrap_or_default().parse().unwrap_or(0)
}

fn says_close(said: &Conversation) -> bool {
    text(said).contains("\r\nConnection: close\r\n")
}

fn text(said: &Conversation) -> String {
    String::from_utf8_lossy(&said.output).into_owned()
}

/// A request of HTTP/1.1 with these fields besides `Host`, each with its line end.
fn with(fields: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}
