//! What the ways to a node's BMC have in common, whatever they speak.

use std::time::Duration;

use ironbark_bmc::TargetError;
use ironbark_sandbox::DriverError;

use super::Unserved;
use crate::standing::Standing;

/// Longest that one command may take: fencing relies on it.
pub(super) const COMMAND_LIMIT: Duration = Duration::from_secs(15);

/// Refuses, and notes that it is our doing, if this conductor may not act now.
pub(super) fn may_act(standing: &Standing, unserved: &Unserved) -> Result<(), DriverError> {
    standing.check().map_err(|error| {
        unserved.note(error);
        DriverError::Failed(
            "this conductor may not act now: its registration could not be renewed".to_owned(),
        )
    })
}

/// What a driver is told about connection keys that can't be used.
pub(super) fn wrong_target(error: &TargetError) -> DriverError {
    match error {
        TargetError::Missing { .. } => DriverError::MissingParameter(error.to_string()),
        TargetError::Invalid { .. } => DriverError::InvalidParameter(error.to_string()),
    }
}
