//! What others see of this master.

use std::path::Path;

use super::Master;
use crate::apps::Record;
use crate::error::Error;
use crate::plan::Address;

impl Master<'_> {
    /// Lets others see who this is.
    pub(super) fn publish(&self) -> Result<(), Error> {
        let Some(entry) = &self.entry else { return Ok(()) };
        let fill = |record: &mut Record| {
            record.addresses = self.plan.addresses().map(Address::to_string).collect();
            record.foreign = self.plan.foreign.is_some();
            record.policy = self.plan.intake.to_string();
            // Whoever reads it may be in another directory.
            let control = self.plan.control.as_deref();
            let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            record.control = control.map(whole).unwrap_or_default();
            record.config.clone_from(&self.plan.source);
            record.outputs = self.outputs();
            record.program = self.upgrade.program_path().unwrap_or_default();
        };
        entry.publish(fill, &self.memory)
    }
}
