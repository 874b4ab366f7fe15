use std::net::SocketAddr;

use ppp::HeaderResult;
use ppp::v1::Addresses as Addresses1;
use ppp::v2::{Addresses as Addresses2, Command};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

#[test]
fn nothing_yet_is_no_fault_and_a_request_is_no_header() {
    assert_eq!(read(b""), Ok(None));
    for bytes in [&b"GET / HTTP/1.1\r\n"[..], b"\n", b"\x16\x03\x01", b"\0", b" PROXY UNKNOWN\r\n"]
    {
        assert!(read(bytes).is_err(), "{bytes:?}");
        assert!(read(&bytes[..1]).is_err(), "{bytes:?}");
    }
    // Methods that begin with a P, and the empty line that may stand before a request.
    for bytes in [&b"PO"[..], b"PU", b"PA", b"PROP", b"\r\nG", b"\r\n\r\n\r"] {
        assert!(read(bytes).is_err(), "{bytes:?}");
    }
}

/// Lines, most of them well formed.
fn lines() -> impl Strategy<Value = Vec<u8>> {
    let four = any::<[u8; 4]>().prop_map(|octets| std::net::Ipv4Addr::from(octets).to_string());
    let six = any::<[u16; 8]>().prop_map(|groups| std::net::Ipv6Addr::from(groups).to_string());
    let line = |family: &'static str, address: BoxedStrategy<String>| {
        (address.clone(), address, any::<u16>(), any::<u16>()).prop_map(
            move |(source, destination, from, to)| {
                format!("PROXY {family} {source} {destination} {from} {to}\r\n")
            },
        )
    };
    let line = prop_oneof![
        line("TCP4", four.boxed()),
        line("TCP6", prop_oneof![six, "[0-9a-f]{1,4}::[0-9a-f]{0,2}"].boxed()),
        "PROXY UNKNOWN( [ -~]{0,30})?\r\n",
    ];
    line.prop_map(String::into_bytes)
}

/// A header, or what little changes make of it, and something behind it.
fn inputs() -> impl Strategy<Value = Vec<u8>> {
    let octet = prop_oneof![any::<u8>(), select(b"\r\n 0:.1P\x11\x20\x21\0".to_vec())];
    let changes = vec((any::<Index>(), octet, 0u8..4), 0..3);
    let behind = vec(any::<u8>(), 0..8);
    (prop_oneof![lines(), v2::tests::headers()], changes, behind).prop_map(
        |(mut bytes, changes, behind)| {
            for (place, octet, change) in changes {
                let at = place.index(bytes.len());
                match change {
                    0 => bytes.insert(at, octet),
                    1 if bytes.len() > 1 => drop(bytes.remove(at)),
                    _ => bytes[at] = octet,
                }
            }
            bytes.extend(behind);
            bytes
        },
    )
}

/// What the crate ppp makes of it: octets of the header and source.
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
    let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let words = line.split(|byte| *byte == b' ').count();
    (line.starts_with(b"PROXY UNKNOWN") && words > 6) || bytes.get(12) == Some(&0x20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_accepted_a_second_implementation_reads_alike(bytes in inputs()) {
        if let Ok(Some(proxied)) = read(&bytes) {
            let second = second_opinion(&bytes);
            if second.is_some() || !is_beyond_the_second(&bytes) {
                prop_assert_eq!(second, Some((proxied.length, proxied.source)), "{:?}", bytes);
            }
        }
    }

    #[test]
    fn octets_that_come_one_by_one_say_the_same_as_all_at_once(bytes in inputs()) {
        let last = read(&bytes);
        let decided = (0..=bytes.len()).find(|end| read(&bytes[..*end]) != Ok(None));
        let Some(decided) = decided else { return Ok(()) };
        if let Ok(Some(proxied)) = last {
            prop_assert_eq!(decided, proxied.length);
        }
        for end in decided..=bytes.len() {
            match last {
                Ok(_) => prop_assert_eq!(read(&bytes[..end]), last),
                Err(_) => prop_assert!(read(&bytes[..end]).is_err(), "{:?}", &bytes[..end]),
            }
        }
    }

    #[test]
    fn any_octets_are_read_as_something(bytes: Vec<u8>, of_header in any::<bool>()) {
        let start = if of_header { &v2::SIGNATURE[..] } else { b"PROXY " };
        let _ = (read(&bytes), read(&[start, &bytes].concat()));
    }
}
