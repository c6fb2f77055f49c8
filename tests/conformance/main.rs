//! Other people's programs against ours: clients with their own tests, and a tester that knows the API's description only.
//!
//! A program of its own, so that it runs beside the others and not beside tests that measure latencies.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod clients;
mod contract;
