//! What Ironbark is about: nodes, states, identifiers and errors, as types.
//!
//! This crate may not know any I/O: no database, no network, no clock but the one that
//! [`time::Timestamp::now`] reads, and no other crate of the service. Everybody else may know it.

#![forbid(unsafe_code)]

pub mod allocation;
pub mod audit;
pub mod chassis;
pub mod conductor;
pub mod deploy_template;
pub mod error;
pub mod hardware;
pub mod history;
pub mod ident;
pub mod inspection_rule;
pub mod interface;
pub mod json;
pub mod lifecycle;
pub mod local_link;
pub mod mask;
pub mod node;
pub mod node_rules;
pub mod operation;
pub mod package;
pub mod patch;
pub mod port;
pub mod portgroup;
pub mod power;
pub mod provision;
pub mod raid;
pub mod runbook;
pub mod secret;
pub mod step;
pub mod time;
pub mod traits;
pub mod version_usage;
pub mod volume;

pub use allocation::{Allocation, AllocationState};
pub use chassis::Chassis;
pub use conductor::Conductor;
pub use deploy_template::DeployTemplate;
pub use error::{Error, ErrorKind, Result};
pub use inspection_rule::InspectionRule;
pub use interface::InterfaceKind;
pub use node::Node;
pub use operation::Operation;
pub use port::Port;
pub use portgroup::Portgroup;
pub use power::{PowerState, PowerTarget};
pub use provision::{Event, ProvisionState, Verb};
pub use runbook::Runbook;
pub use secret::Secret;
pub use step::Step;
pub use time::Timestamp;
pub use version_usage::{UsageCounts, VersionUsage};
pub use volume::{VolumeConnector, VolumeTarget};

/// A JSON object, as `driver_info`, `properties`, `extra` and their like are.
pub type JsonObject = serde_json::Map<String, serde_json::Value>;
