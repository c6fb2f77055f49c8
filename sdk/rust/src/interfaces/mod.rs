//! One trait for each interface of the contract, with default bodies where a machine may not have the thing, and the way from
//! the component's exports to it.

mod bios;
mod boot;
mod console;
mod deploy;
mod firmware;
mod inspect;
mod management;
mod network;
mod periodic;
mod power;
mod raid;
mod rescue;
mod steps;
mod storage;
mod vendor;

pub use bios::{Bios, BiosChange, BiosSetting, BiosValue};
pub use boot::Boot;
pub use console::{Console, ConsoleTarget};
pub use deploy::Deploy;
pub use firmware::{Firmware, FirmwareComponent, FirmwareUpdate};
pub use inspect::{Findings, FoundPort, Inspect, Inspection};
pub use management::{BootDevice, Management};
pub use network::{BoundPort, Network};
pub use periodic::Periodic;
pub use power::Power;
pub use raid::{Raid, RaidSelection};
pub use rescue::Rescue;
pub use steps::{Step, StepKind, Steps};
pub use storage::Storage;
pub use vendor::{Request, Vendor};
