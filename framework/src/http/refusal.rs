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
