//! The environment of a worker, set right after its fork.

use std::io;

use super::Master;
use crate::ids::{ChildId, Place};
use crate::sys::environment;

/// Which slot a worker sits in.
const SLOT: &str = "EVENKEEL_SLOT";
/// The how-manieth process of the slot it is.
const GENERATION: &str = "EVENKEEL_GENERATION";

impl Master<'_> {
    /// In the child, while it has one thread.
    pub(super) fn set_environment(&self, id: ChildId) -> io::Result<()> {
        let Place::Slot(slot) = id.place else { return Ok(()) };
        let users = self.hooks.environment.as_ref().map(|variables| variables(slot.0));
        for (name, value) in users.unwrap_or_default() {
            environment::set(&name, &value)?;
        }
        environment::set(SLOT, &slot.to_string())?;
        environment::set(GENERATION, &id.generation.to_string())
    }
}
