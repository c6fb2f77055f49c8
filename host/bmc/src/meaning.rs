//! What an error means to whoever asked, whichever protocol it comes from.

use std::error::Error;
use std::time::Duration;

use crate::TargetError;
use crate::ipmi::IpmiError;
#[cfg(feature = "redfish")]
use crate::redfish::RedfishError;
#[cfg(feature = "ssh")]
use crate::ssh::SshError;

/// When to ask again if nobody said.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// What an error of one of the clients means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Something that is needed is not there: a connection key, or a command of the operator's.
    Missing,
    /// A connection key or the request is wrong.
    Invalid,
    /// We don't go there.
    Denied,
    /// It didn't answer, or not over a connection that can be trusted.
    Unreachable,
    /// One side refused the other's proof.
    AuthFailed,
    /// It has no room now.
    Busy {
        /// After how many seconds to ask again.
        retry_after: u32,
    },
    /// Our own bound, not its doing.
    Overloaded {
        /// After how many seconds to ask again.
        retry_after: u32,
    },
    /// We stop, not its doing.
    ShuttingDown,
    /// Its answer makes no sense.
    Protocol,
    /// It said that it failed.
    Failed,
}

/// An error of one of the clients. Its message names no address and no secret.
pub trait BmcError: Error {
    /// What it means.
    fn meaning(&self) -> Meaning;
}

impl BmcError for TargetError {
    fn meaning(&self) -> Meaning {
        match self {
            Self::Missing { .. } => Meaning::Missing,
            Self::Invalid { .. } => Meaning::Invalid,
        }
    }
}

impl BmcError for IpmiError {
    fn meaning(&self) -> Meaning {
        match self {
            Self::InvalidTarget(target) => target.meaning(),
            Self::InvalidRequest { .. } => Meaning::Invalid,
            Self::AddressDenied { .. } => Meaning::Denied,
            Self::Unreachable { .. } | Self::NotPassedOn { .. } | Self::Deadline { .. } => {
                Meaning::Unreachable
            }
            Self::AuthFailed { .. } => Meaning::AuthFailed,
            Self::Busy { .. } | Self::ConsoleInUse => busy(None),
            Self::Overloaded { .. } => overloaded(),
            Self::ShuttingDown => Meaning::ShuttingDown,
            Self::Protocol { .. } => Meaning::Protocol,
        }
    }
}

#[cfg(feature = "redfish")]
impl BmcError for RedfishError {
    fn meaning(&self) -> Meaning {
        match self {
            Self::InvalidTarget(target) => target.meaning(),
            Self::InvalidRequest { .. } => Meaning::Invalid,
            Self::AddressDenied { .. } | Self::RedirectDenied => Meaning::Denied,
            // Nothing can be sent over a connection that can't be trusted: for whoever polls it is as if the BMC were away.
            Self::Unreachable { .. } | Self::Deadline { .. } | Self::Untrusted { .. } => {
                Meaning::Unreachable
            }
            Self::AuthFailed { .. } => Meaning::AuthFailed,
            Self::Busy { retry_after, .. } => busy(*retry_after),
            Self::Overloaded { .. } => overloaded(),
            Self::ShuttingDown => Meaning::ShuttingDown,
            Self::Protocol { .. } => Meaning::Protocol,
        }
    }
}

#[cfg(feature = "ssh")]
impl BmcError for SshError {
    fn meaning(&self) -> Meaning {
        match self {
            Self::InvalidTarget(target) => target.meaning(),
            Self::NoTemplate { .. } => Meaning::Missing,
            Self::AddressDenied { .. } => Meaning::Denied,
            Self::Unreachable { .. } | Self::Deadline { .. } => Meaning::Unreachable,
            Self::AuthFailed { .. }
            | Self::UnknownHostKey { .. }
            | Self::NotInKnownHosts
            | Self::KnownHosts { .. }
            | Self::NoHostKey => Meaning::AuthFailed,
            Self::Busy { .. } => busy(None),
            Self::Overloaded { .. } => overloaded(),
            Self::ShuttingDown => Meaning::ShuttingDown,
            Self::Protocol { .. } | Self::TooMuch { .. } => Meaning::Protocol,
            Self::Failed { .. } => Meaning::Failed,
        }
    }
}

fn busy(asked: Option<Duration>) -> Meaning {
    Meaning::Busy {
        retry_after: seconds(asked.unwrap_or(ASK_AGAIN)),
    }
}

fn overloaded() -> Meaning {
    Meaning::Overloaded {
        retry_after: seconds(ASK_AGAIN),
    }
}

/// Whole seconds, rounded up: nobody comes again too early.
fn seconds(time: Duration) -> u32 {
    let whole = time
        .as_secs()
        .saturating_add(u64::from(time.subsec_nanos() > 0));
    u32::try_from(whole).unwrap_or(u32::MAX)
}

#[cfg(all(test, feature = "redfish", feature = "ssh"))]
mod tests {
    use super::*;

    #[test]
    fn a_busy_service_says_when_to_come_again() {
        for (asked, expected) in [
            (None, 5),
            (Some(Duration::from_millis(30_500)), 31),
            (Some(Duration::MAX), u32::MAX),
        ] {
            let busy = RedfishError::Busy {
                reason: "it says so",
                retry_after: asked,
            };
            let retry_after = expected;
            assert_eq!(busy.meaning(), Meaning::Busy { retry_after });
        }
    }

    #[test]
    fn our_own_bounds_are_no_busy_bmc() {
        for full in [
            IpmiError::Overloaded { what: "commands" }.meaning(),
            RedfishError::Overloaded { what: "requests" }.meaning(),
            SshError::Overloaded { what: "commands" }.meaning(),
        ] {
            assert_eq!(full, Meaning::Overloaded { retry_after: 5 });
        }
    }

    #[test]
    fn what_cannot_be_trusted_is_away_and_where_we_never_go_is_denied() {
        for away in [
            RedfishError::Unreachable {
                during: "connecting",
                source: None,
            },
            RedfishError::Deadline { sent: true },
            RedfishError::Untrusted {
                reason: "self-signed",
                source: None,
            },
        ] {
            assert_eq!(away.meaning(), Meaning::Unreachable, "{away}");
        }
        assert_eq!(RedfishError::RedirectDenied.meaning(), Meaning::Denied);
    }
}
