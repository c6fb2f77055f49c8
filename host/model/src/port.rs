//! A port: one network interface of a node.

use serde::{Deserialize, Serialize};

use crate::{JsonObject, Timestamp};

/// One network interface of a node. Field names are the wire names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // The wire names are the field's own terms; docs/ explains them.
pub struct Port {
    /// The database's own number: the default sort key, never shown.
    pub id: i64,
    pub uuid: String,
    pub name: Option<String>,
    /// The MAC address, lower case with colons.
    pub address: String,
    pub node_uuid: String,
    pub portgroup_uuid: Option<String>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    pub extra: JsonObject,
    pub internal_info: JsonObject,
    pub local_link_connection: JsonObject,
    pub pxe_enabled: bool,
    pub physical_network: Option<String>,
    pub is_smartnic: bool,
    pub description: Option<String>,
    pub vendor: Option<String>,
    pub category: Option<String>,
    pub available_for_dynamic_portgroup: bool,
}

impl Default for Port {
    fn default() -> Self {
        Self {
            id: 0,
            uuid: String::new(),
            name: None,
            address: String::new(),
            node_uuid: String::new(),
            portgroup_uuid: None,
            created_at: None,
            updated_at: None,
            extra: JsonObject::new(),
            internal_info: JsonObject::new(),
            local_link_connection: JsonObject::new(),
            pxe_enabled: true,
            physical_network: None,
            is_smartnic: false,
            description: None,
            vendor: None,
            category: None,
            available_for_dynamic_portgroup: true,
        }
    }
}
