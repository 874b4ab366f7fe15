//! The most instructions that each case may take.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

/// Compilers, CPUs, and what is inlined where, differ by this much, in parts of a hundred.
const MARGIN_PERCENT: u64 = 15;

/// By the names of the cases.
pub(super) struct Budget(BTreeMap<String, u64>);

impl Budget {
    /// Of a file with a line `case,instructions` for each; none if it is not there.
    pub(super) fn read(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Ok(Self(BTreeMap::new()));
        }
        let mut reader = csv::Reader::from_path(path)?;
        let rows = reader.deserialize().collect::<Result<BTreeMap<String, u64>, _>>();
        rows.map(Self).with_context(|| format!("{} is no table of budgets", path.display()))
    }

    pub(super) fn of(&self, case: &str) -> Option<u64> {
        self.0.get(case).copied()
    }

    /// What was counted, and the margin.
    pub(super) fn set(&mut self, case: &str, counted: u64) {
        self.0.insert(case.to_owned(), counted + counted * MARGIN_PERCENT / 100);
    }

    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let mut writer = csv::Writer::from_path(path)?;
        writer.write_record(["case", "instructions"])?;
        for (case, most) in &self.0 {
            writer.write_record([case, &most.to_string()])?;
        }
        Ok(writer.flush()?)
    }
}
