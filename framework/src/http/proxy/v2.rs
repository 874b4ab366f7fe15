//! Version 2: sixteen octets, addresses, and what else the proxy knows (section 2.2).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::super::limits::PROXY_BLOCK_BYTES_MAX;
use super::super::refusal::{Refusal, bad};
use super::{Proxied, Stop};

pub(super) const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Octets before the addresses.
const FIXED: usize = 16;

/// The type of an element that holds a checksum of the header (section 2.2.3).
const CRC32C: u8 = 0x03;

/// Reads the header.
pub(super) fn read(bytes: &[u8]) -> Result<Proxied, Stop> {
    let begun = bytes.len().min(SIGNATURE.len());
    if bytes[..begun] != SIGNATURE[..begun] {
        return Err(bad("a malformed signature of the PROXY protocol").into());
    }
    let octet = |at: usize| bytes.get(at).copied().ok_or(Stop::More);
    let proxied = match octet(12)? {
        0x20 => false,
        0x21 => true,
        _ => return Err(bad("an unknown version or command of the PROXY protocol").into()),
    };
    // LOCAL: the proxy speaks for itself. All that follows is to be discarded, also the family.
    let family = if proxied { Family::of(octet(13)?)? } else { Family::None };
    let length = usize::from(u16::from_be_bytes([octet(14)?, octet(15)?]));
    if length > PROXY_BLOCK_BYTES_MAX {
        return Err(bad("a PROXY protocol header that is too long").into());
    }
    if length < family.bytes() {
        return Err(bad("a PROXY protocol header without room for its addresses").into());
    }
    let end = FIXED + length;
    let elements = FIXED + family.bytes();
    let checksum = match bytes.get(elements..) {
        Some(known) if proxied => checksum_in(known, end - elements)?.map(|at| elements + at),
        _ => None,
    };
    let header = bytes.get(..end).ok_or(Stop::More)?;
    if checksum.is_some_and(|at| !is_intact(header, at)) {
        return Err(bad("a PROXY protocol header whose checksum is wrong").into());
    }
    Ok(Proxied { length: end, source: family.source(&header[FIXED..]) })
}

/// What the addresses are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    None,
    Inet,
    Inet6,
    Unix,
}

impl Family {
    /// With the transport, which says nothing of this connection: a proxy may have been asked over
    /// QUIC.
    fn of(octet: u8) -> Result<Self, Refusal> {
        match octet {
            0x00 => Ok(Self::None),
            0x11 | 0x12 => Ok(Self::Inet),
            0x21 | 0x22 => Ok(Self::Inet6),
            0x31 | 0x32 => Ok(Self::Unix),
            _ => Err(bad("an unknown address family or transport of the PROXY protocol")),
        }
    }

    /// Octets of both addresses and ports.
    fn bytes(self) -> usize {
        match self {
            Self::None => 0,
            Self::Inet => 2 * (4 + 2),
            Self::Inet6 => 2 * (16 + 2),
            Self::Unix => 2 * 108,
        }
    }

    /// The source, which comes first; the ports are behind both addresses.
    fn source(self, block: &[u8]) -> Option<SocketAddr> {
        let port = |at: usize| Some(u16::from_be_bytes(*block.get(at..)?.first_chunk()?));
        match self {
            Self::None | Self::Unix => None,
            Self::Inet => {
                let address = Ipv4Addr::from(*block.first_chunk::<4>()?);
                Some(SocketAddr::from((address, port(8)?)))
            }
            Self::Inet6 => {
                let address = Ipv6Addr::from(*block.first_chunk::<16>()?);
                Some(SocketAddr::from((address, port(32)?)))
            }
        }
    }
}

/// Where the value of the checksum stands, if one is among the elements (type, length, value). They
/// must fill `length` octets, of which `known` has the first.
fn checksum_in(known: &[u8], length: usize) -> Result<Option<usize>, Refusal> {
    let (mut at, mut found) = (0, None);
    while at < length {
        if length - at < 3 {
            return Err(bad("an element of a PROXY protocol header that is cut off"));
        }
        let Some([kind, high, low]) = known.get(at..).and_then(<[u8]>::first_chunk) else { break };
        let (value, bytes) = (at + 3, usize::from(u16::from_be_bytes([*high, *low])));
        if bytes > length - value {
            return Err(bad("an element of a PROXY protocol header that is too long for it"));
        }
        if *kind == CRC32C && (bytes != 4 || found.replace(value).is_some()) {
            return Err(bad("a malformed checksum of a PROXY protocol header"));
        }
        at = value + bytes;
    }
    Ok(found)
}

/// The checksum at `at` is that of the header with zeros in its place.
fn is_intact(header: &[u8], at: usize) -> bool {
    let (before, after) = (&header[..at], &header[at + 4..]);
    let sum = crc32c(before.iter().chain(&[0; 4]).chain(after));
    header[at..at + 4] == sum.to_be_bytes()
}

/// Castagnoli's CRC (RFC 9260 appendix A), a bit at a time: it is asked for once a connection at most.
fn crc32c<'a>(bytes: impl Iterator<Item = &'a u8>) -> u32 {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    !bytes.fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            if sum & 1 == 1 { sum >> 1 ^ POLYNOMIAL } else { sum >> 1 }
        })
    })
}

#[cfg(test)]
pub(super) mod tests;
