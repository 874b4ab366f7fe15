//! Whose word is taken for the address of a client.

use std::net::{IpAddr, SocketAddr};

use ipnet::{IpNet, Ipv4Net};

use crate::error::Error;

/// The peers that begin their connections with the PROXY protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trusted {
    /// IPv4 networks are never written as IPv6 here.
    networks: Vec<IpNet>,
    unix: bool,
}

impl Trusted {
    /// From addresses, networks, and the word `unix`.
    pub(crate) fn parse(texts: &[String]) -> Result<Self, Error> {
        if texts.is_empty() {
            return Err(Error::config(
                "proxy_protocol names no peer: say which proxies send it, by their addresses or \
                 networks, or leave it out"
                    .into(),
            ));
        }
        let mut trusted = Self { networks: Vec::new(), unix: false };
        for text in texts {
            match text.trim() {
                "unix" => trusted.unix = true,
                text => trusted.networks.push(network(text)?),
            }
        }
        Ok(trusted)
    }

    /// Whether this peer is one of them; `None` is a peer on a unix-domain socket.
    pub(crate) fn trusts(&self, remote: Option<SocketAddr>) -> bool {
        let Some(remote) = remote else { return self.unix };
        // To a listener on [::] an IPv4 peer is ::ffff:192.0.2.7.
        let ip = remote.ip().to_canonical();
        self.networks.iter().any(|network| network.contains(&ip))
    }
}

fn network(text: &str) -> Result<IpNet, Error> {
    let wrong = |why: String| {
        Error::config(format!(
            "{text:?} does not say who may send the PROXY protocol: {why}; write an address such as \
             192.0.2.7, a network such as 10.0.0.0/8 or fd00::/8, or unix"
        ))
    };
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(IpNet::from(address.to_canonical()));
    }
    let network: IpNet =
        text.parse().map_err(|_| wrong("it is no address and no network".into()))?;
    if network != network.trunc() {
        let (address, network) = (network.addr(), network.trunc());
        return Err(wrong(format!("{address} is within a network, which is {network}")));
    }
    Ok(unmapped(network).unwrap_or(network))
}

/// An IPv4 network that is written as IPv6.
fn unmapped(network: IpNet) -> Option<IpNet> {
    let IpNet::V6(network) = network else { return None };
    let prefix = network.prefix_len().checked_sub(96)?;
    let address = network.addr().to_ipv4_mapped()?;
    Ipv4Net::new(address, prefix).ok().map(IpNet::V4)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    fn parse(texts: &[&str]) -> Result<Trusted, Error> {
        Trusted::parse(&texts.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    fn peer(ip: &str) -> SocketAddr {
        SocketAddr::new(ip.parse().expect("an address"), 40_000)
    }

    #[test]
    fn peers_are_trusted_by_address_network_or_kind() {
        for (texts, trusted, others) in [
            (&["192.0.2.7"][..], &["192.0.2.7", "::ffff:192.0.2.7"][..], &["192.0.2.8", "::1"][..]),
            (&["10.0.0.0/8"], &["10.255.0.1", "::ffff:10.1.2.3"], &["11.0.0.0", "::10.0.0.1"]),
            (&["::1"], &["::1"], &["::2", "127.0.0.1", "::ffff:0.0.0.1"]),
            (&["fd00::/8"], &["fd12::3"], &["fe80::1", "253.0.0.0"]),
            (&["::ffff:10.0.0.0/104"], &["10.9.9.9", "::ffff:10.9.9.9"], &["11.0.0.0"]),
            (&["::ffff:192.0.2.7"], &["192.0.2.7"], &["192.0.2.8"]),
            (&["0.0.0.0/0"], &["8.8.8.8", "::ffff:8.8.8.8"], &["::1"]),
            (&["::/0"], &["::1", "2001:db8::1"], &["8.8.8.8", "::ffff:8.8.8.8"]),
            (&[" ::1", "10.0.0.0/8 "], &["::1", "10.0.0.1"], &["192.0.2.7"]),
        ] {
            let list = parse(texts).expect("valid");
            for ip in trusted {
                assert!(list.trusts(Some(peer(ip))), "{texts:?} and {ip}");
            }
            for ip in others {
                assert!(!list.trusts(Some(peer(ip))), "{texts:?} and {ip}");
            }
            assert!(!list.trusts(None), "{texts:?}");
        }
        let unix = parse(&["unix"]).expect("valid");
        assert!(unix.trusts(None) && !unix.trusts(Some(peer("127.0.0.1"))));
    }

    #[test]
    fn what_names_no_peer_is_refused_with_cause_and_mend() {
        for text in [
            "",
            "localhost",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10/8",
            "unix:/a",
            "fe80::1%lo",
        ] {
            let error = parse(&["::1", text]).expect_err(text);
            assert!(error.is_config() && error.to_string().contains("such as"), "{error}");
        }
        assert_eq!(
            parse(&["10.1.2.3/8"]).expect_err("host bits").to_string(),
            "\"10.1.2.3/8\" does not say who may send the PROXY protocol: 10.1.2.3 is within a network, \
             which is 10.0.0.0/8; write an address such as 192.0.2.7, a network such as 10.0.0.0/8 or \
             fd00::/8, or unix"
        );
        assert!(parse(&[]).expect_err("nobody").is_config());
    }

    proptest! {
        #[test]
        fn a_network_is_the_addresses_with_its_first_bits(
            network: u32, peer: u32, prefix in 0u32..=32, near in any::<bool>(),
        ) {
            let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
            let peer = if near { (network & mask) | (peer & !mask) } else { peer };
            let text = format!("{}/{prefix}", Ipv4Addr::from(network & mask));
            let list = parse(&[&text]).expect("valid");
            let expected = peer & mask == network & mask;
            let (plain, mapped) = (Ipv4Addr::from(peer), Ipv4Addr::from(peer).to_ipv6_mapped());
            prop_assert_eq!(list.trusts(Some(SocketAddr::new(plain.into(), 1))), expected);
            prop_assert_eq!(list.trusts(Some(SocketAddr::new(mapped.into(), 1))), expected);
        }

        #[test]
        fn a_network_of_ipv6_is_the_addresses_with_its_first_bits(
            network: u128, peer: u128, prefix in 0u32..=128, near in any::<bool>(),
        ) {
            let mask = u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
            let peer = if near { (network & mask) | (peer & !mask) } else { peer };
            let (network, peer) = (Ipv6Addr::from(network & mask), Ipv6Addr::from(peer));
            if network.to_ipv4_mapped().is_some() || peer.to_ipv4_mapped().is_some() {
                return Ok(());
            }
            let list = parse(&[&format!("{network}/{prefix}")]).expect("valid");
            let expected = peer.to_bits() & mask == network.to_bits();
            prop_assert_eq!(list.trusts(Some(SocketAddr::new(peer.into(), 1))), expected);
        }

        #[test]
        fn any_text_is_taken_or_refused(text in "[0-9a-f:./]{0,20}|\\PC{0,12}") {
            let _ = parse(&[&text]);
        }
    }
}
