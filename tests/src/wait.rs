//! Waiting for conditions, never for time.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

/// How long a test waits for what should take well under a second, on a machine that is busy with everything else.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// Asks again and again until there is an answer. Panics, naming `what`, when [`PATIENCE`] is over.
pub async fn eventually<T>(what: &str, ask: impl AsyncFnMut() -> Option<T>) -> T {
    eventually_within(PATIENCE, what, ask).await
}

/// [`eventually`] with another patience.
pub async fn eventually_within<T>(
    patience: Duration,
    what: &str,
    mut ask: impl AsyncFnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + patience;
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Some(found) = ask().await {
            return found;
        }
        assert!(
            Instant::now() < deadline,
            "{what}: not within {} s",
            patience.as_secs()
        );
    }
}
