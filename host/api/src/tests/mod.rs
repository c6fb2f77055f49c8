//! Requests against the whole router, with a real database and a scripted conductor.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod audit;
mod auth;
mod bounds;
mod drivers;
mod gates;
mod hardware;
mod harness;
mod history;
mod node_create;
mod node_list;
mod node_update;
mod packages;
mod ports;
mod provision;
mod requests;
mod samples;
mod wire;
