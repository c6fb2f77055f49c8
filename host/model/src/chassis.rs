//! A chassis: what several nodes are mounted in.

use serde::{Deserialize, Serialize};

use crate::{JsonObject, Timestamp};

/// What several nodes are mounted in. Field names are the wire names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // As in `crate::Node`.
pub struct Chassis {
    /// The database's own number: the default sort key, never shown.
    pub id: i64,
    pub uuid: String,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    pub description: Option<String>,
    pub extra: JsonObject,
}
