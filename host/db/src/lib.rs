//! The database of the service: queries only.
//!
//! Nodes, ports, traits, history, conductors, the journal of work in progress, driver packages and what they keep,
//! on SQLite (one process) or PostgreSQL (many), with one SQL text for both; [`dialect`] holds what differs.
//!
//! This crate decides nothing: whether a verb is allowed, who owns a node or when work has failed is said elsewhere.
//! What it does guarantee is that one writer at a time changes a node ([`Reservation`], [`ReservedTx`]), that a client
//! never sees "database is locked", and that every wait has a deadline and every queue a bound. It may know
//! `ironbark-model` and nothing else of the service.

#![forbid(unsafe_code)]

mod config;
mod database;
mod filter;
mod page;
mod records;
mod reserved;

pub use config::DatabaseConfig;
pub use database::Database;
pub use filter::{NodeColumns, NodeFilter, PortFilter};
pub use page::{Page, SortDir};
pub use records::{NodeRef, Observation, Registration, Reservation};
pub use reserved::ReservedTx;

/// TEMP
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// TEMP
    #[error("x")]
    X,
}
/// Says that the reservation was lost.
pub fn is_fence_lost(_error: &ironbark_model::Error) -> bool { false }
/// What `sort_key` of a list of nodes may be.
pub const NODE_SORT_KEYS: &[&str] = &["id"];
/// What `sort_key` of a list of ports may be.
pub const PORT_SORT_KEYS: &[&str] = &["id"];
/// What `sort_key` of a list of conductors may be.
pub const CONDUCTOR_SORT_KEYS: &[&str] = &["id"];
/// What `sort_key` of a node's history may be.
pub const HISTORY_SORT_KEYS: &[&str] = &["id"];
