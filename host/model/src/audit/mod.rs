//! The audit: what was asked of BMCs, what was refused, and what operators did to packages.
//!
//! A row says who asked what of whom, when, and how it ended. It has no place for data bytes, values, secrets or messages.
//! Rows never change; [`chain`] says how one row vouches for the one before it.

pub mod chain;

use serde::{Deserialize, Serialize};

use crate::{Error, Timestamp};

/// Longest text of one field, in bytes; a longer one is cut.
const MAX_TEXT: usize = 1024;

/// Outcome of an intent: it is about to be sent. How it ended is another row, if that was learnt.
pub const BEGUN: &str = "begun";
/// Outcome of what went well.
pub const OK: &str = "ok";
/// Outcome of an operation that was finished after its driver's call had ended.
pub const ABANDONED: &str = "abandoned";
/// Outcome of an operation of which nobody knows how it ended: the process did first.
pub const INTERRUPTED: &str = "interrupted";
/// Outcome of an intent that was written too late: nothing was sent.
pub const NOT_SENT: &str = "not-sent";
/// Operation of a row that counts what got no row of its own, as there was too much of it.
pub const MORE: &str = "(more)";
/// Outcome of what wasn't allowed.
pub const DENIED: &str = "denied";

/// What a row tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuditKind {
    /// An operation that changes nothing on the machine, and how it ended.
    Read,
    /// An operation that may change the machine, before it was sent.
    Intent,
    /// How it ended; [`AuditEntry::refers_to`] is its intent.
    Outcome,
    /// Something that a package wasn't allowed; nothing was sent.
    Denied,
    /// What an operator did to a package.
    Package,
    /// Old rows of the chain were deleted; [`AuditEntry::refers_to`] is the last of them, `detail` its hash.
    Pruned,
}

impl AuditKind {
    /// The string in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Intent => "intent",
            Self::Outcome => "outcome",
            Self::Denied => "denied",
            Self::Package => "package",
            Self::Pruned => "pruned",
        }
    }
}

impl std::str::FromStr for AuditKind {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [
            Self::Read,
            Self::Intent,
            Self::Outcome,
            Self::Denied,
            Self::Package,
            Self::Pruned,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == text)
        .ok_or_else(|| {
            Error::invalid(format!(
                "{text:?} is no kind of audit row: read, intent, outcome, denied, package or pruned."
            ))
        })
    }
}

/// A row's content: what is written once and never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When it began.
    #[serde(with = "crate::time::iso")]
    pub at: Timestamp,
    /// What the row tells of.
    pub kind: AuditKind,
    /// `req-…`
    pub request_id: Option<String>,
    /// Who asked for it, where somebody did: a user of the API, or where a package file lies.
    pub actor: Option<String>,
    /// The node's UUID.
    pub node: Option<String>,
    /// The driver package's name.
    pub package: Option<String>,
    /// The driver package's digest.
    pub digest: Option<String>,
    /// `ipmi 0x00 0x02` (network function and command), `install`, …
    pub operation: String,
    /// [`OK`], a completion code, the kind of an error, or one of the words above.
    pub outcome: String,
    /// What the outcome alone doesn't say: of an abandoned operation how it ended, of a package its version, of a publisher its name.
    pub detail: Option<String>,
    /// The number, in this chain, of the row that this one is about.
    pub refers_to: Option<i64>,
    /// How long it took, in microseconds.
    pub duration_us: Option<i64>,
    /// How many alike this row stands for; nothing for one.
    pub count: Option<i64>,
    /// Of many alike: when the first began.
    #[serde(with = "optional_iso")]
    pub first_at: Option<Timestamp>,
    /// Of many alike: when the last began.
    #[serde(with = "optional_iso")]
    pub last_at: Option<Timestamp>,
}

impl AuditEntry {
    /// An entry that says only this.
    pub fn new(
        at: Timestamp,
        kind: AuditKind,
        operation: impl Into<String>,
        outcome: impl Into<String>,
    ) -> Self {
        Self {
            at,
            kind,
            request_id: None,
            actor: None,
            node: None,
            package: None,
            digest: None,
            operation: operation.into(),
            outcome: outcome.into(),
            detail: None,
            refers_to: None,
            duration_us: None,
            count: None,
            first_at: None,
            last_at: None,
        }
    }

    /// The same with texts of bounded length and without control characters: what is hashed is what is stored.
    #[must_use]
    pub fn tidy(mut self) -> Self {
        let optional = [
            &mut self.request_id,
            &mut self.actor,
            &mut self.node,
            &mut self.package,
            &mut self.digest,
            &mut self.detail,
        ];
        let texts = optional.into_iter().filter_map(Option::as_mut);
        for text in texts.chain([&mut self.operation, &mut self.outcome]) {
            if text.len() > MAX_TEXT {
                text.truncate(text.floor_char_boundary(MAX_TEXT));
            }
            if text.contains(char::is_control) {
                *text = text.replace(char::is_control, "\u{fffd}");
            }
        }
        self
    }
}

/// A row as it is stored: its place in its chain, its content, and its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// The row's number in the database: rows are listed by it.
    pub id: i64,
    /// The chain that it is part of: the host name of the conductor that wrote it.
    pub chain: String,
    /// Its number in the chain: 1, 2, 3, …
    pub seq: i64,
    /// What it says.
    #[serde(flatten)]
    pub entry: AuditEntry,
    /// SHA-256 over the hash of the row before and this row's content, in lower-case hex.
    pub hash: String,
}

/// Many alike that are counted and not yet a row: of one hour, node, package, operation and outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRepeats {
    /// Hours since 1970-01-01T00:00:00Z.
    pub hour: i64,
    /// [`AuditKind::Read`] or [`AuditKind::Denied`].
    pub kind: AuditKind,
    /// The node's UUID; empty without one.
    pub node: String,
    /// The driver package's name.
    pub package: String,
    /// The driver package's digest.
    pub digest: String,
    /// As in [`AuditEntry`].
    pub operation: String,
    /// As in [`AuditEntry`].
    pub outcome: String,
    /// How many.
    pub count: i64,
    /// When the first began.
    pub first_at: Timestamp,
    /// When the last began.
    pub last_at: Timestamp,
}

impl AuditRepeats {
    /// A count of one.
    pub fn one(entry: AuditEntry) -> Self {
        Self {
            hour: hour_of(entry.at),
            kind: entry.kind,
            node: entry.node.unwrap_or_default(),
            package: entry.package.unwrap_or_default(),
            digest: entry.digest.unwrap_or_default(),
            operation: entry.operation,
            outcome: entry.outcome,
            count: 1,
            first_at: entry.at,
            last_at: entry.at,
        }
    }

    /// A count of one, together with [whatever else](MORE) of its kind the package asked for on the node.
    pub fn more_of(entry: &AuditEntry) -> Self {
        Self {
            operation: MORE.to_owned(),
            ..Self::one(entry.clone())
        }
    }

    /// Counts `more` of the same.
    pub fn add(&mut self, more: &Self) {
        self.count += more.count;
        self.first_at = self.first_at.min(more.first_at);
        self.last_at = self.last_at.max(more.last_at);
    }

    /// The row that stands for them, once their hour is over.
    pub fn into_entry(self) -> AuditEntry {
        let present = |text: String| (!text.is_empty()).then_some(text);
        AuditEntry {
            node: present(self.node),
            package: present(self.package),
            digest: present(self.digest),
            count: Some(self.count),
            first_at: Some(self.first_at),
            last_at: Some(self.last_at),
            ..AuditEntry::new(self.first_at, self.kind, self.operation, self.outcome)
        }
    }
}

/// The hour that a time lies in, as [`AuditRepeats::hour`] counts.
pub fn hour_of(time: Timestamp) -> i64 {
    const HOUR: i64 = 3_600_000_000;
    time.0.div_euclid(HOUR)
}

/// For `#[serde(with)]`: a time that may be absent, as people read it.
mod optional_iso {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::Timestamp;

    #[derive(Serialize, Deserialize)]
    struct Iso(#[serde(with = "crate::time::iso")] Timestamp);

    pub(super) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(Iso).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        Ok(Option::<Iso>::deserialize(deserializer)?.map(|iso| iso.0))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_row_survives_json() {
        let mut entry = AuditEntry::new(Timestamp(1_795_217_472_146_300), AuditKind::Read, "x", OK);
        entry.last_at = Some(Timestamp(7));
        let row = AuditRow {
            id: 3,
            chain: "a".to_owned(),
            seq: 2,
            entry,
            hash: chain::GENESIS.to_owned(),
        };
        let text = serde_json::to_string(&row).unwrap();
        assert!(text.contains("\"at\":\"2026-11-20T23:31:12.146300+00:00\""));
        assert_eq!(serde_json::from_str::<AuditRow>(&text).unwrap(), row);
    }

    #[test]
    fn texts_are_bounded_and_have_no_control_characters() {
        let long = format!("a\0b\u{1e}{}", "ä".repeat(1000));
        let entry = AuditEntry::new(Timestamp(1), AuditKind::Read, long, OK).tidy();
        assert!(entry.operation.starts_with("a\u{fffd}b\u{fffd}ä"));
        assert!(entry.operation.len() <= MAX_TEXT + 4);
    }
}
