//! TLS, by rustls below axum.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use evenkeel::control::Command;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;

use super::{intakes, nobody_is_counted};
use crate::harness::app::App;
use crate::harness::client::{Answer, Client, Failure};
use crate::harness::load::Load;
use crate::harness::wait::wait_until;

/// A certificate of our own, and clients that trust it.
struct Trust {
    folder: TempDir,
    client: Arc<ClientConfig>,
}

impl Trust {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(folder.path().join("certificate"), made.cert.pem()).unwrap();
        std::fs::write(folder.path().join("key"), made.signing_key.serialize_pem()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Self { folder, client: Arc::new(client) }
    }

    fn app(&self, arguments: &[&str]) -> App {
        let path = |name| self.folder.path().join(name).to_str().unwrap().to_owned();
        let (certificate, key) = (path("certificate"), path("key"));
        let all = [&["--certificate", &certificate, "--key", &key], arguments].concat();
        App::example("rustls_axum", &all)
    }
}

type TlsClient = StreamOwned<ClientConnection, TcpStream>;

fn connect(port: u16, trust: &Arc<ClientConfig>) -> Result<TlsClient, Failure> {
    let name = ServerName::try_from("localhost").unwrap();
    let session = ClientConnection::new(Arc::clone(trust), name).unwrap();
    Ok(StreamOwned::new(session, Client::connect(port)?.stream))
}

/// A small answer, which has a `Content-Length`.
fn get(client: &mut TlsClient, target: &str) -> Result<Answer, Failure> {
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.write_all(request.as_bytes()).map_err(|_| Failure::Cut)?;
    let mut received = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&received).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let (head, body) = (format!("{head}\r\n\r\n"), body.as_bytes().to_vec());
            let answer = Answer { status: head[9..12].parse().unwrap(), head, body };
            let length = answer.header("content-length").unwrap().parse();
            if length == Ok(answer.body.len()) {
                return Ok(answer);
            }
        }
        let mut part = [0; 4096];
        match client.read(&mut part) {
            Ok(0) | Err(_) => return Err(Failure::Cut),
            Ok(count) => received.extend_from_slice(&part[..count]),
        }
    }
}

#[test]
fn tls_loses_nothing_in_reloads() {
    let trust = Trust::new();
    for arguments in intakes() {
        let app = trust.app(arguments);
        let (port, client) = (app.port, Arc::clone(&trust.client));
        let load = Load::of(3, move || {
            let (client, mut kept) = (Arc::clone(&client), None);
            move || {
                let mut stream = kept.take().map_or_else(|| connect(port, &client), Ok)?;
                let answer = get(&mut stream, "/whoami")?;
                kept = (answer.header("connection") != Some("close")).then_some(stream);
                Ok(answer)
            }
        });
        wait_until("the load", || app.status().workers.iter().any(|it| it.requests > 50));
        for _ in 0..3 {
            app.done(Command::Reload {});
        }
        let count = load.stop();
        assert_eq!(count.failed(), 0, "{arguments:?}: {count:?}");
        nobody_is_counted(&app);
        app.stop();
    }
}

/// Its handshake is over when nobody else comes.
#[test]
fn a_client_that_speaks_no_tls_is_in_nobodys_way() {
    let trust = Trust::new();
    let app = trust.app(&["--workers", "1"]);
    let mut early = connect(app.port, &trust.client).unwrap();
    let mut wrong = Client::connect(app.port).unwrap();
    wrong.send("GET / HTTP/1.1\r\n\r\n").unwrap();
    // It is turned away.
    let _ = wrong.rest();
    assert_eq!(get(&mut early, "/whoami").unwrap().status, 200);
    drop(early);
    app.stop();
}
