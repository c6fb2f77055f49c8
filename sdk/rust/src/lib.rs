//! Ironbark drivers in Rust: implement a trait for each interface that the machine has, and name them in one
//! [`register!`].
//!
//! A driver is a WebAssembly component (`cargo build --target wasm32-wasip2` of a `cdylib`). Every call runs in a new instance of
//! it: statics don't survive, and what must be remembered goes into [`state`] or into a step's cursor. It sees one node, no
//! password, no socket and no file; all that it can do is in the modules here, as far as the operator granted it.
//!
//! This crate may not know anything of the host. It also compiles for the host's own target, so that drivers can be checked and their
//! pure parts tested there; the host's functions panic when they are called outside of it.

pub mod agent;
#[allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    clippy::all,
    reason = "generated"
)]
#[doc(hidden)]
pub mod bindings;
pub mod boot_media;
pub mod call;
pub mod clock;
mod error;
mod interfaces;
pub mod ipmi;
pub mod log;
mod node;
mod outcome;
pub mod redfish;
mod register;
pub mod ssh;
pub mod state;

pub use bindings::imports::ironbark::driver::types::{PowerState, PowerTarget};
pub use error::{Busy, Error, OtherError, Result};
pub use interfaces::{
    Bios, BiosChange, BiosSetting, BiosValue, Boot, BootDevice, BoundPort, Console, ConsoleTarget,
    Deploy, Findings, Firmware, FirmwareComponent, FirmwareUpdate, FoundPort, Inspect, Inspection,
    Management, Network, Periodic, Power, Raid, RaidSelection, Request, Rescue, Step, StepKind,
    Steps, Storage, Vendor,
};
pub use node::{Fields, Node};
pub use outcome::{Outcome, Wait, WaitOn, read_cursor};
#[doc(hidden)]
pub use register::{Registered, Registry};
