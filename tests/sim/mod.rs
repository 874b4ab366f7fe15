//! A simulated machine for the pure supervisor: processes that live, hang and die by chance, and a
//! clock that is only a number.

pub(crate) mod chance;
pub(crate) mod world;
