//! Where datagrams are taken.

use std::net::SocketAddr;

use super::Address;
use crate::error::Error;
use crate::limits::UDP_ADDRESSES_MAX;

/// From what the user said; names of hosts are looked up.
pub(super) fn resolve(texts: &[String]) -> Result<Vec<SocketAddr>, Error> {
    if texts.len() > UDP_ADDRESSES_MAX {
        let count = texts.len();
        return Err(Error::config(format!(
            "{count} addresses for UDP are too many: name at most {UDP_ADDRESSES_MAX}"
        )));
    }
    let mut all: Vec<Address> = Vec::new();
    for text in texts {
        let new = Address::resolve(text)?;
        if new.tcp().is_none() {
            return Err(Error::config(format!("{new} is no address for UDP: write HOST:PORT")));
        }
        if let Some(old) = all.iter().find(|old| old.covers(&new) || new.covers(old)) {
            return Err(Error::config(format!(
                "{old} and {new} are in each other's way: datagrams to one could come to the other as \
                 well; leave one out"
            )));
        }
        all.push(new);
    }
    Ok(all.iter().filter_map(Address::tcp).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_for_udp_are_internet_addresses_that_do_not_meet() {
        let found =
            |texts: &[&str]| resolve(&texts.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(found(&["127.0.0.1:0", "127.0.0.1:0", "[::1]:53"]).unwrap().len(), 3);
        let many = ["127.0.0.1:0"; UDP_ADDRESSES_MAX + 1];
        for (texts, text) in [
            (&["unix:/tmp/x"][..], "is no address for UDP"),
            (&["127.0.0.1:53", "0.0.0.0:53"], "are in each other's way"),
            (&["nowhere"], "is no address to listen on"),
            (&many, "name at most"),
        ] {
            let error = found(texts).unwrap_err();
            assert!(error.is_config() && error.to_string().contains(text), "{error}");
        }
    }
}
