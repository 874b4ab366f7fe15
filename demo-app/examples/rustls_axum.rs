//! axum over TLS: `cargo run -p demo-app --example rustls_axum -- --certificate FILE --key FILE`.

mod common;

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::RawQuery;
use axum::routing::get;
use axum::serve::Listener;
use common::{Flags, milliseconds, whoami};
use evenkeel::adapters::{AxumListener, Peer, TokioStream, TokioWorker};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

fn main() -> anyhow::Result<()> {
    let flags = Flags::read();
    let acceptor = TlsAcceptor::from(Arc::new(configuration(&flags)?));
    flags.server().run_tokio(|worker| serve(worker, acceptor.clone()))?;
    Ok(())
}

fn configuration(flags: &Flags) -> anyhow::Result<ServerConfig> {
    let missing = || anyhow::anyhow!("--certificate and --key say where the PEM files are");
    let certificate = flags.certificate.as_ref().ok_or_else(missing)?;
    let certificates = CertificateDer::pem_file_iter(certificate)?.collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_file(flags.key.as_ref().ok_or_else(missing)?)?;
    Ok(ServerConfig::builder().with_no_client_auth().with_single_cert(certificates, key)?)
}

async fn serve(worker: TokioWorker, acceptor: TlsAcceptor) -> io::Result<()> {
    let about = *worker.about();
    let index = [("x-worker", about.index().to_string())];
    let application = Router::new()
        .route("/whoami", get(async move || (index, whoami(&about))))
        .route("/sleep", get(sleep))
        .layer(worker.layer());
    let listener = worker.axum_listener();
    let listener = TlsListener { listener, acceptor, handshakes: JoinSet::new() };
    axum::serve(listener, application).with_graceful_shutdown(worker.drain().settled()).await
}

async fn sleep(RawQuery(query): RawQuery) -> &'static str {
    tokio::time::sleep(milliseconds(query.as_deref())).await;
    "slept\n"
}

/// Connections after their handshake; many shake hands at the same time.
struct TlsListener {
    listener: AxumListener,
    acceptor: TlsAcceptor,
    handshakes: JoinSet<io::Result<(TlsStream<TokioStream>, Peer)>>,
}

impl Listener for TlsListener {
    type Io = TlsStream<TokioStream>;
    type Addr = Peer;

    async fn accept(&mut self) -> (Self::Io, Peer) {
        loop {
            tokio::select! {
                Some(ended) = self.handshakes.join_next() => {
                    // One that failed is the client's loss.
                    if let Ok(Ok(done)) = ended {
                        return done;
                    }
                }
                // Pending when nobody comes any more.
                (stream, peer) = self.listener.accept() => {
                    let handshake = self.acceptor.accept(stream);
                    self.handshakes.spawn(async move { Ok((handshake.await?, peer)) });
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Peer> {
        self.listener.local_addr()
    }
}
