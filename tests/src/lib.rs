//! What the end-to-end tests stand on: the real `ironbark` program as a child process, a client, simulated machines.
//!
//! It knows the service only from outside: its command line, its configuration, its API and its log. Whatever it starts
//! ends with the test that started it.

#![forbid(unsafe_code)]
// This crate is tests through and through: it fails by panicking, and clippy's leniency covers only `#[test]` code.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod client;
mod environment;
mod hypervisor;
mod latency;
mod machines;
mod packages;
mod service;
mod setup;
mod stage;
mod wait;
mod wasm;

pub use client::{Answer, Client};
pub use environment::{agent, clients, have, ironbark, javascript_tools, schemathesis, target};
pub use hypervisor::Hypervisor;
pub use latency::Latency;
pub use machines::{enrol, ipmi_node, rack, redfish_node, redfish_service};
pub use packages::{Package, example, fixture, shipped};
pub use service::{Service, share_compiled};
pub use setup::Setup;
pub use stage::Stage;
pub use wait::{PATIENCE, eventually, eventually_within};
