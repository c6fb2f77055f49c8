//! How fast one package may call the host.
//!
//! A bucket that fills evenly and holds one second's calls. A package that has taken more than is in it gets no turn until the
//! debt is paid: nobody is ended for it, a call only takes longer, and it ends like every other when its time is over. A guest
//! notices at its next turn: until then the few guests that compute at a time may call more than there is. What they owe is
//! bounded, so that one of them can't keep the whole package waiting for long.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const SECOND: u64 = 1_000_000_000;

/// The most that a package owes.
const LARGEST_DEBT: u64 = 2 * SECOND;

/// The calls of one package, against the clock.
pub(crate) struct Pace {
    began: Instant,
    /// Nanoseconds that one call is worth; 0 if there is no bound.
    each: u64,
    /// When the bucket will be full again, in nanoseconds since `began`.
    full_at: AtomicU64,
}

impl Pace {
    /// So many calls a second; 0 for as many as anybody likes.
    pub(crate) fn new(per_second: u32) -> Self {
        Self {
            began: Instant::now(),
            each: SECOND.checked_div(u64::from(per_second)).unwrap_or(0),
            full_at: AtomicU64::new(0),
        }
    }

    /// Takes one call.
    pub(crate) fn take(&self) {
        if self.each > 0 {
            self.take_at(self.now());
        }
    }

    /// How long the package has to wait before it may go on.
    pub(crate) fn debt(&self) -> Option<Duration> {
        if self.each == 0 {
            return None;
        }
        self.debt_at(self.now())
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn take_at(&self, now: u64) {
        let _ = self
            .full_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
                let largest = now.saturating_add(SECOND + LARGEST_DEBT.max(self.each));
                Some(full_at.max(now).saturating_add(self.each).min(largest))
            });
    }

    fn debt_at(&self, now: u64) -> Option<Duration> {
        let full_at = self.full_at.load(Ordering::Relaxed);
        let debt = full_at.saturating_sub(now.saturating_add(SECOND));
        (debt > 0).then(|| Duration::from_nanos(debt))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_second_may_be_taken_at_once_and_then_as_fast_as_it_fills() {
        let pace = Pace::new(100);
        for _ in 0..100 {
            pace.take_at(0);
        }
        assert_eq!(pace.debt_at(0), None);
        pace.take_at(0);
        assert_eq!(pace.debt_at(0), Some(Duration::from_millis(10)));
        assert_eq!(pace.debt_at(SECOND / 100), None);
        // It never holds more than a second's calls.
        let later = 1000 * SECOND;
        for _ in 0..150 {
            pace.take_at(later);
        }
        assert_eq!(pace.debt_at(later), Some(Duration::from_millis(500)));
    }

    #[test]
    fn what_is_owed_is_bounded() {
        let pace = Pace::new(1);
        for _ in 0..5000 {
            pace.take_at(0);
        }
        assert_eq!(pace.debt_at(0), Some(Duration::from_secs(2)));
    }

    #[test]
    fn without_a_bound_there_is_no_debt() {
        let pace = Pace::new(0);
        for _ in 0..1_000_000 {
            pace.take();
        }
        assert_eq!(pace.debt(), None);
    }

    proptest! {
        #[test]
        fn who_waits_as_told_stays_below_the_bound(rate in 1_u32..5000, calls in 1_u64..2000) {
            let pace = Pace::new(rate);
            let mut now = 0;
            for _ in 0..calls {
                pace.take_at(now);
                now += u64::try_from(pace.debt_at(now).unwrap_or_default().as_nanos()).unwrap();
            }
            // One second's calls at once, and the others each in its time.
            let least = (calls * pace.each).saturating_sub(SECOND);
            prop_assert!(now >= least, "{now} {least}");
        }
    }
}
