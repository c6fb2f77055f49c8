//! The contract's imports, one file each.

mod call;
mod clock;
mod ipmi;
mod ipmi_policy;
mod ipmi_reads;
mod log;
mod notes;
mod state;

#[allow(unreachable_pub)] // The generated bindings re-export it.
pub use ipmi::IpmiSession;
pub use ipmi_policy::{IPMI_GROUPS, IpmiGroup, IpmiPolicy};
pub(crate) use ipmi_reads::ipmi_is_read;
pub(crate) use log::LogGate;
pub(crate) use notes::Notes;
