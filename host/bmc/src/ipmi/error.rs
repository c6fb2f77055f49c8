//! Why a command got no answer.
//!
//! No message names an address, a user or a secret: messages reach drivers, which may know none of them.
//! Logs (`tracing`) name the address.

use std::{io, net::IpAddr};

use crate::{TargetError, actors::Refused, resolve::Unresolved};

/// Why a command has no [`Response`](super::Response).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IpmiError {
    /// The target can't be used; nothing was sent.
    #[error(transparent)]
    InvalidTarget(#[from] TargetError),
    /// The request can't be sent as it is; nothing was sent.
    #[error("invalid IPMI request: {reason}")]
    InvalidRequest {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The BMC's address is outside `[bmc] allowed_networks`, or one that is never a BMC's; nothing was sent.
    #[error("the BMC's address is not allowed: check ipmi_address and [bmc] allowed_networks")]
    AddressDenied {
        /// The address, for the host's own logs only.
        address: IpAddr,
    },
    /// The BMC didn't answer. Whether a command that was already sent took effect is unknown.
    #[error(
        "the BMC did not answer ({during}): check ipmi_address, ipmi_port, the network and that IPMI over LAN is enabled"
    )]
    Unreachable {
        /// What was waited for.
        during: &'static str,
        /// What the operating system said, if anything.
        source: Option<io::Error>,
    },
    /// The BMC, or we, refused the other's proof: wrong user, password, Kg key or privilege.
    #[error("the BMC refused the credentials: {reason}")]
    AuthFailed {
        /// What was refused, and which key to look at.
        reason: &'static str,
    },
    /// The BMC has no room now: no free session, or it answers "node busy". Worth trying again.
    #[error("the BMC is busy: {reason}")]
    Busy {
        /// What it ran out of.
        reason: &'static str,
    },
    /// Somebody else has the serial console open.
    #[error("the BMC is busy: somebody else has its serial console open")]
    ConsoleInUse,
    /// The BMC answered something that IPMI 2.0 doesn't allow, or can't do what we need.
    #[error("the BMC does not follow the protocol: {reason}")]
    Protocol {
        /// What was wrong.
        reason: String,
    },
    /// A controller on the way to the node's own could not pass the command on.
    #[error(
        "the command was not passed on to the controller behind the BMC (completion code {code:#04x}): check ipmi_target_channel, ipmi_target_address and, for dual bridging, ipmi_transit_channel and ipmi_transit_address"
    )]
    NotPassedOn {
        /// Why, as Send Message says it (IPMI 2.0 §22.7).
        code: u8,
    },
    /// The caller's deadline passed first.
    #[error("no answer from the BMC before the deadline{}", if *.sent { "; the command was sent, its outcome is unknown" } else { "; the command was not sent" })]
    Deadline {
        /// Whether the command had been sent: if so, its outcome is unknown.
        sent: bool,
    },
    /// Our own bound: too many commands wait for this BMC, or too many BMCs are in use.
    #[error("too much is waiting: {what}")]
    Overloaded {
        /// Which bound was reached.
        what: &'static str,
    },
    /// The client was shut down.
    #[error("the IPMI client is shutting down")]
    ShuttingDown,
}

impl From<Refused> for IpmiError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::QueueFull => Self::Overloaded {
                what: "commands for this BMC",
            },
            Refused::TooMany => Self::Overloaded { what: "BMCs" },
            Refused::ShuttingDown => Self::ShuttingDown,
        }
    }
}

impl From<Unresolved> for IpmiError {
    fn from(unresolved: Unresolved) -> Self {
        match unresolved {
            Unresolved::Denied(address) => Self::AddressDenied { address },
            Unresolved::Unknown(source) => Self::Unreachable {
                during: "resolving its name",
                source,
            },
        }
    }
}
