//! What can be measured, and what is known of each server before it runs.

use anyhow::{Result, bail, ensure};
use evenkeel::{AcceptWake, Listener, Policy};

use super::{Start, Subject, command, nginx};

/// What can be measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) name: String,
    pub(super) program: Program,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// The demo, with these flags.
    Evenkeel(Vec<String>),
    /// Node's cluster, with this scheduling policy.
    Node(&'static str),
    Nginx {
        reuseport: bool,
    },
    /// This program's own loop without anything that can be left out.
    Bare,
}

impl Kind {
    /// Everything that balances, in the order of the tables. The framework's own types say what it
    /// can do.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        // What `auto` chooses is measured under its own name.
        for policy in Policy::ALL.iter().filter(|policy| **policy != Policy::Auto) {
            for listener in policy.listeners() {
                let name = format!("evenkeel {policy}/{listener}");
                let flags = vec![format!("--policy={policy}"), format!("--listener={listener}")];
                if (*policy, *listener) != (Policy::None, Listener::Inherited) {
                    all.push(Self { name, program: Program::Evenkeel(flags) });
                    continue;
                }
                for wake in AcceptWake::ALL {
                    let wake_flag = format!("--accept-wake={wake}");
                    let flags = flags.iter().cloned().chain([wake_flag]).collect();
                    let name = format!("{name} {wake}");
                    all.push(Self { name, program: Program::Evenkeel(flags) });
                }
            }
        }
        let peer = |name: &str, program| Self { name: name.to_owned(), program };
        all.extend([
            peer("node cluster rr", Program::Node("rr")),
            peer("node cluster none", Program::Node("none")),
            peer("nginx reuseport", Program::Nginx { reuseport: true }),
            peer("nginx shared", Program::Nginx { reuseport: false }),
        ]);
        all
    }

    /// Those whose name begins so.
    pub(crate) fn named(prefix: &str) -> Result<Vec<Self>> {
        let mut kinds = Self::all();
        kinds.retain(|kind| kind.name.starts_with(prefix));
        let names: Vec<String> = Self::all().into_iter().map(|kind| kind.name).collect();
        ensure!(!kinds.is_empty(), "no server's name begins with {prefix:?}: {}", names.join(", "));
        Ok(kinds)
    }

    /// Those whose name begins so, after the limit, and with the peer that is hardest to beat.
    pub(crate) fn compared(prefix: &str) -> Result<Vec<Self>> {
        let mut kinds = vec![Self::bare()];
        kinds.extend(Self::named(prefix)?);
        let nginx = Self::all().into_iter().filter(Self::is_nginx);
        let more: Vec<Self> = nginx.filter(|nginx| !kinds.contains(nginx)).collect();
        kinds.extend(more);
        Ok(kinds)
    }

    pub(crate) fn is_nginx(&self) -> bool {
        matches!(self.program, Program::Nginx { .. })
    }

    /// Not the default of its intake, but another way to wake its workers.
    pub(crate) fn is_variant(&self) -> bool {
        let default = format!("--accept-wake={}", AcceptWake::default());
        let Program::Evenkeel(flags) = &self.program else { return false };
        flags.iter().any(|flag| flag.starts_with("--accept-wake=") && *flag != default)
    }

    /// The limit: a loop that accepts, reads, and writes one fixed answer.
    pub(crate) fn bare() -> Self {
        Self { name: "bare epoll loop".to_owned(), program: Program::Bare }
    }

    /// What others are compared with: the default of this project.
    pub(crate) fn reference() -> Self {
        Self::all().swap_remove(0)
    }

    /// Starts it, which can be done wherever this program runs.
    pub(crate) fn start_reference(workers: u16) -> Result<Subject> {
        let reference = Self::reference();
        match reference.start(workers)? {
            Start::Running(subject) => Ok(subject),
            Start::Skipped(_) => bail!("{} is built here and needs no privilege", reference.name),
        }
    }

    /// New connections, one after the other, come to each worker sooner or later. An exclusive
    /// wake-up prefers the same few, and policy `cpu` those of the client's CPU.
    pub(crate) fn meets_every_worker(&self) -> bool {
        let by_cpu = self.name.contains(&format!(" {}/", Policy::Cpu));
        !by_cpu && !self.name.ends_with(&AcceptWake::Exclusive.to_string())
    }

    /// The kernel chooses its workers by a program whose descriptor the master holds.
    pub(crate) fn has_program(&self) -> bool {
        let Program::Evenkeel(flags) = &self.program else { return false };
        let with_program = [Policy::KernelRoundRobin, Policy::LeastBusy];
        with_program.iter().any(|policy| flags.contains(&format!("--policy={policy}")))
    }

    /// Why it cannot answer `/work` and `/sleep` here, if it cannot.
    pub(crate) fn cannot_work(&self) -> Option<&'static str> {
        (self.is_nginx() && !nginx::has_perl()).then_some("nginx's perl module is not installed")
    }

    /// Starts it, if that can be done here.
    pub(crate) fn start(&self, workers: u16) -> Result<Start> {
        let started = match &self.program {
            Program::Evenkeel(flags) => command::demo(workers, flags)?,
            Program::Node(policy) => command::node(workers, policy)?,
            Program::Bare => command::bare(workers)?,
            Program::Nginx { reuseport } => nginx::start(workers, *reuseport)?,
        };
        match started {
            Some(started) => Subject::running(self, started, workers),
            None => Ok(Start::Skipped("not installed".to_owned())),
        }
    }
}
