//! The IPMI client against BMCs: our own simulator with every fault, and Debian's `ipmi_sim`; and our simulator
//! against clients that others wrote.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod bridging;
mod console;
mod cycles;
mod faults;
mod ipmi_sim;
mod lifecycle;
mod many;
mod old;
mod same_for_all;
mod support;
mod witnesses;
