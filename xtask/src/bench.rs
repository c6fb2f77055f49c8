//! `cargo xtask bench`: builds optimised and hands over to the bench program.

use anyhow::Result;

use crate::command::{cargo, program, step, target};
use crate::drivers;

/// What `cargo xtask bench` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  cargo xtask bench -- --json bench.json")]
pub(crate) struct Args {
    /// Passed on to the bench program (see bench/README.md).
    #[arg(last = true)]
    rest: Vec<String>,
}

/// Builds, then measures.
pub(crate) fn run(args: &Args) -> Result<()> {
    drivers::build_all()?;
    step(
        "Building optimised",
        cargo([
            "build",
            "--release",
            "--package",
            "ironbark",
            "--package",
            "ironbark-bench",
        ]),
    )?;
    let mut bench = program(target().join("release/ironbark-bench"));
    bench
        .arg("--ironbark")
        .arg(target().join("release/ironbark"))
        .arg("--drivers")
        .arg(target().join("drivers"))
        .args(&args.rest);
    step("Measuring", bench)
}
