//! The transport for one process: bytes go to the conductor beside us.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::server::{Handler, open_bytes, serve_bytes};
use crate::stream::{Pipe, pipe};
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

    /// Who listens, and room for one request.
    fn find(&self, host: &str) -> Result<(Arc<dyn Handler>, OwnedSemaphorePermit), TransportError> {
        let conductor = self
            .conductors
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(host)
            .cloned()
            .ok_or_else(|| TransportError::Unreachable(host.to_owned()))?;
        let room = conductor
            .room
            .try_acquire_owned()
            .map_err(|_| TransportError::Full(host.to_owned()))?;
        Ok((conductor.handler, room))
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
        let (handler, room) = self.find(host)?;
        let work = async move {
            let answer = serve_bytes(handler.as_ref(), &message).await;
            drop(room);
            answer
        };
        answered(host, within, work).await
    }

    async fn open(
        &self,
        host: &str,
        message: Bytes,
        within: Duration,
    ) -> Result<(Bytes, Pipe), TransportError> {
        // Only opening takes room; how many streams there may be is the handler's to say.
        let (handler, room) = self.find(host)?;
        let (here, there) = pipe();
        let work = async move {
            let answer = open_bytes(handler.as_ref(), &message, there).await;
            drop(room);
            answer
        };
        Ok((answered(host, within, work).await?, here))
    }
}

/// Waits for what is done in a task of its own: a client that hangs up must not leave a request half done.
async fn answered(
    host: &str,
    within: Duration,
    work: impl Future<Output = Bytes> + Send + 'static,
) -> Result<Bytes, TransportError> {
    match tokio::time::timeout(within, tokio::spawn(work)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(TransportError::Lost(host.to_owned())),
        Err(_) => Err(TransportError::TimedOut {
            host: host.to_owned(),
            within,
        }),
    }
}

#[cfg(test)]
mod tests {
    use ironbark_model::{Error, ErrorKind};
    use tokio::sync::Notify;

    use super::*;
    use crate::ramdisk::Carried;
    use crate::{Client, End, Envelope, Opening, Reply, Request, Stream, Why};

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

        async fn open(
            &self,
            envelope: Envelope<Opening>,
            stream: Stream,
        ) -> ironbark_model::Result<()> {
            let Opening::Console { node, .. } = envelope.request;
            if node != "n" {
                return Err(Error::node_not_found(&node));
            }
            let (writer, mut reader) = stream.split();
            tokio::spawn(async move {
                while let Ok(data) = reader.read().await {
                    writer.write(&data).await;
                    if &data[..] == b"bye" {
                        let end = End::new(Why::Closed, "bye");
                        return writer.end(&end).await;
                    }
                }
            });
            Ok(())
        }
    }

    fn console(node: &str) -> Opening {
        Opening::Console {
            node: node.into(),
            token: Carried::default(),
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
    async fn a_stream_carries_both_ways_until_one_ends_it() {
        let transport = InProcess::new();
        transport.listen("c", Arc::new(Echo::default()), 1);
        let client = Client::new(Arc::new(transport), Duration::from_secs(5));
        let error = client.open("c", "req-1", console("x")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let stream = client.open("c", "req-1", console("n")).await.unwrap();
        // A stream that is open takes no room from requests.
        client.call("c", "req-2", validate()).await.unwrap();
        let (writer, mut reader) = stream.split();
        for text in ["hello", "bye"] {
            assert!(writer.write(text.as_bytes()).await);
            assert_eq!(reader.read().await.unwrap(), text.as_bytes());
        }
        assert_eq!(reader.read().await, Err(End::new(Why::Closed, "bye")));
        let error = client.open("d", "req-1", console("n")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoConductor);
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
