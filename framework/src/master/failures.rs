//! Why children failed, by what they said themselves.

use std::collections::BTreeMap;

use crate::ids::{ChildId, Generation, Place};

/// Of each place the newest child that failed, and why, if it said so.
#[derive(Debug, Default)]
pub(super) struct Failures(BTreeMap<Place, (Generation, Option<String>)>);

impl Failures {
    pub(super) fn note(&mut self, child: ChildId, why: Option<String>) {
        self.0.insert(child.place, (child.generation, why));
    }

    /// Why this very child failed.
    pub(super) fn of(&self, child: ChildId) -> Option<&str> {
        let newest = self.0.get(&child.place).filter(|(failed, _)| *failed == child.generation)?;
        newest.1.as_deref()
    }

    /// Why the newest one failed there.
    pub(super) fn at(&self, place: Place) -> Option<&str> {
        self.0.get(&place)?.1.as_deref()
    }
}
