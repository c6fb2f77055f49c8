//! One file for each command.

mod config_check;
mod driver_inspect;
mod driver_pack;
pub(crate) mod lifecycle;

use anyhow::Result;

use crate::cli::{Cli, Command, ConfigCommand, DriverCommand};

/// Runs what the command line says.
pub(crate) fn run(cli: Cli) -> Result<()> {
    match cli.command {
        Command::Serve(args) => crate::serve::run(args),
        Command::Driver(DriverCommand::Lifecycle(command)) => lifecycle::driver(command),
        Command::Publisher(command) => lifecycle::publisher(command),
        Command::Driver(DriverCommand::Inspect { file, output }) => {
            driver_inspect::run(&file, output)
        }
        Command::Driver(DriverCommand::Pack { file, out }) => driver_pack::run(&file, &out),
        Command::Config(ConfigCommand::Check { config, output }) => {
            config_check::run(config.as_deref(), output)
        }
    }
}
