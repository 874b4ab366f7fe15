//! What the demo answers.

use std::hint::black_box;
use std::time::Duration;

use evenkeel::{Request, Response, Worker};
use nix::time::{ClockId, clock_gettime};

/// Longest computation that a client may ask for.
const WORK_MAX: Duration = Duration::from_secs(10);
/// Longest sleep that a client may ask for.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// Most memory that one request may ask for.
const GROW_MIB_MAX: usize = 256;

pub(crate) fn answer(worker: Worker, request: &Request<'_>, response: &mut Response<'_>) {
    match request.path() {
        "/" => response.body("hello\n"),
        "/health" if worker.is_closing() => response.status(503).body("closing\n"),
        "/health" => response.body("ok\n"),
        "/grow" => grow(request, response),
        "/whoami" => whoami(worker, response),
        "/echo" => echo(request, response),
        "/work" => spend(request, response, "us", Duration::from_micros, WORK_MAX, compute),
        // It blocks the worker's one thread, as a slow system call would: the worker's other
        // connections wait. That is what shows where each policy lets them queue.
        "/sleep" => {
            let sleep = std::thread::sleep;
            spend(request, response, "ms", Duration::from_millis, SLEEP_MAX, sleep);
        }
        _ => response.status(404).body("no such page\n"),
    }
}

fn whoami(worker: Worker, response: &mut Response<'_>) {
    let (index, pid, generation) = (worker.index(), worker.pid(), worker.generation());
    response
        .header("Content-Type", "application/json")
        .body(format!("{{\"worker\":{index},\"pid\":{pid},\"generation\":{generation}}}\n"));
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
