//! A pseudo-terminal, and a program on it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};

use nix::pty::{Winsize, openpty};
use nix::sys::termios::{LocalFlags, tcgetattr};

use super::wait::{wait_for, wait_until};

pub(crate) struct Terminal {
    child: Child,
    /// Our side, and the program's.
    ours: File,
    theirs: File,
    text: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// Runs a program on a terminal of this size.
    pub(crate) fn run(command: &mut Command, columns: u16, rows: u16) -> Self {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pair = openpty(&size, None).unwrap();
        let (ours, theirs) = (File::from(pair.master), File::from(pair.slave));
        let end = || theirs.try_clone().unwrap();
        command.env("TERM", "xterm").stdin(end()).stdout(end()).stderr(end());
        let child = command.spawn().unwrap();
        let text = Arc::new(Mutex::new(Vec::new()));
        let mut reader = ours.try_clone().unwrap();
        let seen = Arc::clone(&text);
        std::thread::spawn(move || {
            let mut part = [0; 4096];
            // It ends with an error when both sides are closed.
            while let Ok(count @ 1..) = reader.read(&mut part) {
                seen.lock().unwrap().extend_from_slice(&part[..count]);
            }
        });
        Self { child, ours, theirs, text }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.text.lock().unwrap()).into_owned()
    }

    pub(crate) fn wait_for(&self, text: &str) {
        wait_until(&format!("{text:?} on the terminal"), || self.text().contains(text));
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.ours.write_all(keys.as_bytes()).unwrap();
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Lines are edited, and keys make signals, as before any program took the terminal.
    pub(crate) fn is_as_it_was(&self) -> bool {
        let flags = tcgetattr(self.theirs.as_fd()).unwrap().local_flags;
        flags.contains(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG)
    }

    pub(crate) fn ended(&mut self) -> ExitStatus {
        wait_for("the program's end", || self.child.try_wait().unwrap())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
