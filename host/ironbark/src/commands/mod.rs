//! One file for each command.

mod audit_export;
mod audit_pages;
mod audit_verify;
mod config_check;
mod driver_inspect;
mod driver_list;
mod driver_pack;

use anyhow::Result;

use crate::cli::{AuditCommand, Cli, Command, ConfigCommand, DriverCommand};

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
        Command::Driver(DriverCommand::Pack { file, out }) => driver_pack::run(&file, &out),
        Command::Audit(AuditCommand::Export {
            service,
            node,
            package,
            since,
            until,
            out,
        }) => {
            let filters = [
                ("node", node),
                ("package", package),
                ("since", since),
                ("until", until),
            ];
            audit_export::run(&service, &filters, out.as_deref())
        }
        Command::Audit(AuditCommand::Verify {
            file,
            service,
            heads,
            output,
        }) => audit_verify::run(file.as_deref(), &service, &heads, output),
        Command::Config(ConfigCommand::Check { config, output }) => {
            config_check::run(config.as_deref(), output)
        }
    }
}
