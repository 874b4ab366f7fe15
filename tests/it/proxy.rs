//! Clients whose address a proxy says.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::harness::app::App;
use crate::harness::client::{Client, get};
use crate::harness::privilege::is_installed;
use crate::harness::wait::wait_until;

/// Whom `/whoami` sees, for a connection that begins so.
fn seen(app: &App, header: &[u8]) -> (u16, String) {
    let mut client = Client::connect(app.port).unwrap();
    client.send(header).unwrap();
    let answer = client.get("/whoami").unwrap();
    (answer.status, answer.text())
}

#[test]
fn a_trusted_peer_names_the_client_in_either_version() {
    let app = App::demo(&["--workers", "1", "--proxy-protocol", "10.0.0.0/8,127.0.0.0/8"]);
    let (status, text) = seen(&app, b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 80\r\n");
    assert_eq!((status, text.contains("\"remote\":\"192.0.2.7:5000\"")), (200, true), "{text}");
    let (_, text) = seen(&app, b"PROXY TCP6 2001:db8::1 2001:db8::2 5000 80\r\n");
    assert!(text.contains("\"remote\":\"[2001:db8::1]:5000\""), "{text}");
    let binary = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc0\0\x02\x01\x13\x88\0\x50";
    let (_, text) = seen(&app, binary);
    assert!(text.contains("\"remote\":\"192.0.2.7:5000\""), "{text}");
    // A health check of the proxy itself: LOCAL.
    let (_, text) = seen(&app, b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0");
    assert!(text.contains("\"remote\":\"127.0.0.1:"), "{text}");
    // Without the header it is not heard.
    assert_eq!(get(app.port, "/whoami").unwrap().status, 400);
    app.stop();
}

#[test]
fn a_peer_that_is_not_trusted_cannot_name_anybody() {
    let app = App::demo(&["--workers", "1", "--proxy-protocol", "10.0.0.0/8"]);
    assert_eq!(seen(&app, b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 80\r\n").0, 400);
    let (_, text) = seen(&app, b"");
    assert!(text.contains("\"remote\":\"127.0.0.1:"), "{text}");
    app.stop();
}

/// A real HAProxy; dropping it ends it.
struct HaProxy {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl HaProxy {
    fn before(app: &App, send: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // It cannot be told to take a free port: one that was free a moment ago.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let to = app.port;
        let configuration = format!(
            "defaults\n mode http\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n\
             listen front\n bind 127.0.0.1:{port}\n server app 127.0.0.1:{to} {send}\n"
        );
        let file = folder.path().join("haproxy.cfg");
        fs::write(&file, configuration).unwrap();
        let mut haproxy = Command::new("haproxy");
        haproxy.args(["-db", "-f"]).arg(file).stderr(Stdio::null());
        let this = Self { child: haproxy.spawn().unwrap(), port, _folder: folder };
        wait_until("haproxy's port", || Client::connect(port).is_ok());
        this
    }
}

impl Drop for HaProxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_real_haproxy_is_understood() {
    if !is_installed("haproxy", "HAProxy in front of the server") {
        return;
    }
    let app = App::demo(&["--workers", "2", "--proxy-protocol", "127.0.0.1"]);
    for send in ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c"] {
        let haproxy = HaProxy::before(&app, send);
        for _ in 0..20 {
            let mut client = Client::connect(haproxy.port).unwrap();
            let ours = client.stream.local_addr().unwrap();
            let answer = client.get("/whoami").unwrap();
            let text = answer.text();
            assert!(text.contains(&format!("\"remote\":\"{ours}\"")), "{send}: {text}, not {ours}");
        }
    }
    app.stop();
}
