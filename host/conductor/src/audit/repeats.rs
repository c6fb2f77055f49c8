//! Tells what is new from what happens again and again, and counts the latter by the hour.

use std::collections::{BTreeMap, HashMap};

use ironbark_model::audit::{AuditEntry, AuditKind, AuditRepeats};

/// Last answers that are remembered; when there are more, all are forgotten, and the next of each is new.
const REMEMBERED: usize = 100_000;

/// What was answered last, and what was counted since the last write.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    last: HashMap<Key, u64>,
    counts: BTreeMap<(i64, Key, String), AuditRepeats>,
}

/// What has to be the same: node, package version and operation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    node: String,
    digest: String,
    operation: String,
    denied: bool,
}

impl Repeats {
    /// Gives back what is new; counts what isn't.
    pub(super) fn take(&mut self, entry: AuditEntry, answer: u64) -> Option<AuditEntry> {
        let key = Key {
            node: entry.node.clone().unwrap_or_default(),
            digest: entry.digest.clone().unwrap_or_default(),
            operation: entry.operation.clone(),
            denied: entry.kind == AuditKind::Denied,
        };
        if self.last.get(&key) != Some(&answer) {
            if self.last.len() >= REMEMBERED {
                self.last.clear();
            }
            self.last.insert(key, answer);
            return Some(entry);
        }
        self.add(AuditRepeats::one(entry));
        None
    }

    /// Counts these as well.
    pub(super) fn add(&mut self, more: AuditRepeats) {
        let key = Key {
            node: more.node.clone(),
            digest: more.digest.clone(),
            operation: more.operation.clone(),
            denied: more.kind == AuditKind::Denied,
        };
        self.counts
            .entry((more.hour, key, more.outcome.clone()))
            .and_modify(|counted| counted.add(&more))
            .or_insert(more);
    }

    /// What was counted since [`Repeats::written`].
    pub(super) fn counts(&self) -> Vec<AuditRepeats> {
        self.counts.values().cloned().collect()
    }

    /// Whether nothing was.
    pub(super) fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// How many rows that would be.
    pub(super) fn len(&self) -> usize {
        self.counts.len()
    }

    /// The counts are stored.
    pub(super) fn written(&mut self) {
        self.counts.clear();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use ironbark_model::Timestamp;
    use ironbark_model::audit::OK;

    use super::*;

    const HOUR: i64 = 3_600_000_000;

    fn poll(at: i64, node: &str, outcome: &str) -> AuditEntry {
        let mut entry = AuditEntry::new(Timestamp(at), AuditKind::Read, "ipmi 0x00 0x01", outcome);
        entry.node = Some(node.to_owned());
        entry
    }

    #[test]
    fn only_what_is_new_is_a_row() {
        let mut repeats = Repeats::default();
        assert!(repeats.take(poll(1, "a", OK), 7).is_some(), "the first");
        assert!(repeats.take(poll(2, "a", OK), 7).is_none());
        assert!(repeats.take(poll(3, "b", OK), 7).is_some(), "another node");
        assert!(repeats.take(poll(4, "a", OK), 7).is_none());
        assert!(
            repeats.take(poll(5, "a", OK), 8).is_some(),
            "another answer"
        );
        assert!(repeats.take(poll(6, "a", OK), 8).is_none());
        let counts = repeats.counts();
        assert_eq!(counts.len(), 1);
        assert_eq!(
            (counts[0].count, counts[0].first_at.0, counts[0].last_at.0),
            (3, 2, 6)
        );
        repeats.written();
        assert!(repeats.take(poll(7, "a", OK), 8).is_none(), "still known");
        assert_eq!(repeats.counts()[0].count, 1);
    }

    #[test]
    fn hours_and_outcomes_are_counted_apart() {
        let mut repeats = Repeats::default();
        for (at, outcome, answer) in [
            (1, OK, 1),
            (2, OK, 1),
            (HOUR + 1, OK, 1),
            (HOUR + 2, "busy", 2),
            (HOUR + 3, "busy", 2),
        ] {
            repeats.take(poll(at, "a", outcome), answer);
        }
        let counted: Vec<_> = repeats
            .counts()
            .into_iter()
            .map(|one| (one.hour, one.outcome, one.count))
            .collect();
        assert_eq!(
            counted,
            [
                (0, OK.to_owned(), 1),
                (1, "busy".to_owned(), 1),
                (1, OK.to_owned(), 1)
            ]
        );
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut repeats = Repeats::default();
        for node in 0..=REMEMBERED {
            repeats.take(poll(1, &node.to_string(), OK), 1);
        }
        assert!(repeats.last.len() <= REMEMBERED);
    }
}
