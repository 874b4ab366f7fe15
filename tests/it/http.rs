//! HTTP/1.1 over real sockets.

use crate::harness::app::{App, fixture};
use crate::harness::client::{Client, Failure};

fn one_worker() -> App {
    App::demo(&["--workers", "1"])
}

/// Sends raw octets; the status of the answer, and that the connection is closed after it.
fn refused(app: &App, request: impl AsRef<[u8]>) -> u16 {
    let mut client = Client::connect(app.port).unwrap();
    client.send(request).unwrap();
    let answer = client.answer().unwrap();
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(client.rest(), Ok(Vec::new()));
    answer.status
}

#[test]
fn one_connection_carries_many_requests() {
    let app = one_worker();
    let mut client = Client::connect(app.port).unwrap();
    for _ in 0..1000 {
        assert_eq!(client.get("/").unwrap().text(), "hello\n");
    }
    app.stop();
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let app = one_worker();
    let mut client = Client::connect(app.port).unwrap();
    let request = |n| format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{n:02}");
    client.send((0..16).map(request).collect::<Vec<_>>().concat()).unwrap();
    for n in 0..16 {
        assert_eq!(client.answer().unwrap().text(), format!("{n:02}"));
    }
    app.stop();
}

#[test]
fn a_long_pipeline_whose_answers_are_read_late_loses_nothing() {
    let app = one_worker();
    let mut client = Client::connect(app.port).unwrap();
    let mut sender = client.stream.try_clone().unwrap();
    let body = "x".repeat(30_000);
    let request = format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 30000\r\n\r\n{body}");
    let sending = std::thread::spawn(move || {
        (0..300).for_each(|_| std::io::Write::write_all(&mut sender, request.as_bytes()).unwrap());
    });
    for _ in 0..300 {
        assert_eq!(client.answer().unwrap().body.len(), 30_000);
    }
    sending.join().unwrap();
    app.stop();
}

#[test]
fn head_is_answered_without_a_body() {
    let app = one_worker();
    let mut client = Client::connect(app.port).unwrap();
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let head = client.answer_to(true).unwrap();
    assert_eq!((head.status, head.header("content-length")), (200, Some("6")));
    assert_eq!(client.answer().unwrap().text(), "hello\n");
    app.stop();
}

#[test]
fn bodies_come_back_however_they_are_cut() {
    let app = one_worker();
    let body: Vec<u8> = (0..500_000u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    let mut client = Client::connect(app.port).unwrap();
    client
        .send(
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: a/b\r\nContent-Length: 500000\r\n\r\n",
        )
        .unwrap();
    body.chunks(7919).for_each(|part| client.send(part).unwrap());
    let answer = client.answer().unwrap();
    assert_eq!(answer.header("content-type"), Some("a/b"));
    assert!(answer.body == body);

    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    for part in body.chunks(6007) {
        client.send(format!("{:x};note=1\r\n", part.len())).unwrap();
        client.send(part).unwrap();
        client.send("\r\n").unwrap();
    }
    client.send("0\r\nX-Trailer: yes\r\n\r\n").unwrap();
    assert!(client.answer().unwrap().body == body);
    app.stop();
}

#[test]
fn a_client_that_waits_for_100_continue_gets_it() {
    let app = one_worker();
    let mut client = Client::connect(app.port).unwrap();
    client
        .send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        .unwrap();
    assert_eq!(client.answer().unwrap().status, 100);
    client.send("ok").unwrap();
    assert_eq!(client.answer().unwrap().text(), "ok");
    app.stop();
}

#[test]
fn http_1_0_is_closed_unless_it_asks_otherwise() {
    let app = one_worker();
    let mut client = Client::connect(app.port).unwrap();
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").unwrap();
    assert_eq!(client.answer().unwrap().header("connection"), Some("keep-alive"));
    client.send("GET / HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!(client.answer().unwrap().header("connection"), Some("close"));
    assert_eq!(client.rest(), Ok(Vec::new()));
    app.stop();
}

#[test]
fn what_can_be_read_in_two_ways_is_refused_and_closed() {
    let app = one_worker();
    let with = |fields: &str| format!("POST /echo HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    let smuggled = with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")
        + "0\r\n\r\nGET / HTTP/1.1\r\n\r\n";
    for (request, status) in [
        (smuggled, 400),
        (with("Content-Length: 1\r\nContent-Length: 1\r\n"), 400),
        (with("Content-Length: +1\r\n"), 400),
        (with("Transfer-Encoding: gzip\r\n"), 400),
        (with("Transfer-Encoding: gzip, chunked\r\n"), 501),
        (with("Transfer-Encoding: chunked\r\n") + "\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\nHost: a\n\n".into(), 400),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n".into(), 505),
        (format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(20_000)), 414),
        (with(&format!("X-Long: {}\r\n", "x".repeat(20_000))), 431),
        (with("Content-Length: 2000000\r\n"), 413),
    ] {
        assert_eq!(refused(&app, &request), status, "{}", request.get(..200).unwrap_or(&request));
    }
    app.stop();
}

#[test]
fn a_request_that_arrives_octet_by_octet_is_one_request() {
    let app = one_worker();
    let mut client = Client::connect(app.port).unwrap();
    for octet in
        b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    {
        client.send([*octet]).unwrap();
    }
    assert_eq!(client.answer().unwrap().text(), "ok");
    app.stop();
}

#[test]
fn a_client_that_half_closes_still_gets_its_answer_and_then_the_end() {
    let app = one_worker();
    let mut client = Client::connect(app.port).unwrap();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    client.stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(client.answer().unwrap().text(), "hello\n");
    assert_eq!(client.rest(), Ok(Vec::new()));
    app.stop();
}

#[test]
fn slow_clients_are_ended_by_their_deadlines() {
    let app = App::start(&mut fixture(&["short-timeouts"])).listening();
    let mut slow_head = Client::connect(app.port).unwrap();
    slow_head.send("GET / HTTP/1.1\r\nHost:").unwrap();
    assert_eq!(slow_head.answer().unwrap().status, 408);
    let mut slow_body = Client::connect(app.port).unwrap();
    slow_body.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf").unwrap();
    assert_eq!(slow_body.answer().unwrap().status, 408);
    let mut idle = Client::connect(app.port).unwrap();
    assert_eq!(idle.get("/").unwrap().status, 200);
    assert_eq!(idle.rest(), Ok(Vec::new()));
    let mut silent = Client::connect(app.port).unwrap();
    assert_eq!(silent.rest(), Ok(Vec::new()));
    app.stop();
}

#[test]
fn a_worker_at_its_limit_lets_newcomers_wait_until_there_is_room() {
    let app = App::start(&mut fixture(&["few-connections"])).listening();
    let mut kept: Vec<Client> = (0..2).map(|_| Client::connect(app.port).unwrap()).collect();
    for client in &mut kept {
        assert_eq!(client.get("/").unwrap().status, 200);
    }
    let mut waiting = Client::connect(app.port).unwrap();
    waiting.ask("/").unwrap();
    waiting.stream.set_read_timeout(Some(std::time::Duration::from_millis(100))).unwrap();
    assert_eq!(waiting.answer(), Err(Failure::Hung), "it was served beyond the limit");
    kept.pop();
    waiting.stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    assert_eq!(waiting.answer().unwrap().status, 200);
    app.stop();
}
