//! Who chooses a worker for a new connection: agreed with the kernel at the start, and told of each
//! change.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;

use caps::{CapSet, Capability};
use nix::sys::prctl::set_dumpable;

use super::Master;
use crate::error::{BalanceMend, Error};
use crate::ids::SlotId;
use crate::net::balance::Balancer;
use crate::net::group::Choice;
use crate::net::{cpu, listener, steer};
use crate::plan::{Address, Balance, Intake, Plan};
use crate::sys::{exec, reuseport};

/// What carries the policy out.
pub(super) struct Chosen {
    pub(super) balancer: Option<Balancer>,
    /// Why it is this policy, when the user left that to us.
    pub(super) why: Option<String>,
}

/// Agrees with the kernel on the policy of the plan, or on what else the plan allows.
pub(super) fn choose(plan: &mut Plan) -> Result<Chosen, Error> {
    if plan.intake == Intake::Group(Balance::Cpu) {
        cpu::check().map_err(Error::unsupported)?;
    }
    let Some(rule) = plan.intake.rule() else {
        let why = match plan.address {
            Address::Tcp(_) => "the listener was chosen by hand",
            Address::Unix(_) => "the workers of a unix-domain socket share one accept queue",
        };
        let why = plan.otherwise.map(|_| why.to_owned());
        return Ok(Chosen { balancer: None, why });
    };
    let (balancer, why) = match (Balancer::new(rule), plan.otherwise) {
        (Ok(balancer), automatic) => {
            let why = "the kernel takes a program from this process; of all policies this one alone \
                       spreads connections that stay by their number, without a queue that all share";
            (Some(balancer), automatic.is_some().then(|| why.to_owned()))
        }
        (Err(refusal), Some(intake)) if refusal.mend() != BalanceMend::Resources => {
            plan.intake = intake;
            let privilege = refusal.mend() == BalanceMend::Privilege;
            let mend = if privilege { "; CAP_BPF at the start would allow it" } else { "" };
            (None, Some(format!("not {rule}: {refusal}{mend}")))
        }
        (Err(refusal), _) => return Err(refusal.to_error(rule)),
    };
    give_up_privilege(balancer.as_ref());
    Ok(Chosen { balancer, why })
}

/// The privilege has done what it was for: this process does not need it any more either, but on old
/// kernels.
pub(super) fn give_up_privilege(balancer: Option<&Balancer>) {
    let lowered = caps::drop(None, CapSet::Effective, Capability::CAP_BPF);
    if lowered.is_ok() && balancer.is_some_and(|balancer| !balancer.serves_anybody()) {
        tracing::info!("the master keeps CAP_BPF: before Linux 5.19 it needs it for new workers");
        if let Err(error) = caps::raise(None, CapSet::Effective, Capability::CAP_BPF) {
            tracing::error!("CAP_BPF is lost: {error}");
        }
        return;
    }
    forget_privilege();
}

/// It stands in none of this process's sets afterwards. For each worker, before the user's code runs.
pub(super) fn forget_privilege() {
    for set in [CapSet::Ambient, CapSet::Inheritable, CapSet::Effective, CapSet::Permitted] {
        if let Err(error) = caps::drop(None, set, Capability::CAP_BPF) {
            tracing::warn!("cannot give up CAP_BPF ({set:?}): {error}");
        }
    }
    // The next master, of the same user, looks who holds the port.
    if exec::file_grants_privileges()
        && let Err(error) = set_dumpable(true)
    {
        tracing::warn!("/proc/{}/fd stays closed: {error}", std::process::id());
    }
}

impl Master<'_> {
    /// The program belongs to the group, so that any member will do to set it. At the start there is
    /// no server without it.
    pub(super) fn steer(&mut self, live: &[SlotId]) -> Result<(), Error> {
        match self.try_to_steer(live) {
            Ok(()) => tracing::debug!(?live, "steered"),
            Err(error) if self.announced => {
                tracing::error!(?live, "cannot steer new connections: {error}");
            }
            Err(error) => return Err(Error::system("have the kernel balance", error)),
        }
        if !self.group.members().is_empty() {
            self.announce();
        }
        Ok(())
    }

    /// The slot's listener was passed to this server, and stays open.
    pub(super) fn is_lent(&self, slot: SlotId) -> bool {
        let grouped = matches!(self.plan.intake, Intake::Group(_));
        grouped && slot.index() < usize::from(self.primary.lent)
    }

    /// All go: new connections are for those listeners of the group that stay, and later on for whoever
    /// has them then, without a program of ours.
    pub(super) fn leave_to_lent(&self) {
        let members = self.group.members();
        let lent: Vec<SlotId> =
            members.iter().copied().filter(|slot| self.is_lent(*slot)).collect();
        let Some(member) = lent.first().and_then(|slot| self.lodged[slot.index()].as_ref()) else {
            return;
        };
        let told = match self.group.choice(&lent) {
            Choice::Everyone => reuseport::detach(member),
            Choice::Among { live, .. } => reuseport::attach(member, &mut steer::program(&live)),
        };
        if let Err(error) = told {
            tracing::warn!("connections that come now may be late: {error}");
        }
    }

    fn try_to_steer(&self, live: &[SlotId]) -> io::Result<()> {
        let lodged = |slot: &SlotId| self.lodged[slot.index()].as_ref();
        let Some(member) = self.group.members().first().and_then(lodged) else { return Ok(()) };
        if let Some(balancer) = &self.balancer {
            return balancer.steer(member, live);
        }
        let choice = self.group.choice(live);
        if self.plan.intake == Intake::Group(Balance::Cpu) {
            return self.steer_by_cpu(member, choice);
        }
        match choice {
            Choice::Everyone => reuseport::detach(member),
            Choice::Among { live, .. } => reuseport::attach(member, &mut steer::program(&live)),
        }
    }

    /// A worker may have come to another CPU than the one before it.
    pub(super) fn follow_cpus(&mut self) -> Result<(), Error> {
        if self.plan.intake != Intake::Group(Balance::Cpu) {
            return Ok(());
        }
        let live = self.supervisor.steered_slots().to_vec();
        self.steer(&live)
    }

    /// The kernel looks for the first listener that prefers the CPU, from where its hash points: so it
    /// is even only with one listener for each.
    fn steer_by_cpu(&self, member: &OwnedFd, choice: Choice) -> io::Result<()> {
        let members = self.group.members();
        let (everyone, live) = match choice {
            Choice::Everyone => (true, (0u32..).take(members.len()).collect()),
            Choice::Among { live, .. } => (false, live),
        };
        let cpu_of = |index: &u32| {
            let slot = members.get(usize::try_from(*index).ok()?)?;
            listener::preferred_cpu(self.lodged[slot.index()].as_ref()?)
        };
        let with_cpus: Vec<_> = live.iter().map(|index| (*index, cpu_of(index))).collect();
        let cpus: BTreeSet<_> = with_cpus.iter().map(|(_, cpu)| cpu).collect();
        if everyone && cpus.len() == with_cpus.len() {
            return reuseport::detach(member);
        }
        reuseport::attach(member, &mut steer::program_by_cpu(&with_cpus))
    }

    /// Names a listener that has just begun to listen to the program, if one chooses.
    pub(super) fn admit(&self, slot: SlotId, listener: &OwnedFd) -> io::Result<()> {
        match &self.balancer {
            Some(balancer) => balancer.admit(slot, listener),
            None => Ok(()),
        }
    }
}
