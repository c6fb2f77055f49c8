//! The REST API: Ironic's `/v1` with its microversions, and Ironbark's own `/ironbark/v1`.
//!
//! This crate turns HTTP requests into database reads and requests to conductors, and what comes back into HTTP
//! answers. It may know the model, the ring, the database and RPC; never a conductor, a driver or the sandbox. It
//! never calls a driver, and writes to the database only what belongs to no node: chassis, deploy templates, runbooks,
//! inspection rules, an allocation's name and `extra`, and the staged bytes of an uploaded package.
//!
//! Where to look: `gates` says what exists since which microversion, and is the only place that does; `error` is the
//! only place that knows which HTTP status an error becomes; `front` is what every request passes through.

#![forbid(unsafe_code)]

mod allocations;
mod audit;
mod auth;
mod base_url;
mod body;
mod browser;
mod chassis;
mod conductors;
mod config;
mod consoles;
mod context;
mod drivers;
mod error;
mod events;
mod front;
mod gates;
mod health;
mod htpasswd;
mod limits;
mod local_link;
mod network_data;
mod nodes;
mod openapi;
mod packages;
mod paging;
mod portgroups;
mod ports;
mod publishers;
mod query;
mod ramdisk;
mod reply;
mod resource;
mod root;
mod routing;
mod shards;
mod standalone;
mod state;
#[cfg(test)]
mod tests;
mod values;
mod vendor_call;
mod versions;
mod view;
mod volume;

pub use config::{ApiConfig, Auth, DisallowedSteps, Limits};
pub use htpasswd::{Htpasswd, HtpasswdError};
pub use state::ApiState;

/// The router of the whole API, ready to be served.
pub fn router(state: ApiState) -> axum::Router {
    axum::Router::new().fallback_service(front::Front::new(state))
}
