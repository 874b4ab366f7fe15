//! Messages between the master and its workers.

use nix::sys::signal::Signal;

use super::{ask, assert_in_order, cluster, connection, events, say, say_on, start};
use crate::harness::app::App;
use crate::harness::client;
use crate::harness::wait::wait_until;

#[test]
fn messages_go_both_ways_and_to_all() {
    let app = start(&["plain"]);
    say(&app, "tell 1 for you alone");
    wait_until("the message", || ask(&app, 1, "heard") == "for you alone");
    assert_eq!(ask(&app, 0, "heard"), "");
    say(&app, "all news for everybody");
    for index in [0, 1] {
        wait_until("the news", || ask(&app, index, "heard").contains("news for everybody"));
    }
    app.out.wait_for("broadcast failed for 0");
    assert_eq!(ask(&app, 1, "longest"), "ok");
    app.out.wait_for(&format!("event message 1.1 {} octets", evenkeel::MESSAGE_BYTES_MAX));
    app.stop();
}

/// One of them waits for events once more when it is done.
#[test]
fn workers_with_a_loop_or_a_runtime_of_their_own_hear_the_master_and_say_that_they_drain() {
    for mode in ["raw", "tokio"] {
        let app = start(&[mode]);
        app.out.wait_for("event message 0.1 heard hello false");
        app.worker(0).signal(Signal::SIGTERM);
        app.out.wait_for("event message 0.1 end true");
        app.out.wait_for("event exit 0.1 Some(0) None");
        app.out.wait_for("event message 0.2 heard hello false");
        app.stop();
    }
}

#[test]
fn what_a_worker_says_just_before_it_exits_arrives_before_its_exit() {
    let app = start(&["plain"]);
    let _ = client::get(app.port, "/1/last-words");
    wait_until("the exit", || {
        let _ = client::get(app.port, "/1/last-words");
        app.out.text().contains("event exit 1.1 ")
    });
    let life = events(&app, "1.1");
    let words = life.iter().filter(|event| event.starts_with("message word ")).count();
    assert_eq!(words, 50, "{life:?}");
    assert_in_order(
        &life,
        &["message word 0", "message word 49", "disconnect", "exit Some(7) None false"],
    );
    app.stop();
}

/// Far more than a channel holds: each is taken, or its sender told that it is not.
#[test]
fn a_worker_that_says_much_is_told_when_to_wait_and_nothing_is_lost() {
    let app = start(&["plain"]);
    let told = ask(&app, 0, "many?3000");
    app.out.wait_for("event message 0.1 number 2999");
    let said = events(&app, "0.1");
    let said = said.iter().filter(|event| event.starts_with("message number "));
    let expected = (0..3000).map(|number| format!("message number {number}"));
    assert!(said.eq(expected.collect::<Vec<_>>().iter()), "{told}");
    app.stop();
}

/// The queue of one who does not read has an end, and the master still commands him.
#[test]
fn a_worker_that_does_not_read_is_refused_more_and_can_still_be_told_to_drain() {
    let app = start(&["plain"]);
    let (stopped, mut other) = (app.worker(1), connection(&app, 0));
    stopped.signal(Signal::SIGSTOP);
    say_on(&mut other, "flood 1");
    app.out.wait_for("refused flood (true, false, false): worker 1");
    app.log.wait_for("does not read its messages");
    say_on(&mut other, "tell 0 you hear me");
    wait_until("the other hears", || other.get("/0/heard").unwrap().text() == "you hear me");
    say_on(&mut other, "disconnect 1");
    app.out.wait_for("event disconnect 1.1");
    stopped.signal(Signal::SIGCONT);
    app.out.wait_for("event exit 1.1 Some(0) None true");
    app.out.wait_for("event listening 1.2 ");
    app.stop();
}

#[test]
fn messages_that_cannot_arrive_are_errors_of_the_sender() {
    let app = start(&["plain"]);
    let long = ask(&app, 0, "long");
    assert!(long.contains("a message of 65537 octets is too long"), "{long}");
    say(&app, "tell-gone");
    app.out.wait_for("refused tell-gone (false, true, false): worker 0 (generation 99");
    say(&app, "tell-long");
    app.out.wait_for("refused tell-long (false, false, false): a message of 65537 octets");
    say(&app, "scale 0");
    app.out.wait_for("refused scale (false, false, false): cannot run 0 workers");
    app.stop();

    let deaf = App::start(&mut cluster(&["deaf"])).listening();
    let unheard = ask(&deaf, 0, "say?hello");
    assert!(unheard.starts_with("full=false gone=true nobody hears"), "{unheard}");
    deaf.stop();
}

#[test]
fn what_waits_for_a_worker_that_dies_is_told_as_lost() {
    let app = start(&["plain"]);
    let (stopped, mut other) = (app.worker(1), connection(&app, 0));
    stopped.signal(Signal::SIGSTOP);
    say_on(&mut other, "flood 1");
    app.out.wait_for("refused flood");
    say_on(&mut other, "kill 1");
    app.out.wait_for("event exit 1.1 None Some(9) false");
    assert_in_order(&events(&app, "1.1"), &["error 1024 messages did not reach", "exit"]);
    app.stop();
}
