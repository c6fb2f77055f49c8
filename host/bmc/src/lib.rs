//! The host's way to BMCs: clients for the protocols that management controllers speak.
//!
//! It holds addresses, credentials and sessions so that drivers never see them, paces what is sent to a
//! BMC, and closes what it opened. It knows nothing of nodes, databases or drivers: a caller hands over a
//! validated target and a request, and gets the BMC's answer or a typed error.

mod actors;
mod driver_info;
mod gate;
pub mod ipmi;
mod meaning;
mod networks;
#[cfg(feature = "redfish")]
pub mod redfish;
mod resolve;
#[cfg(feature = "ssh")]
pub mod ssh;
mod sync;

pub use driver_info::{Property, TargetError};
pub use meaning::{BmcError, Meaning};
pub use networks::{AllowedNetworks, NetworkError};
