//! A layer that counts requests, and ends connections in order.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response, Version};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::answering::Answering;
use crate::worker::Hosted;

/// See [`TokioWorker::layer`](super::TokioWorker::layer).
#[derive(Clone, Debug)]
pub struct WorkerLayer {
    hosted: Arc<Hosted>,
}

/// A service with this layer.
#[derive(Clone, Debug)]
pub struct Counted<S> {
    inner: S,
    hosted: Arc<Hosted>,
}

pin_project! {
    /// Its answer.
    #[derive(Debug)]
    pub struct Answer<F> {
        #[pin]
        inner: F,
        hosted: Arc<Hosted>,
        began: Instant,
        version: Version,
    }
}

pin_project! {
    /// The body of an answer.
    #[derive(Debug)]
    pub struct Sending<R> {
        #[pin]
        inner: R,
        // Dropped when the body is, at its end.
        _answering: Answering,
    }
}

impl WorkerLayer {
    pub(super) fn new(hosted: Arc<Hosted>) -> Self {
        Self { hosted }
    }
}

impl<S> Layer<S> for WorkerLayer {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted { inner, hosted: Arc::clone(&self.hosted) }
    }
}

impl<S, B, R> Service<Request<B>> for Counted<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<Sending<R>>;
    type Error = S::Error;
    type Future = Answer<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (began, version) = (Instant::now(), request.version());
        let hosted = Arc::clone(&self.hosted);
        Answer { inner: self.inner.call(request), hosted, began, version }
    }
}

impl<F, R, E> Future for Answer<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<Sending<R>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = match ready!(this.inner.poll(context)) {
            Ok(response) => response,
            Err(error) => {
                this.hosted.count_error();
                return Poll::Ready(Err(error));
            }
        };
        let answering = Answering::begin(this.hosted, this.began.elapsed());
        // HTTP/2 has GOAWAY for that, and forbids the field (RFC 9113 section 8.2.2).
        if answering.is_last() && *this.version <= Version::HTTP_11 {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Poll::Ready(Ok(response.map(|inner| Sending { inner, _answering: answering })))
    }
}

impl<R: Body> Body for Sending<R> {
    type Data = R::Data;
    type Error = R::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<R::Data>, R::Error>>> {
        self.project().inner.poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
