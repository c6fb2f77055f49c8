//! Conductors and what they can drive.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{InterfaceKind, Timestamp};

/// A conductor whose registration is older than this is not online.
pub const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(60);

/// A conductor as it is registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conductor {
    /// The database's own number: the default sort key, never shown.
    pub id: i64,
    /// The host name: what `reservation` holds, and the member's name in the ring.
    pub hostname: String,
    /// In lower case; empty for the default group.
    pub conductor_group: String,
    /// Names of the hardware types that it drives, sorted.
    pub drivers: Vec<String>,
    /// Says that it takes work (false while it stops or drains).
    pub online: bool,
    /// New at every start: a restart under the same host name fences its former self.
    pub incarnation: String,
    /// When it registered first.
    pub created_at: Timestamp,
    /// When it last renewed its registration.
    pub updated_at: Timestamp,
}

impl Conductor {
    /// Online, and renewed less than [`HEARTBEAT_TIMEOUT`] ago at `now`.
    pub fn is_alive_at(&self, now: Timestamp) -> bool {
        self.online && self.updated_at.age_at(now) < HEARTBEAT_TIMEOUT
    }
}

/// One implementation that a conductor can use for one interface of a hardware type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HardwareInterface {
    /// `ipmi`, `fake-hardware`, …
    pub hardware_type: String,
    /// Which interface.
    pub interface: InterfaceKind,
    /// The implementation's name: `ipmitool`, `fake`, `noop`, …
    pub implementation: String,
    /// What a node gets that names none.
    pub is_default: bool,
}
