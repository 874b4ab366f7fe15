//! An actix-web application: `cargo run -p demo-app --example actix`.
//!
//! actix-web's own server accepts by itself. Here its HTTP/1.1 takes the connections of the worker, so that
//! they are counted, and come under every policy.

mod common;

use std::future::ready;
use std::io;
use std::rc::Rc;
use std::time::Instant;

use actix_http::{ConnectionType, HttpService};
use actix_service::{Service, ServiceFactory, map_config};
use actix_web::dev::AppConfig;
use actix_web::web::get;
use actix_web::{App, HttpRequest, HttpResponse};
use common::{Flags, milliseconds, whoami};
use evenkeel::Worker;
use evenkeel::adapters::TokioWorker;
use tokio::task::{JoinSet, LocalSet};

fn main() -> Result<(), evenkeel::Error> {
    // actix has tasks that stay on their thread.
    Flags::read()
        .server()
        .run_tokio(|worker| async { LocalSet::new().run_until(serve(worker)).await })
}

async fn serve(worker: TokioWorker) -> io::Result<()> {
    let (about, drain) = (*worker.about(), worker.drain());
    let counter = worker.clone();
    let application = App::new()
        .wrap_fn(move |request, service| {
            let (began, counter) = (Instant::now(), counter.clone());
            let answer = service.call(request);
            async move {
                let mut answer = answer.await?;
                // The bodies here are whole when their head is sent.
                if counter.answer(began.elapsed()).is_last() {
                    answer.response_mut().head_mut().set_connection_type(ConnectionType::Close);
                }
                Ok(answer)
            }
        })
        .route("/whoami", get().to(move || ready(answer(&about))))
        .route("/sleep", get().to(sleep))
        .route("/block", get().to(async |request| block(&request)));
    let http = HttpService::build()
        .graceful_shutdown_signal(move || drain.impatient())
        .h1(map_config(application, |()| AppConfig::default()));
    let failed = |()| io::Error::other("the application does not start");
    let service = Rc::new(http.new_service(()).await.map_err(failed)?);
    let (listener, mut connections) = (worker.tokio_listener(), JoinSet::new());
    let mut settled = std::pin::pin!(worker.drain().settled());
    loop {
        tokio::select! {
            stream = listener.accept() => {
                let Some(stream) = stream? else { break };
                let service = Rc::clone(&service);
                connections.spawn_local(async move {
                    let peer = stream.peer().0;
                    // What goes wrong with one connection is of no account to the others.
                    let _ = service.call((stream, peer)).await;
                });
            }
            Some(_) = connections.join_next() => {}
            () = &mut settled => break,
        }
    }
    while connections.join_next().await.is_some() {}
    Ok(())
}

fn answer(about: &Worker) -> HttpResponse {
    let index = about.index().to_string();
    HttpResponse::Ok().insert_header(("x-worker", index)).body(whoami(about))
}

async fn sleep(request: HttpRequest) -> &'static str {
    tokio::time::sleep(milliseconds(request.uri().query())).await;
    "slept\n"
}

fn block(request: &HttpRequest) -> &'static str {
    std::thread::sleep(milliseconds(request.uri().query()));
    "blocked\n"
}
