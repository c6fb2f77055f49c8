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

#[derive(Clone, Debug, Default)]
struct Counts {
    /// Those that count towards a quarantine, by function: one that works says nothing about another that breaks each time.
    faults: BTreeMap<&'static str, u32>,
    last: Option<Instant>,
    total: CallCounts,
    /// Everything that broke, by what happened, also what doesn't count towards a quarantine.
    kinds: BTreeMap<&'static str, u64>,
    /// Calls that weren't made because of a quarantine.
    refused: u64,
    quarantine: Option<Quarantine>,
}

/// How calls of a package version ended, since it was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallCounts {
    /// Calls that ended, one way or the other.
    pub calls: u64,
    /// Those that broke.
    pub faults: u64,
}

impl CallCounts {
    /// What came after `before`.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            calls: self.calls.saturating_sub(before.calls),
            faults: self.faults.saturating_sub(before.faults),
        }
    }
}

/// A version that isn't called any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quarantine {
    /// After how many faults; 0 if somebody decided it.
    pub faults: u32,
    /// Also steps that began with it don't go on.
    pub stopped: bool,
    /// It is written down. What isn't was found here just now.
    pub known: bool,
}

impl Health {
    pub(crate) fn new(config: QuarantineConfig) -> Self {
        Self {
            config,
            counts: Mutex::default(),
        }
    }

    pub(crate) fn quarantine(&self) -> Option<Quarantine> {
        self.counts().quarantine
    }

    /// After how many faults no call is made; `pinned` says that it is one of a step that began with this version.
    pub(crate) fn refuses(&self, pinned: bool) -> Option<u32> {
        let mut counts = self.counts();
        let faults = counts
            .quarantine
            .filter(|quarantine| quarantine.stopped || !pinned)
            .map(|quarantine| quarantine.faults)?;
        counts.refused = counts.refused.saturating_add(1);
        Some(faults)
    }

    /// Something of this kind happened.
    pub(crate) fn record_kind(&self, kind: &'static str) {
        let mut counts = self.counts();
        let times = counts.kinds.entry(kind).or_default();
        *times = times.saturating_add(1);
    }

    /// How often what happened.
    pub(crate) fn kinds(&self) -> BTreeMap<&'static str, u64> {
        self.counts().kinds.clone()
    }

    /// Calls that weren't made because of a quarantine.
    pub(crate) fn refused(&self) -> u64 {
        self.counts().refused
    }

    /// How calls ended since the package was loaded.
    pub(crate) fn total(&self) -> CallCounts {
        self.counts().total
    }

    /// A call of `function` went well: makes up for one fault of this function.
    pub(crate) fn record_success(&self, function: &'static str) {
        let mut counts = self.counts();
        if let Some(faults) = counts.faults.get_mut(function) {
            *faults = faults.saturating_sub(1);
        }
        counts.total.calls = counts.total.calls.saturating_add(1);
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
        counts.total.calls = counts.total.calls.saturating_add(1);
        counts.total.faults = counts.total.faults.saturating_add(1);
        counts.last = Some(now);
        let all = counts
            .faults
            .values()
            .fold(0_u32, |sum, faults| sum.saturating_add(*faults));
        if self.config.faults == 0 || all < self.config.faults || counts.quarantine.is_some() {
            return false;
        }
        counts.quarantine = Some(Quarantine {
            faults: all,
            stopped: false,
            known: false,
        });
        true
    }

    /// Makes the quarantine here what is written down.
    pub(crate) fn set(&self, stopped: bool) {
        let mut counts = self.counts();
        let faults = counts.quarantine.map_or(0, |quarantine| quarantine.faults);
        counts.quarantine = Some(Quarantine {
            faults,
            stopped,
            known: true,
        });
    }

    /// Is doing as `before`.
    pub(crate) fn inherit(&self, before: &Self) {
        // Promoted, a package is its own past: one lock after the other.
        let counts = before.counts().clone();
        *self.counts() = counts;
    }

    /// Gives it another chance.
    pub(crate) fn release(&self) {
        let mut counts = self.counts();
        counts.faults.clear();
        counts.quarantine = None;
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, Counts> {
        // Nothing can panic while it is held, so a poisoned lock holds good numbers too.
        self.counts
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn faults_in_a_row_quarantine() {
        let health = Health::new(QuarantineConfig::default());
        let now = Instant::now();
        let tripped: Vec<bool> = (0..6).map(|_| health.record_fault("reboot", now)).collect();
        assert_eq!(tripped, [false, false, false, false, true, false]);
        let quarantine = health.quarantine().unwrap();
        assert_eq!((quarantine.faults, quarantine.known), (5, false));
        // A step that began goes on, unless somebody stops it too.
        assert_eq!(
            (health.refuses(false), health.refuses(true)),
            (Some(5), None)
        );
        health.set(true);
        assert_eq!(health.refuses(true), Some(5));
        assert!(health.quarantine().unwrap().known);
        health.release();
        assert_eq!(health.quarantine(), None);
    }

    #[test]
    fn calls_that_go_well_make_up_for_faults() {
        let health = Health::new(QuarantineConfig::default());
        let now = Instant::now();
        for _ in 0..100 {
            assert!(!health.record_fault("reboot", now));
            health.record_success("reboot");
        }
        assert_eq!(health.quarantine(), None);
        assert_eq!(
            health.total(),
            CallCounts {
                calls: 200,
                faults: 100
            }
        );
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
        assert_eq!(health.quarantine().unwrap().faults, 5);
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
        assert_eq!(health.quarantine(), None);
    }
}
