//! The Redfish client against services: our own simulator with every fault, and sushy-tools' emulator.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod discovery;
mod emulator;
mod faults;
mod lifecycle;
mod sessions;
mod support;
mod sushy;
mod tls;
mod versions;
mod witness;
