//! The API's socket, in the clear or with TLS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;

use super::connections::Connections;
use crate::config::{At, Settings};

/// The one protocol that is spoken, as TLS names it.
const HTTP_1: &[u8] = b"http/1.1";

/// How long requests under way may take when the service stops.
const GRACE: Duration = Duration::from_secs(10);

/// What those who connect may take before they have asked for anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Connections at once; one more is closed.
    pub(crate) connections: usize,
    /// How long a request's head may take, and how long a connection may be idle.
    pub(crate) head: Duration,
}

impl Bounds {
    /// As many connections as requests under way, if half of the file descriptors that this process can have are enough.
    pub(crate) fn of_process() -> Self {
        Self {
            connections: (file_descriptors() / 2).min(4096),
            head: Duration::from_secs(30),
        }
    }
}

/// A server that runs.
pub(crate) struct Listener {
    address: SocketAddr,
    connections: Connections,
}

impl Listener {
    /// Binds and begins to answer.
    pub(crate) async fn start(settings: &Settings, api: Router, bounds: Bounds) -> Result<Self> {
        let wanted = settings.api.listen;
        let tls = tls(settings)?.map(RustlsAcceptor::new);
        let cannot = || format!("the API can't listen on {wanted}");
        let socket = TcpListener::bind(wanted).await.with_context(cannot)?;
        Ok(Self {
            address: socket.local_addr().with_context(cannot)?,
            connections: Connections::take(socket, tls, api, bounds),
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, and lets requests under way end.
    pub(crate) async fn stop(self) {
        self.connections.stop(GRACE).await;
    }
}

/// How TLS is spoken; none where the API is in the clear. An error if the two files aren't a certificate and its key.
pub(super) fn tls(settings: &Settings) -> Result<Option<RustlsConfig>> {
    let (Some(cert), Some(key)) = (&settings.api.tls_cert, &settings.api.tls_key) else {
        return Ok(None);
    };
    // Whoever was first wins; that it is set is all that matters.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let read = || -> Result<ServerConfig> {
        let chain = CertificateDer::pem_file_iter(cert)?.collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_file(key)?;
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![HTTP_1.to_vec()];
        Ok(config)
    };
    let config = read()
        .with_context(|| {
            format!(
                "{} and {} are not a certificate and its key",
                cert.display(),
                key.display()
            )
        })
        .context(At::of(["api", "tls_cert"]))?;
    Ok(Some(RustlsConfig::from_config(Arc::new(config))))
}

/// Asks for as many file descriptors as this process may have, and answers how many it has then.
fn file_descriptors() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let granted = match setrlimit(Resource::Nofile, wanted) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    granted.map_or(usize::MAX, |count| {
        usize::try_from(count).unwrap_or(usize::MAX)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    async fn listener(bounds: Bounds) -> Listener {
        start(Settings::default(), bounds).await
    }

    async fn start(mut settings: Settings, bounds: Bounds) -> Listener {
        settings.api.listen.set_port(0);
        let api = Router::new().fallback(|| async { "here" });
        Listener::start(&settings, api, bounds).await.unwrap()
    }

    /// Sends something; answers what came until the end, or until a whole answer is there. Empty if the other side closed.
    async fn exchange(connection: &mut TcpStream, text: &str) -> String {
        // It may be closed already.
        let _ = connection.write_all(text.as_bytes()).await;
        let mut answer = Vec::new();
        let reading = async {
            while !answer.ends_with(b"here") {
                match connection.read_buf(&mut answer).await {
                    Ok(0) | Err(_) => break,
                    Ok(_) => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.unwrap();
        String::from_utf8(answer).unwrap()
    }

    const REQUEST: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

    #[tokio::test]
    async fn who_does_not_ask_is_not_waited_for() {
        let bounds = Bounds {
            connections: 10,
            head: Duration::from_millis(50),
        };
        let listener = listener(bounds).await;
        for begun in ["", "GET / HTTP/1.1\r\nHost: loc"] {
            let mut connection = TcpStream::connect(listener.address()).await.unwrap();
            let answer = exchange(&mut connection, begun).await;
            assert!(!answer.contains("200 OK"), "{answer}");
        }
        let mut connection = TcpStream::connect(listener.address()).await.unwrap();
        assert!(exchange(&mut connection, REQUEST).await.contains("200 OK"));
        assert_eq!(exchange(&mut connection, "").await, "", "it was idle");
        listener.stop().await;
    }

    #[tokio::test]
    async fn with_a_certificate_it_speaks_tls_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let mut settings = Settings::default();
        for (file, setting, text) in [
            ("cert.pem", &mut settings.api.tls_cert, made.cert.pem()),
            (
                "key.pem",
                &mut settings.api.tls_key,
                made.signing_key.serialize_pem(),
            ),
        ] {
            let path = folder.path().join(file);
            std::fs::write(&path, text).unwrap();
            *setting = Some(path);
        }
        let bounds = Bounds {
            connections: 10,
            head: PATIENCE,
        };
        let listener = start(settings, bounds).await;
        let address = listener.address();
        let client = reqwest::Client::builder()
            .add_root_certificate(
                reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap(),
            )
            .resolve("localhost", address)
            .build()
            .unwrap();
        let url = format!("https://localhost:{}/", address.port());
        let answer = client.get(url).send().await.unwrap();
        assert_eq!(answer.version(), reqwest::Version::HTTP_11);
        assert_eq!(answer.text().await.unwrap(), "here");
        let mut clear = TcpStream::connect(address).await.unwrap();
        let answer = clear.write_all(REQUEST.as_bytes()).await;
        let mut bytes = Vec::new();
        let _ = tokio::time::timeout(PATIENCE, clear.read_to_end(&mut bytes))
            .await
            .unwrap();
        assert!(answer.is_err() || !bytes.starts_with(b"HTTP"), "{bytes:?}");
        drop(client);
        listener.stop().await;
    }

    #[tokio::test]
    async fn connections_have_a_bound_and_give_their_places_back() {
        let bounds = Bounds {
            connections: 1,
            head: PATIENCE,
        };
        let listener = listener(bounds).await;
        let mut first = TcpStream::connect(listener.address()).await.unwrap();
        assert!(exchange(&mut first, REQUEST).await.contains("200 OK"));
        let mut second = TcpStream::connect(listener.address()).await.unwrap();
        assert_eq!(exchange(&mut second, REQUEST).await, "");
        assert!(exchange(&mut first, REQUEST).await.contains("200 OK"));
        drop(first);
        let place = async {
            loop {
                let mut next = TcpStream::connect(listener.address()).await.unwrap();
                if exchange(&mut next, REQUEST).await.contains("200 OK") {
                    break;
                }
            }
        };
        tokio::time::timeout(PATIENCE, place).await.unwrap();
        listener.stop().await;
    }
}
