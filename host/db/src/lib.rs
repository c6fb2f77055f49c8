//! The database of the service: queries only.
//!
//! Nodes, ports, port groups, volumes, chassis, allocations, templates, runbooks, rules, traits, history, conductors, the journal of work in progress, driver packages and what they keep,
//! on SQLite (one process) or PostgreSQL (many), with one SQL text for both; `dialect.rs` holds what differs.
//!
//! This crate decides nothing: whether a verb is allowed, who owns a node or when work has failed is said elsewhere.
//! What it does guarantee is that one writer at a time changes a node ([`Reservation`], [`ReservedTx`]), that a client
//! never sees "database is locked", and that every wait has a deadline and every queue a bound. It may know
//! `ironbark-model` and nothing else of the service.

#![forbid(unsafe_code)]

mod allocations;
mod audit;
mod chassis;
mod conductors;
mod config;
mod database;
mod deploy_templates;
mod dialect;
mod error;
mod filter;
mod folder_lock;
mod hardware;
mod history;
mod inspection_rules;
mod migrate;
mod nodes;
mod notes;
mod operations;
mod packages;
mod page;
mod portgroups;
mod ports;
mod publishers;
mod records;
mod reserved;
mod runbooks;
mod shards;
mod sql;
mod standalone;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod vendor_calls;
mod volumes;

pub use allocations::ALLOCATION_SORT_KEYS;
pub use audit::{AuditFilter, AuditPage};
pub use chassis::CHASSIS_SORT_KEYS;
pub use conductors::CONDUCTOR_SORT_KEYS;
pub use config::DatabaseConfig;
pub use database::Database;
pub use deploy_templates::DEPLOY_TEMPLATE_SORT_KEYS;
pub use error::{DbError, FenceLost, RegistrationLost, is_fence_lost};
pub use filter::{AllocationFilter, NodeColumns, NodeFilter, PortFilter, PortgroupFilter};
pub use history::HISTORY_SORT_KEYS;
pub use inspection_rules::{INSPECTION_RULE_SORT_KEYS, MOST_INSPECTION_RULES};
pub use nodes::NODE_SORT_KEYS;
pub use packages::{PackagesTx, UseCheck};
pub use page::{OBJECT_COLUMNS, Page, SortDir};
pub use portgroups::PORTGROUP_SORT_KEYS;
pub use ports::PORT_SORT_KEYS;
pub use records::{NodeRef, Observation, PackageFailure, Registration, Reservation};
pub use reserved::{Afterwards, ReservedTx};
pub use runbooks::RUNBOOK_SORT_KEYS;
pub use vendor_calls::VendorCallMark;
pub use volumes::{VOLUME_CONNECTOR_SORT_KEYS, VOLUME_TARGET_SORT_KEYS};
