//! What the demo answers.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel::{BodyPlan, Flow, Handler, Request, Response, Worker};
use nix::time::{ClockId, clock_gettime};

use crate::upload;

/// Longest computation that a client may ask for.
const WORK_MAX: Duration = Duration::from_secs(10);
/// Longest sleep that a client may ask for.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// Most memory that one request may ask for.
const GROW_MIB_MAX: usize = 256;

/// Longest answer that a client may ask for.
const STREAM_KIB_MAX: u64 = 1 << 20;

/// The demo in one worker.
pub(crate) struct Demo {
    worker: Worker,
    index: String,
    /// Where the files are that may be asked for.
    files: Option<PathBuf>,
}

impl Demo {
    pub(crate) fn new(worker: Worker, files: Option<PathBuf>) -> Self {
        Self { worker, index: worker.index().to_string(), files }
    }
}

impl Handler for Demo {
    fn answer(&mut self, request: &Request<'_>, response: &mut Response<'_>) {
        response.header("X-Worker", &self.index);
        match (request.path().strip_prefix("/files/"), &self.files) {
            (Some(name), Some(folder)) => file(folder, name, request, response),
            _ => answer(self.worker, request, response),
        }
    }

    fn body(&mut self, head: &Request<'_>) -> BodyPlan {
        match head.path() {
            "/upload" => upload::plan(),
            _ => BodyPlan::Whole,
        }
    }
}

fn answer(worker: Worker, request: &Request<'_>, response: &mut Response<'_>) {
    match request.path() {
        "/" => response.header("Content-Type", "text/plain").body("hello\n"),
        "/health" if worker.is_closing() => response.status(503).body("closing\n"),
        "/health" => response.body("ok\n"),
        "/grow" => grow(request, response),
        "/whoami" => whoami(worker, request, response),
        "/echo" => echo(request, response),
        "/work" => spend(request, response, "us", Duration::from_micros, WORK_MAX, compute),
        // It blocks the worker's one thread, as a slow system call would: the worker's other
        // connections wait. That is what shows where each policy lets them queue.
        "/sleep" => {
            let sleep = std::thread::sleep;
            spend(request, response, "ms", Duration::from_millis, SLEEP_MAX, sleep);
        }
        "/offload" => offload(worker, request, response),
        "/stream" => stream(request, response),
        "/upload" => response.status(400).body("send a body\n"),
        _ => response.status(404).body("no such page\n"),
    }
}

fn whoami(worker: Worker, request: &Request<'_>, response: &mut Response<'_>) {
    let remote = request.remote().map_or_else(String::new, |remote| remote.to_string());
    let (index, pid, generation) = (worker.index(), worker.pid(), worker.generation());
    response.header("Content-Type", "application/json").body(format!(
        "{{\"worker\":{index},\"pid\":{pid},\"generation\":{generation},\"remote\":\"{remote}\"}}\n"
    ));
}

/// Keeps memory, as a leak does, so that `--max-memory` has something to see.
fn grow(request: &Request<'_>, response: &mut Response<'_>) {
    let asked: Option<usize> = request.query_value("mib").and_then(|text| text.parse().ok());
    match asked.filter(|mib| *mib <= GROW_MIB_MAX) {
        Some(mib) => {
            std::mem::forget(black_box(vec![1u8; mib << 20]));
            response.body("done\n");
        }
        None => response.status(400).body(format!("say ?mib=N, at most {GROW_MIB_MAX}\n")),
    }
}

fn echo(request: &Request<'_>, response: &mut Response<'_>) {
    if request.method() != "POST" {
        return response.status(405).header("Allow", "POST").body("send a body with POST\n");
    }
    if let Some(kind) = request.header("content-type") {
        response.header("Content-Type", kind);
    }
    response.body(request.body());
}

/// The same sleep in a thread: nobody else waits.
fn offload(worker: Worker, request: &Request<'_>, response: &mut Response<'_>) {
    let asked = request.query_value("ms").and_then(|text| text.parse().ok());
    let Some(time) = asked.map(Duration::from_millis).filter(|time| *time <= SLEEP_MAX) else {
        return response.status(400).body(format!("say ?ms=N, at most {SLEEP_MAX:?}\n"));
    };
    response.offload(move |response| {
        std::thread::sleep(time);
        response.header("X-Worker", worker.index().to_string()).body("done\n");
    });
}

/// Lines that are made as the client takes them.
fn stream(request: &Request<'_>, response: &mut Response<'_>) {
    const LINE: &[u8; 64] = b"A line of sixty-four octets: the client gets what it asked for.\n";
    let asked: Option<u64> = request.query_value("kib").and_then(|text| text.parse().ok());
    let Some(mut left) = asked.filter(|kib| *kib <= STREAM_KIB_MAX) else {
        return response.status(400).body(format!("say ?kib=N, at most {STREAM_KIB_MAX}\n"));
    };
    response.header("Content-Type", "text/plain");
    response.stream(move |portion: &mut Vec<u8>| {
        let kib = left.min(16);
        left -= kib;
        (0..kib * 16).for_each(|_| portion.extend_from_slice(LINE));
        Ok(if left == 0 { Flow::Done } else { Flow::More })
    });
}

/// A file of the one folder: no name leads out of it, and none that is hidden is shown.
fn file(folder: &Path, name: &str, request: &Request<'_>, response: &mut Response<'_>) {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if !matches!(request.method(), "GET" | "HEAD") {
        return response.status(405).header("Allow", "GET, HEAD").body("only GET and HEAD\n");
    }
    let plain = !name.starts_with('.') && name.bytes().all(is_plain);
    if !plain || response.file(folder.join(name)).is_err() {
        response.status(404).body("no such file\n");
    }
}

/// Spends the time that the query asks for.
fn spend(
    request: &Request<'_>,
    response: &mut Response<'_>,
    unit: &str,
    duration: fn(u64) -> Duration,
    most: Duration,
    spend: fn(Duration),
) {
    let asked = request.query_value(unit).and_then(|text| text.parse().ok()).map(duration);
    match asked.filter(|time| *time <= most) {
        Some(time) => {
            spend(time);
            response.body("done\n");
        }
        None => response.status(400).body(format!("say ?{unit}=N, at most {most:?}\n")),
    }
}

/// Computes for this long on a CPU, however long it has to wait for one: the same work under any load.
fn compute(time: Duration) {
    let start = on_cpu();
    let mut sum = 0u64;
    while on_cpu().saturating_sub(start) < time {
        sum = black_box(sum.wrapping_mul(31).wrapping_add(1));
    }
}

/// The time that this thread has been on a CPU.
fn on_cpu() -> Duration {
    // It fails on kernels before Linux 2.6.12 only.
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::MAX, Duration::from)
}
