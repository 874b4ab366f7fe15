//! An axum application: `cargo run -p demo-app --example axum`.

mod common;

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, Request};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use common::{Flags, milliseconds, whoami};
use evenkeel::adapters::TokioWorker;
use http_body_util::channel::Channel;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn main() -> Result<(), evenkeel::Error> {
    Flags::read().server().run_tokio(serve)
}

async fn serve(worker: TokioWorker) -> std::io::Result<()> {
    let drained = worker.drain().settled();
    axum::serve(worker.axum_listener(), application(&worker)).with_graceful_shutdown(drained).await
}

fn application(worker: &TokioWorker) -> Router {
    let about = *worker.about();
    let index = [("x-worker", about.index().to_string())];
    Router::new()
        .route("/whoami", get(async move || (index, whoami(&about))))
        .route("/sleep", get(sleep))
        .route("/block", get(async |query| block(query)))
        .route("/spin", get(spin))
        .route("/trickle", get(trickle))
        .route("/echo", get(echo))
        .route("/ticks", get(ticks))
        .layer(worker.layer())
}

/// Waits as a task should.
async fn sleep(RawQuery(query): RawQuery) -> &'static str {
    tokio::time::sleep(milliseconds(query.as_deref())).await;
    "slept\n"
}

/// Always has something to do, and gives way to the others.
async fn spin(RawQuery(query): RawQuery) -> &'static str {
    let began = Instant::now();
    while began.elapsed() < milliseconds(query.as_deref()) {
        tokio::task::yield_now().await;
    }
    "spun\n"
}

/// Ends long after it has begun.
async fn trickle(RawQuery(query): RawQuery) -> impl IntoResponse {
    let (mut sender, body) = Channel::<Bytes, Infallible>::new(1);
    tokio::spawn(async move {
        // Who does not wait for the end does not miss it.
        let _ = sender.send_data("trick".into()).await;
        tokio::time::sleep(milliseconds(query.as_deref())).await;
        let _ = sender.send_data("led".into()).await;
    });
    ([("content-length", "8")], Body::new(body))
}

/// Does not end while somebody listens.
async fn ticks() -> Body {
    let (mut sender, body) = Channel::<Bytes, Infallible>::new(1);
    tokio::spawn(async move {
        while sender.send_data("tick\n".into()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    Body::new(body)
}

/// Leaves HTTP, and gives each byte back after a while.
async fn echo(request: Request) -> impl IntoResponse {
    tokio::spawn(async move {
        let Ok(connection) = hyper::upgrade::on(request).await else { return };
        let mut connection = TokioIo::new(connection);
        while let Ok(byte) = connection.read_u8().await {
            tokio::time::sleep(Duration::from_millis(300)).await;
            if connection.write_u8(byte).await.is_err() {
                return;
            }
        }
    });
    (StatusCode::SWITCHING_PROTOCOLS, [("connection", "upgrade"), ("upgrade", "echo")])
}

/// Waits as no task should: the whole worker hangs.
fn block(RawQuery(query): RawQuery) -> &'static str {
    std::thread::sleep(milliseconds(query.as_deref()));
    "blocked\n"
}
