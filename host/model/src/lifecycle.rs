//! Driver packages over their life: installed versions, canaries, publishers, and who did what.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Timestamp;
use crate::package::PackageSource;

/// Most versions of one package that are kept; installing one more drops the oldest that is of no use.
pub const MAX_VERSIONS: usize = 10;

/// Whether an installed version may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VersionState {
    /// It may be activated, or is active.
    #[serde(rename = "installed")]
    Installed,
    /// It asks for more than was granted: an operator has to decide.
    #[serde(rename = "awaiting approval")]
    AwaitingApproval,
    /// An operator took it out of use.
    #[serde(rename = "disabled")]
    Disabled,
    /// It broke too often, or an operator or the removal of its publisher stopped it.
    #[serde(rename = "quarantined")]
    Quarantined,
}

impl VersionState {
    /// The string in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::AwaitingApproval => "awaiting approval",
            Self::Disabled => "disabled",
            Self::Quarantined => "quarantined",
        }
    }
}

impl FromStr for VersionState {
    type Err = crate::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "installed" => Ok(Self::Installed),
            "awaiting approval" => Ok(Self::AwaitingApproval),
            "disabled" => Ok(Self::Disabled),
            "quarantined" => Ok(Self::Quarantined),
            other => Err(crate::Error::internal(format!(
                "unknown state of a driver package version {other:?}"
            ))),
        }
    }
}

/// One installed version of a package. `package@version` never means other bytes than these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageVersion {
    /// The package's name.
    pub package: String,
    /// The version, from its metadata.
    pub version: String,
    /// SHA-256 of the bytes, in lower-case hex.
    pub digest: String,
    /// Size in bytes.
    pub size: i64,
    /// Vendor, from its metadata.
    pub vendor: String,
    /// Capabilities that it asks for.
    pub asked: Vec<String>,
    /// What exactly it asks for: the entries of its metadata.
    pub capabilities: Vec<Value>,
    /// Hardware types that it brings.
    pub hardware_types: Vec<String>,
    /// Implementations that it brings: `power/acme`.
    pub implementations: Vec<String>,
    /// The version of what it keeps in `state`.
    pub state_schema: String,
    /// Where it came from.
    pub source: PackageSource,
    /// File name in `drivers.d`, if it came from there.
    pub file: Option<String>,
    /// The trusted publisher whose signature it has.
    pub publisher: Option<String>,
    /// The key that this publisher had then.
    pub publisher_key: Option<String>,
    /// Whether it may be used.
    pub state: VersionState,
    /// Why it is in this state, for people.
    pub reason: Option<String>,
    /// Quarantined so that not even steps that began with it go on.
    pub stopped: bool,
    /// When it was installed.
    pub created_at: Timestamp,
    /// When it last became the active version.
    pub activated_at: Option<Timestamp>,
}

/// What an operator granted to a package, whatever its version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageGrants {
    /// Names of capabilities, sorted.
    pub names: Vec<String>,
    /// What exactly was granted under these names, as packages' metadata has it; a version that asks for more under a name
    /// doesn't get it. `None`: it was granted before that was written down.
    pub entries: Option<Vec<Value>>,
}

/// Who owns the name of a package: the publisher that signed it first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageOwner {
    /// The package's name.
    pub package: String,
    /// The publisher's name.
    pub publisher: String,
    /// Its key.
    pub public_key: String,
    /// Since when.
    pub created_at: Timestamp,
}

/// A version that some nodes use instead of the active one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// The package's name.
    pub package: String,
    /// The version that is tried out.
    pub version: String,
    /// Its digest.
    pub digest: String,
    /// Who uses it.
    pub scope: CanaryScope,
    /// Since when.
    pub created_at: Timestamp,
}

/// Which nodes use a canary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CanaryScope {
    /// These, by UUID.
    Nodes(Vec<String>),
    /// So many of a hundred; always the same ones, and a larger share has all of a smaller one.
    Percent(u8),
    /// Those of this conductor group (lower case; empty for the default group).
    ConductorGroup(String),
}

impl CanaryScope {
    /// Whether this node uses the canary.
    pub fn includes(&self, node_uuid: &str, conductor_group: &str) -> bool {
        match self {
            Self::Nodes(uuids) => uuids.iter().any(|uuid| uuid == node_uuid),
            Self::Percent(share) => share_of(node_uuid) < u64::from(*share),
            Self::ConductorGroup(group) => group == conductor_group,
        }
    }
}

/// A number from 0 to 99 that a node always has: FNV-1a, because it must be the same in every release.
fn share_of(node_uuid: &str) -> u64 {
    let hash = node_uuid
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    // The high bits are the better mixed ones.
    (hash >> 32) % 100
}

/// Somebody whose signature on packages counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publisher {
    /// Its name, which the operator chose.
    pub name: String,
    /// minisign's public key: the line in base64.
    pub public_key: String,
    /// Names of packages that it may sign; `*` stands for any text.
    pub packages: Vec<String>,
    /// From when on its signatures no longer count.
    pub expires_at: Option<Timestamp>,
    /// Since when it is trusted.
    pub created_at: Timestamp,
}

impl Publisher {
    /// Whether it may sign packages of this name.
    pub fn may_sign(&self, package: &str) -> bool {
        self.packages
            .iter()
            .any(|pattern| matches_pattern(pattern, package))
    }

    /// Whether its signatures no longer count.
    pub fn is_expired_at(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

/// Under which name the history of a publisher is kept: none that a package could have.
pub fn publisher_history(publisher: &str) -> String {
    format!("publisher:{publisher}")
}

/// `*` in the pattern stands for any text, also none; everything else for itself.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(rest) = text.strip_prefix(before) else {
        return false;
    };
    // Names have at most 64 characters: trying every place is cheap.
    rest.char_indices()
        .map(|(place, _)| place)
        .chain([rest.len()])
        .any(|place| {
            rest.get(place..)
                .is_some_and(|tail| matches_pattern(after, tail))
        })
}

/// One thing that was done with a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageEvent {
    /// When.
    pub created_at: Timestamp,
    /// The package's name; [`publisher_history`] of a publisher.
    pub package: String,
    /// The version, if it was about one.
    pub version: Option<String>,
    /// Its digest.
    pub digest: Option<String>,
    /// `install`, `activate`, `quarantine`, …
    pub action: String,
    /// The API's user, or the conductor that did it by itself.
    pub actor: String,
    /// `req-…`, if somebody asked for it.
    pub request_id: Option<String>,
    /// More, for people.
    pub detail: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_grows_without_changing_nodes_and_is_about_its_size() {
        let uuids: Vec<String> = (0..2000_u128)
            .map(|number| {
                let hex = format!(
                    "{:032x}",
                    number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c834)
                );
                format!("{hex:.8}-{hex:.4}-4000-8000-{hex:.12}{number}")
            })
            .collect();
        let chosen = |share: u8| -> Vec<&String> {
            uuids
                .iter()
                .filter(|uuid| CanaryScope::Percent(share).includes(uuid, ""))
                .collect()
        };
        assert!(chosen(0).is_empty());
        assert_eq!(chosen(100).len(), uuids.len());
        let (few, many) = (chosen(10), chosen(30));
        assert!(few.iter().all(|uuid| many.contains(uuid)));
        assert!((100..300).contains(&few.len()), "{}", few.len());
        // Written down: another release must choose the same nodes.
        assert_eq!(share_of("1be26c0b-03f2-4d2e-ae87-c02d7f33c781"), 34);
    }

    #[test]
    fn scopes_choose_by_uuid_and_group() {
        let nodes = CanaryScope::Nodes(vec!["a".into()]);
        assert!(nodes.includes("a", "") && !nodes.includes("b", ""));
        let group = CanaryScope::ConductorGroup("lab".into());
        assert!(group.includes("a", "lab") && !group.includes("a", ""));
    }

    #[test]
    #[rustfmt::skip]
    fn patterns_match_whole_names() {
        for (pattern, text, expected) in [
            ("acme", "acme", true), ("acme", "acme-x", false), ("acme*", "acme", true), ("acme*", "acme-x", true),
            ("*", "", true), ("*-bmc", "acme-bmc", true), ("*-bmc", "acme-bmc2", false), ("a*c*e", "abcde", true),
            ("a*c*e", "abcd", false), ("", "", true), ("", "x", false), ("**", "x", true),
        ] {
            assert_eq!(matches_pattern(pattern, text), expected, "{pattern} {text}");
        }
    }
}
