//! What a version of a driver package used, in numbers that can be added up.

use std::collections::BTreeMap;

use crate::Timestamp;

/// What one version used since it was installed, of all conductors together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionUsage {
    /// The package's name.
    pub package: String,
    /// The version.
    pub version: String,
    /// SHA-256 of its bytes, in lower-case hex.
    pub digest: String,
    /// How much it was.
    pub counts: UsageCounts,
    /// When something was last added.
    pub counted_at: Timestamp,
}

/// How often, how long, how much.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageCounts {
    /// Calls that ended.
    pub calls: i64,
    /// Calls that were not made: no place in time, or quarantined.
    pub refused: i64,
    /// CPU time, in microseconds.
    pub cpu_us: i64,
    /// Most memory of one instance, in bytes.
    pub peak_memory: i64,
    /// Calls of imports.
    pub host_calls: i64,
    /// Time that calls waited because there were too many of those, in microseconds.
    pub throttled_us: i64,
    /// Log lines that were dropped.
    pub log_lines_dropped: i64,
    /// Calls that broke, by what happened.
    pub faults: BTreeMap<String, i64>,
}

impl UsageCounts {
    /// What was added since `before`. A number that is less than before began anew, and counts in full.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let faults = self.faults.iter().map(|(kind, times)| {
            let before = before.faults.get(kind).copied().unwrap_or_default();
            (kind.clone(), added(*times, before))
        });
        Self {
            calls: added(self.calls, before.calls),
            refused: added(self.refused, before.refused),
            cpu_us: added(self.cpu_us, before.cpu_us),
            peak_memory: self.peak_memory,
            host_calls: added(self.host_calls, before.host_calls),
            throttled_us: added(self.throttled_us, before.throttled_us),
            log_lines_dropped: added(self.log_lines_dropped, before.log_lines_dropped),
            faults: faults.filter(|(_, times)| *times > 0).collect(),
        }
    }

    /// Nothing is to be added. The most memory isn't: it says nothing without a call.
    pub fn is_nothing(&self) -> bool {
        let peak_memory = self.peak_memory;
        *self
            == Self {
                peak_memory,
                ..Self::default()
            }
    }
}

fn added(now: i64, before: i64) -> i64 {
    if now >= before { now - before } else { now }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(calls: i64, traps: i64) -> UsageCounts {
        UsageCounts {
            calls,
            peak_memory: 65_536,
            faults: [("trap".to_owned(), traps)].into(),
            ..UsageCounts::default()
        }
    }

    #[test]
    fn what_was_added_is_told_by_kind() {
        assert_eq!(counts(7, 3).since(&counts(5, 1)), counts(2, 2));
        let more = counts(7, 3).since(&counts(5, 3));
        assert_eq!((more.calls, more.faults.len()), (2, 0));
        assert!(counts(7, 3).since(&counts(7, 3)).is_nothing());
        assert!(!counts(0, 1).since(&counts(0, 0)).is_nothing());
    }

    #[test]
    fn what_began_anew_counts_in_full() {
        assert_eq!(counts(2, 1).since(&counts(5, 4)), counts(2, 1));
    }
}
