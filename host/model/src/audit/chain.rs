//! How rows vouch for each other, and the check that they still do.
//!
//! Each row's hash is SHA-256 over the hash of the row before it in its chain, and its own content. So a row can't be changed,
//! taken out or put in between without changing every later hash. Who can write to the database could do that, too: what
//! gives it away is a later hash ([`AuditHead`]) that was kept elsewhere. Rows are deleted only from the beginning, and a
//! later row ([`AuditKind::Pruned`]) says up to where, and with which hash.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{AuditEntry, AuditKind, AuditRow};

/// What stands before the first row of every chain.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A chain's newest row, or a former one that somebody remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditHead {
    /// The chain's name.
    pub chain: String,
    /// The row's number in it.
    pub seq: i64,
    /// Its hash.
    pub hash: String,
}

/// The hash of a row that follows one with the hash `previous`.
pub fn hash_of(previous: &str, chain: &str, seq: i64, entry: &AuditEntry) -> String {
    let digest = Sha256::new()
        .chain_update(previous)
        .chain_update(content(chain, seq, entry))
        .finalize();
    digest.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What of a row is hashed: every field in a fixed order, each with its length (`5:hello,`), `-,` if it is absent.
fn content(chain: &str, seq: i64, entry: &AuditEntry) -> String {
    let number = |number: i64| Some(number.to_string());
    let text = |text: &str| Some(text.to_owned());
    let fields = [
        text(chain),
        number(seq),
        number(entry.at.0),
        text(entry.kind.as_str()),
        entry.request_id.clone(),
        entry.actor.clone(),
        entry.node.clone(),
        entry.package.clone(),
        entry.digest.clone(),
        text(&entry.operation),
        text(&entry.outcome),
        entry.detail.clone(),
        entry.refers_to.and_then(number),
        entry.duration_us.and_then(number),
        entry.count.and_then(number),
        entry.first_at.and_then(|time| number(time.0)),
        entry.last_at.and_then(|time| number(time.0)),
    ];
    fields
        .into_iter()
        .fold(String::new(), |mut all, field| match field {
            Some(field) => {
                let _ = write!(all, "{}:{field},", field.len());
                all
            }
            None => {
                all.push_str("-,");
                all
            }
        })
}

/// Where and how a chain is broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Rows are missing, or in the wrong order.
    #[error("chain {chain}: row {found} follows row {before}; what was between is missing")]
    Gap {
        /// The chain.
        chain: String,
        /// The last good row.
        before: i64,
        /// The row that came next.
        found: i64,
    },
    /// A row isn't what its hash says.
    #[error("chain {chain}: row {seq} was changed, or a row before it")]
    Changed {
        /// The chain.
        chain: String,
        /// The row.
        seq: i64,
    },
    /// The first rows are missing, and no later row says that they were pruned.
    #[error(
        "chain {chain}: the rows before {first} are missing, and no row says that they were pruned"
    )]
    NoAnchor {
        /// The chain.
        chain: String,
        /// The first row that is there.
        first: i64,
    },
    /// A row that is known to have been there isn't, or is another one.
    #[error(
        "chain {chain}: row {seq} is missing or isn't the one that was there: the end was cut off or replaced"
    )]
    HeadLost {
        /// The chain.
        chain: String,
        /// The row.
        seq: i64,
    },
}

/// What is known of a chain whose rows were all looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The newest row.
    #[serde(flatten)]
    pub head: AuditHead,
    /// The oldest row that is still there.
    pub first: i64,
}

/// Checks rows one after another: those of one chain in their order, chains mixed as they come.
#[derive(Debug, Default)]
pub struct Verifier {
    expected: Vec<AuditHead>,
    chains: BTreeMap<String, Walk>,
}

/// How far a chain was walked.
#[derive(Debug)]
struct Walk {
    first: i64,
    last: i64,
    hash: String,
    /// The first row, while nothing vouches for it.
    unanchored: Option<AuditRow>,
}

impl Verifier {
    /// A check that also wants to meet these rows, unless they were pruned.
    pub fn expecting(expected: Vec<AuditHead>) -> Self {
        Self {
            expected,
            chains: BTreeMap::new(),
        }
    }

    /// Looks at the next row.
    pub fn take(&mut self, row: &AuditRow) -> Result<(), Broken> {
        self.meet(row)?;
        let changed = || Broken::Changed {
            chain: row.chain.clone(),
            seq: row.seq,
        };
        let Some(walk) = self.chains.get_mut(&row.chain) else {
            let whole = row.seq == 1;
            if whole && !follows(GENESIS, row) {
                return Err(changed());
            }
            let walk = Walk {
                first: row.seq,
                last: row.seq,
                hash: row.hash.clone(),
                unanchored: (!whole).then(|| row.clone()),
            };
            self.chains.insert(row.chain.clone(), walk);
            return Ok(());
        };
        if row.seq != walk.last.saturating_add(1) {
            return Err(Broken::Gap {
                chain: row.chain.clone(),
                before: walk.last,
                found: row.seq,
            });
        }
        if !follows(&walk.hash, row) {
            return Err(changed());
        }
        walk.last = row.seq;
        walk.hash.clone_from(&row.hash);
        walk.anchor(row)
    }

    /// All rows were looked at.
    pub fn finish(self) -> Result<Vec<Verified>, Broken> {
        for (chain, walk) in &self.chains {
            if let Some(first) = &walk.unanchored {
                return Err(Broken::NoAnchor {
                    chain: chain.clone(),
                    first: first.seq,
                });
            }
        }
        for head in &self.expected {
            let reached = self
                .chains
                .get(&head.chain)
                .is_some_and(|walk| head.seq <= walk.last);
            if !reached {
                return Err(Broken::HeadLost {
                    chain: head.chain.clone(),
                    seq: head.seq,
                });
            }
        }
        let verified = self.chains.into_iter().map(|(chain, walk)| Verified {
            first: walk.first,
            head: AuditHead {
                chain,
                seq: walk.last,
                hash: walk.hash,
            },
        });
        Ok(verified.collect())
    }

    fn meet(&self, row: &AuditRow) -> Result<(), Broken> {
        let other = self
            .expected
            .iter()
            .any(|head| head.chain == row.chain && head.seq == row.seq && head.hash != row.hash);
        if other {
            return Err(Broken::HeadLost {
                chain: row.chain.clone(),
                seq: row.seq,
            });
        }
        Ok(())
    }
}

impl Walk {
    /// Lets `row` vouch for the first one, if it says that the rows before it were pruned.
    fn anchor(&mut self, row: &AuditRow) -> Result<(), Broken> {
        let Some(first) = &self.unanchored else {
            return Ok(());
        };
        let vouches = row.entry.kind == AuditKind::Pruned
            && row.entry.refers_to == Some(first.seq.saturating_sub(1));
        if !vouches {
            return Ok(());
        }
        let before = row.entry.detail.as_deref().unwrap_or_default();
        if !follows(before, first) {
            return Err(Broken::Changed {
                chain: first.chain.clone(),
                seq: first.seq,
            });
        }
        self.unanchored = None;
        Ok(())
    }
}

fn follows(previous: &str, row: &AuditRow) -> bool {
    hash_of(previous, &row.chain, row.seq, &row.entry) == row.hash
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use proptest::prelude::*;

    use super::*;
    use crate::Timestamp;
    use crate::audit::OK;

    fn chain_of(entries: Vec<AuditEntry>) -> Vec<AuditRow> {
        let mut before = GENESIS.to_owned();
        (1..)
            .zip(entries)
            .map(|(seq, entry)| {
                let hash = hash_of(&before, "a", seq, &entry);
                before.clone_from(&hash);
                AuditRow {
                    id: seq,
                    chain: "a".to_owned(),
                    seq,
                    entry,
                    hash,
                }
            })
            .collect()
    }

    fn some(count: i64) -> Vec<AuditRow> {
        let entry = |at| AuditEntry::new(Timestamp(at), AuditKind::Read, "ipmi 0x00 0x01", OK);
        chain_of((0..count).map(entry).collect())
    }

    fn verify(rows: &[AuditRow], expected: &[AuditHead]) -> Result<Vec<Verified>, Broken> {
        let mut verifier = Verifier::expecting(expected.to_vec());
        for row in rows {
            verifier.take(row)?;
        }
        verifier.finish()
    }

    fn head(row: &AuditRow) -> AuditHead {
        AuditHead {
            chain: row.chain.clone(),
            seq: row.seq,
            hash: row.hash.clone(),
        }
    }

    #[test]
    fn the_hash_is_as_documented() {
        // docs/audit.md shows this row; computed with `sha256sum`.
        let row = &some(1)[0];
        let content = "1:a,1:1,1:0,4:read,-,-,-,-,-,14:ipmi 0x00 0x01,2:ok,-,-,-,-,-,-,";
        assert_eq!(super::content("a", 1, &row.entry), content);
    }

    #[test]
    fn an_end_that_was_cut_off_is_missed() {
        let rows = some(5);
        let newest = head(&rows[4]);
        assert!(verify(&rows, std::slice::from_ref(&newest)).is_ok());
        let lost = verify(&rows[..4], &[newest]).unwrap_err();
        assert!(matches!(lost, Broken::HeadLost { seq: 5, .. }));
    }

    #[test]
    fn a_chain_written_anew_does_not_have_a_hash_that_was_kept() {
        let kept = head(&some(5)[2]);
        let entry = |at| AuditEntry::new(Timestamp(at), AuditKind::Read, "ipmi 0x00 0x03", OK);
        let forged = chain_of((0..5).map(entry).collect());
        assert!(verify(&forged, &[]).is_ok(), "consistent in itself");
        assert!(matches!(
            verify(&forged, &[kept]),
            Err(Broken::HeadLost { seq: 3, .. })
        ));
    }

    #[test]
    fn pruned_rows_need_a_row_that_says_so() {
        let mut entries: Vec<AuditEntry> = some(6).into_iter().map(|row| row.entry).collect();
        let mut anchor = AuditEntry::new(Timestamp(9), AuditKind::Pruned, "prune", OK);
        anchor.refers_to = Some(4);
        anchor.detail = Some(some(6)[3].hash.clone());
        entries.push(anchor);
        let rows = chain_of(entries);
        let kept = head(&rows[2]);
        assert_eq!(verify(&rows[4..], &[kept]).unwrap()[0].first, 5);
        assert!(matches!(
            verify(&rows[3..], &[]),
            Err(Broken::NoAnchor { first: 4, .. })
        ));
        assert!(matches!(
            verify(&rows[5..], &[]),
            Err(Broken::NoAnchor { first: 6, .. })
        ));
    }

    proptest! {
        #[test]
        fn whatever_is_done_to_a_row_is_noticed(at in 0usize..8, how in 0u8..9, text in "[a-z]{1,8}") {
            let mut rows = some(8);
            let newest = head(&rows[7]);
            let row = &mut rows[at];
            match how {
                0 => row.entry.outcome = text,
                1 => row.entry.operation = text,
                2 => row.entry.actor = Some(text),
                3 => row.entry.node = Some(text),
                4 => row.entry.at = Timestamp(row.entry.at.0 + 1),
                5 => row.entry.count = Some(1),
                6 => row.hash = GENESIS.to_owned(),
                7 => { rows.remove(at); }
                _ => {
                    let row = rows[at].clone();
                    rows.insert(at, row);
                }
            }
            prop_assert!(verify(&rows, &[newest]).is_err());
        }

        #[test]
        fn no_two_contents_are_alike(one in "[0-9:,-]{0,6}", two in "[0-9:,-]{0,6}", three in "[0-9:,-]{0,6}", four in "[0-9:,-]{0,6}") {
            let with = |operation: &str, outcome: &str| {
                super::content("a", 1, &AuditEntry::new(Timestamp(0), AuditKind::Read, operation, outcome))
            };
            let same = one == three && two == four;
            prop_assert_eq!(with(&one, &two) == with(&three, &four), same);
        }
    }
}
