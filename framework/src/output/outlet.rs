//! The file behind descriptors 1 and 2, and what stands in for it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Instant;

use nix::unistd::{dup2_stderr, dup2_stdout};

use super::room::has_room;
use crate::plan::Rotation;
use crate::rotation;

/// What is known of the descriptors.
#[derive(Debug)]
pub(super) struct Outlet {
    path: PathBuf,
    rotation: Option<Rotation>,
    /// The file that was opened last.
    open: Option<Opened>,
    target: Target,
    /// What the descriptors were before.
    inherited: [OwnedFd; 2],
    /// What was told last of why not all is well.
    trouble: Option<String>,
}

#[derive(Debug)]
struct Opened {
    file: File,
    at: Instant,
}

/// What the descriptors are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    File,
    Inherited,
    /// Neither of them has room.
    Nowhere,
}

impl Outlet {
    /// Nothing is changed yet.
    pub(super) fn new(path: PathBuf, rotation: Option<Rotation>) -> io::Result<Self> {
        let inherited = [
            io::stdout().as_fd().try_clone_to_owned()?,
            io::stderr().as_fd().try_clone_to_owned()?,
        ];
        let (open, target, trouble) = (None, Target::Inherited, None);
        Ok(Self { path, rotation, open, target, inherited, trouble })
    }

    /// Moves the file away if it is due, follows it if somebody else has done so, and goes elsewhere while
    /// its file system is full. What goes wrong is told once.
    pub(super) fn tend(&mut self) {
        let result = self.follow().and_then(|()| self.rotate());
        let trouble = self.settle(result.err());
        if trouble == self.trouble {
            return;
        }
        let path = self.path.display();
        if let Some(trouble) = &trouble {
            tracing::error!("the output {path}: {trouble}");
        } else {
            tracing::info!("the output {path} is written again");
        }
        self.trouble = trouble;
    }

    /// Opens what stands at the path now.
    pub(super) fn reopen(&mut self) -> Result<(), String> {
        let result = self.open();
        self.settle(None);
        result.map_err(|error| {
            let path = self.path.display();
            let then = if self.open.is_some() { "the old file is written on" } else { "it waits" };
            let failure = format!("cannot open the output {path} anew: {error}; {then}");
            tracing::error!("{failure}");
            failure
        })
    }

    fn follow(&mut self) -> Result<(), String> {
        let here = self.open.as_ref().is_some_and(|it| rotation::stands_at(&self.path, &it.file));
        if here {
            Ok(())
        } else {
            self.open().map_err(|error| format!("cannot be opened: {error}"))
        }
    }

    fn rotate(&mut self) -> Result<(), String> {
        let (Some(rotation), Some(open)) = (self.rotation, &self.open) else { return Ok(()) };
        rotation::rotate_if_due(&self.path, &open.file, open.at, rotation)
            .map_err(|error| format!("cannot be moved away, and grows on: {error}"))?;
        self.follow()
    }

    /// When that fails, what was open stays open.
    fn open(&mut self) -> io::Result<()> {
        let open = Opened { file: open(&self.path)?, at: Instant::now() };
        if self.target == Target::File {
            direct(open.file.as_fd(), open.file.as_fd())?;
        }
        self.open = Some(open);
        Ok(())
    }

    /// Points the descriptors at where there is room. What is wrong then, beside `trouble`.
    fn settle(&mut self, trouble: Option<String>) -> Option<String> {
        let target = self.best();
        if target != self.target {
            let directed = match (target, &self.open, &self.inherited) {
                (Target::File, Some(Opened { file, .. }), _) => direct(file.as_fd(), file.as_fd()),
                (Target::Nowhere, ..) => OpenOptions::new()
                    .append(true)
                    .open("/dev/null")
                    .and_then(|null| direct(null.as_fd(), null.as_fd())),
                (.., [out, err]) => direct(out.as_fd(), err.as_fd()),
            };
            if let Err(error) = directed {
                return Some(error.to_string());
            }
            self.target = target;
        }
        match self.target {
            Target::File => trouble,
            Target::Inherited => Some(trouble.unwrap_or_else(|| {
                "its disk is full; what is written goes where the master's output goes".to_owned()
            })),
            Target::Nowhere => Some("its disk is full; what is written is lost".to_owned()),
        }
    }

    fn best(&self) -> Target {
        let has_room = |file: BorrowedFd<'_>, is: Target| has_room(file, self.target == is);
        if self.open.as_ref().is_some_and(|open| has_room(open.file.as_fd(), Target::File)) {
            Target::File
        } else if self.inherited.iter().all(|file| has_room(file.as_fd(), Target::Inherited)) {
            Target::Inherited
        } else {
            Target::Nowhere
        }
    }
}

/// What is being written to the old one is completed there: a descriptor changes between two calls.
pub(super) fn direct(out: BorrowedFd<'_>, err: BorrowedFd<'_>) -> io::Result<()> {
    dup2_stdout(out)?;
    dup2_stderr(err)?;
    Ok(())
}

pub(super) fn open(path: &Path) -> io::Result<File> {
    let opened = rotation::open(path)?;
    if opened.metadata()?.is_file() {
        Ok(opened)
    } else {
        Err(io::Error::other("it is no regular file"))
    }
}
