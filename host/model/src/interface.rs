//! The 13 interfaces of a hardware driver.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::provision::wire_enum;

wire_enum! {
    /// One of the interfaces that a hardware type is composed of.
    InterfaceKind, "interface" {
        /// BIOS settings.
        Bios = "bios",
        /// What the node boots.
        Boot = "boot",
        /// Serial or graphical console.
        Console = "console",
        /// Puts an instance on the node.
        Deploy = "deploy",
        /// Firmware updates.
        Firmware = "firmware",
        /// Finds out what hardware there is.
        Inspect = "inspect",
        /// Boot device, boot mode, sensors, indicators.
        Management = "management",
        /// Networks of the node's ports.
        Network = "network",
        /// Power on, off, reboot.
        Power = "power",
        /// RAID volumes.
        Raid = "raid",
        /// Rescue ramdisk.
        Rescue = "rescue",
        /// Volumes on the network.
        Storage = "storage",
        /// What only this vendor has.
        Vendor = "vendor",
    }
}

impl InterfaceKind {
    /// The node's field that names the implementation: `power_interface` and so on.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Bios => "bios_interface",
            Self::Boot => "boot_interface",
            Self::Console => "console_interface",
            Self::Deploy => "deploy_interface",
            Self::Firmware => "firmware_interface",
            Self::Inspect => "inspect_interface",
            Self::Management => "management_interface",
            Self::Network => "network_interface",
            Self::Power => "power_interface",
            Self::Raid => "raid_interface",
            Self::Rescue => "rescue_interface",
            Self::Storage => "storage_interface",
            Self::Vendor => "vendor_interface",
        }
    }

    /// The minor microversion in which drivers and nodes began to show this interface.
    pub const fn since(self) -> u16 {
        match self {
            Self::Network => 20,
            Self::Storage => 33,
            Self::Rescue => 38,
            Self::Bios => 40,
            Self::Firmware => 86,
            _ => 31,
        }
    }

    /// Which of two steps of equal priority runs first in cleaning, deployment and service: the higher rank
    /// (facts: vendor, power, management, firmware, deploy, bios, raid). Zero for interfaces without such steps.
    pub const fn step_rank(self) -> u8 {
        match self {
            Self::Vendor => 7,
            Self::Power => 6,
            Self::Management => 5,
            Self::Firmware => 4,
            Self::Deploy => 3,
            Self::Bios => 2,
            Self::Raid => 1,
            _ => 0,
        }
    }
}
