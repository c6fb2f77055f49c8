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
