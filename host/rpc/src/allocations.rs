//! What is asked about allocations. Goes to any conductor that is online: an allocation that has no node belongs to none.

use ironbark_model::Allocation;
use serde::{Deserialize, Serialize};

/// What to do with an allocation.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeAllocation {
    /// Stores a new one, and begins to look for a node. Reply: `Allocation`, as it is stored before a node is found.
    Create(Box<Allocation>),
    /// Stores a new one for a node that is in use already. Reply: `Allocation`.
    Backfill {
        /// Without a UUID it gets that of the node's instance.
        allocation: Box<Allocation>,
        /// The node's UUID.
        node: String,
    },
    /// Deletes one, and frees its node. Reply: `Done`.
    Destroy {
        /// Its UUID.
        uuid: String,
    },
}
