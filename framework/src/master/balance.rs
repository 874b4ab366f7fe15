//! Who chooses a worker for a new connection: agreed with the kernel at the start, and told of each
//! change.

use std::os::fd::OwnedFd;

use super::Master;
use crate::error::Error;
use crate::ids::SlotId;
use crate::net::balance::Balancer;
use crate::net::group::Choice;
use crate::net::{cpu, listener, steer};
use crate::plan::{Balance, Intake, Plan};
use crate::sys::reuseport;

/// What carries the policy out.
pub(super) struct Chosen {
    pub(super) balancer: Option<Balancer>,
    /// Why it is this policy, when the user left that to us.
    pub(super) why: Option<String>,
}

/// Agrees with the kernel on the policy of the plan, or on what else the plan allows.
pub(super) fn choose(plan: &mut Plan) -> Result<Chosen, Error> {
    let automatic = plan.otherwise.take();
    if plan.intake == Intake::Group(Balance::Cpu) {
        cpu::check().map_err(Error::unsupported)?;
    }
    let Some(rule) = plan.intake.rule() else { return Ok(Chosen { balancer: None, why: None }) };
    let (balancer, why) = match (Balancer::new(rule), automatic) {
        (Ok(balancer), automatic) => {
            forget_privilege();
            let why = "the kernel takes a program from this process, so that each new connection goes \
                       to the worker that has the fewest";
            (Some(balancer), automatic.is_some().then(|| why.to_owned()))
        }
        (Err(refusal), None) => return Err(refusal.to_error(rule)),
        (Err(refusal), Some(intake)) => {
            plan.intake = intake;
            let mend =
                if refusal.is_permission() { "; CAP_BPF at the start would allow it" } else { "" };
            (None, Some(format!("not {rule}: {refusal}{mend}")))
        }
    };
    Ok(Chosen { balancer, why })
}

/// The privilege has done what it was for: neither this process nor a worker needs it any more.
pub(super) fn forget_privilege() {
    use caps::{CapSet, Capability};
    for set in [CapSet::Ambient, CapSet::Inheritable, CapSet::Effective, CapSet::Permitted] {
        if let Err(error) = caps::drop(None, set, Capability::CAP_BPF) {
            tracing::warn!("cannot give up CAP_BPF ({set:?}): {error}");
        }
    }
}

impl Master<'_> {
    /// The program belongs to the group, so that any member will do to set it.
    pub(super) fn steer(&self, live: &[SlotId]) {
        let lodged = |slot: &SlotId| self.lodged[slot.index()].as_ref();
        let Some(member) = self.group.members().first().and_then(lodged) else { return };
        let result = match &self.balancer {
            Some(balancer) => balancer.steer(member, live),
            None => match self.group.choice(live) {
                Choice::Everyone => reuseport::detach(member),
                Choice::Among { live, .. } => reuseport::attach(member, &mut self.detour(&live)),
            },
        };
        match result {
            Ok(()) => tracing::debug!(?live, "steered"),
            Err(error) => tracing::error!(?live, "cannot steer new connections: {error}"),
        }
    }

    /// The program that leads around slots without a worker.
    fn detour(&self, live: &[u32]) -> Vec<reuseport::Instruction> {
        if self.plan.intake != Intake::Group(Balance::Cpu) {
            return steer::program(live);
        }
        let members = self.group.members();
        let cpu_of = |index: &u32| {
            let slot = members.get(usize::try_from(*index).ok()?)?;
            listener::preferred_cpu(self.lodged[slot.index()].as_ref()?)
        };
        let with_cpus: Vec<_> = live.iter().map(|index| (*index, cpu_of(index))).collect();
        steer::program_by_cpu(&with_cpus)
    }

    /// Names a listener that has just begun to listen to the program, if one chooses.
    pub(super) fn admit(&self, slot: SlotId, listener: &OwnedFd) -> std::io::Result<()> {
        match &self.balancer {
            Some(balancer) => balancer.admit(slot, listener),
            None => Ok(()),
        }
    }
}
