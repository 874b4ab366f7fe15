//! What a rollout tells the log, the service manager and those who asked for it.

use super::action::{Rollout, Verdict};
use super::event::Exit;
use super::obey::Wait;
use super::{Master, notify};
use crate::board::What;
use crate::control::Reply;
use crate::ids::ChildId;

impl Master<'_> {
    pub(super) fn rollout_began(&self, rollout: Rollout) {
        let what = self.rollout_name(rollout);
        if !self.upgrade.completes(rollout) {
            self.note_all(What::ReloadBegan);
        }
        tracing::info!(rollout = rollout.0, "{what}: all workers are replaced, one by one");
        notify::reloading(&format!("{what}: all workers are replaced"));
    }

    pub(super) fn rollout_ended(&mut self, rollout: Rollout, verdict: Verdict) {
        let what = self.rollout_name(rollout);
        let reply = match verdict {
            Verdict::Done => Reply::done(format!("{what} done: all workers are new")),
            Verdict::Stopped => Reply::failed(format!("{what} given up: the master stops")),
            Verdict::Failed { child, exit, late } => {
                let why = self.why_failed(child, exit, late);
                Reply::failed(format!(
                    "{what} given up: {child} {why}; the workers that were not replaced yet go on"
                ))
            }
        };
        self.note_rollout(self.upgrade.completes(rollout), reply.ok);
        if reply.ok {
            tracing::info!(rollout = rollout.0, "{}", reply.text);
        } else {
            tracing::error!(rollout = rollout.0, "{}", reply.text);
        }
        if verdict != Verdict::Stopped {
            self.tell_ready(&reply.text);
        }
        self.reply_to(|wait| *wait == Wait::Rollout(rollout), &reply);
    }

    pub(super) fn rollout_name(&self, rollout: Rollout) -> &'static str {
        if self.upgrade.completes(rollout) { "upgrade" } else { "reload" }
    }

    fn why_failed(&self, child: ChildId, exit: Option<Exit>, late: bool) -> String {
        let how = match exit {
            _ if late => format!("was not ready within {:?}", self.plan.ready_timeout),
            None => "could not be forked".to_owned(),
            Some(Exit::Code(code)) => format!("ended with exit code {code}"),
            Some(Exit::Signal(signal)) => format!("was ended by signal {signal}"),
        };
        self.failures.of(child).map_or(how.clone(), |text| format!("{how}: {text}"))
    }
}
