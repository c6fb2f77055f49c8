//! Why a command has no output.
//!
//! No message names an address, a user or a secret: messages reach drivers, which may know none of them.
//! Sources may name an address: they are for the host's own logs.

use std::{error::Error, net::IpAddr};

use super::HostKey;
use crate::{TargetError, actors::Refused, resolve::Unresolved};

/// What lies below an error.
pub(super) type Source = Box<dyn Error + Send + Sync>;

/// Why a command has no [`Output`](super::Output).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SshError {
    /// The target can't be used.
    #[error(transparent)]
    InvalidTarget(#[from] TargetError),
    /// The operator has no such command; nothing was sent.
    #[error(
        "there is no command '{template}' for this kind of hypervisor: check ssh_virt_type, or add it to [ssh.templates]"
    )]
    NoTemplate {
        /// The command's name.
        template: String,
    },
    /// The hypervisor's address is outside `[bmc] allowed_networks`, or one that is never a BMC's; nothing was sent.
    #[error(
        "the hypervisor's address is not allowed: check ssh_address and [bmc] allowed_networks"
    )]
    AddressDenied {
        /// The address, for the host's own logs only.
        address: IpAddr,
    },
    /// The hypervisor didn't answer, or not to the end. Whether a command that was already sent took effect is unknown.
    #[error(
        "the hypervisor did not answer ({during}): check ssh_address, ssh_port and the network"
    )]
    Unreachable {
        /// What was waited for.
        during: &'static str,
        /// What the operating system or the SSH library said, if anything.
        source: Option<Source>,
    },
    /// The hypervisor showed a key that isn't pinned; neither a password nor a command was sent.
    #[error(
        "the hypervisor's host key is not the expected one, so nothing was sent: it shows {found}; if that is right, set ssh_host_key to it, or correct [ssh] known_hosts"
    )]
    UnknownHostKey {
        /// The key that it showed.
        found: HostKey,
    },
    /// The operator's file of host keys has none for this hypervisor; nothing was sent.
    #[error(
        "the file of [ssh] known_hosts has no Ed25519 or ECDSA key for ssh_address and ssh_port: add it there, or set ssh_host_key"
    )]
    NotInKnownHosts,
    /// The operator's file of host keys can't be used; nothing was sent.
    #[error("the file of [ssh] known_hosts can't be used: see the service's log")]
    KnownHosts {
        /// Which file, and why.
        source: Source,
    },
    /// The hypervisor has no key of a kind that is pinned; nothing was sent.
    #[error(
        "the hypervisor has no host key of the kind that ssh_host_key pins: pin one that ssh-keyscan shows, Ed25519 or ECDSA"
    )]
    NoHostKey,
    /// The hypervisor refused the user.
    #[error("the hypervisor refused the credentials: {reason}")]
    AuthFailed {
        /// What was refused, and which key to look at.
        reason: &'static str,
    },
    /// The hypervisor has no room now. Worth trying again.
    #[error("the hypervisor is busy: {reason}")]
    Busy {
        /// What it ran out of.
        reason: &'static str,
    },
    /// The hypervisor answered something that isn't SSH.
    #[error("the hypervisor does not follow the protocol: {reason}")]
    Protocol {
        /// What was wrong.
        reason: &'static str,
        /// What the SSH library said, if anything.
        source: Option<Source>,
    },
    /// The command was not run to its end.
    #[error("the command failed: {reason}")]
    Failed {
        /// What happened to it.
        reason: &'static str,
    },
    /// The command wrote more than is kept. It may have gone on.
    #[error("the command wrote more than {stdout} bytes, or complained with more than {stderr}")]
    TooMuch {
        /// The bound of what it may write.
        stdout: usize,
        /// The bound of what it may complain.
        stderr: usize,
    },
    /// The caller's deadline passed first.
    #[error("no answer from the hypervisor before the deadline{}", if *.sent { "; the command was sent, its outcome is unknown" } else { "; the command was not sent" })]
    Deadline {
        /// Whether the command had been sent: if so, its outcome is unknown.
        sent: bool,
    },
    /// Our own bound: too many commands wait for this hypervisor, or there are too many connections.
    #[error("too much is waiting: {what}")]
    Overloaded {
        /// Which bound was reached.
        what: &'static str,
    },
    /// The client was shut down.
    #[error("the SSH client is shutting down")]
    ShuttingDown,
}

impl SshError {
    pub(super) fn unreachable(during: &'static str, source: impl Into<Source>) -> Self {
        Self::Unreachable {
            during,
            source: Some(source.into()),
        }
    }

    /// Whether the connection is of no use any more.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Protocol { .. })
    }
}

impl From<Refused> for SshError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::QueueFull => Self::Overloaded {
                what: "commands for this hypervisor",
            },
            Refused::TooMany => Self::Overloaded {
                what: "connections to hypervisors",
            },
            Refused::ShuttingDown => Self::ShuttingDown,
        }
    }
}

impl From<Unresolved> for SshError {
    fn from(unresolved: Unresolved) -> Self {
        match unresolved {
            Unresolved::Denied(address) => Self::AddressDenied { address },
            Unresolved::Unknown(source) => Self::Unreachable {
                during: "resolving its name",
                source: source.map(Into::into),
            },
        }
    }
}
