//! What a request costs in memory that is asked for: nothing, once a worker is warm.

use std::process::Command;

use crate::harness::app::App;
use crate::harness::client::Client;

/// Requests before those that are counted: buffers are made and grow to their size.
const WARM_UP: usize = 20;
const REQUESTS: usize = 1000;

/// As Chromium sends it.
const BROWSER: &str = "GET /search?q=even+keel HTTP/1.1\r\nHost: www.example.com\r\n\
    Connection: keep-alive\r\nUpgrade-Insecure-Requests: 1\r\nUser-Agent: Mozilla/5.0 (X11; Linux \
    x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36\r\nAccept: \
    text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nReferer: \
    http://www.example.com/\r\nAccept-Encoding: gzip, deflate\r\nAccept-Language: en\r\nCookie: \
    session=0123456789abcdef0123456789abcdef\r\n\r\n";
const SHORT: &str = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";
const WITH_A_BODY: &str =
    "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 16\r\n\r\n{\"even\":\"keel\"}\n";

/// One worker that counts, with these arguments.
fn counting(arguments: &[&str]) -> App {
    let mut command = Command::new(env!("CARGO_BIN_EXE_allocations"));
    App::start(command.args(arguments)).listening()
}

/// Allocations and reallocations of the worker since this was last asked.
fn allocations(client: &mut Client) -> usize {
    client.get("/allocations").unwrap().text().parse().unwrap()
}

/// Sends `input`, which holds so many requests, and awaits the answers.
fn ask(client: &mut Client, input: &str, requests: usize) {
    client.send(input).unwrap();
    for _ in 0..requests {
        assert_eq!(client.answer().unwrap().status, 200);
    }
}

/// Allocations for this input, sent so often that at least `REQUESTS` are answered.
fn allocations_for(client: &mut Client, input: &str, requests: usize) -> usize {
    (0..WARM_UP).for_each(|_| ask(client, input, requests));
    allocations(client);
    (0..REQUESTS.div_ceil(requests)).for_each(|_| ask(client, input, requests));
    allocations(client)
}

#[test]
fn a_thousand_requests_on_a_kept_connection_allocate_nothing() {
    let app = counting(&[]);
    let mut client = Client::connect(app.port).unwrap();
    for (what, input, requests) in [
        ("short", SHORT.to_owned(), 1),
        ("of a browser", BROWSER.to_owned(), 1),
        ("pipelined", SHORT.repeat(16), 16),
        ("with a body", WITH_A_BODY.to_owned(), 1),
    ] {
        assert_eq!(allocations_for(&mut client, &input, requests), 0, "{what}");
    }
    app.stop();
}

#[test]
fn requests_of_many_connections_in_turn_allocate_nothing() {
    let app = counting(&[]);
    let connect = |_| Client::connect(app.port).unwrap();
    let mut clients: Vec<Client> = (0..64).map(connect).collect();
    let mut round = || {
        for client in &mut clients {
            client.ask("/").unwrap();
        }
        for client in &mut clients {
            assert_eq!(client.answer().unwrap().status, 200);
        }
    };
    (0..WARM_UP).for_each(|_| round());
    let mut counter = Client::connect(app.port).unwrap();
    allocations(&mut counter);
    (0..REQUESTS.div_ceil(64)).for_each(|_| round());
    assert_eq!(allocations(&mut counter), 0);
    app.stop();
}

/// Buffers for many lines grow, and large ones are given back; a line has none of its own.
#[test]
fn a_line_in_the_access_log_is_no_allocation_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.log");
    let app = counting(&[log.to_str().unwrap()]);
    let mut client = Client::connect(app.port).unwrap();
    let allocations = allocations_for(&mut client, BROWSER, 1);
    assert!(allocations < REQUESTS / 10, "{allocations}");
    app.stop();
}

/// The counter would see one.
#[test]
fn an_allocation_of_a_handler_is_counted() {
    let app = counting(&[]);
    let mut client = Client::connect(app.port).unwrap();
    (0..WARM_UP).for_each(|_| _ = client.get("/allocate").unwrap());
    allocations(&mut client);
    (0..3).for_each(|_| assert_eq!(client.get("/allocate").unwrap().text(), "9"));
    assert_eq!(allocations(&mut client), 3);
    app.stop();
}
