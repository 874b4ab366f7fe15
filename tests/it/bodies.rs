//! Bodies that are taken as they come, made as they are taken, sent from files, and answers that are made
//! in a thread.

use std::fs;
use std::io::Write;
use std::net::{Shutdown, SocketAddr};

use nix::sys::signal::Signal;
use socket2::{Domain, SockRef, Socket, Type};

use crate::harness::app::{App, fixture};
use crate::harness::client::{Client, get};
use crate::harness::wait::wait_until;

/// More than any buffer on the way holds.
const MUCH: usize = 64 << 20;

/// A worker that holds bodies in memory would grow by as much as they are long; buffers and the
/// allocator take a few MiB.
const GROWTH_KIB_MAX: u64 = 8 << 10;

fn one_worker() -> App {
    App::demo(&["--workers", "1"])
}

fn memory_kib(app: &App) -> u64 {
    app.worker(0).anonymous_kib()
}

/// FNV-1a, as the demo counts it.
fn hash(octets: impl IntoIterator<Item = u8>) -> u64 {
    octets.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[test]
fn an_upload_is_taken_as_it_comes_and_not_kept() {
    let app = one_worker();
    get(app.port, "/").unwrap();
    let before = memory_kib(&app);
    let part: Vec<u8> = (0..64 << 10).map(|n: u32| u8::try_from(n % 251).unwrap()).collect();
    let parts = MUCH / part.len();
    let expected = hash((0..parts).flat_map(|_| part.iter().copied()));
    for chunked in [false, true] {
        let mut client = Client::connect(app.port).unwrap();
        let framing = if chunked {
            "Transfer-Encoding: chunked".into()
        } else {
            format!("Content-Length: {MUCH}")
        };
        client.send(format!("POST /upload HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n")).unwrap();
        for _ in 0..parts {
            if chunked {
                client.send(format!("{:x}\r\n", part.len())).unwrap();
            }
            client.send(&part).unwrap();
            if chunked {
                client.send("\r\n").unwrap();
            }
        }
        if chunked {
            client.send("0\r\n\r\n").unwrap();
        }
        let answer = client.answer().unwrap();
        assert_eq!(answer.text(), format!("{MUCH} octets, {expected:016x}\n"), "{chunked}");
    }
    let grown = memory_kib(&app).saturating_sub(before);
    assert!(grown < GROWTH_KIB_MAX, "{grown} KiB more");
    app.stop();
}

#[test]
fn a_stream_waits_for_a_slow_reader_and_arrives_whole() {
    let app = one_worker();
    let before = memory_kib(&app);
    let mut slow = Client::connect(app.port).unwrap();
    let target = format!("/stream?kib={}", MUCH >> 10);
    slow.send(format!("GET {target} HTTP/1.0\r\n\r\n")).unwrap();
    // The worker is stuck in it, and serves others all the same.
    let mut other = Client::connect(app.port).unwrap();
    (0..100).for_each(|_| assert_eq!(other.get("/").unwrap().text(), "hello\n"));
    let grown = memory_kib(&app).saturating_sub(before);
    assert!(grown < GROWTH_KIB_MAX, "{grown} KiB more");
    let all = slow.rest().unwrap();
    let start = all.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    assert_eq!(all.len() - start, MUCH);
    app.stop();
}

#[test]
fn a_stream_is_chunked_for_those_who_understand_it() {
    let app = one_worker();
    let mut client = Client::connect(app.port).unwrap();
    client.ask("/stream?kib=20").unwrap();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let text = String::from_utf8(client.rest().unwrap()).unwrap();
    assert!(text.contains("Transfer-Encoding: chunked\r\n"), "{text}");
    let (_, chunks) = text.split_once("\r\n\r\n").unwrap();
    // 16 and 4 KiB.
    assert!(chunks.starts_with("4000\r\n"), "{chunks}");
    assert!(chunks.contains("\r\n1000\r\n") && chunks.contains("\r\n0\r\n\r\nHTTP/1.1 200 OK"));
    app.stop();
}

#[test]
fn offloaded_work_holds_up_nobody_else_and_is_waited_for() {
    let app = one_worker();
    let mut waiting = Client::waiting(app.port, 3, "/offload?ms=1500");
    let mut other = Client::connect(app.port).unwrap();
    assert_eq!(other.get("/").unwrap().text(), "hello\n");
    waiting[0].stream.set_nonblocking(true).unwrap();
    assert!(waiting[0].stream.peek(&mut [0]).is_err(), "it is answered already");
    waiting[0].stream.set_nonblocking(false).unwrap();
    // One that sends no more, and two whose worker is told to go: all three are answered.
    waiting[1].stream.shutdown(Shutdown::Write).unwrap();
    app.signal(Signal::SIGTERM);
    for client in &mut waiting {
        assert_eq!(client.answer().unwrap().text(), "done\n");
    }
    app.stop();
}

#[test]
fn requests_behind_an_offloaded_one_are_answered_after_it() {
    let app = one_worker();
    let mut client = Client::connect(app.port).unwrap();
    (0..5).for_each(|_| {
        client.ask("/offload?ms=10").unwrap();
        client.ask("/whoami").unwrap();
    });
    for _ in 0..5 {
        assert_eq!(client.answer().unwrap().text(), "done\n");
        assert!(client.answer().unwrap().text().contains("worker"));
    }
    app.stop();
}

/// A demo with a folder of two files.
fn with_files() -> (App, tempfile::TempDir, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let large: Vec<u8> = (0..MUCH >> 3).map(|n| u8::try_from(n % 253).unwrap()).collect();
    fs::write(folder.path().join("large.bin"), &large).unwrap();
    fs::write(folder.path().join("small.txt"), "0123456789").unwrap();
    fs::write(folder.path().join(".hidden"), "secret").unwrap();
    fs::create_dir(folder.path().join("folder")).unwrap();
    let app = App::demo(&["--workers", "1", "--files", folder.path().to_str().unwrap()]);
    (app, folder, large)
}

/// Asks for a file with more fields.
fn ask(client: &mut Client, name: &str, fields: &str) -> (u16, String, String) {
    client.send(format!("GET /files/{name} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")).unwrap();
    let answer = client.answer().unwrap();
    (answer.status, answer.head.clone(), answer.text())
}

#[test]
fn a_file_is_sent_whole_in_parts_or_not_at_all() {
    let (app, _folder, large) = with_files();
    let mut client = Client::connect(app.port).unwrap();
    assert_eq!(client.get("/files/large.bin").unwrap().body, large);
    let whole = client.get("/files/small.txt").unwrap();
    assert_eq!(
        (whole.text().as_str(), whole.header("accept-ranges")),
        ("0123456789", Some("bytes"))
    );
    let tag = whole.header("etag").unwrap().to_owned();
    let date = whole.header("last-modified").unwrap().to_owned();
    for (fields, status, body) in [
        ("Range: bytes=2-4\r\n".to_owned(), 206, "234"),
        ("Range: bytes=-3\r\n".to_owned(), 206, "789"),
        ("Range: bytes=10-\r\n".to_owned(), 416, ""),
        ("Range: bytes=x\r\n".to_owned(), 200, "0123456789"),
        (format!("If-None-Match: {tag}\r\n"), 304, ""),
        ("If-None-Match: \"other\"\r\n".to_owned(), 200, "0123456789"),
        (format!("If-Modified-Since: {date}\r\n"), 304, ""),
        ("If-Match: \"other\"\r\n".to_owned(), 412, ""),
        ("Range: bytes=0-1\r\nIf-Range: \"other\"\r\n".to_owned(), 200, "0123456789"),
    ] {
        let answer = ask(&mut client, "small.txt", &fields);
        assert_eq!((answer.0, answer.2.as_str()), (status, body), "{fields}: {}", answer.1);
    }
    let (status, head, body) = ask(&mut client, "small.txt", "Range: bytes=0-1,5-6\r\n");
    assert_eq!(head.to_lowercase().matches("content-type:").count(), 1, "{head}");
    assert_eq!(status, 206);
    assert!(head.contains("multipart/byteranges; boundary="), "{head}");
    assert!(body.contains("Content-Range: bytes 0-1/10\r\n\r\n01\r\n"), "{body}");
    assert!(body.contains("Content-Range: bytes 5-6/10\r\n\r\n56\r\n"), "{body}");
    client.send("HEAD /files/large.bin HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let head = client.answer_to(true).unwrap();
    assert_eq!(head.header("content-length"), Some(large.len().to_string().as_str()));
    for name in [".hidden", "folder", "none", "..", "%2e%2e", "small.txt/"] {
        assert_eq!(ask(&mut client, name, "").0, 404, "{name}");
    }
    app.stop();
}

#[test]
fn a_file_for_a_slow_reader_holds_up_nobody_and_stays_out_of_memory() {
    let (app, _folder, large) = with_files();
    let before = memory_kib(&app);
    let mut slow = Client::waiting(app.port, 20, "/files/large.bin");
    let mut other = Client::connect(app.port).unwrap();
    (0..100).for_each(|_| assert_eq!(other.get("/").unwrap().text(), "hello\n"));
    let grown = memory_kib(&app).saturating_sub(before);
    assert!(grown < GROWTH_KIB_MAX, "{grown} KiB more");
    for client in &mut slow {
        assert_eq!(client.answer().unwrap().body, large);
        assert_eq!(client.get("/").unwrap().text(), "hello\n");
    }
    app.stop();
}

#[test]
fn a_file_that_is_cut_while_it_is_sent_cuts_the_answer() {
    let (app, folder, large) = with_files();
    let mut client = Client::connect(app.port).unwrap();
    client.ask("/files/large.bin").unwrap();
    wait_until("the first octets", || client.stream.peek(&mut [0]).is_ok());
    let file = fs::OpenOptions::new().write(true).open(folder.path().join("large.bin")).unwrap();
    file.set_len(10).unwrap();
    let all = client.rest().unwrap();
    assert!(all.len() < large.len(), "it was sent before it was cut");
    assert_eq!(get(app.port, "/").unwrap().text(), "hello\n");
    (&file).flush().unwrap();
    app.stop();
}

#[test]
fn an_answer_that_comes_later_overtakes_none_that_is_still_being_written() {
    let app = App::start(&mut fixture(&["plain"])).listening();
    // The kernel holds 3 to 6 MB for each; of some it is full in the middle of their last answers.
    let mut clients: Vec<(usize, Client)> = (100..200)
        .map(|count| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_recv_buffer_size(4096).unwrap();
            socket.connect(&SocketAddr::from(([127, 0, 0, 1], app.port)).into()).unwrap();
            let mut client = Client::of(socket.into());
            let big = "GET /big HTTP/1.1\r\nHost: a\r\n\r\n".repeat(count);
            client.send(big + "GET /later HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
            (count, client)
        })
        .collect();
    for (count, client) in &mut clients {
        for _ in 0..*count {
            assert_eq!(client.answer().unwrap().body.len(), 30_000, "behind {count}");
        }
        assert_eq!(client.answer().unwrap().text(), "late", "behind {count}");
    }
    app.stop();
}

/// Octets of a request are there all the time, and it is never the same one.
#[test]
fn a_client_that_always_has_half_a_request_under_way_is_served_for_as_long_as_it_asks() {
    let app = App::start(&mut fixture(&["short-timeouts"])).listening();
    let mut client = Client::connect(app.port).unwrap();
    client.send("GET / HT").unwrap();
    // Longer than a head may take.
    let begun = std::time::Instant::now();
    while begun.elapsed() < std::time::Duration::from_secs(4) {
        client.send("TP/1.1\r\nHost: a\r\n\r\nGET / HT").unwrap();
        assert_eq!(client.answer().unwrap().status, 200);
    }
    app.stop();
}

#[test]
fn a_client_that_went_away_before_its_answer_is_let_go_of() {
    let app = one_worker();
    let worker = app.worker(0);
    let before = worker.settled_descriptors();
    for client in Client::waiting(app.port, 20, "/offload?ms=60000") {
        SockRef::from(&client.stream).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    }
    wait_until("the end of their connections", || worker.settled_descriptors() <= before);
    app.signal(Signal::SIGQUIT);
}
