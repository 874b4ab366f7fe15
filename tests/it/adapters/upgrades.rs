//! Programs with another server than ours become what is on disk now.

use std::fs;

use nix::sys::signal::Signal;

use super::loaded;
use crate::harness::app::NONE;
use crate::harness::deployed::Deployed;
use crate::harness::example::example;
use crate::harness::wait::wait_until;

#[test]
fn upgrades_by_signal_lose_nothing() {
    for name in ["axum", "raw_mio"] {
        let program = example(name).get_program().to_owned();
        for arguments in [NONE, &["--policy", "rr"], &["--listener", "inherited"]] {
            let deployed = Deployed::with_flags(program.as_ref(), arguments);
            let master = deployed.app.master;
            let count = loaded(&deployed.app, |app| {
                for upgrades in 1..=2 {
                    let old = Deployed::running(master);
                    deployed.deploy(&fs::read(&program).unwrap());
                    app.signal(Signal::SIGUSR2);
                    wait_until("new workers", || app.status().rollouts == upgrades);
                    assert_ne!(Deployed::running(master), old, "it is the new file");
                }
            });
            assert_eq!(count.failed(), 0, "{name} {arguments:?}: {count:?}");
            assert!(count.answered > 0);
            deployed.app.stop();
        }
    }
}
