//! What the conductor lends to driver calls, one file each: the node's own BMC over IPMI or Redfish, its machine on a
//! hypervisor, and the package's own notes on the node. What it can't lend
//! yet is in `not_available`; `call/lending.rs` says which call gets what.

mod bmc;
mod ipmi;
mod not_available;
mod redfish;
mod ssh;
mod state;
mod unserved;

pub(crate) use bmc::{COMMAND_LIMIT, tell};
pub(crate) use ipmi::BmcOverIpmi;
pub(crate) use not_available::NotAvailable;
pub(crate) use redfish::BmcOverRedfish;
pub(crate) use ssh::HypervisorOverSsh;
pub(crate) use state::NodeNotes;
pub(crate) use unserved::Unserved;
