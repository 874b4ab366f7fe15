//! Clients that ask for more at a time than others.

use nix::sys::signal::Signal;

use crate::harness::app::{App, fixture};
use crate::harness::client::Client;
use crate::harness::wait::wait_until;

const GREEDY: usize = 20;
/// Requests of one client in a turn. Some microseconds each: twenty such clients cost the others some ten
/// milliseconds.
const IN_A_TURN_MAX: usize = 100;

/// All of them have asked before the worker looks at any.
#[test]
fn whoever_asks_once_waits_for_a_few_requests_of_each_of_the_greedy() {
    let app = App::start(&mut fixture(&["impatient"])).listening();
    let worker = app.worker(0);
    let mut greedy: Vec<Client> = (0..GREEDY).map(|_| Client::connect(app.port).unwrap()).collect();
    let mut modest = Client::connect(app.port).unwrap();
    for client in greedy.iter_mut().chain([&mut modest]) {
        assert_eq!(client.get("/").unwrap().status, 200);
    }
    worker.signal(Signal::SIGSTOP);
    wait_until("it to stand still", || worker.is_stopped());
    for client in &mut greedy {
        client.send("GET / HTTP/1.1\r\nHost:a\r\n\r\n".repeat(2000)).unwrap();
    }
    modest.ask("/asked").unwrap();
    worker.signal(Signal::SIGCONT);
    let before: usize = modest.answer().unwrap().text().parse().unwrap();
    assert!(before <= (IN_A_TURN_MAX + 1) * GREEDY + 2, "{before} requests came before it");
    app.stop();
}
