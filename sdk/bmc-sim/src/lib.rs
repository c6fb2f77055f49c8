//! Simulated BMCs that speak IPMI 2.0, and if they are told to 1.5, over LAN, or Redfish ([`redfish`]), many in one process, with faults on demand.
//!
//! For tests of everything that talks to BMCs, and for trying Ironbark without hardware. It shares no code with
//! Ironbark's own client: what both agree on, two readings of the specification agree on.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use ironbark_bmc_sim::{Chance, Faults, Rack, RackConfig};
//!
//! let rack = Rack::start(RackConfig { count: 3, ..RackConfig::default() }).await?;
//! if let Some(bmc) = rack.bmc(0) {
//!     bmc.set_faults(Faults { lose_replies: Chance::Next(2), ..Faults::default() });
//!     println!("ipmitool -I lanplus -H {} -p {} …", bmc.address().ip(), bmc.address().port());
//!     bmc.wait_until(|bmc| bmc.power).await;
//! }
//! # Ok(()) }
//! ```
//!
//! Sources are sections of the *IPMI v2.0 specification, revision 1.1*.

mod bmc;
mod commands;
mod console;
mod crypto;
mod faults;
mod handle;
mod machine;
mod old_sessions;
mod rack;
#[cfg(feature = "redfish")]
pub mod redfish;
mod satellites;
// Redfish shows all of them.
#[cfg_attr(not(feature = "redfish"), allow(dead_code))]
mod sensors;
mod sessions;
mod stats;
mod wire;

pub use bmc::{Credentials, PrivilegeLevel, User};
pub use faults::{Answer, Chance, Command, Faults, PowerFault};
pub use handle::BmcHandle;
pub use old_sessions::OldAuthentication;
pub use rack::{Rack, RackConfig};
pub use satellites::Satellite;
pub use stats::{CommandRecord, Snapshot, Stats};

/// Gives datagrams to a BMC without a socket, for fuzzing.
#[doc(hidden)]
pub fn receive_everything(datagrams: &[&[u8]]) {
    bmc::receive_everything(datagrams);
}
