//! Workers that have served long enough, and masters that have tried often enough.

use nix::sys::signal::Signal;

use crate::harness::app::{App, fixture, intakes, run_to_end};
use crate::harness::load::Load;
use crate::harness::wait::wait_until;

#[test]
fn a_worker_that_has_answered_enough_is_replaced_and_no_request_is_lost() {
    for arguments in intakes() {
        let all = [&["--workers", "2", "--max-requests", "500"], arguments].concat();
        let app = App::demo(&all);
        let loads = [Load::start(app.port, 4, "/"), Load::keep_alive(app.port, 4, "/")];
        wait_until("the third worker in each slot", || {
            (0..2)
                .all(|index| app.log.count(&format!("worker {index} (generation 3) is ready")) > 0)
        });
        for load in loads {
            let count = load.stop();
            assert_eq!(count.failed(), 0, "{arguments:?}: {count:?}");
        }
        app.log.wait_for("wants a successor: it has answered ");
        app.stop();
    }
}

#[test]
fn a_worker_that_grows_too_large_is_replaced() {
    let app = App::controlled(&["--workers", "1", "--max-memory", "64"]);
    assert_eq!(app.get("/grow?mib=32").status, 200);
    let first = app.worker(0);
    assert_eq!(app.get("/grow?mib=64").status, 200);
    wait_until("another worker", || {
        // It looks between requests.
        app.get("/whoami").number("generation") == 2
    });
    wait_until("the end of the large one", || !first.lives());
    let log = app.log.text();
    assert!(log.contains("wants a successor: it uses 9") || log.contains("it uses 10"), "{log}");
    app.stop();
}

#[test]
fn a_worker_that_is_old_enough_is_replaced_also_when_nobody_asks() {
    let app = App::demo(&["--workers", "2", "--max-age", "1"]);
    app.log.wait_for("wants a successor: it is ");
    for index in 0..2 {
        app.log.wait_for(&format!("worker {index} (generation 2) is ready"));
        app.log.wait_for(&format!("worker {index} (generation 1) is done"));
    }
    app.stop();
}

#[test]
fn a_master_whose_workers_all_die_young_gives_up_with_its_own_exit_code() {
    let (code, _, log) = run_to_end(&mut fixture(&["give-up"]));
    assert_eq!(code, Some(79));
    assert!(
        log.contains("too many workers died young and none serves; the last one was worker 0 (generation 4): no database today"),
        "{log}"
    );
    assert_eq!(log.matches("is starting").count(), 4);
}

#[test]
fn a_master_does_not_give_up_while_a_worker_serves() {
    let app = App::demo(&["--workers", "2", "--give-up", "3", "--min-uptime", "600"]);
    for generation in 1..=5 {
        app.log.wait_for(&format!("worker 0 (generation {generation}) is ready"));
        app.worker(0).signal(Signal::SIGKILL);
    }
    app.log.wait_for("worker 0 (generation 6) is ready");
    assert_eq!(app.get("/").status, 200);
    app.stop();
}
