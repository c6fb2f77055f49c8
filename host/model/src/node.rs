//! A node: one physical machine.

use serde::{Deserialize, Serialize};

use crate::power::PowerState;
use crate::provision::ProvisionState;
use crate::{InterfaceKind, JsonObject, Timestamp};

/// What `fault` can say.
pub mod fault {
    /// Power sync gave up.
    pub const POWER_FAILURE: &str = "power failure";
    /// A cleaning step failed.
    pub const CLEAN_FAILURE: &str = "clean failure";
    /// Giving up a rescue failed.
    pub const RESCUE_ABORT_FAILURE: &str = "rescue abort failure";
    /// A service step failed.
    pub const SERVICE_FAILURE: &str = "service failure";
    /// All of them: what the list filter `fault` accepts.
    pub const ALL: &[&str] = &[
        POWER_FAILURE,
        CLEAN_FAILURE,
        RESCUE_ABORT_FAILURE,
        SERVICE_FAILURE,
    ];
}

/// Key of `driver_internal_info`: the token by which the agent on the machine is known. Answers hide it.
pub const AGENT_TOKEN: &str = "agent_secret_token";

/// One machine, with everything that is stored of it. Field names are the wire names.
///
/// Absent strings are `None`, absent objects are empty, as on the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // The wire names are the field's own terms; docs/ explains them.
pub struct Node {
    /// The database's own number: the default sort key, never shown.
    pub id: i64,
    pub uuid: String,
    pub name: Option<String>,
    pub driver: String,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,

    pub provision_state: ProvisionState,
    pub target_provision_state: Option<ProvisionState>,
    pub provision_updated_at: Option<Timestamp>,
    pub power_state: Option<PowerState>,
    pub target_power_state: Option<PowerState>,
    pub last_error: Option<String>,
    pub maintenance: bool,
    pub maintenance_reason: Option<String>,
    pub fault: Option<String>,
    pub health: Option<String>,
    pub boot_mode: Option<String>,
    pub secure_boot: Option<bool>,

    /// The host name of the conductor that holds the node exclusively.
    pub reservation: Option<String>,
    /// Grows with every acquisition of the reservation; never shown.
    pub fence: i64,
    /// The host name of the conductor that prepared this node last (deployment and takeover).
    pub conductor_affinity: Option<String>,
    pub conductor_group: String,

    pub driver_info: JsonObject,
    pub driver_internal_info: JsonObject,
    pub properties: JsonObject,
    pub extra: JsonObject,
    pub instance_info: JsonObject,
    pub instance_uuid: Option<String>,
    pub instance_name: Option<String>,
    pub network_data: JsonObject,
    pub raid_config: JsonObject,
    pub target_raid_config: JsonObject,
    pub clean_step: JsonObject,
    pub deploy_step: JsonObject,
    pub service_step: JsonObject,

    pub automated_clean: Option<bool>,
    pub console_enabled: bool,
    pub disable_power_off: bool,
    pub protected: bool,
    pub protected_reason: Option<String>,
    pub retired: bool,
    pub retired_reason: Option<String>,
    pub inspection_started_at: Option<Timestamp>,
    pub inspection_finished_at: Option<Timestamp>,
    /// When the agent on this node was last heard; shown as `driver_internal_info.agent_last_heartbeat`.
    pub agent_heartbeat_at: Option<Timestamp>,

    pub chassis_uuid: Option<String>,
    pub allocation_uuid: Option<String>,
    pub parent_node: Option<String>,
    pub resource_class: Option<String>,
    pub description: Option<String>,
    pub owner: Option<String>,
    pub lessee: Option<String>,
    pub shard: Option<String>,
    pub traits: Vec<String>,

    pub bios_interface: Option<String>,
    pub boot_interface: Option<String>,
    pub console_interface: Option<String>,
    pub deploy_interface: Option<String>,
    pub firmware_interface: Option<String>,
    pub inspect_interface: Option<String>,
    pub management_interface: Option<String>,
    pub network_interface: Option<String>,
    pub power_interface: Option<String>,
    pub raid_interface: Option<String>,
    pub rescue_interface: Option<String>,
    pub storage_interface: Option<String>,
    pub vendor_interface: Option<String>,
}

impl Default for ProvisionState {
    /// New nodes start here (since 1.11).
    fn default() -> Self {
        Self::Enroll
    }
}

impl Node {
    /// The implementation's name that this node has for `kind`.
    pub fn interface(&self, kind: InterfaceKind) -> Option<&str> {
        match kind {
            InterfaceKind::Bios => &self.bios_interface,
            InterfaceKind::Boot => &self.boot_interface,
            InterfaceKind::Console => &self.console_interface,
            InterfaceKind::Deploy => &self.deploy_interface,
            InterfaceKind::Firmware => &self.firmware_interface,
            InterfaceKind::Inspect => &self.inspect_interface,
            InterfaceKind::Management => &self.management_interface,
            InterfaceKind::Network => &self.network_interface,
            InterfaceKind::Power => &self.power_interface,
            InterfaceKind::Raid => &self.raid_interface,
            InterfaceKind::Rescue => &self.rescue_interface,
            InterfaceKind::Storage => &self.storage_interface,
            InterfaceKind::Vendor => &self.vendor_interface,
        }
        .as_deref()
    }

    /// Sets the implementation's name for `kind`.
    pub fn set_interface(&mut self, kind: InterfaceKind, name: Option<String>) {
        *match kind {
            InterfaceKind::Bios => &mut self.bios_interface,
            InterfaceKind::Boot => &mut self.boot_interface,
            InterfaceKind::Console => &mut self.console_interface,
            InterfaceKind::Deploy => &mut self.deploy_interface,
            InterfaceKind::Firmware => &mut self.firmware_interface,
            InterfaceKind::Inspect => &mut self.inspect_interface,
            InterfaceKind::Management => &mut self.management_interface,
            InterfaceKind::Network => &mut self.network_interface,
            InterfaceKind::Power => &mut self.power_interface,
            InterfaceKind::Raid => &mut self.raid_interface,
            InterfaceKind::Rescue => &mut self.rescue_interface,
            InterfaceKind::Storage => &mut self.storage_interface,
            InterfaceKind::Vendor => &mut self.vendor_interface,
        } = name;
    }

    /// The step object of the wire for what is running now.
    pub fn step_mut(&mut self, kind: crate::step::StepKind) -> Option<&mut JsonObject> {
        match kind {
            crate::step::StepKind::Clean => Some(&mut self.clean_step),
            crate::step::StepKind::Deploy => Some(&mut self.deploy_step),
            crate::step::StepKind::Service => Some(&mut self.service_step),
            crate::step::StepKind::Verify => None,
        }
    }

    /// Name if it has one, else UUID: how messages name a node.
    pub fn display_name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.uuid)
    }
}
