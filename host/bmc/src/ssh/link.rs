//! One connection to a hypervisor: host key checked, and then the user logged in.

use std::{
    borrow::Cow,
    io,
    net::{Shutdown, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use ironbark_model::Secret;
use russh::{
    AlgorithmKind, Channel, Disconnect, Preferred,
    client::{self, AuthResult, Handle, Msg},
    keys::{PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate},
};
use tokio::net::TcpStream;

use super::{HostKey, HostKeys, SshError, error::Source};
use crate::sync::lock;

/// Flow control's window: what a hypervisor may send before it is read.
const WINDOW: u32 = 128 * 1024;
const PACKET: u32 = 32 * 1024;
/// Messages of one command that wait to be read.
const WAITING: usize = 16;
/// A hypervisor that is silent is asked whether it is there, and given up after so many questions.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
const KEEP_ALIVES: usize = 2;

/// A connection on which commands can be run.
pub(super) struct Link {
    handle: Handle<Doorkeeper>,
    _cut: Cut,
}

/// How the user proves who it is.
pub(super) enum Proof {
    Password(Secret),
    Key(Arc<PrivateKey>),
}

/// Cuts the connection when it is dropped, whatever the SSH library waits for: it would wait for a silent hypervisor for ever.
struct Cut(std::net::TcpStream);

impl Cut {
    fn of(stream: TcpStream) -> io::Result<(TcpStream, Self)> {
        let stream = stream.into_std()?;
        let cut = Self(stream.try_clone()?);
        Ok((TcpStream::from_std(stream)?, cut))
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// Looks at the key that the hypervisor shows.
struct Doorkeeper {
    accepted: HostKeys,
    refused: Arc<Mutex<Option<HostKey>>>,
}

impl Link {
    /// Connects to an address that was checked, and checks the host key.
    pub(super) async fn open(accepted: &HostKeys, address: SocketAddr) -> Result<Self, SshError> {
        let stream = TcpStream::connect(address)
            .await
            .map_err(|error| SshError::unreachable("connecting", error))?;
        let (stream, cut) =
            Cut::of(stream).map_err(|error| SshError::unreachable("connecting", error))?;
        let refused = Arc::default();
        let doorkeeper = Doorkeeper {
            accepted: accepted.clone(),
            refused: Arc::clone(&refused),
        };
        let settings = Arc::new(settings(accepted));
        let connected = client::connect_stream(settings, stream, doorkeeper).await;
        let handle = connected.map_err(|error| match lock(&refused).take() {
            Some(found) => SshError::UnknownHostKey { found },
            None => not_connected(error),
        })?;
        Ok(Self { handle, _cut: cut })
    }

    /// A channel for one command.
    pub(super) async fn channel(&self) -> Result<Channel<Msg>, SshError> {
        self.handle
            .channel_open_session()
            .await
            .map_err(|error| match error {
                russh::Error::ChannelOpenFailure(_) => SshError::Busy {
                    reason: "it opens no more sessions: check MaxSessions of its sshd",
                },
                error => SshError::unreachable("opening a session", error),
            })
    }

    /// Whether the other side, or the network, ended it.
    pub(super) fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// Says good-bye.
    pub(super) async fn close(&self) {
        let _ = self
            .handle
            .disconnect(Disconnect::ByApplication, "", "")
            .await;
    }

    /// Logs in.
    pub(super) async fn log_in(&mut self, username: &str, proof: Proof) -> Result<(), SshError> {
        let (answer, reason) = match proof {
            Proof::Password(password) => (
                self.handle
                    .authenticate_password(username, password.expose())
                    .await,
                "check ssh_username and ssh_password, and that its sshd takes passwords",
            ),
            Proof::Key(key) => (
                self.handle
                    .authenticate_publickey(username, PrivateKeyWithHashAlg::new(key, None))
                    .await,
                "check ssh_username and ssh_key_contents, and that the user's authorized_keys has the public key",
            ),
        };
        match answer {
            Ok(AuthResult::Success) => Ok(()),
            Ok(AuthResult::Failure { .. }) if self.is_closed() => Err(SshError::Unreachable {
                during: "logging in",
                source: None,
            }),
            Ok(AuthResult::Failure {
                partial_success: true,
                ..
            }) => Err(SshError::AuthFailed {
                reason: "its sshd wants more than one proof of this user",
            }),
            Ok(AuthResult::Failure { .. }) => Err(SshError::AuthFailed { reason }),
            Err(error) => Err(SshError::unreachable("logging in", error)),
        }
    }
}

impl client::Handler for Doorkeeper {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        shown: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        // Certificates were not asked for.
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else {
            return Ok(false);
        };
        let shown = HostKey::of(key);
        let accepted = self.accepted.accept(&shown);
        if !accepted {
            *lock(&self.refused) = Some(shown);
        }
        Ok(accepted)
    }
}

fn settings(accepted: &HostKeys) -> client::Config {
    client::Config {
        window_size: WINDOW,
        maximum_packet_size: PACKET,
        channel_buffer_size: WAITING,
        keepalive_interval: Some(KEEP_ALIVE),
        keepalive_max: KEEP_ALIVES,
        nodelay: true,
        preferred: Preferred {
            key: Cow::Owned(accepted.algorithms()),
            ..Preferred::default()
        },
        ..client::Config::default()
    }
}

fn not_connected(error: russh::Error) -> SshError {
    let protocol = |reason, error: Source| SshError::Protocol {
        reason,
        source: Some(error),
    };
    match error {
        russh::Error::NoCommonAlgo {
            kind: AlgorithmKind::Key,
            ..
        } => SshError::NoHostKey,
        russh::Error::NoCommonAlgo { .. } => protocol(
            "it has no algorithm in common with this client: update its sshd",
            error.into(),
        ),
        russh::Error::WrongServerSig => {
            protocol("it has not the host key that it shows", error.into())
        }
        russh::Error::Version => protocol("something else than sshd answers", error.into()),
        error => SshError::unreachable("setting up the connection", error),
    }
}
