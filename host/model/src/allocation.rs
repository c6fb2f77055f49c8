//! An allocation: a request for some node that fits, and what came of it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, JsonObject, Timestamp};

/// How far an allocation is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AllocationState {
    /// A node is being looked for.
    #[default]
    Allocating,
    /// It has its node.
    Active,
    /// No node was found; `last_error` says why.
    Error,
}

impl AllocationState {
    /// As on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allocating => "allocating",
            Self::Active => "active",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for AllocationState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for AllocationState {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        [Self::Allocating, Self::Active, Self::Error]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| {
                Error::invalid(format!(
                    "{text} is no state of an allocation: the states are allocating, active and error."
                ))
            })
    }
}

/// A request for a node that fits. Field names are the wire names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // As in `crate::Node`.
pub struct Allocation {
    /// The database's own number: the default sort key, never shown.
    pub id: i64,
    pub uuid: String,
    pub name: Option<String>,
    /// The node that it has; only while it is active.
    pub node_uuid: Option<String>,
    pub state: AllocationState,
    pub last_error: Option<String>,
    pub resource_class: Option<String>,
    /// What the node must have.
    pub traits: Vec<String>,
    /// UUIDs of the only nodes that it may be; empty for any.
    pub candidate_nodes: Vec<String>,
    pub extra: JsonObject,
    /// The node must be owned by or leased to this project.
    pub owner: Option<String>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    /// A node of the allocation's name is taken before others; never shown.
    pub prefers_name: bool,
    /// Host name of the conductor that looks for a node; never shown.
    pub conductor: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_read_as_they_are_written() {
        for state in [
            AllocationState::Allocating,
            AllocationState::Active,
            AllocationState::Error,
        ] {
            assert_eq!(state.as_str().parse::<AllocationState>().ok(), Some(state));
            assert_eq!(
                serde_json::to_value(state).ok(),
                Some(serde_json::Value::from(state.as_str()))
            );
        }
        assert!("Active".parse::<AllocationState>().is_err());
    }
}
