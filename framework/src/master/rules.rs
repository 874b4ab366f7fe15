//! What the supervisor goes by.

use std::time::Duration;

use super::supervisor::{Layout, Rules};
use crate::limits::SLOTS_MAX;
use crate::plan::{Intake, Plan};

pub(super) fn rules(plan: &Plan) -> Rules {
    Rules {
        workers: plan.workers.get(),
        workers_max: SLOTS_MAX,
        layout: match plan.intake {
            Intake::Group(_) => Layout::Group,
            Intake::Shared(_) => Layout::Shared,
            Intake::Dispatcher => Layout::Dispatched,
        },
        grace: plan.grace,
        ready_timeout: plan.ready_timeout,
        min_uptime: plan.min_uptime,
        // They are said to be ready before they begin.
        proof: plan.foreign.map_or(Duration::ZERO, |_| plan.min_uptime),
        pre_stop_delay: plan.pre_stop_delay,
        give_up: plan.give_up,
        admin: plan.admin.is_some(),
    }
}
