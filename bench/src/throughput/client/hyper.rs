//! hyper as a client, where wrk is not installed: one thread, as wrk has here.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{CONNECTION, HOST};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Done, PATIENCE};
use crate::interrupt;

/// After a failure, so that a server that is gone is not asked without end.
const PAUSE: Duration = Duration::from_millis(10);

/// How long a client keeps its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// For all its requests.
    Always,
    /// For one request.
    Never,
}

/// So many clients ask for `/`, each as soon as it has its answer.
pub(super) fn run(port: u16, keep: Keep, clients: u16, time: Duration) -> Result<Done> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("hyper needs a runtime")?.block_on(async {
        let start = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..clients {
            tasks.spawn(client(SocketAddr::from(([127, 0, 0, 1], port)), keep, start + time));
        }
        let (mut requests, mut failed) = (0, 0);
        while let Some(counts) = tasks.join_next().await {
            let counts = counts.context("a client panicked")?;
            requests += counts.answered;
            failed += counts.failed;
        }
        Ok(Done { requests, failed, seconds: start.elapsed().as_secs_f64() })
    })
}

#[derive(Default)]
struct Counts {
    answered: u64,
    failed: u64,
}

async fn client(server: SocketAddr, keep: Keep, until: Instant) -> Counts {
    let mut counts = Counts::default();
    while Instant::now() < until && !interrupt::requested() {
        let asked = timeout(PATIENCE, connect(server)).await.map_err(anyhow::Error::from);
        let Ok(mut connection) = asked.and_then(|connection| connection) else {
            counts.failed += 1;
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        while Instant::now() < until && !interrupt::requested() {
            let answer = timeout(PATIENCE, ask(&mut connection, keep)).await;
            if !matches!(answer, Ok(Ok(()))) {
                counts.failed += 1;
                break;
            }
            counts.answered += 1;
            if keep == Keep::Never {
                break;
            }
        }
    }
    counts
}

type Connection = SendRequest<Empty<Bytes>>;

async fn connect(server: SocketAddr) -> Result<Connection> {
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    // As other clients write it, so that the bare loop knows it.
    let mut builder = Builder::new();
    let (sender, connection) =
        builder.title_case_headers(true).handshake(TokioIo::new(stream)).await?;
    // It ends with the sender; what fails is seen by those who ask.
    tokio::spawn(connection);
    Ok(sender)
}

async fn ask(connection: &mut Connection, keep: Keep) -> Result<()> {
    connection.ready().await?;
    let request = Request::get("/").header(HOST, "bench");
    let request = match keep {
        Keep::Always => request,
        Keep::Never => request.header(CONNECTION, "close"),
    };
    let answer = connection.send_request(request.body(Empty::new())?).await?;
    ensure!(answer.status().is_success(), "status {}", answer.status());
    let closes = answer.headers().get(CONNECTION).is_some_and(|value| value == "close");
    ensure!(closes == (keep == Keep::Never), "Connection: close is not what was asked for");
    answer.into_body().collect().await?;
    Ok(())
}
