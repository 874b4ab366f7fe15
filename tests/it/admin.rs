//! The process that shows how all is.

use std::time::Duration;

use evenkeel::control::{Command, Scale};
use nix::sys::signal::Signal;

use crate::harness::admin::{Admin, JSON, admin_process};
use crate::harness::app::{App, ask, intakes};
use crate::harness::client::Client;
use crate::harness::load::Load;
use crate::harness::process::{Process, listening};
use crate::harness::wait::{wait_for, wait_until};

#[test]
fn the_state_is_that_of_the_server() {
    let (app, admin) = Admin::demo(&["--workers", "2", "--policy", "none"]);
    let _open = Client::connect(app.port).unwrap().get("/").unwrap();
    let state = wait_for("the first request", || {
        let state = admin.state();
        let workers = state["workers"].as_array().unwrap();
        let requests: u64 = workers.iter().map(|it| it["requests"].as_u64().unwrap()).sum();
        (requests == 1).then_some(state)
    });
    assert_eq!(state["pid"], app.master.pid);
    assert_eq!((&state["doing"], &state["ready"]), (&"running".into(), &true.into()));
    assert_eq!((&state["name"], &state["policy"]), (&"demo-app".into(), &"none".into()));
    assert_eq!(state["addresses"][0], format!("127.0.0.1:{}", app.port));
    assert_eq!((&state["workers_wanted"], &state["workers_ready"]), (&2.into(), &2.into()));
    let workers = state["workers"].as_array().unwrap();
    for (slot, worker) in (0..).zip(workers) {
        assert_eq!(worker["slot"], slot);
        assert_eq!(worker["pid"], app.worker(slot).pid);
        assert!(worker["memory_bytes"].as_u64().unwrap() > 0 && worker["cpu_s"].is_number());
    }
    let shares: f64 = workers.iter().map(|worker| worker["share"].as_f64().unwrap()).sum();
    assert!((shares - 1.0).abs() < 1e-9);
    let skew = &state["skew"];
    assert_eq!((&skew["cov"], &skew["max_share"]), (&1.0.into(), &1.0.into()));
    assert_eq!(state["admin"]["pid"], admin_process(&app).pid);
    let page = admin.get("/");
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.text().contains("/api/state"));
    app.stop();
}

#[test]
fn a_stop_is_seen_from_its_announcement_to_its_end() {
    let (mut app, admin) = Admin::demo(&["--workers", "2", "--pre-stop-delay", "1000"]);
    let says = |path: &str| (admin.get(path).status, admin.get(path).text());
    wait_until("it to be ready", || admin.get("/readyz").status == 200);
    assert_eq!(says("/livez"), (200, "ok\n".into()));
    let _waiting = Client::waiting(app.port, 8, "/sleep?ms=60000");
    wait_until("the handlers", || (0..2).any(|slot| app.worker(slot).sleeps_in_handler()));

    app.signal(Signal::SIGTERM);
    wait_until("the announcement", || admin.get("/readyz").status == 503);
    assert_eq!(says("/readyz"), (503, "a stop is announced\n".into()));
    assert_eq!(admin.state()["doing"], "closing");
    assert_eq!(says("/livez").0, 200);
    app.signal(Signal::SIGQUIT);
    assert_eq!(app.ended().code(), Some(0));
}

#[test]
fn it_is_there_while_all_others_drain_and_goes_with_the_last() {
    let (mut app, admin) = Admin::demo(&["--workers", "2"]);
    wait_until("it to be ready", || admin.get("/readyz").status == 200);
    // A connection that says nothing does not hold it up.
    let _silent = Client::connect(admin.port).unwrap();
    let mut waiting = Client::waiting(app.port, 1, "/sleep?ms=1000");
    let sleeps = |app: &App| (0..2).any(|slot| app.worker(slot).sleeps_in_handler());
    wait_until("the handler", || sleeps(&app));
    app.signal(Signal::SIGTERM);
    wait_until("the stop", || admin.get("/readyz").text() == "stopping\n");
    assert_eq!(admin.state()["doing"], "stopping");
    assert_eq!(admin.get("/livez").status, 200);
    assert_eq!(waiting[0].answer().unwrap().status, 200);
    assert_eq!(app.ended().code(), Some(0));
}

#[test]
fn without_a_ready_worker_it_is_alive_and_not_ready() {
    let arguments = ["--workers", "1", "--min-uptime", "1000"];
    let (app, admin) = Admin::demo(&arguments);
    wait_until("it to be ready", || admin.get("/readyz").status == 200);
    app.worker(0).signal(Signal::SIGKILL);
    // Each dies young, so that the pauses grow.
    wait_until("a pause", || {
        let answer = admin.get("/readyz");
        if answer.status == 200 {
            app.worker(0).signal(Signal::SIGKILL);
        }
        answer.text() == "no worker is ready\n"
    });
    assert_eq!(admin.get("/livez").status, 200);
    app.stop();
}

#[test]
fn its_death_costs_nobody_anything_and_it_comes_back() {
    for arguments in intakes() {
        let (app, admin) =
            Admin::demo(&[&["--workers", "2", "--min-uptime", "0"], arguments].concat());
        let load = Load::start(app.port, 4, "/whoami");
        for generation in 1..=3 {
            let process = admin_process(&app);
            process.signal(Signal::SIGKILL);
            wait_until("its end", || !process.lives());
            // What waits for it is answered by the next one.
            assert_eq!(admin.get("/livez").status, 200, "{arguments:?}");
            assert_eq!(admin.state()["admin"]["generation"], generation + 1);
        }
        app.done(Command::Reload {});
        let count = load.stop();
        assert_eq!(count.failed(), 0, "{arguments:?} {count:?}");
        assert_eq!(app.status().restarts["signal"], 0);
        app.stop();
    }
}

#[test]
fn a_reload_and_an_upgrade_replace_it_and_keep_its_address() {
    let (app, admin) = Admin::demo(&["--workers", "1"]);
    for command in [Command::Reload {}, Command::Upgrade {}] {
        let old = admin_process(&app);
        app.done(command);
        wait_until("a new one", || {
            let now = admin_process(&app);
            now != old && !old.lives() && admin.state()["admin"]["pid"] == now.pid
        });
    }
    app.stop();
}

#[test]
fn buttons_scale_and_reload() {
    let (app, admin) = Admin::demo(&["--workers", "1"]);
    let said = |answer: crate::harness::client::Answer| -> (u16, serde_json::Value) {
        (answer.status, serde_json::from_slice(&answer.body).unwrap())
    };
    let (status, json) = said(admin.post("/api/scale", r#"{"workers":"+1"}"#));
    assert_eq!(
        (status, &json["ok"], &json["text"]),
        (200, &true.into(), &"2 workers serve".into())
    );
    let old: Vec<Process> = (0..2).map(|slot| app.worker(slot)).collect();
    let (status, json) = said(admin.ask("POST /api/reload", &["X-Evenkeel: 1"], ""));
    assert_eq!((status, &json["ok"]), (200, &true.into()), "{json}");
    assert!(old.iter().all(|worker| !worker.lives()));
    let (status, json) = said(admin.post("/api/scale", r#"{"workers":0}"#));
    assert_eq!((status, &json["ok"]), (409, &false.into()), "{json}");
    assert_eq!(admin.post("/api/scale", "{}").status, 400);
    assert_eq!(admin.ask("POST /api/scale", &[JSON], &"x".repeat(2000)).status, 413);
    let answer = admin.get("/api/scale");
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    assert_eq!(admin.post("/metrics", "").status, 405);
    assert_eq!(admin.get("/nothing").status, 404);
    app.log.wait_for("control: scale +1, by admin (generation 1)");
    app.stop();
}

/// The commands of others have their places, and it keeps its own.
#[test]
fn a_reload_that_takes_its_time_does_not_keep_it_from_scaling() {
    let (app, admin) = Admin::demo(&["--workers", "1", "--grace", "1000"]);
    let waiting = Client::waiting(app.port, 1, "/sleep?ms=60000");
    wait_until("the handler", || app.worker(0).sleeps_in_handler());
    let old = app.worker(0);
    std::thread::scope(|threads| {
        let reload = threads.spawn(|| admin.post("/api/reload", "").status);
        app.log.wait_for("worker 0 (generation 2) is ready");
        let crowd: Vec<_> =
            (0..40).map(|_| std::os::unix::net::UnixStream::connect(app.control())).collect();
        assert_eq!(admin.post("/api/scale", r#"{"workers":2}"#).status, 200);
        drop(crowd);
        old.signal(Signal::SIGKILL);
        assert_eq!(reload.join().unwrap(), 200);
    });
    drop(waiting);
    app.stop();
}

#[test]
fn nobody_holds_a_listener_that_is_not_his() {
    for arguments in intakes() {
        let (app, admin) = Admin::demo(&[&["--workers", "2"], arguments].concat());
        wait_until("it to be ready", || admin.get("/readyz").status == 200);
        app.done(Command::Scale { workers: Scale::To(3) });
        let inodes = |port| listening(port).iter().map(|it| it.inode).collect::<Vec<_>>();
        let (servers, own) = (inodes(app.port), inodes(admin.port));
        assert_eq!(own.len(), 1);
        let process = admin_process(&app);
        let stray = |process: &Process, inodes: &[u64]| {
            let held = process.sockets();
            inodes.iter().any(|inode| held.contains(inode))
        };
        assert!(!stray(&process, &servers), "{arguments:?}");
        assert!(stray(&process, &own));
        let others: Vec<Process> =
            app.children().into_iter().filter(|other| *other != process).collect();
        assert!(others.iter().all(|other| !stray(other, &own)), "{arguments:?}");
        app.stop();
    }
}

#[test]
fn it_ends_when_the_master_is_killed() {
    let (mut app, admin) = Admin::demo(&["--workers", "1"]);
    wait_until("it to be ready", || admin.get("/readyz").status == 200);
    let process = admin_process(&app);
    app.signal(Signal::SIGKILL);
    wait_until("its end", || !process.lives());
    app.ended();
}

#[test]
fn what_happened_is_remembered() {
    let (app, admin) = Admin::demo(&["--workers", "1", "--min-uptime", "0"]);
    let worker = app.worker(0);
    app.done(Command::Scale { workers: Scale::To(2) });
    worker.signal(Signal::SIGKILL);
    app.log.wait_for("worker 0 (generation 2) is ready");
    let events = ask(&app.control(), Command::Status {}).status.unwrap().events;
    let place = |text: &str| events.iter().position(|event| event.text == text);
    let order = [
        "worker 0 (generation 1) is starting",
        "worker 0 (generation 1) is ready",
        "2 workers are wanted",
        "worker 0 (generation 1) was ended by signal 9",
        "worker 0 (generation 2) is starting",
        "worker 0 (generation 2) is ready",
    ];
    let places: Vec<_> = order.iter().map(|text| place(text).expect(text)).collect();
    assert!(places.is_sorted(), "{events:#?}");
    let end = &events[places[3]];
    assert_eq!((end.kind.as_str(), end.slot, end.pid), ("signalled", Some(0), Some(worker.pid)));
    let state = admin.state();
    assert_eq!(state["events"], serde_json::to_value(&events).unwrap());
    assert!(
        Duration::from_millis(state["now_ms"].as_u64().unwrap() - end.at_ms)
            < Duration::from_secs(60)
    );
    app.stop();
}
