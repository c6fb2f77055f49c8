//! How long many calls took.

use std::time::Duration;

/// Durations of calls of one kind.
#[derive(Clone, Debug, Default)]
pub struct Latency {
    taken: Vec<Duration>,
}

impl Latency {
    /// One more call.
    pub fn add(&mut self, taken: Duration) {
        self.taken.push(taken);
    }

    /// How many there were.
    pub fn count(&self) -> usize {
        self.taken.len()
    }

    /// The time within which this share of the calls (0 to 1) was answered.
    pub fn quantile(&self, share: f64) -> Duration {
        let mut sorted = self.taken.clone();
        sorted.sort_unstable();
        let count = sorted.len();
        assert!(count > 0, "nothing was measured");
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss
        )]
        let index = ((count as f64 * share).ceil() as usize).clamp(1, count) - 1;
        sorted[index]
    }

    /// The time within which 99 of 100 were answered.
    pub fn p99(&self) -> Duration {
        self.quantile(0.99)
    }
}
