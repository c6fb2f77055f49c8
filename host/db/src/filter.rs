//! What lists can be narrowed to.

use ironbark_model::{AllocationState, ProvisionState, Timestamp};

/// Which nodes to list. Everything that is set must hold; nothing set lists every node that has no parent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeFilter {
    /// One of these UUIDs.
    pub uuids: Option<Vec<String>>,
    /// One of these names.
    pub names: Option<Vec<String>>,
    /// The instance's UUID.
    pub instance_uuid: Option<String>,
    /// The instance's name.
    pub instance_name: Option<String>,
    /// Has an instance, or has none.
    pub associated: Option<bool>,
    /// In maintenance, or not.
    pub maintenance: Option<bool>,
    /// Retired, or not.
    pub retired: Option<bool>,
    /// In this provision state.
    pub provision_state: Option<ProvisionState>,
    /// In one of these provision states.
    pub provision_states: Option<Vec<ProvisionState>>,
    /// Of this hardware type.
    pub driver: Option<String>,
    /// Of one of these hardware types.
    pub drivers: Option<Vec<String>>,
    /// Of this resource class.
    pub resource_class: Option<String>,
    /// With this fault.
    pub fault: Option<String>,
    /// In this conductor group (lower case; empty for the default group).
    pub conductor_group: Option<String>,
    /// Owned by this project.
    pub owner: Option<String>,
    /// Leased to this project.
    pub lessee: Option<String>,
    /// Owned by or leased to this project.
    pub project: Option<String>,
    /// The description contains this text; ASCII letters match in either case.
    pub description_contains: Option<String>,
    /// In one of these shards.
    pub shards: Option<Vec<String>>,
    /// In any shard, or in none.
    pub sharded: Option<bool>,
    /// Children of the node with this UUID.
    pub parent_node: Option<String>,
    /// Lists nodes that have a parent too. Without it, only `parent_node` shows children.
    pub include_children: bool,
    /// In this chassis.
    pub chassis_uuid: Option<String>,
    /// Reserved by anybody, or by nobody.
    pub reserved: Option<bool>,
    /// Reserved by one of these host names.
    pub reserved_by: Option<Vec<String>>,
    /// A change of power is under way, or not.
    pub power_target_set: Option<bool>,
    /// Its console is enabled, or not.
    pub console_enabled: Option<bool>,
    /// `provision_updated_at` is older than this.
    pub provision_updated_before: Option<Timestamp>,
    /// `inspection_started_at` is older than this.
    pub inspection_started_before: Option<Timestamp>,
    /// `updated_at` is older than this (a node never updated is not).
    pub updated_before: Option<Timestamp>,
}

/// How much of each node a list reads that doesn't read whole ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeColumns {
    /// Only id, UUID, name, instance UUID, maintenance, power state, provision state, driver and conductor group;
    /// everything else is left at its default.
    Summary,
    /// As [`NodeColumns::Summary`], and what clients wait for or tell nodes apart by: target states, last error, fault,
    /// maintenance reason, reservation, resource class, owner, lessee, instance name, description.
    Slim,
}

/// Which ports to list. Everything that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortFilter {
    /// Of the node with this UUID.
    pub node_uuid: Option<String>,
    /// With this MAC address (lower case with colons).
    pub address: Option<String>,
    /// With one of these MAC addresses (lower case with colons).
    pub addresses: Option<Vec<String>>,
    /// In the port group with this UUID.
    pub portgroup_uuid: Option<String>,
    /// Of nodes in one of these shards.
    pub shards: Option<Vec<String>>,
    /// Of nodes in one of these conductor groups.
    pub conductor_groups: Option<Vec<String>>,
    /// The description contains this text; ASCII letters match in either case.
    pub description_contains: Option<String>,
}

/// Which port groups to list. Everything that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortgroupFilter {
    /// Of the node with this UUID.
    pub node_uuid: Option<String>,
    /// With this MAC address (lower case with colons).
    pub address: Option<String>,
    /// Of nodes in one of these shards.
    pub shards: Option<Vec<String>>,
    /// Of nodes in one of these conductor groups.
    pub conductor_groups: Option<Vec<String>>,
}

/// Which allocations to list. Everything that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllocationFilter {
    /// That the node with this UUID is given to.
    pub node_uuid: Option<String>,
    /// For nodes of this resource class.
    pub resource_class: Option<String>,
    /// In this state.
    pub state: Option<AllocationState>,
    /// Of this project.
    pub owner: Option<String>,
}
