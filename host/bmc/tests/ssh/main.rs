//! The SSH client against Debian's real `sshd`, and against servers that don't behave.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod commands;
#[path = "../../../../tests/src/hypervisor.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "these tests don't need all of it"
)]
mod hypervisor;
mod lifecycle;
mod support;
mod trouble;
mod trust;
