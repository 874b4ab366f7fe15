use proptest::collection::vec;
use proptest::prelude::*;

use super::super::read as read_header;
use super::*;

fn header(version_command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).expect("fits").to_be_bytes();
    [&SIGNATURE[..], &[version_command, family], &length, block].concat()
}

fn element(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).expect("fits").to_be_bytes();
    [&[kind], &length[..], value].concat()
}

fn refused(bytes: &[u8]) -> bool {
    read_header(bytes).is_err_and(|refusal| refusal.status == 400)
}

const INET: [u8; 12] = [192, 0, 2, 1, 192, 0, 2, 2, 0x1f, 0x90, 0, 80];

/// One that AWS published for its load balancers: from 172.31.7.113:51442, with a checksum, an
/// identifier, and 36 octets of nothing.
fn from_aws() -> Vec<u8> {
    let addresses = [172, 31, 7, 113, 172, 31, 10, 31, 0xc8, 0xf2, 0, 80];
    let checksum = element(CRC32C, &[0xe8, 0xd6, 0x89, 0x2d]);
    let identifier = element(0xea, b"\x01vpce-08d2bf15fac5001c9");
    header(0x21, 0x11, &[&addresses[..], &checksum, &identifier, &element(4, &[0; 36])].concat())
}

#[test]
fn the_checksum_is_that_of_the_rfc() {
    assert_eq!(crc32c(b"123456789".iter()), 0xe306_9283);
    // RFC 3720 appendix B.4.
    assert_eq!(crc32c([0; 32].iter()), 0x8a91_36aa);
    assert_eq!(crc32c([0xff; 32].iter()), 0x62a8_ab43);
}

#[test]
fn headers_are_read_and_what_follows_is_left() {
    let inet6 = [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[1], &[0xfe; 16], &[0, 1, 0, 2]].concat();
    let unix = [b'/'; 216];
    let element = element(0xe0, b"mine");
    for (bytes, source) in [
        (header(0x21, 0x11, &INET), Some("192.0.2.1:8080")),
        (header(0x21, 0x12, &INET), Some("192.0.2.1:8080")),
        (header(0x21, 0x11, &[&INET[..], &element, &element].concat()), Some("192.0.2.1:8080")),
        (header(0x21, 0x21, &inet6), Some("[2001:db8::1]:1")),
        (header(0x21, 0x22, &[&inet6[..], &element].concat()), Some("[2001:db8::1]:1")),
        (header(0x21, 0x31, &unix), None),
        (header(0x21, 0x32, &[&unix[..], &element].concat()), None),
        (header(0x21, 0x00, &[]), None),
        (header(0x21, 0x00, &element), None),
        (header(0x20, 0x00, &[]), None),
        (header(0x20, 0x11, &INET), None),
        (header(0x20, 0x11, &[]), None),
        (header(0x20, 0xff, b"to be discarded"), None),
        (from_aws(), Some("172.31.7.113:51442")),
    ] {
        let source = source.map(|source| source.parse().expect("an address"));
        let expected = Proxied { length: bytes.len(), source };
        for behind in [&b""[..], b"GET / HTTP/1.1\r\n", &SIGNATURE] {
            let all = [bytes.as_slice(), behind].concat();
            assert_eq!(read_header(&all), Ok(Some(expected)), "{bytes:x?}");
        }
        for end in 0..bytes.len() {
            assert_eq!(read_header(&bytes[..end]), Ok(None), "{:x?}", &bytes[..end]);
        }
    }
}

#[test]
fn anything_else_is_refused_as_soon_as_it_is_seen() {
    for at in 0..SIGNATURE.len() {
        let mut bytes = SIGNATURE;
        bytes[at] ^= 1;
        assert!(refused(&bytes[..=at]), "{at}");
    }
    for version_command in (0..=u8::MAX).filter(|octet| ![0x20, 0x21].contains(octet)) {
        assert!(refused(&header(version_command, 0, &[])[..13]), "{version_command:x}");
    }
    let families = [0x00, 0x11, 0x12, 0x21, 0x22, 0x31, 0x32];
    for family in (0..=u8::MAX).filter(|octet| !families.contains(octet)) {
        assert!(refused(&header(0x21, family, &[0; 216])[..14]), "{family:x}");
    }
    for (family, bytes) in [(0x11, 12), (0x21, 36), (0x31, 216)] {
        assert!(refused(&header(0x21, family, &vec![0; bytes - 1])[..16]), "{family:x}");
    }
}

#[test]
fn a_header_that_is_longer_than_the_limit_is_refused() {
    for version_command in [0x20, 0x21] {
        let filled = |bytes: usize| {
            header(
                version_command,
                0x11,
                &[&INET[..], &element(4, &vec![0; bytes - 12 - 3])].concat(),
            )
        };
        let longest = filled(PROXY_BLOCK_BYTES_MAX);
        assert!(read_header(&longest).is_ok_and(|header| header.is_some()));
        assert!(refused(&filled(PROXY_BLOCK_BYTES_MAX + 1)[..16]));
    }
    assert!(refused(&[&SIGNATURE[..], &[0x21, 0x11, 0xff, 0xff]].concat()));
}

#[test]
fn elements_must_fill_the_header_and_a_checksum_must_be_right() {
    let with = |elements: &[u8]| header(0x21, 0x11, &[&INET[..], elements].concat());
    for elements in [&[4][..], &[4, 0], &[4, 0, 1], &[4, 0, 0, 4], &[4, 0xff, 0xff, 0]] {
        assert!(refused(&with(elements)), "{elements:x?}");
    }
    assert!(refused(&with(&element(CRC32C, &[0; 3]))));
    assert!(refused(&with(&element(CRC32C, &[0; 5]))));
    let twice = with(&element(CRC32C, &[0; 4]).repeat(2));
    assert!(refused(&twice[..twice.len() - 4]));
    let right = from_aws();
    for bit in 0..8 * right.len() {
        let mut wrong = right.clone();
        wrong[bit / 8] ^= 1 << (bit % 8);
        let read = read_header(&wrong);
        // A header of the proxy's own is not looked at, and one can say that it has no checksum.
        let unchecked = bit == 8 * 12 || bit / 8 == FIXED + INET.len();
        assert_eq!(read.is_ok_and(|header| header.is_some()), unchecked, "bit {bit}");
    }
}

/// Any header with elements, with the right checksum if there is to be one.
pub(crate) fn headers() -> impl Strategy<Value = Vec<u8>> {
    let family = proptest::sample::select(vec![0x00u8, 0x11, 0x12, 0x21, 0x22, 0x31, 0x32]);
    let elements = vec((4u8.., vec(any::<u8>(), 0..20)), 0..4);
    (any::<bool>(), family, vec(any::<u8>(), 216), elements, any::<bool>()).prop_map(
        |(local, family, addresses, elements, checked)| {
            let room = Family::of(family).expect("known").bytes();
            let mut block = addresses[..room].to_vec();
            let place = FIXED + block.len() + 3;
            if checked {
                block.extend(element(CRC32C, &[0; 4]));
            }
            for (kind, value) in elements {
                block.extend(element(kind, &value));
            }
            let mut header = header(if local { 0x20 } else { 0x21 }, family, &block);
            if checked {
                let sum = crc32c(header.iter()).to_be_bytes();
                header[place..place + 4].copy_from_slice(&sum);
            }
            header
        },
    )
}

proptest! {
    #[test]
    fn every_well_formed_header_is_read(bytes in headers()) {
        let read = read_header(&bytes).map(|header| header.map(|header| header.length));
        prop_assert_eq!(read, Ok(Some(bytes.len())));
    }
}
