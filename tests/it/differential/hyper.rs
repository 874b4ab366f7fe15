//! What hyper's server hears.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use evenkeel::Version;
use evenkeel::internals::Heard;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The requests that hyper accepts of this connection, whole, with sorted fields.
pub(super) fn requests(input: &[u8]) -> Vec<Heard> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (mut client, server) = tokio::io::duplex(1 << 20);
        client.write_all(input).await.unwrap();
        client.shutdown().await.unwrap();
        let service = service_fn(|request| hear(request, Arc::clone(&heard)));
        let mut builder = http1::Builder::new();
        builder.header_read_timeout(None).half_close(true);
        // An error is what comes of a message that it refuses.
        let _ = builder.serve_connection(TokioIo::new(server), service).await;
        let mut answers = Vec::new();
        client.read_to_end(&mut answers).await.unwrap();
    });
    std::mem::take(&mut *heard.lock().unwrap())
}

/// The target as hyper writes it: a scheme in small letters, a path if there is none.
pub(super) fn normal(target: &str) -> Option<String> {
    target.parse::<hyper::Uri>().ok().map(|uri| uri.to_string())
}

async fn hear(
    request: Request<Incoming>,
    heard: Arc<Mutex<Vec<Heard>>>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    if let Ok(body) = body.collect().await {
        let headers = parts.headers.iter();
        let mut headers: Vec<(String, Vec<u8>)> = headers
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect();
        headers.sort_by(|one, other| one.0.cmp(&other.0));
        heard.lock().unwrap().push(Heard {
            method: parts.method.as_str().to_owned(),
            target: parts.uri.to_string(),
            version: match parts.version {
                hyper::Version::HTTP_10 => Version::Http10,
                _ => Version::Http11,
            },
            headers,
            body: body.to_bytes().to_vec(),
        });
    }
    Ok(Response::new(Empty::new()))
}
