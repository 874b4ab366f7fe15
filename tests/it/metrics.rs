//! What the metrics say, and that they say it by the rules.

use std::io::Write;
use std::process::{Command as Program, Stdio};

use evenkeel::control::{Command, Scale};
use nix::sys::signal::Signal;

use crate::harness::admin::{ADMIN, Admin, admin_process};
use crate::harness::app::{App, demo_path, intakes};
use crate::harness::client::Client;
use crate::harness::deployed::Deployed;
use crate::harness::exposition::{Form, Samples};
use crate::harness::place::{Place, Sockets};
use crate::harness::privilege::is_installed;
use crate::harness::wait::{wait_for, wait_until};

/// The value of a sample that must be there, and that is a whole number.
fn value(samples: &Samples, series: &str) -> u64 {
    let value = *samples.get(series).unwrap_or_else(|| panic!("no {series}"));
    value.to_string().parse().unwrap_or_else(|_| panic!("{series} is {value}"))
}

#[test]
fn both_formats_obey_their_standards() {
    let sockets = Sockets::new();
    // What must be written otherwise in a label.
    let odd = format!("unix:{}/a\"b\\c", sockets.0.path().display());
    let (app, admin) = Admin::demo(&["--workers", "2", "--also", &odd]);
    (0..20).for_each(|_| drop(app.get("/")));
    let mut answers = Vec::new();
    for form in [Form::Prometheus, Form::OpenMetrics] {
        let (text, samples) = admin.metrics(form);
        assert_eq!(value(&samples, "evenkeel_connections_accepted_total"), 20);
        assert_eq!(value(&samples, "evenkeel_requests_total"), 20);
        assert_eq!(value(&samples, "evenkeel_request_duration_seconds_count"), 20);
        let slot = |slot| format!("evenkeel_worker_requests_total{{slot=\"{slot}\"}}");
        let sum: u64 = (0..2).map(|number| value(&samples, &slot(number))).sum();
        assert_eq!(sum, 20);
        assert_eq!(value(&samples, "evenkeel_worker_phase{slot=\"0\",phase=\"ready\"}"), 1);
        assert_eq!(value(&samples, "evenkeel_master_pid"), u64::from(app.master.pid));
        assert!(text.contains("a\\\"b\\\\c"), "{text}");
        answers.push(samples.into_keys().collect::<Vec<_>>());
        if form == Form::Prometheus {
            promtool_agrees(&text);
        }
    }
    assert_eq!(answers[0], answers[1], "the same names in both");
    app.stop();
}

/// The judge of Prometheus itself, where it is installed.
fn promtool_agrees(text: &str) {
    if !is_installed("promtool", "what Prometheus itself says of the metrics") {
        return;
    }
    let mut promtool = Program::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = promtool.stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}

/// What only grows.
fn counters(samples: &Samples) -> Samples {
    let ends = ["_total", "_bucket", "_sum", "_count"];
    let name = |series: &str| series.split('{').next().unwrap().to_owned();
    let grows = |series: &str| ends.iter().any(|end| name(series).ends_with(end));
    samples.iter().filter(|(series, _)| grows(series)).map(|(s, v)| (s.clone(), *v)).collect()
}

#[test]
fn counters_never_fall_whatever_becomes_of_the_processes() {
    let arguments = [&ADMIN[..], &["--workers", "2", "--min-uptime", "0"]].concat();
    let deployed = Deployed::demo(&arguments);
    let (app, admin) = (&deployed.app, Admin::of(&deployed.app));
    let mut before = counters(&admin.samples());
    let mut after = |what: &str| {
        (0..10).for_each(|_| drop(app.get("/")));
        let now = counters(&admin.samples());
        for (series, value) in &before {
            let fell = now.get(series).is_none_or(|now| now < value);
            assert!(!fell, "after {what} {series} is {:?}, not {value}", now.get(series));
        }
        let requests = "evenkeel_requests_total";
        assert!(value(&now, requests) >= value(&before, requests) + 10);
        before = now.clone();
        now
    };
    let cause = |samples: &Samples, cause: &str| {
        value(samples, &format!("evenkeel_restarts_total{{cause=\"{cause}\"}}"))
    };
    after("nothing");
    assert!(deployed.command(Command::Reload {}).ok);
    let now = after("a reload");
    assert_eq!((cause(&now, "reload"), cause(&now, "upgrade")), (2, 0));
    assert_eq!(value(&now, "evenkeel_reloads_total{outcome=\"done\"}"), 1);

    app.worker(1).signal(Signal::SIGKILL);
    app.log.wait_for("worker 1 (generation 3) is ready");
    assert_eq!(cause(&after("a kill"), "signal"), 1);

    assert!(deployed.command(Command::Scale { workers: Scale::To(3) }).ok);
    assert!(deployed.command(Command::Scale { workers: Scale::To(2) }).ok);
    let now = after("scaling");
    assert_eq!((cause(&now, "scale"), value(&now, "evenkeel_scalings_total")), (1, 2));

    admin_process(app).signal(Signal::SIGKILL);
    after("the admin process's end");
    assert!(deployed.upgrade().ok);
    let now = after("an upgrade");
    assert_eq!(cause(&now, "upgrade"), 2);
    assert_eq!(value(&now, "evenkeel_upgrades_total{outcome=\"done\"}"), 1);
    assert_eq!(cause(&now, "signal"), 1, "the admin process is no worker");
    deployed.deploy(b"#!/bin/sh\nexit 3\n");
    assert!(!deployed.upgrade().ok);
    let now = after("a broken upgrade");
    assert_eq!(value(&now, "evenkeel_upgrades_total{outcome=\"failed\"}"), 1);
    deployed.app.stop();
}

#[test]
fn each_end_of_a_worker_is_counted_by_its_cause() {
    let causes = |arguments: &[&str], end: fn(&App), cause: &str| {
        let arguments = [&["--workers", "1", "--min-uptime", "0"], arguments].concat();
        let (app, admin) = Admin::demo(&arguments);
        end(&app);
        let series = format!("evenkeel_restarts_total{{cause=\"{cause}\"}}");
        wait_until(cause, || value(&admin.samples(), &series) == 1);
        let status = app.status();
        assert_eq!(status.restarts[cause], 1);
        assert_eq!(status.restarts.values().sum::<u64>(), 1, "{:?}", status.restarts);
        app.stop();
    };
    causes(&["--max-requests", "1"], |app| drop(app.get("/")), "requests");
    causes(&["--max-memory", "64"], |app| drop(app.get("/grow?mib=128")), "memory");
    causes(&[], |app| app.worker(0).signal(Signal::SIGTERM), "terminated");
    let hang = |app: &App| {
        let mut client = Client::connect(app.port).unwrap();
        client.ask("/sleep?ms=60000").unwrap();
        assert!(client.answer().is_err());
    };
    causes(&["--hang-timeout", "0.4"], hang, "hang");
    let overdue = |app: &App| {
        let _waiting = Client::waiting(app.port, 1, "/sleep?ms=60000");
        wait_until("the handler", || app.worker(0).sleeps_in_handler());
        app.done(Command::Reload {});
    };
    causes(&["--grace", "0"], overdue, "overdue");
}

#[test]
fn connections_that_wait_are_counted_for_each_queue() {
    for arguments in intakes() {
        // A thread takes one connection for its worker, and a dispatcher some for all.
        if arguments.contains(&"blocking") || arguments.contains(&"rr") {
            continue;
        }
        let sockets = Sockets::new();
        let socket = sockets.address();
        let (app, admin) =
            Admin::demo(&[&["--workers", "2", "--also", &socket], arguments].concat());
        let workers = [app.worker(0), app.worker(1)];
        for worker in workers {
            wait_until("an idle worker", || worker.waits_for_events());
            worker.signal(Signal::SIGSTOP);
            wait_until("a stopped worker", || worker.is_stopped());
        }
        let waiting: Vec<Client> = (0..9).map(|_| Client::connect(app.port).unwrap()).collect();
        let place = Place::Path(sockets.path());
        let others: Vec<Client> = (0..4).map(|_| place.connect().unwrap()).collect();
        let depth = |samples: &Samples, end: &str| -> u64 {
            let of = |series: &str| {
                series.starts_with(&format!("evenkeel_queue_depth{{address=\"{end}"))
            };
            samples.keys().filter(|series| of(series)).map(|series| value(samples, series)).sum()
        };
        let port = format!("127.0.0.1:{}", app.port);
        wait_for("the queues", || {
            let samples = admin.samples();
            (depth(&samples, &port) == 9 && depth(&samples, "unix:") == 4).then_some(())
        });
        let state = admin.state();
        let queues = state["queues"].as_array().unwrap();
        let own = queues.iter().filter(|queue| queue["slot"].is_u64()).count();
        let shared = arguments.contains(&"inherited");
        assert_eq!((own, queues.len()), if shared { (0, 2) } else { (2, 3) }, "{state:#}");
        assert!(queues.iter().all(|queue| queue["limit"] == 4096), "{state:#}");
        drop((waiting, others));
        for worker in workers {
            worker.signal(Signal::SIGCONT);
        }
        wait_until("empty queues", || {
            let samples = admin.samples();
            depth(&samples, "") == 0
        });
        app.stop();
    }
}

#[test]
fn a_dispatcher_tells_what_it_does_and_nobody_else_has_one() {
    for arguments in intakes() {
        let (app, admin) = Admin::demo(&[&["--workers", "2"], arguments].concat());
        let of_dispatcher = |samples: &Samples| {
            samples.keys().filter(|series| series.starts_with("evenkeel_dispatcher_")).count()
        };
        if !arguments.contains(&"rr") {
            assert_eq!(of_dispatcher(&admin.samples()), 0, "{arguments:?}");
            app.stop();
            continue;
        }
        (0..20).for_each(|_| drop(app.get("/")));
        let name = |end: &str| format!("evenkeel_dispatcher_{end}");
        let ready = name("phase{phase=\"ready\"}");
        let samples = wait_for("what was taken to be acknowledged", || {
            let samples = admin.samples();
            (value(&samples, &name("connections_held")) == 0).then_some(samples)
        });
        assert_eq!(value(&samples, &name("connections_accepted_total")), 20);
        assert_eq!(value(&samples, &name("pid")), u64::from(app.dispatcher().pid));
        assert_eq!((value(&samples, &name("generation")), value(&samples, &ready)), (1, 1));
        assert!(samples[&name("busy_seconds_total")] > 0.0);
        promtool_agrees(&admin.metrics(Form::Prometheus).0);

        // What it leaves in the queue while no worker has room.
        let workers = [app.worker(0), app.worker(1)];
        for worker in workers {
            wait_until("an idle worker", || worker.waits_for_events());
            worker.signal(Signal::SIGSTOP);
            wait_until("a stopped worker", || worker.is_stopped());
        }
        let clients: Vec<Client> = (0..12).map(|_| Client::connect(app.port).unwrap()).collect();
        let depth = format!("evenkeel_queue_depth{{address=\"127.0.0.1:{}\",slot=\"\"}}", app.port);
        wait_until("the queue", || {
            let samples = admin.samples();
            (value(&samples, &depth), value(&samples, &name("connections_held"))) == (4, 8)
        });
        for worker in workers {
            worker.signal(Signal::SIGCONT);
        }
        wait_until("an empty queue", || value(&admin.samples(), &depth) == 0);
        drop(clients);

        app.dispatcher().signal(Signal::SIGKILL);
        app.log.wait_for("dispatcher (generation 2) is ready");
        let samples = admin.samples();
        assert_eq!(value(&samples, &name("connections_accepted_total")), 32, "they go on");
        assert_eq!(value(&samples, &name("generation")), 2);
        app.stop();
    }
}

#[test]
fn an_upgrade_finds_the_same_program_at_work() {
    let deployed = Deployed::demo(&[&ADMIN[..], &["--workers", "1"]].concat());
    let admin = Admin::of(&deployed.app);
    let began = || admin.samples()["process_start_time_seconds"].to_bits();
    let first = began();
    deployed.deploy(&std::fs::read(demo_path()).unwrap());
    assert!(deployed.upgrade().ok);
    assert_eq!(began(), first);
    wait_until("the admin process of the new program", || {
        let process = admin_process(&deployed.app);
        Deployed::running(process) == Deployed::running(deployed.app.master)
    });
    deployed.app.stop();
}
