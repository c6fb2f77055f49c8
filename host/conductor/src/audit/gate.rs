//! How many rows a package's reads and refusals become. The rest is counted: a driver that asks for ever other things must not push out
//! of the audit what it has done before.
//!
//! What changes a machine always is a row, and so is what operators do.

use std::collections::HashMap;

use ironbark_model::audit::{AuditEntry, AuditKind};
use tokio::time::Instant;

/// Rows that there may be at once, and how many more every second.
struct Rate {
    at_once: u32,
    per_second: u32,
}

/// Reads: enough for a conductor that begins to poll 10,000 nodes.
const READS: Rate = Rate {
    at_once: 10_000,
    per_second: 200,
};
const REFUSALS: Rate = Rate {
    at_once: 500,
    per_second: 20,
};
/// Packages remembered; when there are more, it starts over.
const REMEMBERED: usize = 1024;

/// What is left to each package.
#[derive(Default)]
pub(super) struct Gate {
    reads: HashMap<String, Left>,
    refusals: HashMap<String, Left>,
}

struct Left {
    rows: f64,
    at: Instant,
}

impl Gate {
    /// Whether this becomes a row.
    pub(super) fn admits(&mut self, entry: &AuditEntry, now: Instant) -> bool {
        let (packages, rate) = match entry.kind {
            AuditKind::Read => (&mut self.reads, READS),
            AuditKind::Denied => (&mut self.refusals, REFUSALS),
            _ => return true,
        };
        let package = entry.package.as_deref().unwrap_or_default();
        let most = f64::from(rate.at_once);
        if !packages.contains_key(package) && packages.len() >= REMEMBERED {
            packages.clear();
        }
        let left = packages.entry(package.to_owned()).or_insert(Left {
            rows: most,
            at: now,
        });
        let more =
            now.saturating_duration_since(left.at).as_secs_f64() * f64::from(rate.per_second);
        left.rows = (left.rows + more).min(most);
        left.at = now;
        if left.rows < 1.0 {
            return false;
        }
        left.rows -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ironbark_model::Timestamp;
    use ironbark_model::audit::OK;

    use super::*;

    fn entry(package: &str, kind: AuditKind) -> AuditEntry {
        let mut entry = AuditEntry::new(Timestamp(1), kind, "x", OK);
        entry.package = Some(package.to_owned());
        entry
    }

    fn admitted(gate: &mut Gate, entry: &AuditEntry, tries: u32, now: Instant) -> u32 {
        (0..tries).map(|_| u32::from(gate.admits(entry, now))).sum()
    }

    #[test]
    fn each_package_has_so_many_at_once_and_so_many_a_second() {
        let mut gate = Gate::default();
        let now = Instant::now();
        let (refused, read) = (entry("a", AuditKind::Denied), entry("a", AuditKind::Read));
        assert_eq!(admitted(&mut gate, &refused, 10_000, now), 500);
        assert_eq!(admitted(&mut gate, &read, 20_000, now), 10_000);
        assert_eq!(
            admitted(&mut gate, &entry("b", AuditKind::Denied), 10, now),
            10
        );
        let later = now + Duration::from_secs(2);
        assert_eq!(admitted(&mut gate, &refused, 100, later), 40);
        let much_later = now + Duration::from_secs(3600);
        assert_eq!(admitted(&mut gate, &refused, 10_000, much_later), 500);
    }

    #[test]
    fn what_changes_something_is_always_admitted() {
        let mut gate = Gate::default();
        let now = Instant::now();
        for kind in [AuditKind::Intent, AuditKind::Outcome, AuditKind::Package] {
            assert_eq!(admitted(&mut gate, &entry("a", kind), 20_000, now), 20_000);
        }
    }
}
