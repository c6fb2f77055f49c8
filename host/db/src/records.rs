//! Small records that this crate hands out or takes, beside the model's own types.

use ironbark_model::conductor::HardwareInterface;
use ironbark_model::{InterfaceKind, PowerState, ProvisionState, Timestamp};

/// The right to change one node, until it is released or somebody takes it over.
///
/// The fence tells this acquisition from every other one of the same node, also by the same host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// The node.
    pub node_uuid: String,
    /// Who holds it: the conductor's host name, as `reservation` shows it.
    pub host: String,
    /// Grows with every acquisition.
    pub fence: i64,
}

/// What a conductor's periodic tasks need to know of a node to decide whether to look closer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // As in `ironbark_model::Node`.
pub struct NodeRef {
    pub id: i64,
    pub uuid: String,
    pub name: Option<String>,
    pub driver: String,
    pub conductor_group: String,
    pub conductor_affinity: Option<String>,
    pub reservation: Option<String>,
    pub fence: i64,
    pub provision_state: ProvisionState,
    pub target_provision_state: Option<ProvisionState>,
    pub provision_updated_at: Option<Timestamp>,
    pub power_state: Option<PowerState>,
    pub target_power_state: Option<PowerState>,
    pub maintenance: bool,
    pub fault: Option<String>,
    /// There is a `last_error` to clear.
    pub has_last_error: bool,
    pub updated_at: Option<Timestamp>,
    pub power_interface: Option<String>,
    pub management_interface: Option<String>,
    pub deploy_interface: Option<String>,
    pub console_interface: Option<String>,
    pub inspect_interface: Option<String>,
    pub vendor_interface: Option<String>,
    pub boot_interface: Option<String>,
    pub bios_interface: Option<String>,
    pub firmware_interface: Option<String>,
    pub network_interface: Option<String>,
    pub raid_interface: Option<String>,
    pub rescue_interface: Option<String>,
    pub storage_interface: Option<String>,
}

impl NodeRef {
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
}

/// What was seen of a node, without holding it. `None` leaves a field as it is; `Some(None)` clears it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// What the BMC said about power.
    pub power_state: Option<Option<PowerState>>,
    /// Normally `Some(None)`: a good sync clears the error of a bad one.
    pub last_error: Option<Option<String>>,
    /// `OK`, `Warning`, `Critical`.
    pub health: Option<Option<String>>,
    /// `uefi` or `bios`.
    pub boot_mode: Option<Option<String>>,
    /// Whether secure boot is on.
    pub secure_boot: Option<Option<bool>>,
    /// Becomes `properties.vendor`.
    pub vendor: Option<String>,
    /// When the agent on the node was last heard; in a waiting state this also restarts the time-out
    /// (`provision_updated_at`).
    pub heartbeat_at: Option<Timestamp>,
}

/// What a conductor says of itself when it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Its host name.
    pub hostname: String,
    /// Its group, in lower case; empty for the default group.
    pub conductor_group: String,
    /// New at every start.
    pub incarnation: String,
    /// Hardware types that it drives.
    pub drivers: Vec<String>,
    /// Implementations that it can use.
    pub interfaces: Vec<HardwareInterface>,
}

/// An installed package that a conductor can't load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageFailure {
    /// The conductor's host name.
    pub conductor: String,
    /// The package's name.
    pub package: String,
    /// The version that it should load.
    pub version: String,
    /// What is wrong, for people.
    pub reason: String,
}
