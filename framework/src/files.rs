//! Files as answers.

use std::fs::{Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::http::{Response, Stat, media_type};

impl Response<'_> {
    /// Sends a file, or the parts of it that the client asks for, or says that the client has it
    /// already: with `ETag`, `Last-Modified`, `Accept-Ranges`, and all of RFC 9110 sections 13 and 14 for
    /// `GET` and `HEAD`. Where a status other than 200 was set, the file is sent whole, with it.
    /// `Content-Type` goes by the ending of the name, unless the handler has said one.
    ///
    /// The octets go from the file to the socket within the kernel (sendfile(2)). A disk that is slow to
    /// read holds up the worker, as it does with nginx.
    ///
    /// The path is used as it is: one that is made of what a client sent must be checked before.
    ///
    /// ```no_run
    /// evenkeel::Server::bind("127.0.0.1:8080").serve(|_req, res| {
    ///     match res.file("/srv/www/index.html") {
    ///         Ok(()) => {}
    ///         Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
    ///             res.status(404).body("no such page\n");
    ///         }
    ///         Err(_) => res.status(503).body("not now\n"),
    ///     }
    /// })?;
    /// # Ok::<(), evenkeel::Error>(())
    /// ```
    ///
    /// # Errors
    /// It cannot be opened, or is no regular file; nothing has been said then.
    pub fn file(&mut self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref();
        // Without O_NONBLOCK, a FIFO would wait for its writer.
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.send_file(file, &Stat::from(&metadata), media_type(path), since_epoch.as_secs());
        Ok(())
    }
}

impl From<&Metadata> for Stat {
    fn from(metadata: &Metadata) -> Self {
        Self {
            length: metadata.size(),
            inode: metadata.ino(),
            seconds: metadata.mtime(),
            nanoseconds: metadata.mtime_nsec(),
        }
    }
}
