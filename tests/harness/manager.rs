//! A service manager as far as its services hear and see of it.

use std::os::unix::net::UnixDatagram;
use std::process::Command as Program;
use std::time::Duration;

use tempfile::TempDir;

use super::app::App;
use super::wait::PATIENCE;

/// The socket on which a service manager hears of its services (`sd_notify(3)`).
pub(crate) struct Manager {
    socket: UnixDatagram,
    folder: TempDir,
}

/// One message, an assignment a line.
pub(crate) type Message = Vec<String>;

impl Manager {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, folder }
    }

    pub(crate) fn start(&self, program: &mut Program) -> App {
        App::start(program.env("NOTIFY_SOCKET", self.folder.path().join("notify")))
    }

    /// The next message.
    pub(crate) fn hears(&self) -> Message {
        self.next().expect("a message")
    }

    fn next(&self) -> Option<Message> {
        let mut bytes = [0; 4096];
        let count = self.socket.recv(&mut bytes).ok()?;
        let text = String::from_utf8(bytes[..count].to_vec()).unwrap();
        Some(text.lines().map(str::to_owned).collect())
    }

    /// All messages up to the first one with this assignment.
    pub(crate) fn hears_until(&self, assignment: &str) -> Vec<Message> {
        let mut messages = Vec::new();
        for _ in 0..1000 {
            messages.push(self.hears());
            if messages.last().unwrap().iter().any(|line| line == assignment) {
                return messages;
            }
        }
        panic!("no {assignment} in {messages:?}");
    }

    /// A reload: it begins at a time of the monotonic clock, and ends.
    pub(crate) fn hears_a_reload(&self) -> Vec<Message> {
        let messages = self.hears_until("READY=1");
        let (end, begin) = messages.split_last().unwrap();
        let begins: Vec<&Message> =
            begin.iter().filter(|message| message.contains(&"RELOADING=1".to_owned())).collect();
        assert!(!begins.is_empty(), "{messages:?}");
        for message in &begins {
            assert!(value(message, "MONOTONIC_USEC").parse::<u64>().is_ok(), "{messages:?}");
        }
        assert!(!value(end, "STATUS").is_empty(), "{messages:?}");
        messages
    }

    pub(crate) fn hears_nothing(&self) {
        self.socket.set_nonblocking(true).unwrap();
        assert_eq!(self.next(), None);
        self.socket.set_nonblocking(false).unwrap();
    }

    /// What has come, until nothing more comes for so long.
    pub(crate) fn hears_until_silent(&self, time: Duration) -> Vec<Message> {
        self.socket.set_read_timeout(Some(time)).unwrap();
        let messages = (0..1000).map_while(|_| self.next()).collect();
        self.socket.set_read_timeout(Some(PATIENCE)).unwrap();
        messages
    }
}

/// What was assigned to a name; nothing if the message does not have it.
pub(crate) fn value(message: &Message, name: &str) -> String {
    let values = message.iter().filter_map(|line| line.split_once('='));
    values.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).collect()
}
