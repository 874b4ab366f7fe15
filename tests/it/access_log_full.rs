//! An access log that nobody reads, that is full, or that cannot be opened: it costs lines, and no request.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Command as Program;

use nix::libc::O_NONBLOCK;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::access_log::{dropped, is_whole, logging, place, read};
use crate::harness::app::{App, demo, demo_path, run_to_end};
use crate::harness::client::Client;
use crate::harness::privilege::is_root;
use crate::harness::wait::wait_until;

#[test]
fn a_fifo_that_nobody_reads_never_holds_up_a_request() {
    flood_a_fifo(|_| None);
}

#[test]
fn a_full_pipe_never_holds_up_a_request() {
    // Open, and never read.
    let open = |path: &Path| File::options().read(true).custom_flags(O_NONBLOCK).open(path).ok();
    flood_a_fifo(open);
}

/// More than a pipe and all buffers hold: the rest is counted, and every request is answered.
fn flood_a_fifo(open: impl FnOnce(&Path) -> Option<File>) {
    const REQUESTS: u32 = 50_000;
    const PIPELINED: usize = 50;
    let (_folder, path) = place();
    mkfifo(&path, Mode::S_IRWXU).unwrap();
    let reader = open(&path);
    let app = logging(&path, &["--workers", "1"]);
    let mut client = Client::connect(app.port).unwrap();
    let requests = "GET / HTTP/1.1\r\nHost: test\r\n\r\n".repeat(PIPELINED);
    for _ in 0..REQUESTS / u32::try_from(PIPELINED).unwrap() {
        client.send(&requests).unwrap();
        for _ in 0..PIPELINED {
            assert_eq!(client.answer().unwrap().status, 200);
        }
    }
    drop(client);
    let counted = dropped(&app);
    assert!(counted > 0);
    app.log.wait_for(" lines of the access log ");
    // It is told of now and then, and not for each line.
    assert!(app.log.count("of the access log") < 10, "{}", app.log.text());
    if let Some(mut reader) = reader {
        // Somebody begins to read: what waited comes, in whole lines.
        let mut text = Vec::new();
        let kept = usize::try_from(u64::from(REQUESTS) - counted).unwrap();
        wait_until("what was kept", || {
            let _ = reader.read_to_end(&mut text);
            text.split(|octet| *octet == b'\n').count() > kept
        });
        assert!(String::from_utf8(text).unwrap().lines().all(is_whole));
    }
    app.stop();
}

/// A limit on the size of files stands for a full disk: both cut the last line that fits.
#[test]
fn a_line_that_a_full_disk_cut_is_completed_when_there_is_room() {
    let (_folder, path) = place();
    let app = logging(&path, &["--workers", "1"]);
    let worker = app.worker(0).pid.to_string();
    let limit = |limit: &str| {
        let set = Program::new("prlimit").args(["--pid", &worker, limit]).status();
        assert!(set.unwrap().success());
    };
    limit("--fsize=1000:unlimited");
    for _ in 0..100 {
        assert_eq!(app.get("/").status, 200);
    }
    app.log.wait_for("cannot write the access log");
    app.log.wait_for(" lines of the access log ");
    // Another batch, which is refused from its first octet on.
    let before = dropped(&app);
    assert_eq!(app.get("/").status, 200);
    wait_until("another lost line", || dropped(&app) > before);
    assert_eq!(app.log.count("cannot write the access log"), 1, "it is told once");
    assert_eq!(fs::metadata(&path).unwrap().len(), 1000);
    limit("--fsize=unlimited");
    for _ in 0..10 {
        assert_eq!(app.get("/last").status, 404);
    }
    wait_until("the last lines", || read(&path).matches("/last").count() == 10);
    let text = read(&path);
    assert!(text.lines().all(is_whole), "{text}");
    app.stop();
}

#[test]
fn a_log_that_cannot_be_written_is_an_error_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |path: &Path| {
        let mut command = demo(&["--port", "0", "--access-log", path.to_str().unwrap()]);
        let (code, _, log) = run_to_end(&mut command);
        assert!(log.contains("cannot write the access log"), "{log}");
        code
    };
    assert_eq!(refused(&folder.path().join("not-there/log")), Some(64));
    assert_eq!(refused(folder.path()), Some(64));
}

/// Needs root, to become somebody else.
#[test]
fn a_log_that_this_user_may_not_write_is_an_error_at_the_start() {
    if !is_root("a log that another user may not write") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (file, pipe) = (folder.path().join("file"), folder.path().join("fifo"));
    fs::write(&file, "").unwrap();
    mkfifo(&pipe, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode;
    fs::set_permissions(folder.path(), mode(0o755)).unwrap();
    let program = folder.path().join("demo");
    fs::copy(demo_path(), &program).unwrap();
    for path in [&file, &pipe] {
        let mut nobody = Program::new("setpriv");
        nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
        nobody.args(["--port", "0", "--access-log"]).arg(path);
        let (code, _, log) = run_to_end(&mut nobody);
        assert_eq!(code, Some(77), "{log}");
        assert!(log.contains("choose a file that the user of the workers may write to"), "{log}");
    }
}

/// Standard output is shared by all, and may be a pipe.
#[test]
fn standard_output_will_do() {
    let app = App::demo(&["--workers", "2", "--access-log", "-"]);
    for _ in 0..20 {
        app.get("/");
    }
    wait_until("the lines", || app.out.count("\"GET / HTTP/1.1\" 200 6 \"-\" \"-\"\n") == 20);
    app.stop();
}
