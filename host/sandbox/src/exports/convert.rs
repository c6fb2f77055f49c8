//! Between the contract's generated types and the service's.

use ironbark_model::{JsonObject, PowerTarget};
use serde_json::Value;

use crate::bindings::ironbark::driver::types as wit;
use crate::error::DriverError;
use crate::types::{Outcome, PowerReading, Wait, WaitOn};

/// Largest cursor, in bytes of JSON (the contract's bound).
const MAX_CURSOR: usize = 64 * 1024;
/// Longest message of a wait.
const MAX_MESSAGE: usize = 4096;
const MAX_WAIT: u32 = 86_400;
const MAX_POLL: u32 = 3_600;

impl From<wit::Error> for DriverError {
    fn from(error: wit::Error) -> Self {
        match error {
            wit::Error::InvalidParameter(text) => Self::InvalidParameter(text),
            wit::Error::MissingParameter(text) => Self::MissingParameter(text),
            wit::Error::Unsupported(text) => Self::Unsupported(text),
            wit::Error::Unreachable(text) => Self::Unreachable(text),
            wit::Error::AuthFailed(text) => Self::AuthFailed(text),
            wit::Error::Busy(busy) => Self::Busy {
                message: busy.message,
                retry_after: busy.retry_after,
            },
            wit::Error::Denied(text) => Self::Denied(text),
            wit::Error::Protocol(text) => Self::Protocol(text),
            wit::Error::Failed(text) => Self::Failed(text),
            wit::Error::Other(other) => Self::Other {
                code: other.code,
                message: other.message,
                retry_after: other.retry_after,
                // Only a detail: if it is no JSON, the rest still says what went wrong.
                detail: other
                    .detail_json
                    .and_then(|text| serde_json::from_str(&text).ok()),
            },
        }
    }
}

impl From<DriverError> for wit::Error {
    fn from(error: DriverError) -> Self {
        match error {
            DriverError::InvalidParameter(text) => Self::InvalidParameter(text),
            DriverError::MissingParameter(text) => Self::MissingParameter(text),
            DriverError::Unsupported(text) => Self::Unsupported(text),
            DriverError::Unreachable(text) => Self::Unreachable(text),
            DriverError::AuthFailed(text) => Self::AuthFailed(text),
            DriverError::Busy {
                message,
                retry_after,
            } => Self::Busy(wit::Busy {
                message,
                retry_after,
            }),
            DriverError::Denied(text) => Self::Denied(text),
            DriverError::Protocol(text) => Self::Protocol(text),
            DriverError::Failed(text) => Self::Failed(text),
            DriverError::Other {
                code,
                message,
                retry_after,
                detail,
            } => Self::Other(wit::OtherError {
                code,
                message,
                retry_after,
                detail_json: detail.map(|detail| detail.to_string()),
            }),
        }
    }
}

impl From<wit::PowerState> for PowerReading {
    fn from(state: wit::PowerState) -> Self {
        match state {
            wit::PowerState::On => Self::On,
            wit::PowerState::Off => Self::Off,
            wit::PowerState::Error => Self::Error,
            wit::PowerState::Unknown(reason) => Self::Unknown(reason),
        }
    }
}

impl From<PowerTarget> for wit::PowerTarget {
    fn from(target: PowerTarget) -> Self {
        match target {
            PowerTarget::On => Self::On,
            PowerTarget::Off => Self::Off,
            PowerTarget::Reboot => Self::Reboot,
            PowerTarget::SoftReboot => Self::SoftReboot,
            PowerTarget::SoftOff => Self::SoftOff,
        }
    }
}

impl From<wit::PowerTarget> for PowerTarget {
    fn from(target: wit::PowerTarget) -> Self {
        match target {
            wit::PowerTarget::On => Self::On,
            wit::PowerTarget::Off => Self::Off,
            wit::PowerTarget::Reboot => Self::Reboot,
            wit::PowerTarget::SoftReboot => Self::SoftReboot,
            wit::PowerTarget::SoftOff => Self::SoftOff,
        }
    }
}

/// Checks an outcome against the contract's bounds.
pub(super) fn outcome(outcome: wit::Outcome) -> Result<Outcome, String> {
    match outcome {
        wit::Outcome::Done => Ok(Outcome::Done),
        wit::Outcome::Wait(waiting) => wait(waiting).map(Outcome::Wait),
    }
}

/// Checks a wait against the contract's bounds.
pub(super) fn wait(wait: wit::Wait) -> Result<Wait, String> {
    let on = match wait.on {
        wit::WaitOn::Agent => WaitOn::Agent,
        wit::WaitOn::External => WaitOn::External,
        wit::WaitOn::PollAfter(seconds) => {
            in_range("wait.on.poll-after", seconds, MAX_POLL)?;
            WaitOn::PollAfter(seconds)
        }
    };
    in_range("wait.deadline", wait.deadline, MAX_WAIT)?;
    if wait.cursor.len() > MAX_CURSOR {
        return Err(format!(
            "wait.cursor has {} bytes; at most {MAX_CURSOR} are accepted",
            wait.cursor.len()
        ));
    }
    if wait
        .message
        .as_ref()
        .is_some_and(|text| text.len() > MAX_MESSAGE)
    {
        return Err(format!("wait.message is longer than {MAX_MESSAGE} bytes"));
    }
    Ok(Wait {
        on,
        deadline: wait.deadline,
        cursor: json("wait.cursor", &wait.cursor)?,
        message: wait.message,
    })
}

/// Parses JSON that a driver returned.
pub(super) fn json(what: &str, text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("{what} is no JSON: {error}"))
}

/// As [`json`], for what must be an object.
pub(super) fn json_object(what: &str, text: &str) -> Result<JsonObject, String> {
    match json(what, text)? {
        Value::Object(object) => Ok(object),
        _ => Err(format!("{what} is no JSON object")),
    }
}

/// Checks the length of a list.
pub(super) fn at_most(what: &str, count: usize, most: usize) -> Result<(), String> {
    if count <= most {
        Ok(())
    } else {
        Err(format!(
            "{what}: {count} entries; at most {most} are accepted"
        ))
    }
}

fn in_range(what: &str, seconds: u32, most: u32) -> Result<(), String> {
    if (1..=most).contains(&seconds) {
        Ok(())
    } else {
        Err(format!("{what} is {seconds}; 1 to {most} are accepted"))
    }
}
