//! What is asked about a node's hardware and what it is connected to.

use ironbark_model::JsonObject;
use serde::{Deserialize, Serialize};

/// One request about a node's hardware. Unless said otherwise the reply is [`Reply::Done`](crate::Reply::Done).
///
/// Console, boot mode, secure boot and virtual media are accepted when the node is held, then go on; how it ends is told by the
/// node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HardwareRequest {
    /// Attaches a VIF: its `id`, perhaps `port_uuid` or `portgroup_uuid`, and whatever else the network is to be told.
    AttachVif(JsonObject),
    /// Detaches the VIF of this identifier.
    DetachVif(String),
    /// Reply: `Json`, a list of identifiers.
    ListVifs,
    /// Sets or, with an empty object, clears the target RAID configuration.
    SetTargetRaidConfig(JsonObject),
    /// Switches the console on or off.
    SetConsole(bool),
    /// Reply: `Json`, `{"console_enabled", "console_info"}`; or `Console` if it is a stream.
    GetConsole,
    /// Sets the boot mode, `uefi` or `bios`.
    SetBootMode(String),
    /// Switches secure boot on or off.
    SetSecureBoot(bool),
    /// Reply: `Json`, `{"<component>": {"<indicator>": {"readonly", "states"}}}`.
    ListIndicators,
    /// Reply: `Json`, a text.
    GetIndicator {
        /// Which part of the machine.
        component: String,
        /// Which of its indicators.
        indicator: String,
    },
    /// Sets an indicator.
    SetIndicator {
        /// Which part of the machine.
        component: String,
        /// Which of its indicators.
        indicator: String,
        /// `on`, `off` or `blinking`.
        state: String,
    },
    /// Reply: `Json`, a list of devices.
    ListVirtualMedia,
    /// Attaches an image.
    AttachVirtualMedia {
        /// `cdrom`, `disk` or `floppy`.
        device_type: String,
        /// Where the image is.
        image_url: String,
    },
    /// Detaches what is attached to devices of these types; none given means all.
    DetachVirtualMedia(Vec<String>),
}
