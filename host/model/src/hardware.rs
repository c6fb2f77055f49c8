//! What is known of a node's hardware beside the node itself: BIOS settings, firmware, inventory.

use serde::{Deserialize, Serialize};

use crate::{JsonObject, Timestamp};

/// A BIOS setting. Field names are the wire names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // As in `Node`.
pub struct BiosSetting {
    pub name: String,
    pub value: Option<String>,
    /// `Enumeration`, `String`, `Integer`, `Boolean` or `Password`.
    pub attribute_type: Option<String>,
    /// What an enumeration may be; empty for others.
    pub allowable_values: Vec<String>,
    pub lower_bound: Option<i64>,
    pub upper_bound: Option<i64>,
    pub min_length: Option<u32>,
    pub max_length: Option<u32>,
    pub read_only: Option<bool>,
    pub reset_required: Option<bool>,
    /// Its value is different on every machine.
    pub unique: Option<bool>,
    /// When it was first seen. The database's own.
    pub created_at: Option<Timestamp>,
    /// When it was last seen to have changed. The database's own.
    pub updated_at: Option<Timestamp>,
}

/// A component of a node that has firmware. Field names are the wire names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // As in `Node`.
pub struct FirmwareComponent {
    pub component: String,
    /// The version that was there when the component was first seen; empty if it wasn't known.
    pub initial_version: String,
    pub current_version: Option<String>,
    /// The version that was there after the last update.
    pub last_version_flashed: Option<String>,
    pub vendor: Option<String>,
    pub model: Option<String>,
    pub serial_number: Option<String>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

/// What an inspection found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// In the form that the agent posts.
    pub inventory: JsonObject,
    /// Everything else that came with it.
    pub plugin_data: JsonObject,
}
