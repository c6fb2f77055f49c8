//! End to end: the real program, real packages, simulated and real BMCs, real clients. One file per story.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod audit;
mod audit_lost;
mod console;
mod crowd;
mod demo;
mod front_door;
mod hostile;
mod hostile_bombs;
mod hostile_redfish;
mod hostile_rest;
mod in_motion;
mod killed;
mod killed_often;
mod logs;
mod package_life;
mod package_stops;
mod packages;
mod postgresql;
mod power_sync;
mod ramdisk;
mod redfish;
mod redfish_emulator;
mod refusals;
mod ssh;
mod steady;
mod stopping;
mod tasks;
mod tour;
mod waiting;
mod witness;

/// Guests of the sandbox's tests, where a driver in Rust can't be made to do it.
#[path = "../../host/sandbox/tests/guest/mod.rs"]
mod guest;

/// The IPMI client's tests have this simulator too.
#[allow(dead_code)]
#[path = "../../host/bmc/tests/ipmi/ipmi_sim.rs"]
mod ipmi_sim;

/// And so have the Redfish client's.
#[path = "../../host/bmc/tests/redfish/emulator.rs"]
mod emulator;

/// What `ipmi_sim` expects of the tests around it.
mod support {
    pub(crate) fn have(program: &str, _package: &str) -> bool {
        ironbark_tests::have(program)
    }
}
