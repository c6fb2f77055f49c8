//! An inspection rule: what is done with a node when what was found out about it fulfils conditions.

use serde::{Deserialize, Serialize};

use crate::{JsonObject, Timestamp};

/// Conditions and actions. Field names are the wire names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // As in `crate::Node`.
pub struct InspectionRule {
    /// The database's own number: the default sort key, never shown.
    pub id: i64,
    pub uuid: String,
    pub description: Option<String>,
    /// Higher runs first.
    pub priority: i64,
    /// When in an inspection it runs.
    pub phase: String,
    /// Conditions and actions are shown to nobody.
    pub sensitive: bool,
    /// Objects of `op`, `args` and what goes with them.
    pub conditions: Vec<JsonObject>,
    /// As `conditions`.
    pub actions: Vec<JsonObject>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

impl Default for InspectionRule {
    fn default() -> Self {
        Self {
            id: 0,
            uuid: String::new(),
            description: None,
            priority: 0,
            phase: "main".to_owned(),
            sensitive: false,
            conditions: Vec::new(),
            actions: Vec::new(),
            created_at: None,
            updated_at: None,
        }
    }
}
