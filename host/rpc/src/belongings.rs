//! What is asked about what belongs to a node besides its ports. Goes to the conductor that owns the node.

use ironbark_model::patch::PatchOp;
use ironbark_model::{Portgroup, VolumeConnector, VolumeTarget};
use serde::{Deserialize, Serialize};

/// What to do with something that belongs to a node. The reply to `Create` and `Update` is what is stored then.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change<T> {
    /// Stores a new one, which has the UUID of its node.
    Create(Box<T>),
    /// Applies a patch to one under the reservation of its node.
    Update {
        /// Its UUID.
        uuid: String,
        /// The UUID of the node that it belongs to.
        node: String,
        /// Checked for form and types.
        patch: Vec<PatchOp>,
    },
    /// Deletes one. Reply: `Done`.
    Destroy {
        /// Its UUID.
        uuid: String,
        /// The UUID of the node that it belongs to.
        node: String,
    },
}

/// What belongs to a node, and what to do with it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeBelonging {
    /// A port group.
    Portgroup(Change<Portgroup>),
    /// A volume connector.
    VolumeConnector(Change<VolumeConnector>),
    /// A volume target.
    VolumeTarget(Change<VolumeTarget>),
}

/// What belongs to a node, as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Belonging {
    /// A port group.
    Portgroup(Box<Portgroup>),
    /// A volume connector.
    VolumeConnector(Box<VolumeConnector>),
    /// A volume target.
    VolumeTarget(Box<VolumeTarget>),
}
