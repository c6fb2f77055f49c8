//! Names of the contract `ironbark:driver` that metadata and components must agree on.

use ironbark_model::InterfaceKind;

/// The version of the contract that this crate describes.
pub const CONTRACT_VERSION: &str = "0.1.0";

/// The WIT namespace and package of the contract.
const PACKAGE: &str = "ironbark:driver/";

/// An interface that a driver may export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Export {
    /// `power`
    Power,
    /// `management`
    Management,
    /// `boot`
    Boot,
    /// `deploy`
    Deploy,
    /// `vendor`
    Vendor,
    /// `bios`
    Bios,
    /// `console`
    Console,
    /// `firmware`
    Firmware,
    /// `inspect`
    Inspect,
    /// `network`
    Network,
    /// `raid`
    Raid,
    /// `rescue`
    Rescue,
    /// `storage`
    Storage,
    /// `steps`
    Steps,
    /// `periodic`
    Periodic,
}

impl Export {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Power,
        Self::Management,
        Self::Boot,
        Self::Deploy,
        Self::Vendor,
        Self::Bios,
        Self::Console,
        Self::Firmware,
        Self::Inspect,
        Self::Network,
        Self::Raid,
        Self::Rescue,
        Self::Storage,
        Self::Steps,
        Self::Periodic,
    ];

    /// The interface's name in the contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Power => "power",
            Self::Management => "management",
            Self::Boot => "boot",
            Self::Deploy => "deploy",
            Self::Vendor => "vendor",
            Self::Bios => "bios",
            Self::Console => "console",
            Self::Firmware => "firmware",
            Self::Inspect => "inspect",
            Self::Network => "network",
            Self::Raid => "raid",
            Self::Rescue => "rescue",
            Self::Storage => "storage",
            Self::Steps => "steps",
            Self::Periodic => "periodic",
        }
    }

    /// The export that serves implementations of `kind`.
    pub const fn of_interface(kind: InterfaceKind) -> Self {
        match kind {
            InterfaceKind::Bios => Self::Bios,
            InterfaceKind::Boot => Self::Boot,
            InterfaceKind::Console => Self::Console,
            InterfaceKind::Deploy => Self::Deploy,
            InterfaceKind::Firmware => Self::Firmware,
            InterfaceKind::Inspect => Self::Inspect,
            InterfaceKind::Management => Self::Management,
            InterfaceKind::Network => Self::Network,
            InterfaceKind::Power => Self::Power,
            InterfaceKind::Raid => Self::Raid,
            InterfaceKind::Rescue => Self::Rescue,
            InterfaceKind::Storage => Self::Storage,
            InterfaceKind::Vendor => Self::Vendor,
        }
    }

    /// Whether components may lack this export although their metadata has implementations of its interface.
    ///
    /// The first release of the contract had no export for these interfaces: packages of that time declared them, and did the work in `steps`.
    /// They still run.
    pub const fn is_optional(self) -> bool {
        matches!(
            self,
            Self::Bios
                | Self::Console
                | Self::Firmware
                | Self::Inspect
                | Self::Network
                | Self::Raid
                | Self::Rescue
                | Self::Storage
        )
    }

    /// The export of this full name, such as `ironbark:driver/power@0.1.0`, in any version.
    pub fn from_full_name(name: &str) -> Option<Self> {
        let short = interface_name(name)?;
        Self::ALL
            .iter()
            .copied()
            .find(|export| export.as_str() == short)
    }
}

/// The interface within the contract that a full name such as `ironbark:driver/call@0.1.0` means; `None` if it
/// belongs to something else.
pub fn interface_name(full_name: &str) -> Option<&str> {
    let rest = full_name.strip_prefix(PACKAGE)?;
    Some(rest.split_once('@').map_or(rest, |(name, _)| name))
}
