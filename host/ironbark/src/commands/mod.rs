//! One file for each command.

mod config_check;
mod driver_inspect;
mod driver_list;
mod driver_pack;

use anyhow::Result;

use crate::cli::{Cli, Command, ConfigCommand, DriverCommand};

/// Runs what the command line says.
pub(crate) fn run(cli: Cli) -> Result<()> {
    match cli.command {
        Command::Serve(args) => crate::serve::run(args),
        Command::Driver(DriverCommand::List {
            url,
            credentials,
            output,
        }) => driver_list::run(&url, credentials.as_deref(), output),
        Command::Driver(DriverCommand::Inspect { file, output }) => {
            driver_inspect::run(&file, output)
        }
        Command::Driver(DriverCommand::Pack {
            file,
            out,
            unchecked,
        }) => driver_pack::run(&file, &out, unchecked),
        Command::Config(ConfigCommand::Check { config, output }) => {
            config_check::run(config.as_deref(), output)
        }
    }
}
