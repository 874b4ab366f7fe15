//! A master that stands still while others wait at its control socket.

use std::path::Path;

use nix::sys::signal::Signal;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::harness::app::{App, run_to_end};
use crate::harness::cli::Cli;
use crate::harness::wait::wait_until;

/// As many connections as can wait there. More than any queue has end the test.
fn fill(path: &Path) -> Vec<Socket> {
    const MANY: usize = 10_000;
    let address = SockAddr::unix(path).unwrap();
    let connect = |_| {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket.connect(&address).is_ok().then_some(socket)
    };
    let waiting: Vec<Socket> = (0..MANY).map_while(connect).collect();
    assert!(waiting.len() < MANY);
    waiting
}

#[test]
fn a_master_that_takes_no_connection_holds_up_nobody_for_ever() {
    let cli = Cli::two();
    let (master, socket) = (cli.master("shop"), cli.path("run/shop/control.sock"));
    master.signal(Signal::SIGSTOP);
    wait_until("its standstill", || master.is_stopped());
    let waiting = fill(&socket);
    let by_socket = ["--control", socket.to_str().unwrap(), "status"];
    let verbs: [&[&str]; 5] = [
        &["status", "all"],
        &["reload", "shop"],
        &["stop", "shop"],
        &["describe", "all"],
        &by_socket,
    ];
    // A wait that does not end is seen by these.
    let ends = std::thread::scope(|scope| {
        verbs
            .map(|verb| scope.spawn(|| run_to_end(&mut cli.command(verb))))
            .map(|thread| thread.join().unwrap())
    });
    for ((code, _, error), verb) in ends.iter().zip(verbs) {
        assert_eq!(*code, Some(69), "{verb:?}: {error}");
        let text = format!("{} takes no connection", socket.display());
        assert!(error.contains(&text) && error.contains("kill -CONT"), "{verb:?}: {error}");
    }
    assert!(ends[0].1.contains("blog") && ends[3].1.contains("does not answer"), "the others");

    // One that goes on in time is asked.
    let mut late = App::start(&mut cli.command(&["status", "shop"]));
    drop(waiting);
    master.signal(Signal::SIGCONT);
    assert_eq!(late.ended().code(), Some(0), "{}", late.log.text());
    cli.done(&["stop", "all"]);
    cli.all_gone();
}
