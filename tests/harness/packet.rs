//! TCP packets made by hand.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use nix::libc;
use socket2::{Domain, Protocol, Socket, Type};

pub(crate) const SYN: u8 = 0x02;
pub(crate) const ACK: u8 = 0x10;

/// Where the packets come from. Nobody has a socket there: the kernel resets what is answered.
const SOURCE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);

/// Sends packets with these flags to a port, each from a port of its own, `count` in all.
pub(crate) fn send(port: u16, flags: u8, count: u16) {
    let protocol = Some(Protocol::from(libc::IPPROTO_TCP));
    let socket = Socket::new(Domain::IPV4, Type::from(libc::SOCK_RAW), protocol).unwrap();
    socket.bind(&SocketAddr::from((SOURCE, 0)).into()).unwrap();
    let to = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
    for source in 20_000..20_000 + count {
        let packet = packet(SocketAddrV4::new(SOURCE, source), to, flags);
        loop {
            match socket.send_to(&packet, &SocketAddr::V4(to).into()) {
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => panic!("a packet is not sent: {error}"),
            }
        }
    }
}

/// A TCP header without options (RFC 9293 section 3.1).
fn packet(from: SocketAddrV4, to: SocketAddrV4, flags: u8) -> [u8; 20] {
    let mut header = [0; 20];
    header[0..2].copy_from_slice(&from.port().to_be_bytes());
    header[2..4].copy_from_slice(&to.port().to_be_bytes());
    header[4..8].copy_from_slice(&u32::from(from.port()).to_be_bytes());
    header[12] = 5 << 4;
    header[13] = flags;
    header[14..16].copy_from_slice(&u16::MAX.to_be_bytes());
    let checksum = checksum(from, to, &header);
    header[16..18].copy_from_slice(&checksum.to_be_bytes());
    header
}

/// RFC 1071, over the pseudo header and the header.
fn checksum(from: SocketAddrV4, to: SocketAddrV4, header: &[u8; 20]) -> u16 {
    let pseudo = [from.ip().octets(), to.ip().octets(), [0, 6, 0, 20]].concat();
    let words = pseudo.chunks_exact(2).chain(header.chunks_exact(2));
    let sum: u32 = words.map(|word| u32::from(u16::from_be_bytes([word[0], word[1]]))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap()
}
