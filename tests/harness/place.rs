//! Addresses of each kind, for servers that have several.

use std::collections::BTreeSet;
use std::path::PathBuf;

use tempfile::TempDir;

use super::app::App;
use super::client::{Client, Failure};
use super::load::Load;
use super::process::{queued, queued_at};
use super::wait::{wait_for, wait_until};

/// Where clients connect.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Port(u16),
    Path(PathBuf),
}

impl Place {
    pub(crate) fn connect(&self) -> Result<Client, Failure> {
        match self {
            Self::Port(port) => Client::connect(*port),
            Self::Path(path) => Client::connect_unix(path),
        }
    }

    /// So many, each of which has asked and waits for its answer.
    pub(crate) fn waiting(&self, count: usize, target: &str) -> Vec<Client> {
        let ask = |_| {
            let mut client = self.connect().unwrap();
            client.ask(target).unwrap();
            client
        };
        (0..count).map(ask).collect()
    }

    pub(crate) fn queued(&self) -> usize {
        match self {
            Self::Port(port) => queued(*port),
            Self::Path(path) => queued_at(path),
        }
    }

    /// A new connection for each request.
    pub(crate) fn load(&self, clients: usize) -> Load {
        Load::of(clients, || {
            let place = self.clone();
            move || place.connect()?.get("/whoami")
        })
    }
}

/// Has a folder for its sockets.
pub(crate) struct Sockets(pub(crate) TempDir);

impl Sockets {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("socket")
    }

    pub(crate) fn address(&self) -> String {
        format!("unix:{}", self.path().display())
    }
}

/// Arguments for a further port and a further socket.
pub(crate) fn with_further<'a>(arguments: &[&'a str], socket: &'a str) -> Vec<&'a str> {
    [arguments, &["--also", "127.0.0.1:0", "--also", socket]].concat()
}

/// The primary address, and the two further ones.
pub(crate) fn places(app: &App, sockets: &Sockets) -> [Place; 3] {
    app.out.wait_for("and on unix:");
    let text = app.out.text();
    let (_, after) = text.split_once("and on http://127.0.0.1:").expect("a further port");
    let port = after.split_whitespace().next().unwrap().parse().unwrap();
    [Place::Port(app.port), Place::Port(port), Place::Path(sockets.path())]
}

/// Which workers answer there, until all of so many have.
pub(crate) fn answered_by_all(place: &Place, workers: usize, what: &str) {
    let mut seen = BTreeSet::new();
    for _ in 0..500 {
        let answer = place.connect().unwrap().get("/whoami").unwrap();
        assert_eq!(answer.status, 200);
        seen.insert(answer.worker());
        if seen.len() == workers {
            return;
        }
    }
    panic!("{what}: {place:?} is answered by {seen:?} only");
}

/// All workers sleep in a handler, and so many connections wait at each address.
pub(crate) fn all_asleep(app: &App, places: &[Place], workers: u16) -> Vec<Client> {
    let mut clients = Vec::new();
    for index in 0..workers {
        // Whichever answers: the last of them sleeps, too.
        let sleeper = wait_for("a worker that is free", || {
            let mut client = places.last().unwrap().connect().unwrap();
            (client.get("/whoami").unwrap().worker() == index).then_some(client)
        });
        clients.push(sleeper);
    }
    for sleeper in &mut clients {
        sleeper.ask("/sleep?ms=1200").unwrap();
    }
    wait_until("the handlers", || (0..workers).all(|index| app.worker(index).sleeps_in_handler()));
    clients
}
