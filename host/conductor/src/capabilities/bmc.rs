//! What the ways to a node's BMC have in common, whatever they speak.

use std::time::Duration;

use ironbark_bmc::{BmcError, Meaning};
use ironbark_model::{Error, ErrorKind};
use ironbark_sandbox::DriverError;

use super::Unserved;
use crate::standing::Standing;

/// Longest that one command may take: fencing relies on it.
pub(crate) const COMMAND_LIMIT: Duration = Duration::from_secs(15);

/// Refuses, and notes that it is our doing, if this conductor may not act now.
pub(super) fn may_act(standing: &Standing, unserved: &Unserved) -> Result<(), DriverError> {
    standing.check().map_err(|error| {
        unserved.note(error);
        DriverError::Failed(
            "this conductor may not act now: its registration could not be renewed".to_owned(),
        )
    })
}

/// What a driver is told of an error. What isn't the BMC's doing but ours is noted.
pub(crate) fn tell(error: &impl BmcError, unserved: &Unserved) -> DriverError {
    let message = error.to_string();
    let meaning = error.meaning();
    if let Some(kind) = ours(meaning) {
        unserved.note(Error::new(kind, message.clone()));
    }
    match meaning {
        Meaning::Missing => DriverError::MissingParameter(message),
        Meaning::Invalid => DriverError::InvalidParameter(message),
        Meaning::Denied => DriverError::Denied(message),
        Meaning::Unreachable => DriverError::Unreachable(message),
        Meaning::AuthFailed => DriverError::AuthFailed(message),
        Meaning::Busy { retry_after } | Meaning::Overloaded { retry_after } => DriverError::Busy {
            message,
            retry_after: Some(retry_after),
        },
        Meaning::Protocol => DriverError::Protocol(message),
        Meaning::ShuttingDown | Meaning::Failed => DriverError::Failed(message),
    }
}

fn ours(meaning: Meaning) -> Option<ErrorKind> {
    match meaning {
        Meaning::Overloaded { .. } => Some(ErrorKind::Overloaded),
        Meaning::ShuttingDown => Some(ErrorKind::NoConductor),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::net::{IpAddr, Ipv4Addr};

    use ironbark_bmc::ipmi::IpmiError;
    use ironbark_bmc::redfish::RedfishError;
    use ironbark_bmc::ssh::SshError;

    use super::*;

    #[test]
    fn our_own_bounds_are_noted_and_no_busy_bmc() {
        let unserved = Unserved::default();
        let busy = IpmiError::Busy { reason: "sessions" };
        assert!(matches!(tell(&busy, &unserved), DriverError::Busy { .. }));
        assert!(unserved.error().is_none());
        let full = RedfishError::Overloaded { what: "requests" };
        let told = tell(&full, &unserved);
        assert!(matches!(told, DriverError::Busy { retry_after, .. } if retry_after == Some(5)));
        assert_eq!(unserved.error().unwrap().kind(), ErrorKind::Overloaded);
    }

    #[test]
    fn errors_keep_their_meaning_and_no_address() {
        let address = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));
        let unserved = Unserved::default();
        for denied in [
            tell(&IpmiError::AddressDenied { address }, &unserved),
            tell(&RedfishError::AddressDenied { address }, &unserved),
            tell(&SshError::AddressDenied { address }, &unserved),
        ] {
            assert!(matches!(&denied, DriverError::Denied(text) if !text.contains("169.254")));
        }
        assert!(unserved.error().is_none());
    }
}
