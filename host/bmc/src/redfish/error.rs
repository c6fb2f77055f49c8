//! Why a request got no answer.
//!
//! No message names an address, a user or a secret: messages reach drivers, which may know none of them.
//! Sources may name an address: they are for the host's own logs.

use std::{error::Error, net::IpAddr, time::Duration};

use crate::{TargetError, actors::Refused, resolve::Unresolved};

/// What lies below an error.
pub(super) type Source = Box<dyn Error + Send + Sync>;

/// Why a request has no [`Response`](super::Response).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedfishError {
    /// The target can't be used.
    #[error(transparent)]
    InvalidTarget(#[from] TargetError),
    /// The request can't be sent as it is; nothing was sent.
    #[error("invalid Redfish request: {reason}")]
    InvalidRequest {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The BMC's address is outside `[bmc] allowed_networks`, or one that is never a BMC's; nothing was sent.
    #[error("the BMC's address is not allowed: check redfish_address and [bmc] allowed_networks")]
    AddressDenied {
        /// The address, for the host's own logs only.
        address: IpAddr,
    },
    /// The BMC didn't answer, or not to the end. Whether a request that was already sent took effect is unknown.
    #[error(
        "the BMC did not answer ({during}): check redfish_address, the network and that its Redfish service is enabled"
    )]
    Unreachable {
        /// What was waited for.
        during: &'static str,
        /// What the operating system or the HTTP client said, if anything.
        source: Option<Source>,
    },
    /// The BMC's certificate isn't one that the operator trusts, or there is no TLS version in common; nothing was sent.
    #[error("no trusted TLS connection to the BMC: {reason}")]
    Untrusted {
        /// What is wrong, and which key to look at.
        reason: &'static str,
        /// What the TLS library said, if anything.
        source: Option<Source>,
    },
    /// The BMC refused the user or the password.
    #[error("the BMC refused the credentials: {reason}")]
    AuthFailed {
        /// What was refused, and which key to look at.
        reason: &'static str,
    },
    /// The BMC has no room now. Worth trying again.
    #[error("the BMC is busy: {reason}")]
    Busy {
        /// What it ran out of.
        reason: &'static str,
        /// After how long it wants to be asked again, if it said so.
        retry_after: Option<Duration>,
    },
    /// The BMC answered something that isn't Redfish.
    #[error("the BMC does not follow the protocol: {reason}")]
    Protocol {
        /// What was wrong.
        reason: &'static str,
    },
    /// The BMC wants us to go to another host, which we never do.
    #[error(
        "the BMC redirects to another host, which is never followed: check redfish_address, its scheme and port"
    )]
    RedirectDenied,
    /// The caller's deadline passed first.
    #[error("no answer from the BMC before the deadline{}", if *.sent { "; the request was sent, its outcome is unknown" } else { "; the request was not sent" })]
    Deadline {
        /// Whether the request had been sent: if so, its outcome is unknown.
        sent: bool,
    },
    /// Our own bound: too many requests wait for this service, or too many services are in use.
    #[error("too much is waiting: {what}")]
    Overloaded {
        /// Which bound was reached.
        what: &'static str,
    },
    /// The client was shut down.
    #[error("the Redfish client is shutting down")]
    ShuttingDown,
}

impl From<Refused> for RedfishError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::QueueFull => Self::Overloaded {
                what: "requests for this Redfish service",
            },
            Refused::TooMany => Self::Overloaded {
                what: "Redfish services",
            },
            Refused::ShuttingDown => Self::ShuttingDown,
        }
    }
}

impl From<Unresolved> for RedfishError {
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
