//! Tests driver packages without hardware: the real sandbox, the real IPMI and Redfish clients, simulated BMCs with faults.
//!
//! [`conformance`] checks what every driver must keep, and is what `ironbark driver test` runs. Tests of one driver's own ways
//! stand on the parts: a [`Kit`] has the package loaded as a conductor would, a [`Machine`] is a node with a simulated BMC.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use ironbark_model::InterfaceKind;
//! use ironbark_sandbox::{Lock, PowerReading};
//! use ironbark_testkit::Kit;
//!
//! let kit = Kit::load(std::fs::read("acme.wasm")?.into(), Default::default()).await?;
//! let machine = kit.machine().await?;
//! machine.bmc().set_power(true);
//! let power = kit.implementation(InterfaceKind::Power, "acme").ok_or("no such implementation")?;
//! let reading = machine.call(power.get_power_state(machine.context(Lock::Shared))).await?;
//! assert_eq!(reading, PowerReading::On);
//! # Ok(()) }
//! ```
//!
//! It knows the sandbox, the packages and the BMC clients, and stands where a conductor would. It may not know the database, the API
//! or the conductor.

#![forbid(unsafe_code)]

mod bmc;
mod checks;
mod kit;
mod machine;
mod notes;
mod redfish;
mod report;
mod simulated;

pub use checks::conformance;
pub use kit::{Kit, KitError, Options};
pub use machine::Machine;
pub use report::{Check, Report, Verdict};
