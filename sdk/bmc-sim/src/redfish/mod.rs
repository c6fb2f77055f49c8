//! Simulated Redfish services, many in one process, over HTTP or HTTPS, with faults on demand.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use ironbark_bmc_sim::{Chance, redfish::{Faults, Service, ServiceConfig}};
//!
//! let service = Service::start(ServiceConfig { tls: true, ..ServiceConfig::default() }).await?;
//! service.set_faults(Faults { expire_sessions: Chance::Next(1), ..Faults::default() });
//! println!("curl -k -u admin:password {}/redfish/v1/Systems/1", service.url());
//! service.wait_until(|now| now.systems.iter().all(|system| system.power)).await;
//! # Ok(()) }
//! ```
//!
//! The machines behind it are those of the IPMI side: [`crate::Rack`]. Sources are clauses of the *Redfish Specification*
//! DSP0266 and the resources of DSP0268.

mod accounts;
mod bios;
mod certificate;
mod chassis;
mod config;
mod ethernet;
mod faults;
mod hardware;
mod http;
mod managers;
mod observed;
mod reply;
mod root;
mod routes;
mod secure_boot;
mod sensors;
mod service;
mod sessions;
mod state;
mod systems;
mod virtual_media;

pub use config::ServiceConfig;
pub use faults::{Faults, Misbehaviour};
pub use observed::{RequestRecord, Snapshot, SystemSnapshot};
pub use service::Service;
