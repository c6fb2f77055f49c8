//! `cargo xtask …`: everything that a fresh machine needs to build, try, test and measure Ironbark.
//!
//! No other tool than rustup's cargo is assumed. What tests need besides, this installs.

#![forbid(unsafe_code)]

mod bench;
mod command;
mod contract;
mod demo;
mod drivers;
mod example;
mod lint;
mod needs;
mod prerequisites;
mod suites;
mod summary;
mod test;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Build, try, test and measure Ironbark.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    after_help = "Example:\n  cargo xtask demo --once"
)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Start a service and three simulated machines, and show them at work.
    Demo(demo::Args),
    /// Run every test there is; install what they need.
    Test(test::Args),
    /// Install what tests need, or say what would be left out and which packages it needs.
    Needs,
    /// Build host and driver packages; the packages go to target/drivers.
    Build,
    /// Build the driver packages into target/drivers, and those for tests into target/fixtures.
    Drivers,
    /// Build the example driver in JavaScript into target/examples. Needs Node.js with npm.
    ExampleJs,
    /// Formatting, lints, documentation, and the rules for dependencies.
    Lint,
    /// Check the driver contract against the released ones, and run what was built with them.
    Contract,
    /// Measure CPU time and latency of the rows in bench/README.md.
    Bench(bench::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Demo(args) => demo::run(&args),
        Task::Test(args) => test::run(&args),
        Task::Needs => prerequisites::run(),
        Task::Build | Task::Drivers => drivers::build_all(),
        Task::ExampleJs => example::run(),
        Task::Lint => lint::run(),
        Task::Contract => contract::run(),
        Task::Bench(args) => bench::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
