//! Where a server is to be reached.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Listener, Plan, Policy};
use crate::error::Error;
use crate::limits::{
    FURTHER_ADDRESSES_MAX, HANDSHAKE_LINGER, HANDSHAKE_LINGER_LOOPBACK, UNIX_PATH_BYTES_MAX,
};

/// Where a server accepts connections. As text: `127.0.0.1:8080`, `[::]:8080` or `unix:/run/app.sock`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// An internet address and a port.
    Tcp(SocketAddr),
    /// The path of a unix-domain socket.
    Unix(PathBuf),
}

/// What a unix-domain address begins with.
const UNIX_PREFIX: &str = "unix:";

impl Address {
    /// The internet address, if it is one.
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// From what a setting says; the name of a host is looked up.
    ///
    /// # Errors
    /// It is no address, or there is no host of that name.
    pub fn resolve(text: &str) -> Result<Self, Error> {
        if let Some(path) = text.strip_prefix(UNIX_PREFIX) {
            return unix(path).map_err(|why| wrong(text, &why));
        }
        let mut found = text.to_socket_addrs().map_err(|error| wrong(text, &error.to_string()))?;
        let first = found.next().ok_or_else(|| wrong(text, "the name has no address"))?;
        Ok(Self::Tcp(first))
    }

    /// A bind to this address is one to the other as well, whichever port the kernel is left to choose.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Tcp(one), Self::Tcp(other)) => {
                let either = one.ip().is_unspecified() && one.is_ipv4() == other.is_ipv4();
                // To `[::]` come those of IPv4, too.
                let all = one.ip().is_unspecified() && one.is_ipv6();
                one.port() == other.port() && one.port() != 0 && (either || all || one == other)
            }
            (one, other) => one == other,
        }
    }

    /// What was bound as `self` may go on as `wanted`, where port 0 is any.
    pub(crate) fn serves_as(&self, wanted: &Self) -> bool {
        match (self, wanted) {
            (Self::Tcp(bound), Self::Tcp(wanted)) => {
                bound.ip() == wanted.ip() && (wanted.port() == 0 || bound.port() == wanted.port())
            }
            (bound, wanted) => bound == wanted,
        }
    }

    /// Where connections to a primary address wait, when the user said `listener`: a unix-domain socket
    /// has one accept queue and no group.
    pub(super) fn listener(
        &self,
        policy: Policy,
        listener: Option<Listener>,
    ) -> Result<Option<Listener>, Error> {
        if self.tcp().is_some() {
            return Ok(listener);
        }
        let what = match listener {
            Some(Listener::Reuseport) => "listener reuseport".to_owned(),
            _ if policy.listeners().contains(&Listener::Inherited) => {
                return Ok(Some(Listener::Inherited));
            }
            _ => format!("policy {policy}"),
        };
        Err(Error::config(format!(
            "{what} does not go with {self}: unix-domain sockets know no SO_REUSEPORT, so that all \
             workers share one; leave it out, choose policy none, auto or rr, or bind a TCP address \
             and have the socket besides (also)"
        )))
    }
}

/// The further addresses of a server, beside its primary one.
pub(super) fn further(primary: &Address, texts: &[String]) -> Result<Vec<Address>, Error> {
    if texts.len() > FURTHER_ADDRESSES_MAX {
        return Err(Error::config(format!(
            "{} further addresses are too many: name at most {FURTHER_ADDRESSES_MAX}",
            texts.len()
        )));
    }
    let mut all = vec![primary.clone()];
    for text in texts {
        let new = Address::resolve(text)?;
        if let Some(old) = all.iter().find(|old| old.covers(&new) || new.covers(old)) {
            return Err(Error::config(format!(
                "{old} and {new} are in each other's way: connections to one could come to the other \
                 as well; leave one out"
            )));
        }
        all.push(new);
    }
    Ok(all.split_off(1))
}

fn unix(path: &str) -> Result<Address, String> {
    let path = Path::new(path);
    if !path.is_absolute() || path.file_name().is_none() {
        return Err("it is no whole path, from the root on".into());
    }
    if path.as_os_str().len() > UNIX_PATH_BYTES_MAX {
        return Err(format!("its path has more than {UNIX_PATH_BYTES_MAX} octets"));
    }
    Ok(Address::Unix(path.into()))
}

fn wrong(text: &str, why: &str) -> Error {
    Error::config(format!(
        "{text:?} is no address to listen on: {why}; write HOST:PORT, such as 127.0.0.1:8080 or \
         [::]:8080, or unix:/PATH, such as unix:/run/app.sock"
    ))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.pad(&address.to_string()),
            Self::Unix(path) => f.pad(&format!("{UNIX_PREFIX}{}", path.display())),
        }
    }
}

/// Without the names of hosts.
impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.starts_with(UNIX_PREFIX) {
            return Self::resolve(text);
        }
        text.parse().map(Self::Tcp).map_err(|_| wrong(text, "it is no IP address with a port"))
    }
}

/// As text.
impl Serialize for Address {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Plan {
    /// How long handshakes that were under way may take until their connection is in an accept
    /// queue that is about to be closed. A unix-domain socket knows none.
    pub(crate) fn handshake_linger(&self) -> Duration {
        let ips = self.addresses().filter_map(Address::tcp).map(|address| address.ip());
        let times = ips
            .map(|ip| if ip.is_loopback() { HANDSHAKE_LINGER_LOOPBACK } else { HANDSHAKE_LINGER });
        times.max().unwrap_or_default()
    }

    /// All addresses, the primary one first.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = &Address> {
        std::iter::once(&self.address).chain(&self.further)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_are_read_back_as_they_are_written() {
        for text in ["127.0.0.1:8080", "[::1]:0", "unix:/run/app.sock"] {
            assert_eq!(address(text).to_string(), text);
            let json = serde_json::to_string(&address(text)).unwrap();
            assert_eq!(serde_json::from_str::<Address>(&json).unwrap(), address(text));
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_mend() {
        let long = format!("unix:/{}", "x".repeat(UNIX_PATH_BYTES_MAX));
        for text in ["", "here", "127.0.0.1", "unix:", "unix:run/app.sock", "unix:/", &long] {
            let error = Address::resolve(text).unwrap_err();
            assert!(error.is_config() && error.to_string().contains("unix:/PATH"), "{error}");
        }
    }

    #[test]
    fn addresses_in_each_others_way_are_found() {
        let pairs = [
            ("127.0.0.1:80", "127.0.0.1:80", true),
            ("127.0.0.1:80", "127.0.0.2:80", false),
            ("127.0.0.1:80", "127.0.0.1:81", false),
            ("0.0.0.0:80", "127.0.0.1:80", true),
            ("0.0.0.0:80", "[::1]:80", false),
            ("[::]:80", "127.0.0.1:80", true),
            ("[::]:80", "[::1]:80", true),
            ("127.0.0.1:0", "127.0.0.1:0", false),
            ("unix:/a", "unix:/a", true),
            ("unix:/a", "unix:/b", false),
        ];
        for (one, other, found) in pairs {
            for (one, other) in [(one, other), (other, one)] {
                let result = further(&address(one), &[other.to_owned()]);
                assert_eq!(result.is_err(), found, "{one} {other}");
            }
        }
    }

    #[test]
    fn a_port_that_the_kernel_chose_serves_as_any() {
        assert!(address("127.0.0.1:5000").serves_as(&address("127.0.0.1:0")));
        assert!(!address("127.0.0.1:5000").serves_as(&address("127.0.0.1:5001")));
        assert!(!address("127.0.0.1:5000").serves_as(&address("127.0.0.2:0")));
        assert!(!address("unix:/a").serves_as(&address("127.0.0.1:0")));
    }

    #[test]
    fn a_unix_domain_socket_is_shared_by_all_workers() {
        let socket = address("unix:/a");
        for policy in Policy::ALL {
            let shared = policy.listeners().contains(&Listener::Inherited);
            let listener = socket.listener(*policy, None);
            assert_eq!(listener.ok(), shared.then_some(Some(Listener::Inherited)), "{policy}");
            assert!(socket.listener(*policy, Some(Listener::Reuseport)).is_err());
        }
    }
}
