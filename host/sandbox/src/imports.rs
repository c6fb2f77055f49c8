//! The contract's imports, one file each.

mod agent;
mod boot_media;
mod call;
mod clock;
mod ipmi;
mod ipmi_policy;
mod log;
mod notes;
mod redfish;
mod secrets;
mod ssh;
mod state;

#[allow(unreachable_pub)] // The generated bindings re-export it.
pub use ipmi::IpmiSession;
pub use ipmi_policy::{IPMI_GROUPS, IpmiGroup, IpmiPolicy};
pub(crate) use log::LogGate;
pub(crate) use notes::Notes;
pub(crate) use redfish::KnownResources;
pub use ssh::SshPolicy;
