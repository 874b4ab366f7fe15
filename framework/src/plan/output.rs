//! What the user says of the output of workers.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::limits::ROTATIONS_KEPT_MAX;

/// Files for what workers, and the dispatcher of policy `rr`, write to standard output and standard error:
/// lines of a logger, of `println!` and `eprintln!`, and what a panic says.
///
/// Each process has the file itself as its descriptors 1 and 2, opened to append. No other process stands
/// between: what was written is in the file, also when the writer is killed in the next moment, and no line
/// goes through the master. A program that a worker starts inherits them. The master's own lines stay on
/// its standard error.
///
/// SIGUSR1 to the master, or `evenkeel reopen`, opens the paths anew; so does each process by itself within
/// a second after its file was moved or removed. [`Output::rotate`] moves them away by size.
///
/// Where the file system of a file is all but full, lines go where those of the master go, until there is
/// room again: `println!` panics when it cannot write. The guide says more:
/// [`guide::logs`](crate::guide::logs).
///
/// ```no_run
/// use evenkeel::{Output, Server};
///
/// // worker-0.log, worker-1.log ..., of at most 64 MiB, and the 5 before of each.
/// let output = Output::per_worker("/var/log/shop/worker.log").rotate(64 << 20, 5);
/// Server::bind("0.0.0.0:8080").output(output).serve(|req, res| {
///     println!("somebody asks for {}", req.path());
///     res.body("hello\n");
/// })?;
/// # Ok::<(), evenkeel::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "nothing is written there until Server::output is given it"]
pub struct Output {
    pub(crate) path: PathBuf,
    pub(crate) files: Files,
    pub(crate) rotation: Option<Rotation>,
}

/// How many files there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Files {
    Merged,
    PerWorker,
}

/// When a file is moved away, and how many of those that were are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rotation {
    pub(crate) max_bytes: u64,
    pub(crate) keep: u32,
}

impl Output {
    /// One file for all. The file is made if it is not there, with mode 0640; its folder must be there.
    ///
    /// What is written with one call of write(2) stays in one piece: a line of `tracing-subscriber`, or of
    /// `println!` if it is no longer than 1,024 bytes. `eprintln!` makes a call for each part of its text, so
    /// that lines of several workers can mix.
    pub fn merged(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), files: Files::Merged, rotation: None }
    }

    /// A file for each slot: its number stands before the ending, as in `shop-0.log` for the path
    /// `shop.log`; the dispatcher of policy `rr` has `shop-dispatcher.log`, and the admin process
    /// `shop-admin.log`. Successors of a worker, over reloads and upgrades too, append to the same file.
    pub fn per_worker(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), files: Files::PerWorker, rotation: None }
    }

    /// Moves a file that has at least `max_bytes` to `PATH.1`, what stands there to `PATH.2`, and so on, up to
    /// `keep` (from 1 to 1,000). What would come after that is deleted. Files with a higher number, from a
    /// time when more were kept, are left alone.
    ///
    /// Each worker looks once a second, and none moves a file that is younger than two seconds, so that
    /// all have left the one that is deleted: no line is lost in a rotation. A file can be larger than
    /// `max_bytes` by what is written in that time.
    pub fn rotate(mut self, max_bytes: u64, keep: u32) -> Self {
        self.rotation = Some(Rotation { max_bytes, keep });
        self
    }

    /// As it is to be found from wherever a worker goes.
    pub(crate) fn plan(self) -> Result<Self, Error> {
        let named = self.path.file_name().is_some_and(|name| name != "-");
        let path = std::path::absolute(&self.path).ok().filter(|_| named).ok_or_else(|| {
            let path = self.path.display();
            Error::config(format!("the output {path:?} has no name of a file: name one, or leave it out: lines go where those of the master go"))
        })?;
        let rotation = self.rotation.map(|it| it.plan("the output")).transpose()?;
        Ok(Self { path, rotation, ..self })
    }

    /// The file of the process with this name, such as `0`.
    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        match self.files {
            Files::Merged => self.path.clone(),
            Files::PerWorker => with_name(&self.path, name),
        }
    }
}

impl Rotation {
    pub(super) fn plan(self, of: &str) -> Result<Self, Error> {
        let fine = self.max_bytes > 0 && (1..=ROTATIONS_KEPT_MAX).contains(&self.keep);
        fine.then_some(self).ok_or_else(|| {
            Error::config(format!(
                "rotation of {of}: choose at least 1 byte, and 1 to {ROTATIONS_KEPT_MAX} files to keep"
            ))
        })
    }
}

fn with_name(path: &Path, name: &str) -> PathBuf {
    let mut file = path.file_stem().unwrap_or_default().to_owned();
    file.push("-");
    file.push(name);
    if let Some(ending) = path.extension() {
        file.push(".");
        file.push(ending);
    }
    path.with_file_name(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_worker_stands_before_the_ending() {
        let named = |path: &str| Output::per_worker(path).path_of("3");
        assert_eq!(named("/log/shop.log"), Path::new("/log/shop-3.log"));
        assert_eq!(named("/log/shop.2.log"), Path::new("/log/shop.2-3.log"));
        assert_eq!(named("/log/shop"), Path::new("/log/shop-3"));
        assert_eq!(Output::merged("/log/shop.log").path_of("3"), Path::new("/log/shop.log"));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for path in ["", "/", "/log/.."] {
            assert!(Output::merged(path).plan().is_err_and(|error| error.is_config()), "{path}");
        }
        let refused = |bytes, keep| Output::merged("log").rotate(bytes, keep).plan().is_err();
        assert!(refused(0, 1) && refused(1, 0) && refused(1, 1001) && !refused(1, 1000));
        assert!(Output::merged("log").plan().unwrap().path.is_absolute());
    }
}
