//! The `ironbark` program: command line, configuration, and the wiring of all rooms into one process.
//!
//! Nothing is decided here that another room could decide.

#![forbid(unsafe_code)]

mod cli;
mod commands;
mod config;
mod logging;
mod serve;

use std::process::ExitCode;

use clap::Parser;

/// Lists of nodes are many small texts, made and freed on several threads: the system's allocator takes a tenth of their time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The whole chain: an operator sees what failed and why, without a debug build.
            eprintln!("ironbark: {error:#}");
            ExitCode::FAILURE
        }
    }
}
