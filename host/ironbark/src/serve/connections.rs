//! The API's connections: so many at once, HTTP/1 only, as all clients of Ironic's API speak it. With two protocols a connection
//! could take as long as it likes to say which one. One may become a WebSocket.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::accept::Accept as _;
use axum_server::tls_rustls::RustlsAcceptor;
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::listener::Bounds;

/// How long is waited when no connection could be taken: mostly for want of file descriptors, which others give back.
const PAUSE: Duration = Duration::from_millis(50);

/// Connections that are served, and come.
pub(super) struct Connections {
    tasks: TaskTracker,
    /// No more come, and those that are there end after their request.
    stop: CancellationToken,
    /// They end where they are.
    cut: CancellationToken,
}

/// What all connections share.
#[derive(Clone)]
struct Server {
    api: Router,
    tls: Option<RustlsAcceptor>,
    head: Duration,
    stop: CancellationToken,
}

impl Connections {
    /// Takes connections of `socket` from now on.
    pub(super) fn take(
        socket: TcpListener,
        tls: Option<RustlsAcceptor>,
        api: Router,
        bounds: Bounds,
    ) -> Self {
        let connections = Self {
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            cut: CancellationToken::new(),
        };
        let server = Server {
            api,
            tls,
            head: bounds.head,
            stop: connections.stop.clone(),
        };
        let (tasks, cut) = (connections.tasks.clone(), connections.cut.clone());
        connections.tasks.spawn(async move {
            // Each takes memory and a file descriptor before anybody knows who it is.
            let free = Arc::new(Semaphore::new(bounds.connections));
            while let Some(stream) = server.next(&socket).await {
                let Ok(place) = Arc::clone(&free).try_acquire_owned() else {
                    tracing::warn!("a connection was closed: there are too many");
                    continue;
                };
                let (server, cut) = (server.clone(), cut.clone());
                tasks.spawn(async move {
                    cut.run_until_cancelled(server.serve(stream)).await;
                    drop(place);
                });
            }
        });
        connections
    }

    /// Takes no more, and waits until those that are there have ended; cuts them off after `grace`.
    pub(super) async fn stop(self, grace: Duration) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("requests were under way for too long: they are cut off");
            self.cut.cancel();
            self.tasks.wait().await;
        }
    }
}

impl Server {
    /// The next connection; none when no more are taken.
    async fn next(&self, socket: &TcpListener) -> Option<TcpStream> {
        loop {
            let taken = self.stop.run_until_cancelled(socket.accept()).await?;
            match taken {
                Ok((stream, _)) => return Some(stream),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn serve(self, stream: TcpStream) {
        // What is typed on a console comes back letter by letter.
        let _ = stream.set_nodelay(true);
        match &self.tls {
            None => self.speak(TokioIo::new(stream)).await,
            Some(tls) => match tls.accept(stream, ()).await {
                Ok((stream, ())) => self.speak(TokioIo::new(stream)).await,
                Err(error) => tracing::debug!(%error, "a connection did not get to TLS"),
            },
        }
    }

    /// Answers requests until the connection ends, or becomes another one.
    async fn speak(&self, stream: impl Read + Write + Unpin + Send + 'static) {
        let service = TowerToHyperService::new(self.api.clone());
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.head)
            .serve_connection(stream, service)
            .with_upgrades();
        tokio::pin!(connection);
        tokio::select! {
            biased;
            () = self.stop.cancelled() => connection.as_mut().graceful_shutdown(),
            _ = connection.as_mut() => return,
        }
        let _ = connection.await;
    }
}
