//! The transport for one process: bytes go to the conductor beside us.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::server::{Handler, serve_bytes};
use crate::transport::{Transport, TransportError};

/// How many requests a conductor has under way at most; one more is refused with 503.
pub const DEFAULT_BOUND: usize = 1024;

/// Conductors of this process, by host name. Cheap to clone.
#[derive(Clone, Default)]
pub struct InProcess {
    conductors: Arc<RwLock<HashMap<String, Conductor>>>,
}

#[derive(Clone)]
struct Conductor {
    handler: Arc<dyn Handler>,
    room: Arc<Semaphore>,
}

impl InProcess {
    /// A transport that nobody listens on yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on requests to `host` go to `handler`, at most `bound` at a time.
    pub fn listen(&self, host: &str, handler: Arc<dyn Handler>, bound: usize) {
        let conductor = Conductor {
            handler,
            room: Arc::new(Semaphore::new(bound)),
        };
        self.conductors
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(host.to_owned(), conductor);
    }

    /// From now on requests to `host` are refused; those under way go on.
    pub fn stop(&self, host: &str) {
        self.conductors
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(host);
    }
}

#[async_trait]
impl Transport for InProcess {
    async fn call(
        &self,
        host: &str,
        message: Bytes,
        within: Duration,
    ) -> Result<Bytes, TransportError> {
        let conductor = self
            .conductors
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(host)
            .cloned()
            .ok_or_else(|| TransportError::Unreachable(host.to_owned()))?;
        let room = conductor
            .room
            .clone()
            .try_acquire_owned()
            .map_err(|_| TransportError::Full(host.to_owned()))?;
        // A task of its own: a client that hangs up must not leave a request half done.
        let task = tokio::spawn(async move {
            let answer = serve_bytes(conductor.handler.as_ref(), &message).await;
            drop(room);
            answer
        });
        match tokio::time::timeout(within, task).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(TransportError::Lost(host.to_owned())),
            Err(_) => Err(TransportError::TimedOut {
                host: host.to_owned(),
                within,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use ironbark_model::{Error, ErrorKind};
    use tokio::sync::Notify;

    use super::*;
    use crate::{Client, Envelope, Reply, Request};

    #[derive(Default)]
    struct Echo {
        entered: Notify,
        go: Notify,
    }

    #[async_trait]
    impl Handler for Echo {
        async fn handle(&self, envelope: Envelope) -> ironbark_model::Result<Reply> {
            match envelope.request {
                Request::Validate { node } => Ok(Reply::Json(node.into())),
                Request::InjectNmi { .. } => {
                    self.entered.notify_one();
                    self.go.notified().await;
                    Ok(Reply::Done)
                }
                _ => Err(Error::node_not_found("x")),
            }
        }
    }

    fn validate() -> Request {
        Request::Validate { node: "n".into() }
    }

    fn nmi() -> Request {
        Request::InjectNmi { node: "n".into() }
    }

    #[tokio::test]
    async fn answers_and_errors_cross() {
        let transport = InProcess::new();
        transport.listen("c", Arc::new(Echo::default()), 2);
        let client = Client::new(Arc::new(transport.clone()), Duration::from_secs(5));
        let reply = client.call("c", "req-1", validate()).await.unwrap();
        assert!(matches!(reply, Reply::Json(value) if value == "n"));
        let error = client
            .call("c", "req-1", Request::DestroyNode { node: "x".into() })
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        transport.stop("c");
        let error = client.call("c", "req-1", validate()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoConductor);
    }

    #[tokio::test]
    async fn one_too_many_is_refused_and_a_slow_one_times_out() {
        let transport = InProcess::new();
        let echo = Arc::new(Echo::default());
        transport.listen("c", echo.clone(), 1);
        let client = Client::new(Arc::new(transport), Duration::from_secs(60));
        let slow = tokio::spawn({
            let client = client.clone();
            async move { client.call("c", "req-1", nmi()).await }
        });
        echo.entered.notified().await;
        let error = client.call("c", "req-2", validate()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Overloaded);
        echo.go.notify_one();
        assert!(matches!(slow.await.unwrap(), Ok(Reply::Done)));
    }

    #[tokio::test]
    async fn nobody_waits_for_ever() {
        let transport = InProcess::new();
        transport.listen("c", Arc::new(Echo::default()), 1);
        let client = Client::new(Arc::new(transport), Duration::from_millis(30));
        let error = client.call("c", "req-1", nmi()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::GatewayTimeout);
    }
}
