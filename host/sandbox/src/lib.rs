//! Runs drivers: WebAssembly components that see one node, do one call, and are gone.
//!
//! Everything a guest can reach is an import defined in [`imports`](crate) by this crate: WASI without anything
//! in it, and the contract `ironbark:driver`. What the imports need from the service comes through small traits
//! ([`IpmiAccess`], [`RedfishAccess`], [`SshAccess`], [`AgentAccess`], [`BootMediaAccess`], [`StateAccess`]), and what is
//! done through them is seen by another ([`Audit`]). This crate may not know the database, BMC protocols, packages' metadata beyond
//! names, or which driver serves which node.
//!
//! Three promises, each of them tested:
//!
//! * A guest can't starve the host or other guests: guest code runs on a runtime of its own, in turns of 1 ms; all
//!   I/O, host-call deadlines and wall-clock timers live on the I/O runtime.
//! * Every call ends: CPU time, wall-clock time, memory, tables, instances, number and size of host calls are bounded.
//! * Cancelling a call is dropping its future. A command that was already sent to a BMC is finished by the host.

#![forbid(unsafe_code)]

mod admission;
mod audit;
mod call;
mod capabilities;
mod compile;
mod driver;
mod engine;
mod error;
mod exports;
mod faults;
#[cfg(test)]
mod grown;
mod imports;
mod limits;
mod loaded;
mod pace;
mod redfish;
mod state;
mod ticker;
mod turns;
mod types;
mod usage;

/// Generated from `wit/`. Not public: what others need is in `types.rs`, which doesn't change when WIT's names do.
#[allow(missing_docs, unreachable_pub, clippy::all)]
mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "everything",
        imports: {
            "ironbark:driver/state": async | trappable,
            "ironbark:driver/redfish": async | trappable,
            "ironbark:driver/ssh": async | trappable,
            "ironbark:driver/agent": async | trappable,
            "ironbark:driver/boot-media": async | trappable,
            "ironbark:driver/clock.sleep": async | trappable,
            "ironbark:driver/ipmi.[method]session.request": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        with: { "ironbark:driver/ipmi.session": crate::imports::IpmiSession },
    });
}

pub use audit::{Audit, Ended, NotRecorded, OpenRecord, Operation};
pub use capabilities::{
    AgentAccess, AgentCommand, AgentHeartbeat, AgentStatus, BootImage, BootLoader, BootMediaAccess,
    BootMedium, BootParameter, BootPurpose, CallContext, Capabilities, Completed, IpmiAccess,
    IpmiResponse, MAX_REDFISH_ANSWER, MAX_SSH_STDERR, MAX_SSH_STDOUT, RedfishAccess, RedfishMethod,
    RedfishRequest, RedfishResources, RedfishResponse, SshAccess, SshOutput, StateAccess, Usage,
    Write,
};
pub use driver::{Driver, Granted, PackageName};
pub use engine::{Engine, EngineConfig, EngineError};
pub use error::{CallError, DriverError};
pub use exports::{
    BiosChange, BiosSetting, BiosValue, BoundPort, ConsoleTarget, Findings, FirmwareComponent,
    FirmwareUpdate, FoundPort, Inspection, RaidSelection, StepCall, VendorRequest,
};
pub use faults::{Fault, FaultKind, LoadError};
pub use imports::{IPMI_GROUPS, IpmiGroup, IpmiPolicy, SshPolicy};
pub use limits::Limits;
pub use redfish::{REDFISH_GROUPS, RedfishGroup, RedfishPolicy};
pub use types::{BootDevice, Lock, Outcome, PowerReading, Wait, WaitOn};
pub use usage::PackageUsage;
