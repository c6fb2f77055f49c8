//! `cargo xtask contract`: what drivers were built with still runs.

use anyhow::Result;

use crate::command::{cargo, step};

/// Checks `wit/` against every released contract, and runs the blobs that were built with them.
pub(crate) fn run() -> Result<()> {
    step(
        "The driver contract",
        cargo([
            "test",
            "--package",
            "ironbark-sandbox",
            "--test",
            "contract",
        ]),
    )?;
    step(
        "Drivers of released contracts",
        cargo([
            "test",
            "--package",
            "ironbark-drivers",
            "--test",
            "abi",
            "--test",
            "capabilities",
        ]),
    )?;
    step(
        "Drivers of released contracts, also on a contract that has grown",
        cargo(["test", "--package", "ironbark-sandbox", "--lib", "grown"]),
    )
}
