//! Opening the files of logs anew, after they were moved.

use super::Master;
use crate::ids::ChildId;
use crate::net::channel::Order;
use crate::output;

/// Their descriptors are their own.
const FOREIGN_LOGS: &str = "programs that do not link evenkeel write on to the file that they were started with: \
                            reload replaces them, and the new ones write to the one that is there now";

/// Orders that were given, and who has not obeyed them yet.
#[derive(Debug, Default)]
pub(super) struct Reopening {
    /// The number of the last order.
    number: u32,
    owed: Vec<(ChildId, u32)>,
    /// The last failure, and of which order.
    failed: Option<(u32, String)>,
}

impl Reopening {
    /// A new order, for these.
    fn begin(&mut self, children: impl Iterator<Item = ChildId>) -> u32 {
        self.number = self.number.wrapping_add(1);
        let number = self.number;
        self.owed.extend(children.map(|child| (child, number)));
        number
    }

    /// A child has obeyed this order, and with it all before.
    pub(super) fn heard(&mut self, child: ChildId, number: u32, failure: Option<String>) {
        self.owed.retain(|(other, owed)| *other != child || *owed > number);
        if let Some(failure) = failure {
            self.failed = Some((number, failure));
        }
    }

    /// Who is gone owes nothing.
    pub(super) fn retain(&mut self, here: impl Fn(&ChildId) -> bool) {
        self.owed.retain(|(child, _)| here(child));
    }

    /// Whether all have obeyed this order, and why one could not.
    #[allow(clippy::option_option, reason = "not known yet; no failure; a failure")]
    pub(super) fn outcome(&self, number: u32) -> Option<Option<String>> {
        let pending = self.owed.iter().any(|(_, owed)| *owed == number);
        let failed = self.failed.as_ref().filter(|(failed, _)| *failed >= number);
        (!pending).then(|| failed.map(|(_, failure)| failure.clone()))
    }
}

impl Master<'_> {
    /// Its own lines go to the log that is there now.
    pub(super) fn follow_log(&self) {
        self.plan.log.iter().for_each(|path| output::follow(path));
    }

    /// Tells all who have such files; the number of the order, or why there is none.
    pub(super) fn reopen_logs(&mut self) -> Result<u32, &'static str> {
        if self.plan.foreign.is_some() {
            return Err(FOREIGN_LOGS);
        }
        let (requests, output) = (self.plan.access_log.is_some(), self.plan.output.is_some());
        // Only workers write of requests.
        let has_log = |id: &ChildId| output || requests && id.place.slot().is_some();
        let owners = self.children.iter().map(|child| child.id).filter(has_log);
        let owners = Some(owners.collect::<Vec<_>>()).filter(|_| requests || output);
        let owners = owners.ok_or("there is no log file to reopen")?;
        let number = self.waiting.reopening.begin(owners.iter().copied());
        for id in owners {
            if let Err(error) = self.order(id, &Order::Reopen { number }) {
                let why = format!("{id} cannot be told to open its logs anew: {error}");
                tracing::error!("{why}");
                self.waiting.reopening.heard(id, number, Some(why));
            }
        }
        tracing::info!("the files of logs are opened anew");
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Generation, Place, SlotId};

    fn child(slot: u16) -> ChildId {
        ChildId { place: Place::Slot(SlotId(slot)), generation: Generation(1) }
    }

    #[test]
    fn an_order_is_obeyed_when_the_last_child_has_said_so_or_is_gone() {
        let mut reopening = Reopening::default();
        let first = reopening.begin((0..3).map(child));
        reopening.heard(child(0), first, None);
        reopening.retain(|other| *other != child(1));
        assert_eq!(reopening.outcome(first), None);
        reopening.heard(child(2), first, None);
        assert_eq!(reopening.outcome(first), Some(None));
    }

    #[test]
    fn who_obeys_the_second_of_two_orders_has_obeyed_the_first() {
        let mut reopening = Reopening::default();
        let first = reopening.begin((0..2).map(child));
        let second = reopening.begin((0..2).map(child));
        reopening.heard(child(0), first, None);
        reopening.heard(child(1), second, Some("no folder".into()));
        assert_eq!(reopening.outcome(first), Some(Some("no folder".into())));
        assert_eq!(reopening.outcome(second), None);
        let third = reopening.begin((0..2).map(child));
        reopening.heard(child(0), third, None);
        reopening.heard(child(1), third, None);
        assert_eq!(reopening.outcome(third), Some(None));
    }
}
