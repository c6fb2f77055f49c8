//! A port group: several ports of a node that act as one (a bond).

use serde::{Deserialize, Serialize};

use crate::{JsonObject, Timestamp};

/// How ports of a group work together unless something else is said.
pub const DEFAULT_MODE: &str = "active-backup";

/// Several ports of a node that act as one. Field names are the wire names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // As in `crate::Node`.
pub struct Portgroup {
    /// The database's own number: the default sort key, never shown.
    pub id: i64,
    pub uuid: String,
    pub name: Option<String>,
    /// The MAC address, lower case with colons.
    pub address: Option<String>,
    pub node_uuid: String,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    pub extra: JsonObject,
    pub internal_info: JsonObject,
    /// Its ports may also be used one by one, for example to boot.
    pub standalone_ports_supported: bool,
    pub mode: String,
    pub properties: JsonObject,
    pub physical_network: Option<String>,
    pub category: Option<String>,
    /// Made by the network service for an instance, and not by a client.
    pub dynamic_portgroup: bool,
}

impl Default for Portgroup {
    fn default() -> Self {
        Self {
            id: 0,
            uuid: String::new(),
            name: None,
            address: None,
            node_uuid: String::new(),
            created_at: None,
            updated_at: None,
            extra: JsonObject::new(),
            internal_info: JsonObject::new(),
            standalone_ports_supported: true,
            mode: DEFAULT_MODE.to_owned(),
            properties: JsonObject::new(),
            physical_network: None,
            category: None,
            dynamic_portgroup: false,
        }
    }
}
