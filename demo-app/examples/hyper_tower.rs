//! hyper itself, with a service of tower: `cargo run -p demo-app --example hyper_tower`.

mod common;

use std::convert::Infallible;
use std::pin::pin;

use common::{Flags, milliseconds, whoami};
use evenkeel::Worker;
use evenkeel::adapters::TokioWorker;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tower::{Layer, service_fn};

fn main() -> Result<(), evenkeel::Error> {
    Flags::read().server().run_tokio(serve)
}

async fn serve(worker: TokioWorker) -> std::io::Result<()> {
    let listener = worker.tokio_listener();
    let about = *worker.about();
    let service = worker.layer().layer(service_fn(move |request| answer(request, about)));
    let drain = worker.drain();
    // None comes when this worker has drained, and no connection is left.
    while let Some(stream) = listener.accept().await? {
        let service = TowerToHyperService::new(service.clone());
        let mut http = http1::Builder::new();
        let connection =
            http.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
        let impatient = drain.impatient();
        tokio::spawn(async {
            let mut connection = pin!(connection);
            // What goes wrong with one connection is of no account to the others.
            tokio::select! {
                _ = connection.as_mut() => return,
                () = impatient => connection.as_mut().graceful_shutdown(),
            }
            let _ = connection.await;
        });
    }
    Ok(())
}

async fn answer(
    request: Request<Incoming>,
    about: Worker,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let time = milliseconds(request.uri().query());
    let text = match request.uri().path() {
        "/sleep" => {
            tokio::time::sleep(time).await;
            "slept\n".to_owned()
        }
        "/block" => {
            std::thread::sleep(time);
            "blocked\n".to_owned()
        }
        _ => whoami(&about),
    };
    let mut response = Response::new(Full::from(text));
    response.headers_mut().insert("x-worker", about.index().into());
    Ok(response)
}
