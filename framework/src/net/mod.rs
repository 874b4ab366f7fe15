//! Sockets: who listens, in which order, who chooses among them, and how they travel.

pub(crate) mod balance;
pub(crate) mod channel;
pub(crate) mod cpu;
pub(crate) mod datagram;
pub(crate) mod group;
pub(crate) mod handoff;
pub(crate) mod holder;
pub(crate) mod listener;
pub(crate) mod steer;

#[cfg(test)]
mod kernel_order;
