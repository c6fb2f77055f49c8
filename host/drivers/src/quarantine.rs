//! Counting a package version's faults: a version that keeps breaking isn't called any more.

use std::sync::Mutex;
use std::time::Instant;

use crate::config::QuarantineConfig;

/// How a package version is doing.
#[derive(Debug)]
pub(crate) struct Health {
    config: QuarantineConfig,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    faults: u32,
    total: u64,
    last: Option<Instant>,
    quarantined: Option<u32>,
}

impl Health {
    pub(crate) fn new(config: QuarantineConfig) -> Self {
        Self {
            config,
            counts: Mutex::default(),
        }
    }

    /// After how many faults it was quarantined, if it was.
    pub(crate) fn quarantined(&self) -> Option<u32> {
        self.counts().quarantined
    }

    /// Faults since the package was activated.
    pub(crate) fn total(&self) -> u64 {
        self.counts().total
    }

    /// A call went well.
    pub(crate) fn record_success(&self) {
        let mut counts = self.counts();
        counts.faults = counts.faults.saturating_sub(1);
    }

    /// A call broke; `true` if that was one too many.
    pub(crate) fn record_fault(&self, now: Instant) -> bool {
        let mut counts = self.counts();
        let stale = counts
            .last
            .is_some_and(|last| now.duration_since(last) > self.config.window);
        if stale {
            counts.faults = 0;
        }
        counts.faults = counts.faults.saturating_add(1);
        counts.total = counts.total.saturating_add(1);
        counts.last = Some(now);
        if self.config.faults == 0
            || counts.faults < self.config.faults
            || counts.quarantined.is_some()
        {
            return false;
        }
        counts.quarantined = Some(counts.faults);
        true
    }

    /// Gives it another chance.
    pub(crate) fn release(&self) {
        let mut counts = self.counts();
        counts.faults = 0;
        counts.quarantined = None;
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, Counts> {
        // Nothing can panic while it is held, so a poisoned lock holds good numbers too.
        self.counts
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn faults_in_a_row_quarantine() {
        let health = Health::new(QuarantineConfig::default());
        let now = Instant::now();
        let tripped: Vec<bool> = (0..6).map(|_| health.record_fault(now)).collect();
        assert_eq!(tripped, [false, false, false, false, true, false]);
        assert_eq!(health.quarantined(), Some(5));
        health.release();
        assert_eq!(health.quarantined(), None);
    }

    #[test]
    fn calls_that_go_well_make_up_for_faults() {
        let health = Health::new(QuarantineConfig::default());
        let now = Instant::now();
        for _ in 0..100 {
            assert!(!health.record_fault(now));
            health.record_success();
        }
        assert_eq!((health.quarantined(), health.total()), (None, 100));
    }

    #[test]
    fn old_faults_are_forgotten() {
        let health = Health::new(QuarantineConfig::default());
        let mut now = Instant::now();
        for _ in 0..20 {
            assert!(!health.record_fault(now));
            now += Duration::from_secs(601);
        }
        assert_eq!(health.quarantined(), None);
    }
}
