//! Counting a package version's faults: a version that keeps breaking isn't called any more.

use std::collections::BTreeMap;
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
    /// By function: one that works says nothing about another that breaks each time.
    faults: BTreeMap<&'static str, u32>,
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

    /// A call of `function` went well: makes up for one fault of this function.
    pub(crate) fn record_success(&self, function: &'static str) {
        if let Some(faults) = self.counts().faults.get_mut(function) {
            *faults = faults.saturating_sub(1);
        }
    }

    /// A call of `function` broke; `true` if that was one too many.
    pub(crate) fn record_fault(&self, function: &'static str, now: Instant) -> bool {
        let mut counts = self.counts();
        let stale = counts
            .last
            .is_some_and(|last| now.duration_since(last) > self.config.window);
        if stale {
            counts.faults.clear();
        }
        let faults = counts.faults.entry(function).or_default();
        *faults = faults.saturating_add(1);
        counts.total = counts.total.saturating_add(1);
        counts.last = Some(now);
        let all = counts
            .faults
            .values()
            .fold(0_u32, |sum, faults| sum.saturating_add(*faults));
        if self.config.faults == 0 || all < self.config.faults || counts.quarantined.is_some() {
            return false;
        }
        counts.quarantined = Some(all);
        true
    }

    /// Gives it another chance.
    pub(crate) fn release(&self) {
        let mut counts = self.counts();
        counts.faults.clear();
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
        let tripped: Vec<bool> = (0..6).map(|_| health.record_fault("reboot", now)).collect();
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
            assert!(!health.record_fault("reboot", now));
            health.record_success("reboot");
        }
        assert_eq!((health.quarantined(), health.total()), (None, 100));
    }

    #[test]
    fn what_works_does_not_make_up_for_what_never_does() {
        let health = Health::new(QuarantineConfig::default());
        let now = Instant::now();
        for _ in 0..5 {
            for _ in 0..10 {
                health.record_success("power_validate");
                health.record_success("get_power_state");
            }
            health.record_fault("set_power_state", now);
        }
        assert_eq!(health.quarantined(), Some(5));
        // And faults of all functions count together.
        let health = Health::new(QuarantineConfig::default());
        let tripped = ["a", "b", "c", "d", "e"].map(|function| health.record_fault(function, now));
        assert_eq!(tripped, [false, false, false, false, true]);
    }

    #[test]
    fn old_faults_are_forgotten() {
        let health = Health::new(QuarantineConfig::default());
        let mut now = Instant::now();
        for _ in 0..20 {
            assert!(!health.record_fault("reboot", now));
            now += Duration::from_secs(601);
        }
        assert_eq!(health.quarantined(), None);
    }
}
