//! Requests against the whole router, with a real database and a scripted conductor.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod allocations;
mod audit;
mod auth;
mod belongings;
mod bounds;
mod chassis;
mod consoles;
mod documentation;
mod drivers;
mod endpoints;
mod events_and_shards;
mod floats;
mod gates;
mod gates_belongings;
mod gates_complete;
mod gates_hardware;
mod gates_ramdisk;
mod gates_rules;
mod gates_verbs;
mod hardware;
mod harness;
mod history;
mod inspection_rules;
mod node_create;
mod node_list;
mod node_refusals;
mod node_update;
mod openapi;
mod packages;
mod portgroups;
mod ports;
mod provision;
mod ramdisk;
mod ramdisk_inspection;
mod reports;
mod requests;
mod runbooks;
mod samples;
mod snapshot;
mod standalone;
mod strangers;
mod volumes;
mod wire;
