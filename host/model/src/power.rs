//! Power states and what can be asked of a node's power.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::provision::wire_enum;

wire_enum! {
    /// What is known of a node's power. Unknown is `None` of an `Option`, and never "off".
    PowerState, "power state" {
        /// The machine has power.
        On = "power on",
        /// The machine has no power.
        Off = "power off",
        /// Being restarted (rare: only while a driver says so).
        Rebooting = "rebooting",
        /// The driver says that the power is in an error state.
        Error = "error",
    }
}

wire_enum! {
    /// What a client may ask for with `PUT …/states/power`.
    PowerTarget, "power target" {
        /// Switch on.
        On = "power on",
        /// Switch off at once.
        Off = "power off",
        /// Off, then on.
        Reboot = "rebooting",
        /// Ask the operating system to shut down, then on (since 1.27).
        SoftReboot = "soft rebooting",
        /// Ask the operating system to shut down (since 1.27).
        SoftOff = "soft power off",
    }
}

impl PowerTarget {
    /// The state that the node is in when this is reached; `target_power_state` until then.
    pub const fn reached(self) -> PowerState {
        match self {
            Self::On | Self::Reboot | Self::SoftReboot => PowerState::On,
            Self::Off | Self::SoftOff => PowerState::Off,
        }
    }

    /// Waits for the operating system: the long time-out applies.
    pub const fn is_soft(self) -> bool {
        matches!(self, Self::SoftReboot | Self::SoftOff)
    }

    /// The minor microversion that brought this target.
    pub const fn since(self) -> u16 {
        if self.is_soft() { 27 } else { 1 }
    }
}
