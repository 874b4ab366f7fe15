//! As whom workers run, and within which limits.

use super::{take, take_clone};
use crate::config::Settings;
use crate::plan::Resource;
use crate::server::Server;

impl Server<'_> {
    pub(super) fn guarded(mut self, settings: &Settings) -> Self {
        let wishes = &mut self.config.guard;
        take_clone(&mut wishes.user, settings.user.as_ref());
        take_clone(&mut wishes.group, settings.group.as_ref());
        take(&mut wishes.new_privileges, settings.allow_new_privileges);
        take(&mut wishes.capabilities, settings.keep_capabilities);
        #[cfg(feature = "seccomp")]
        {
            wishes.seccomp = settings.seccomp.or(wishes.seccomp);
        }
        let limits = [
            (Resource::OpenFiles, settings.limit_open_files),
            (Resource::Processes, settings.limit_processes),
            (Resource::AddressSpaceBytes, settings.limit_address_space.map(|size| size.0)),
            (Resource::CoreBytes, settings.limit_core.map(|size| size.0)),
        ];
        let said = limits.into_iter().filter_map(|(what, limit)| Some((what, limit?)));
        said.fold(self, |server, (what, limit)| server.rlimit(what, limit))
    }
}
