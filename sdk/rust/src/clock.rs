//! Time, and waiting.

use std::time::Duration;

use crate::bindings::imports::ironbark::driver::clock;

/// Time since 1970-01-01T00:00:00Z.
pub fn now() -> Duration {
    Duration::from_millis(clock::now())
}

/// Time since some point in the past; never goes back within a call.
pub fn monotonic() -> Duration {
    Duration::from_millis(clock::monotonic())
}

/// Sleeps, at most until the call's deadline. Whatever takes longer than a call is a step that waits.
pub fn sleep(duration: Duration) {
    clock::sleep(u32::try_from(duration.as_millis()).unwrap_or(u32::MAX));
}
