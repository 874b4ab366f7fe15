use proptest::prelude::*;
use proptest::sample::select;

use super::super::super::refusal::Refusal;
use super::super::read as read_header;
use super::*;

fn read(text: &str) -> Result<Option<Proxied>, Refusal> {
    read_header(text.as_bytes())
}

#[test]
fn lines_are_read_and_what_follows_is_left() {
    let longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    for (line, source) in [
        ("PROXY TCP4 192.0.2.1 192.0.2.11 56324 443\r\n", Some("192.0.2.1:56324")),
        ("PROXY TCP4 255.255.255.255 0.0.0.0 0 65535\r\n", Some("255.255.255.255:0")),
        ("PROXY TCP6 2001:DB8::1 ::1 1 80\r\n", Some("[2001:db8::1]:1")),
        ("PROXY TCP6 :: 1:2:3:4:5:6:7:8 1 80\r\n", Some("[::]:1")),
        ("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 80\r\n", Some("[::ffff:192.0.2.1]:1")),
        (
            &format!("PROXY TCP6 {longest} {longest} 65535 65535\r\n"),
            Some(&*format!("[{longest}]:65535")),
        ),
        ("PROXY UNKNOWN\r\n", None),
        ("PROXY UNKNOWN \r\n", None),
        ("PROXY UNKNOWN what ever  this\tis\r\n".replace('\t', "~").as_str(), None),
        (&format!("PROXY UNKNOWN {longest} {longest} 65535 65535\r\n"), None),
    ] {
        let source = source.map(|source| source.parse().expect("an address"));
        let expected = Proxied { length: line.len(), source };
        for behind in ["", "\r\n", "GET / HTTP/1.1\r\n", "PROXY UNKNOWN\r\n"] {
            assert_eq!(read(&format!("{line}{behind}")), Ok(Some(expected)), "{line:?}");
        }
        for end in 0..line.len() {
            assert_eq!(read(&line[..end]), Ok(None), "{:?}", &line[..end]);
        }
    }
}

#[test]
fn anything_else_is_refused_with_the_first_octet_that_is_wrong() {
    for (right, wrong) in [
        ("", "GET"),
        ("", " PROXY"),
        ("", "proxy"),
        ("P", "OST"),
        ("PROX", "y"),
        ("PROXY", "\t"),
        ("PROXY", "\r\n"),
        ("PROXY ", " TCP4"),
        ("PROXY TCP", "5"),
        ("PROXY TCP", "\r\n"),
        ("PROXY U", "DP4"),
        ("PROXY TCP4", "\r\n"),
        ("PROXY TCP4 ", " 192.0.2.1"),
        ("PROXY TCP4 ", "::1"),
        ("PROXY TCP4 1.2.3.", " "),
        ("PROXY TCP4 1.2.3.4", "."),
        ("PROXY TCP4 25", "6"),
        ("PROXY TCP4 1.0", "1"),
        ("PROXY TCP4 1.2.3", " 1.2.3.4"),
        ("PROXY TCP4 1.2.3.4", "\t"),
        ("PROXY TCP4 1.2.3.4", "\r\n"),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 ", "-1"),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 ", "+1"),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 0", "1"),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 6553", "6"),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 1", "\r\n"),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 1 ", "\r\n"),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 1 2", "\n"),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 1 2", " "),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r", "\r"),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r", " \n"),
        ("PROXY TCP6 ", "1.2.3.4"),
        ("PROXY TCP6 :", "1"),
        ("PROXY TCP6 ::", ":"),
        ("PROXY TCP6 1::2:", ":"),
        ("PROXY TCP6 1234", "5"),
        ("PROXY TCP6 ::", "g"),
        ("PROXY TCP6 ::1", "%eth0"),
        ("PROXY TCP6 1:2:3:4:5:6:7:8", ":"),
        ("PROXY TCP6 1:2:3:4:5:6:7", " ::1"),
        ("PROXY TCP6 ::", "[::1]"),
        ("PROXY UNKNOWN", "S"),
        ("PROXY UNKNOWN", "\n"),
        ("PROXY UNKNOWN ", "\t"),
        ("PROXY UNKNOWN a", "\u{e9}"),
        ("PROXY UNKNOWN\r", "x"),
    ] {
        // A word that only its end gives away.
        let first = wrong.find([' ', '\r', '.']).filter(|at| *at > 0).unwrap_or(0);
        let begun = format!("{right}{}", &wrong[..first]);
        assert_eq!(read(right), Ok(None), "{right:?}");
        let refused = read(&format!("{right}{wrong}"));
        assert_eq!(refused.map_err(|refusal| refusal.status), Err(400), "{right:?} {wrong:?}");
        let end = wrong[first..].chars().next().map_or(0, char::len_utf8);
        let shortest = format!("{begun}{}", &wrong[first..first + end]);
        assert!(read(&shortest).is_err(), "{shortest:?}");
    }
}

#[test]
fn a_line_has_at_most_107_octets() {
    let line = |length: usize| format!("PROXY UNKNOWN {}\r\n", "x".repeat(length - 16));
    assert_eq!(read(&line(107)), Ok(Some(Proxied { length: 107, source: None })));
    assert!(read(&line(108)).is_err());
    assert_eq!(read(&line(108)[..105]), Ok(None));
    assert!(read(&line(108)[..106]).is_err(), "no room for CRLF");
    assert_eq!(read(&line(107)[..106]), Ok(None), "its CR is there");
}

/// The first of these that can follow leads to the end.
const GOES_ON: &str = "\n\r :0.1PROXYTC46UNKW";

proptest! {
    #[test]
    fn addresses_and_ports_come_back(
        source: SocketAddr, destination: SocketAddr,
    ) {
        let family = match (source, destination) {
            (SocketAddr::V4(_), SocketAddr::V4(_)) => "TCP4",
            (SocketAddr::V6(_), SocketAddr::V6(_)) => "TCP6",
            _ => return Ok(()),
        };
        let (from, to) = (source.ip(), destination.ip());
        let line = format!("PROXY {family} {from} {to} {} {}\r\n", source.port(), destination.port());
        let source = Some(SocketAddr::new(from, source.port()));
        prop_assert_eq!(read(&line), Ok(Some(Proxied { length: line.len(), source })));
    }

    #[test]
    fn what_is_not_refused_can_be_completed(
        start in select(vec!["PROXY TCP4 ", "PROXY TCP6 ", "PROXY TCP6 ::", "PROXY UNKNOWN", "P"]),
        middle in "[0-9a-f.: ]{0,10}|[A-Z ]{0,10}|[0-9]{1,3}(\\.[0-9]{1,3}){3} [0-9.]{0,4}",
    ) {
        let mut text = format!("{start}{middle}");
        while let Ok(header) = read(&text) {
            if header.is_some() {
                return Ok(());
            }
            let next = GOES_ON.chars().find(|next| read(&format!("{text}{next}")).is_ok());
            text.push(next.ok_or_else(|| TestCaseError::fail(format!("a dead end: {text:?}")))?);
        }
    }
}
