//! Both instances are restarted, one after the other, under load.

use std::path::Path;
use std::sync::Arc;

use super::front::{Instance, PORT, Proxy, instances};
use super::posts;
use crate::harness::load::{Count, Load};
use crate::harness::network::Network;
use crate::harness::wait::wait_until;

/// Clients of each kind.
const CLIENTS: usize = 3;

/// No request fails while both instances behind this proxy are restarted, and none is made twice.
/// `file`: says how they are started. `proxy`: is started in front of them.
pub(super) fn restart_loses_nothing(file: &Path, proxy: impl FnOnce() -> Proxy + Send) {
    let front = Network::new();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.log");
    front.within(|| {
        let more = ["--workers", "2", "--access-log", log.to_str().unwrap()];
        let mut instances = instances(&front, file, &more);
        let proxy = proxy();
        instances.iter().for_each(Instance::is_reached);
        let posts = restart_under_load(&mut instances);
        // A thread of each worker writes the log a moment later.
        wait_until("each number in the log", || posts::logged(&log).len() as u64 == posts);
        assert!(posts::logged(&log).values().all(|times| *times == 1), "made twice");
        drop(proxy);
    });
}

/// How many numbered requests were answered.
fn restart_under_load(instances: &mut [Instance]) -> u64 {
    let numbers = Arc::default();
    let posts = posts::load(CLIENTS, &numbers);
    let loads =
        [Load::start(PORT, CLIENTS, "/work?us=50"), Load::keep_alive(PORT, CLIENTS, "/work?us=50")];
    for instance in instances.iter_mut() {
        instance.restart();
        instance.is_reached();
    }
    let posts = posts.stop();
    let mut total = Count::default();
    for load in loads {
        total.add(load.stop());
    }
    println!("{} answered, and {} that must not be made twice", total.answered, posts.answered);
    assert_eq!((total.failed(), posts.failed()), (0, 0), "{total:?}, {posts:?}");
    assert!(total.answered > 100 && posts.answered > 100, "{total:?}, {posts:?}");
    posts.answered
}
