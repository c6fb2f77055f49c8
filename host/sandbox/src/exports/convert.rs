//! Between the contract's generated types and the service's.

use ironbark_model::json::{self, MAX_DEPTH};
use ironbark_model::{JsonObject, PowerTarget, Secret};
use serde_json::Value;

use crate::bindings::ironbark::driver::types as wit;
use crate::call::{MAX_MESSAGE, clean};
use crate::error::DriverError;
use crate::types::{Outcome, PowerReading, Wait, WaitOn};

/// Largest cursor, in bytes of JSON (the contract's bound).
const MAX_CURSOR: usize = 64 * 1024;
/// Longest name of a device, a mode, a vendor and the like, in bytes; and how many of them may be in a list.
const MAX_NAME: usize = 255;
const MAX_NAMES: usize = 256;
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
                    .and_then(|text| json::parse(text, MAX_DEPTH).ok()),
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

/// What a driver says about the power. The reason ends up in logs and with the operator, as errors do.
pub(super) fn power_reading(state: wit::PowerState, secrets: &[Secret]) -> PowerReading {
    match state {
        wit::PowerState::On => PowerReading::On,
        wit::PowerState::Off => PowerReading::Off,
        wit::PowerState::Error => PowerReading::Error,
        wit::PowerState::Unknown(reason) => {
            PowerReading::Unknown(clean(&reason, MAX_MESSAGE, secrets))
        }
    }
}

/// Checks a name that a driver returned: of a device, a mode, a vendor.
pub(super) fn name(what: &str, text: String) -> Result<String, String> {
    if text.len() > MAX_NAME {
        return Err(format!(
            "{what} has {} bytes; at most {MAX_NAME} are accepted",
            text.len()
        ));
    }
    if text.contains(char::is_control) {
        return Err(format!("{what} contains control characters"));
    }
    Ok(text)
}

/// A text of at most `most` bytes, with spaces for control characters: machines do send such.
pub(super) fn plain_text(what: &str, text: String, most: usize) -> Result<String, String> {
    if text.len() > most {
        return Err(format!(
            "{what} has {} bytes; at most {most} are accepted",
            text.len()
        ));
    }
    Ok(if text.contains(char::is_control) {
        text.replace(char::is_control, " ")
    } else {
        text
    })
}

/// Checks a name that may be unknown.
pub(super) fn maybe_name(what: &str, text: Option<String>) -> Result<Option<String>, String> {
    text.map(|text| name(what, text)).transpose()
}

/// Checks a list of names.
pub(super) fn names(what: &str, list: Vec<String>) -> Result<Vec<String>, String> {
    if list.len() > MAX_NAMES {
        return Err(format!(
            "{what} has {} entries; at most {MAX_NAMES} are accepted",
            list.len()
        ));
    }
    list.into_iter().map(|text| name(what, text)).collect()
}

/// Checks an outcome against the contract's bounds.
pub(super) fn outcome(outcome: wit::Outcome, secrets: &[Secret]) -> Result<Outcome, String> {
    match outcome {
        wit::Outcome::Done => Ok(Outcome::Done),
        wit::Outcome::Wait(waiting) => wait(waiting, secrets).map(Outcome::Wait),
    }
}

/// Checks a wait against the contract's bounds.
pub(super) fn wait(wait: wit::Wait, secrets: &[Secret]) -> Result<Wait, String> {
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
        message: wait.message.map(|text| clean(&text, MAX_MESSAGE, secrets)),
    })
}

/// Parses JSON that a driver returned, and that may be stored.
pub(super) fn json(what: &str, text: &str) -> Result<Value, String> {
    json::parse(text, MAX_DEPTH)
        .map_err(|error| format!("{what} is no JSON that is accepted: {error}"))
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn secrets() -> Vec<Secret> {
        vec![Secret::new("hunter2hunter2")]
    }

    #[test]
    fn why_the_power_is_unknown_is_bounded_and_tells_no_secret() {
        let reason = format!("login hunter2hunter2\nfailed {}", "x".repeat(MAX_MESSAGE));
        let PowerReading::Unknown(reason) =
            power_reading(wit::PowerState::Unknown(reason), &secrets())
        else {
            unreachable!();
        };
        assert!(reason.starts_with("login ****** failed x"), "{reason}");
        assert_eq!(reason.len(), MAX_MESSAGE);
    }

    #[test]
    fn what_a_step_waits_for_tells_no_secret() {
        let wait = wit::Outcome::Wait(wit::Wait {
            on: wit::WaitOn::Agent,
            deadline: 60,
            cursor: "{}".into(),
            message: Some("waits\tfor hunter2hunter2".into()),
        });
        let Outcome::Wait(wait) = outcome(wait, &secrets()).unwrap() else {
            unreachable!();
        };
        assert_eq!(wait.message.unwrap(), "waits for ******");
    }

    #[test]
    fn json_that_could_not_be_read_back_is_refused() {
        let levels = |count: usize| format!("{}{}", "[".repeat(count), "]".repeat(count));
        assert!(json("it", &levels(MAX_DEPTH)).is_ok());
        assert!(json("it", &levels(MAX_DEPTH + 1)).is_err());
        let hidden = format!(r#"{{"$serde_json::private::RawValue": "{}"}}"#, levels(120));
        for text in [
            hidden.as_str(),
            r#"{"a": 1, "$serde_json::private::RawValue": "x"}"#,
        ] {
            let refused = json_object("it", text).unwrap_err();
            assert!(refused.contains("reserved"), "{refused}");
        }
    }

    #[test]
    fn names_are_short_and_printable() {
        let longest = "x".repeat(MAX_NAME);
        assert_eq!(name("it", longest.clone()).unwrap(), longest);
        assert!(name("it", format!("{longest}x")).is_err());
        assert!(name("it", "a\nb".into()).is_err());
        assert_eq!(maybe_name("it", None).unwrap(), None);
        assert!(maybe_name("it", Some(format!("{longest}x"))).is_err());
        assert!(names("it", vec!["a".into(); MAX_NAMES]).is_ok());
        assert!(names("it", vec!["a".into(); MAX_NAMES + 1]).is_err());
        assert!(names("it", vec!["a".into(), "\0".into()]).is_err());
    }
}
