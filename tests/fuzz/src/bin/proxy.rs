//! The header of the PROXY protocol, both versions.

#![no_main]

use std::net::SocketAddr;

use evenkeel::internals::{Terms, converse_on, proxied};
use libfuzzer_sys::fuzz_target;
use ppp::HeaderResult;
use ppp::v1::Addresses as Addresses1;
use ppp::v2::{Addresses as Addresses2, Command};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

fuzz_target!(|bytes: &[u8]| {
    let whole = proxied(bytes);
    decided_once(bytes, whole);
    let Ok(Some((length, source))) = whole else { return };
    if !is_beyond_the_second(bytes) {
        assert_eq!(second_opinion(bytes), Some((length, source)));
    }
    let input = [&bytes[..length], REQUEST].concat();
    let terms = Terms { proxied: true, ..Terms::default() };
    let octets: Vec<&[u8]> = input.chunks(1).collect();
    for said in [converse_on(&terms, &[&input]), converse_on(&terms, &octets)] {
        assert_eq!((said.requests.len(), said.refusal, said.remote), (1, None, source));
    }
});

/// What the first octets have decided the others do not change, and a header is decided by its last.
fn decided_once(bytes: &[u8], whole: Result<Option<(usize, Option<SocketAddr>)>, u16>) {
    for end in 0..=bytes.len() {
        match proxied(&bytes[..end]) {
            Ok(None) => {}
            Ok(Some((length, source))) => {
                assert_eq!(length, end);
                assert_eq!(whole, Ok(Some((length, source))));
                break;
            }
            Err(_) => {
                assert!(whole.is_err());
                break;
            }
        }
    }
}

/// What the crate ppp makes of it.
fn second_opinion(bytes: &[u8]) -> Option<(usize, Option<SocketAddr>)> {
    match HeaderResult::parse(bytes) {
        HeaderResult::V1(Ok(header)) => {
            let source = match header.addresses {
                Addresses1::Tcp4(ip) => Some(SocketAddr::from((ip.source_address, ip.source_port))),
                Addresses1::Tcp6(ip) => Some(SocketAddr::from((ip.source_address, ip.source_port))),
                Addresses1::Unknown => None,
            };
            Some((header.header.len(), source))
        }
        HeaderResult::V2(Ok(header)) => {
            let source = match header.addresses {
                _ if header.command == Command::Local => None,
                Addresses2::IPv4(ip) => Some(SocketAddr::from((ip.source_address, ip.source_port))),
                Addresses2::IPv6(ip) => Some(SocketAddr::from((ip.source_address, ip.source_port))),
                Addresses2::Unix(_) | Addresses2::Unspecified => None,
            };
            Some((header.as_bytes().len(), source))
        }
        _ => None,
    }
}

/// ppp counts the words behind `UNKNOWN`, and looks at the family of a connection of the proxy's own;
/// the specification wants both to be ignored.
fn is_beyond_the_second(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PROXY UNKNOWN") || bytes.get(12) == Some(&0x20)
}
