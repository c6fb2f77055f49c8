//! A bound on the connections of the API: each takes memory and a file descriptor before anybody knows who it is.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum_server::accept::Accept;
use futures::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::Service;

/// Gives each connection a place, and closes at once those for which there is none.
#[derive(Clone, Debug)]
pub(crate) struct Places<A> {
    inner: A,
    free: Arc<Semaphore>,
}

/// A connection's service, which keeps its place for as long as there is the connection.
#[derive(Clone, Debug)]
pub(crate) struct Placed<S> {
    inner: S,
    _place: Arc<OwnedSemaphorePermit>,
}

impl<A> Places<A> {
    /// So many places in front of `inner`.
    pub(crate) fn new(inner: A, places: usize) -> Self {
        Self {
            inner,
            free: Arc::new(Semaphore::new(places)),
        }
    }
}

impl<A, I, S> Accept<I, S> for Places<A>
where
    A: Accept<I, S>,
    A::Stream: Send + 'static,
    A::Service: Send + 'static,
    A::Future: Send + 'static,
{
    type Stream = A::Stream;
    type Service = Placed<A::Service>;
    type Future = BoxFuture<'static, io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let Ok(place) = self.free.clone().try_acquire_owned() else {
            tracing::warn!("a connection was closed: there are too many");
            return Box::pin(async { Err(io::Error::other("too many connections")) });
        };
        let accepting = self.inner.accept(stream, service);
        Box::pin(async move {
            let (stream, inner) = accepting.await?;
            let placed = Placed {
                inner,
                _place: Arc::new(place),
            };
            Ok((stream, placed))
        })
    }
}

impl<S: Service<R>, R> Service<R> for Placed<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        self.inner.call(request)
    }
}
