//! What only the operating system can do. All `unsafe` of the crate stands below this module.
#![allow(unsafe_code, reason = "system calls that nix does not wrap, fork, shared memory")]

#[cfg(feature = "tokio")]
pub(crate) mod async_fd;
pub(crate) mod bpf;
pub(crate) mod clock;
pub(crate) mod descriptors;
pub(crate) mod environment;
pub(crate) mod epoll;
pub(crate) mod exec;
pub(crate) mod fork;
pub(crate) mod interrupt;
mod option;
pub(crate) mod passed;
pub(crate) mod program;
pub(crate) mod reuseport;
#[cfg(feature = "seccomp")]
pub(crate) mod seccomp;
pub(crate) mod shared;
pub(crate) mod sock_diag;
pub(crate) mod socket_file;
pub(crate) mod ttl;
pub(crate) mod unsent;
pub(crate) mod watchdog;
