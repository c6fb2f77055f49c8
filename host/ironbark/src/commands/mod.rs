//! One file for each command, and what several of them share.

mod audit_export;
mod audit_pages;
mod audit_verify;
mod config_check;
pub(crate) mod driver_build;
pub(crate) mod driver_check;
pub(crate) mod driver_inspect;
pub(crate) mod driver_keygen;
pub(crate) mod driver_new;
mod driver_pack;
pub(crate) mod driver_sign;
pub(crate) mod driver_test;
pub(crate) mod lifecycle;
mod package_signature;
mod signing_key;

use anyhow::Result;

use crate::cli::{AuditCommand, Cli, Command, ConfigCommand, DriverCommand};

/// Runs what the command line says.
pub(crate) fn run(cli: Cli) -> Result<()> {
    match cli.command {
        Command::Serve(args) => crate::serve::run(args),
        Command::Driver(DriverCommand::Lifecycle(command)) => lifecycle::driver(command),
        Command::Publisher(command) => lifecycle::publisher(command),
        Command::Driver(DriverCommand::Inspect(args)) => driver_inspect::run(&args),
        Command::Driver(DriverCommand::Pack {
            file,
            out,
            unchecked,
        }) => driver_pack::run(&file, &out, unchecked),
        Command::Driver(DriverCommand::New(args)) => driver_new::run(&args),
        Command::Driver(DriverCommand::Build(args)) => driver_build::run(&args),
        Command::Driver(DriverCommand::Check(args)) => driver_check::run(&args),
        Command::Driver(DriverCommand::Test(args)) => driver_test::run(&args),
        Command::Driver(DriverCommand::Keygen(args)) => driver_keygen::run(&args),
        Command::Driver(DriverCommand::Sign(args)) => driver_sign::run(&args),
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
