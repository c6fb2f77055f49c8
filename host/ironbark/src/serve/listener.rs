//! The API's socket, in the clear or with TLS.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use tokio::task::JoinHandle;

use crate::config::Settings;

/// How long requests under way may take when the service stops.
const GRACE: Duration = Duration::from_secs(10);

/// A server that runs.
pub(crate) struct Listener {
    address: SocketAddr,
    handle: Handle<SocketAddr>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Listener {
    /// Binds and begins to answer.
    pub(crate) async fn start(settings: &Settings, api: Router) -> Result<Self> {
        let wanted = settings.api.listen;
        let handle = Handle::new();
        let service = api.into_make_service();
        let mut task = match (&settings.api.tls_cert, &settings.api.tls_key) {
            (Some(cert), Some(key)) => {
                // Whoever was first wins; that it is set is all that matters.
                let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
                let tls = RustlsConfig::from_pem_file(cert, key)
                    .await
                    .with_context(|| {
                        format!(
                            "{} and {} are not a certificate and its key",
                            cert.display(),
                            key.display()
                        )
                    })?;
                let server = axum_server::bind_rustls(wanted, tls).handle(handle.clone());
                tokio::spawn(server.serve(service))
            }
            _ => tokio::spawn(
                axum_server::bind(wanted)
                    .handle(handle.clone())
                    .serve(service),
            ),
        };
        tokio::select! {
            address = handle.listening() => match address {
                Some(address) => Ok(Self { address, handle, task }),
                None => Err(match (&mut task).await {
                    Ok(Err(error)) => anyhow!(error).context(format!("the API can't listen on {wanted}")),
                    _ => anyhow!("the API can't listen on {wanted}"),
                }),
            },
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, and lets requests under way end.
    pub(crate) async fn stop(self) {
        self.handle.graceful_shutdown(Some(GRACE));
        if let Ok(Err(error)) = self.task.await {
            tracing::warn!(%error, "the API's listener ended badly");
        }
    }
}
