//! `cargo xtask demo`: builds everything and hands over to the demo program.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::{program, target};
use crate::drivers;

/// What `cargo xtask demo` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  cargo xtask demo\n  cargo xtask demo --once")]
pub(crate) struct Args {
    /// End after the tour instead of staying up.
    #[arg(long)]
    once: bool,
    /// Where the API listens.
    #[arg(long, default_value = "127.0.0.1:6385")]
    listen: String,
    /// Folder for the demo's data.
    #[arg(long, default_value = "ironbark-data")]
    data_dir: String,
}

/// Builds, then shows.
pub(crate) fn run(args: &Args) -> Result<()> {
    drivers::build_all()?;
    let mut demo: Command = program(target().join("debug/ironbark-demo"));
    demo.arg("--ironbark").arg(drivers::host_binary()).args([
        "--listen",
        &args.listen,
        "--data-dir",
        &args.data_dir,
    ]);
    if args.once {
        demo.arg("--once");
    }
    // In our place: Ctrl-C is for the demo, and the shell must wait until that has stopped its service.
    Err(demo.exec()).context("the demo can't be started")
}
