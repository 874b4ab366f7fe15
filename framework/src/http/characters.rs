//! Which octets may stand where. Looked up in tables: it is asked for each octet of a head.

/// A set of octets.
pub(super) struct Class([bool; 256]);

impl Class {
    /// Letters and digits, and these.
    const fn alphanumeric_and(others: &[u8]) -> Self {
        let mut table = [false; 256];
        let mut octet = 0;
        while octet < 256 {
            #[allow(
                clippy::cast_possible_truncation,
                reason = "below 256; no other way in a constant"
            )]
            let byte = octet as u8;
            table[octet] = byte.is_ascii_alphanumeric();
            octet += 1;
        }
        let mut at = 0;
        while at < others.len() {
            table[others[at] as usize] = true;
            at += 1;
        }
        Self(table)
    }

    /// All of them are in it.
    pub(super) fn has_all(&self, bytes: &[u8]) -> bool {
        bytes.iter().all(|byte| self.0[usize::from(*byte)])
    }
}

/// RFC 9110 section 5.6.2: the characters of names and methods.
static TOKEN: Class = Class::alphanumeric_and(b"!#$%&'*+-.^_`|~");

/// RFC 3986 section 3.3: the characters of a path. Besides `[ \ ] ^ { | }`, which browsers do not encode
/// everywhere (the URL Standard's percent-encode sets).
pub(super) static PATH: Class = Class::alphanumeric_and(b"-._~%!$&'()*+,;=:@/[\\]^{|}");

/// The same of a query, in which browsers send backticks too.
pub(super) static QUERY: Class = Class::alphanumeric_and(b"-._~%!$&'()*+,;=:@/?[\\]^{|}`");

/// RFC 3986 section 3.2.2: the characters of a registered name or an IPv4 address. Without `%`: some would
/// take `%61` for `a`, and others for another host.
pub(super) static HOST: Class = Class::alphanumeric_and(b"-._~!$&'()*+,;=");

pub(super) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && TOKEN.has_all(bytes)
}

/// RFC 9110 section 5.5: what a field value may hold: no control but a tab.
pub(super) fn is_field_value(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f))
}
