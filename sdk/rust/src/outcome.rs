//! How a piece of work ends that may take longer than one call.

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, Result};

pub use crate::bindings::imports::ironbark::driver::types::{Outcome, Wait, WaitOn};

impl Outcome {
    /// Call again after so long (1 s to 1 h, rounded up to seconds) with this cursor. `deadline` is when the work, counted from now, has
    /// failed (1 s to 24 h).
    ///
    /// # Errors
    /// `invalid-parameter` if the cursor can't be written as JSON.
    pub fn poll_after<T: Serialize + ?Sized>(
        after: Duration,
        deadline: Duration,
        cursor: &T,
    ) -> Result<Self> {
        Self::wait(WaitOn::PollAfter(seconds(after)), deadline, cursor)
    }

    /// Call again at the next heartbeat of the agent that runs on this node.
    ///
    /// # Errors
    /// `invalid-parameter` if the cursor can't be written as JSON.
    pub fn await_agent<T: Serialize + ?Sized>(deadline: Duration, cursor: &T) -> Result<Self> {
        Self::wait(WaitOn::Agent, deadline, cursor)
    }

    /// Wait for whatever `on` says.
    ///
    /// # Errors
    /// `invalid-parameter` if the cursor can't be written as JSON.
    pub fn wait<T: Serialize + ?Sized>(on: WaitOn, deadline: Duration, cursor: &T) -> Result<Self> {
        Ok(Self::Wait(Wait {
            on,
            deadline: seconds(deadline),
            cursor: serde_json::to_string(cursor)?,
            message: None,
        }))
    }

    /// What an operator may want to read while the work waits.
    #[must_use]
    pub fn saying(mut self, message: impl Into<String>) -> Self {
        if let Self::Wait(wait) = &mut self {
            wait.message = Some(message.into());
        }
        self
    }
}

/// The cursor that the last wait or checkpoint left; `None` if the work begins.
///
/// # Errors
/// `other` with code `cursor` if it is not a `T`: another version of the package may have written it.
pub fn read_cursor<T: DeserializeOwned>(cursor: Option<&str>) -> Result<Option<T>> {
    cursor
        .map(serde_json::from_str)
        .transpose()
        .map_err(|error| {
            Error::other(
                "cursor",
                format!("the step's cursor can't be read: {error}"),
            )
        })
}

fn seconds(duration: Duration) -> u32 {
    let whole = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    u32::try_from(whole).unwrap_or(u32::MAX).max(1)
}
