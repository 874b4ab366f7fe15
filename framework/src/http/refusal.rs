//! Why a message is refused before a handler sees it.

/// The status of the answer, and its text, which names the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) fault: &'static str,
}

/// A message that cannot be read in one way only.
pub(super) const fn bad(fault: &'static str) -> Refusal {
    refuse(400, fault)
}

/// A message that is clear, and unwanted.
pub(super) const fn refuse(status: u16, fault: &'static str) -> Refusal {
    Refusal { status, fault }
}

/// RFC 9110 section 5.6.2: the characters of names and methods.
pub(super) fn is_token(bytes: &[u8]) -> bool {
    let is_tchar = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !bytes.is_empty() && bytes.iter().all(is_tchar)
}

/// RFC 9110 section 5.5: what a field value may hold: no control but a tab.
pub(super) fn is_field_value(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f))
}
