//! Every query, on SQLite and on a real PostgreSQL.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod allocations;
mod audit;
mod belongings;
mod chassis;
mod concurrency;
mod conductors;
mod filters;
mod hardware;
mod inspection_rules;
mod make;
mod nodes;
mod observe;
mod opening;
mod operations;
mod package_life;
mod package_upgrade;
mod package_usage;
mod packages;
mod pages;
mod ports_and_history;
mod reserve;
mod standalone;
mod vendor_calls;
mod whole;
