//! What an actor keeps of its service: the connection, the login, what was learnt.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::{
    sync::{Mutex, oneshot},
    time::{Duration, Instant, timeout_at},
};
use tracing::{debug, warn};

use super::{
    ClientConfig, RedfishError, Service, connection::Connection, discovery::Discoveries,
    etags::Etags, session::Login, sharing::Sharing, tls::SystemTrust,
};
use crate::{gate::Gates, sync::lock};

/// How long logging out may take.
const FAREWELL: Duration = Duration::from_secs(3);

/// What all actors of a client have in common.
pub(super) struct Shared {
    pub(super) config: ClientConfig,
    pub(super) gates: Arc<Gates>,
    pub(super) system_trust: SystemTrust,
}

/// One service, as one user.
pub(super) struct Peer {
    pub(super) service: Service,
    pub(super) shared: Arc<Shared>,
    pub(super) login: Login,
    pub(super) etags: Etags,
    pub(super) discoveries: Discoveries,
    pub(super) sharing: Sharing,
    connection: Mutex<Option<Arc<Connection>>>,
    last_command: std::sync::Mutex<Instant>,
}

/// Who waits for an answer, and whether it was asked for yet.
pub(super) struct Caller<T> {
    pub(super) reply: oneshot::Sender<Result<T, RedfishError>>,
    pub(super) sent: Arc<AtomicBool>,
}

/// What a command needs to know of its caller.
pub(super) trait Interest: Send + Sync {
    /// Whether nobody waits any more.
    fn is_gone(&self) -> bool;
    /// To be called before something leaves for the BMC.
    fn note_sent(&self);
    /// Whether something left for the BMC.
    fn was_sent(&self) -> bool;
}

impl<T: Send> Interest for Caller<T> {
    fn is_gone(&self) -> bool {
        self.reply.is_closed()
    }

    fn note_sent(&self) {
        self.sent.store(true, Ordering::Relaxed);
    }

    fn was_sent(&self) -> bool {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Peer {
    pub(super) fn new(service: Service, shared: Arc<Shared>) -> Self {
        Self {
            service,
            shared,
            login: Login::default(),
            etags: Etags::default(),
            discoveries: Discoveries::default(),
            sharing: Sharing::default(),
            connection: Mutex::default(),
            last_command: std::sync::Mutex::new(Instant::now()),
        }
    }

    /// When somebody last asked for something.
    pub(super) fn last_command(&self) -> Instant {
        *lock(&self.last_command)
    }

    /// Notes that somebody asked for something just now.
    pub(super) fn note_command(&self) {
        *lock(&self.last_command) = Instant::now();
    }

    /// Logs out and closes the connections.
    pub(super) async fn close(&self) {
        let farewell = async {
            if self.login.is_logged_in().await {
                let connection = self.connect().await?;
                self.login.log_out(&self.service, &connection).await?;
            }
            Ok::<_, RedfishError>(())
        };
        let host = self.service.address.host();
        match timeout_at(Instant::now() + FAREWELL, farewell).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                debug!(host, %error, "a Redfish session could not be closed; the service will end it");
            }
            Err(_) => debug!(
                host,
                "a Redfish session could not be closed in time; the service will end it"
            ),
        }
        *self.connection.lock().await = None;
    }

    /// The way to the service: as it is, or by the address that its name has now.
    pub(super) async fn connect(&self) -> Result<Arc<Connection>, RedfishError> {
        let mut connection = self.connection.lock().await;
        if let Some(connection) = &*connection {
            return Ok(Arc::clone(connection));
        }
        let until = Instant::now() + self.shared.config.command_limit;
        let opened = Connection::open(&self.service, &self.shared, until).await;
        if let Err(RedfishError::AddressDenied { address }) = &opened {
            warn!(%address, "refused to talk to a BMC outside of the allowed networks");
        }
        let opened = Arc::new(opened?);
        *connection = Some(Arc::clone(&opened));
        Ok(opened)
    }

    /// Forgets a connection, unless another one took its place.
    pub(super) async fn disconnect(&self, failed: &Arc<Connection>) {
        let mut connection = self.connection.lock().await;
        if connection
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, failed))
        {
            *connection = None;
        }
    }
}
