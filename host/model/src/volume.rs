//! Remote volumes: by what a node reaches storage (connectors), and what it reaches there (targets).

use serde::{Deserialize, Serialize};

use crate::{JsonObject, Timestamp};

/// By what name storage knows a node. Field names are the wire names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // As in `crate::Node`.
pub struct VolumeConnector {
    /// The database's own number: the default sort key, never shown.
    pub id: i64,
    pub uuid: String,
    pub node_uuid: String,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    /// `iqn`, `ip`, `mac`, `wwnn`, `wwpn`, …
    #[serde(rename = "type")]
    pub kind: String,
    pub connector_id: String,
    pub extra: JsonObject,
}

/// A volume that a node uses. Field names are the wire names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // As in `crate::Node`.
pub struct VolumeTarget {
    /// The database's own number: the default sort key, never shown.
    pub id: i64,
    pub uuid: String,
    pub node_uuid: String,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    /// `iscsi`, `fibre_channel`, …
    pub volume_type: String,
    /// How to reach it; may hold credentials.
    pub properties: JsonObject,
    /// 0 is the volume that the node boots from. Unique within the node.
    pub boot_index: i64,
    pub volume_id: String,
    pub extra: JsonObject,
}
