//! What an actor keeps of its hypervisor: the connection, and when it was last of use.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use russh::keys::PrivateKey;
use tokio::{
    sync::{Mutex, OnceCell, Semaphore, oneshot},
    task::spawn_blocking,
    time::{Instant, timeout_at},
};
use tracing::warn;

use super::{
    Account, ClientConfig, Credential, HostKeys, Output, SshError, Target, command, credential,
    link::{Link, Proof},
};
use crate::{
    gate::{Gate, Gates},
    resolve::resolve,
    sync::lock,
};

/// Passphrases that are tried at a time: each keeps a processor busy, perhaps for seconds.
const UNLOCKING: usize = 1;
/// How long saying good-bye may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// What all actors of a client have in common.
pub(super) struct Shared {
    pub(super) config: ClientConfig,
    pub(super) gates: Arc<Gates>,
    unlocking: Arc<Semaphore>,
}

/// One hypervisor, as one user.
pub(super) struct Hypervisor {
    pub(super) account: Account,
    shared: Arc<Shared>,
    way: Mutex<Option<Way>>,
    /// The private key, once it was read.
    key: OnceCell<Arc<PrivateKey>>,
    last_command: std::sync::Mutex<Instant>,
}

/// The way to the hypervisor.
struct Way {
    address: SocketAddr,
    gate: Arc<Gate>,
    link: Option<Arc<Link>>,
}

/// Who waits for a command's output, and whether it was sent yet.
pub(super) struct Caller {
    pub(super) reply: oneshot::Sender<Result<Output, SshError>>,
    pub(super) sent: Arc<AtomicBool>,
}

impl Caller {
    /// Whether the command was sent.
    pub(super) fn was_sent(&self) -> bool {
        self.sent.load(Ordering::Relaxed)
    }

    fn is_gone(&self) -> bool {
        self.reply.is_closed()
    }
}

impl Shared {
    pub(super) fn new(config: ClientConfig, gates: Arc<Gates>) -> Self {
        Self {
            config,
            gates,
            unlocking: Arc::new(Semaphore::new(UNLOCKING)),
        }
    }
}

impl Hypervisor {
    pub(super) fn new(account: Account, shared: Arc<Shared>) -> Self {
        Self {
            account,
            shared,
            way: Mutex::default(),
            key: OnceCell::new(),
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

    /// Runs a command when it is its turn.
    pub(super) async fn run(&self, command: &str, caller: &Caller) -> Result<Output, SshError> {
        let config = &self.shared.config;
        let gate = self.gate().await?;
        let turn = gate.enter(config.pacing).await;
        let until = Instant::now() + config.command_limit;
        let result = timeout_at(until, self.exchange(command, caller)).await;
        let result = result.unwrap_or(Err(SshError::Unreachable {
            during: "for as long as a command may take",
            source: None,
        }));
        if result.as_ref().is_err_and(SshError::is_lost) {
            self.abandon(None).await;
        }
        turn.leave();
        self.note_command();
        result
    }

    /// Ends the connection.
    pub(super) async fn close(&self) {
        let way = self.way.lock().await.take();
        if let Some(link) = way.and_then(|way| way.link) {
            let _ = timeout_at(Instant::now() + FAREWELL, link.close()).await;
        }
    }

    async fn exchange(&self, command: &str, caller: &Caller) -> Result<Output, SshError> {
        let mut tried = false;
        loop {
            if caller.is_gone() {
                return Err(SshError::Deadline { sent: false });
            }
            let (link, is_new) = self.link().await?;
            match link.channel().await {
                Ok(channel) => {
                    // Checked at the last moment: a caller that is gone may not be entitled any more.
                    if caller.is_gone() {
                        let _ = channel.close().await;
                        return Err(SshError::Deadline { sent: false });
                    }
                    caller.sent.store(true, Ordering::Relaxed);
                    return command::run(channel, command, &self.shared.config).await;
                }
                // It was open for a while, and the hypervisor may have been restarted since: nothing was asked yet.
                Err(error) if error.is_lost() && !is_new && !tried => {
                    tried = true;
                    self.abandon(Some(&link)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// What lets only so many commands through to the hypervisor's address: as it is while a connection is open, else by the
    /// address that its name has now.
    async fn gate(&self) -> Result<Arc<Gate>, SshError> {
        let mut way = self.way.lock().await;
        if let Some(way) = &*way
            && way.link.as_ref().is_some_and(|link| !link.is_closed())
        {
            return Ok(Arc::clone(&way.gate));
        }
        let config = &self.shared.config;
        let limit = Instant::now() + config.connect_timeout;
        let Account { host, port, .. } = &self.account;
        let resolved = resolve(host, *port, &config.allowed_networks, limit).await;
        let address = resolved.map_err(SshError::from).inspect_err(|error| {
            if let SshError::AddressDenied { address } = error {
                warn!(%address, "refused to talk to a hypervisor outside of the allowed networks");
            }
        })?;
        let gate = self.shared.gates.of(address);
        *way = Some(Way {
            address,
            gate: Arc::clone(&gate),
            link: None,
        });
        Ok(gate)
    }

    /// The connection, and whether it was opened just now.
    async fn link(&self) -> Result<(Arc<Link>, bool), SshError> {
        let mut way = self.way.lock().await;
        let way = way.as_mut().ok_or(SshError::ShuttingDown)?;
        if let Some(link) = &way.link
            && !link.is_closed()
        {
            return Ok((Arc::clone(link), false));
        }
        let limit = Instant::now() + self.shared.config.connect_timeout;
        let opened = timeout_at(limit, self.open(way.address)).await;
        let opened = opened.unwrap_or(Err(SshError::Unreachable {
            during: "connecting in time",
            source: None,
        }))?;
        let link = Arc::new(opened);
        way.link = Some(Arc::clone(&link));
        Ok((link, true))
    }

    /// Connects, checks the host key, and logs in. The user's key is read after that check: it takes a while if it is encrypted.
    async fn open(&self, address: SocketAddr) -> Result<Link, SshError> {
        let host_keys = self.host_keys().await?;
        let mut link = Link::open(&host_keys, address).await?;
        let proof = match &self.account.credential {
            Credential::Password(password) => Proof::Password(password.clone()),
            Credential::Key { .. } => {
                let key = self.key.get_or_try_init(|| self.unlock()).await?;
                Proof::Key(Arc::clone(key))
            }
        };
        link.log_in(&self.account.username, proof).await?;
        Ok(link)
    }

    /// The keys that the hypervisor may show: those that its node pins, else those in the operator's file.
    async fn host_keys(&self) -> Result<HostKeys, SshError> {
        let Account {
            host,
            port,
            host_keys,
            ..
        } = &self.account;
        if let Some(pinned) = host_keys {
            return Ok(pinned.clone());
        }
        let Some(known) = self.shared.config.known_hosts.clone() else {
            return Err(Target::no_host_key().into());
        };
        let (host, port) = (host.clone(), *port);
        let found = spawn_blocking(move || known.look_up(&host, port)).await;
        let found = found.map_err(|error| SshError::KnownHosts {
            source: error.into(),
        })?;
        found.inspect_err(|error| {
            if let SshError::KnownHosts { source } = error {
                warn!(%source, "the file of host keys can't be used");
            }
        })
    }

    async fn unlock(&self) -> Result<Arc<PrivateKey>, SshError> {
        let gone = SshError::ShuttingDown;
        let Credential::Key {
            contents,
            passphrase,
        } = self.account.credential.clone()
        else {
            return Err(gone);
        };
        let Ok(turn) = Arc::clone(&self.shared.unlocking).acquire_owned().await else {
            return Err(gone);
        };
        let read = spawn_blocking(move || {
            // Held until it is done, even if nobody waits for it any more.
            let _turn = turn;
            credential::unlock(&contents, passphrase.as_ref())
        });
        read.await.unwrap_or(Err(gone)).map(Arc::new)
    }

    /// Lets go of a connection, or of whichever there is. Commands that still run on it finish, and then it ends.
    async fn abandon(&self, which: Option<&Arc<Link>>) {
        if let Some(way) = &mut *self.way.lock().await
            && way
                .link
                .as_ref()
                .is_some_and(|link| which.is_none_or(|which| Arc::ptr_eq(link, which)))
        {
            way.link = None;
        }
    }
}
