//! What an application may be called.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;
use crate::limits::NAME_BYTES_MAX;

/// The name of an application: small letters, digits, `-` and `_`, a letter or digit first, at most 63.
/// So it can be a file, a unit of systemd and a label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let plain = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit();
        let rest = |octet: u8| plain(octet) || octet == b'-' || octet == b'_';
        let good = text.bytes().next().is_some_and(plain) && text.bytes().all(rest);
        // `all` is what the verbs call all of them.
        if good && text.len() <= NAME_BYTES_MAX && text != "all" {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::config(format!(
            "{text:?} is no name for an application: choose 1 to {NAME_BYTES_MAX} of a-z, 0-9, - and _, a \
             letter or a digit first, and not \"all\""
        )))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_good_as_a_file_and_nothing_else_is_one() {
        for text in ["a", "0", "shop", "shop-2_b", &"x".repeat(63)] {
            assert_eq!(text.parse::<Name>().unwrap().as_str(), text);
        }
        for text in ["", "-a", "_a", ".", "..", "a/b", "Shop", "a b", "ä", "all", &"x".repeat(64)]
        {
            assert!(text.parse::<Name>().is_err(), "{text}");
        }
    }
}
