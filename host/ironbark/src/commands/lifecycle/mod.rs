//! `ironbark driver` and `ironbark publisher`: the packages of a running service over their life. All of it goes through the
//! API; nothing here knows a database or a conductor.

pub(crate) mod args;
mod change;
mod client;
mod install;
mod publisher;
mod show;
mod usage;

use anyhow::Result;

use args::{LifecycleCommand, PublisherCommand};
use client::block_on;

/// Runs a command about packages.
pub(crate) fn driver(command: LifecycleCommand) -> Result<()> {
    block_on(async {
        match command {
            LifecycleCommand::Install(args) => install::run(&args).await,
            LifecycleCommand::List { service } => show::list(&service).await,
            LifecycleCommand::Show { name, service } => show::show(&name, &service).await,
            LifecycleCommand::History { name, service } => {
                show::history(&format!("packages/{name}"), &service).await
            }
            LifecycleCommand::Tasks { name, service } => {
                usage::tasks(name.as_deref(), &service).await
            }
            LifecycleCommand::Activate(args) => change::switch("activate", &args).await,
            LifecycleCommand::Rollback(args) => change::switch("rollback", &args).await,
            LifecycleCommand::Canary(args) => change::canary(&args).await,
            LifecycleCommand::Promote {
                name,
                force,
                service,
            } => change::promote(&name, force, &service).await,
            LifecycleCommand::Disable {
                package,
                force,
                service,
            } => change::disable(&package, force, &service).await,
            LifecycleCommand::Quarantine {
                package,
                now,
                service,
            } => change::quarantine(&package, now, &service).await,
            LifecycleCommand::Release { package, service } => {
                change::release(&package, &service).await
            }
            LifecycleCommand::Grant {
                package,
                capabilities,
                service,
            } => change::grant(&package, &capabilities, &service).await,
            LifecycleCommand::Remove { package, service } => {
                change::remove(&package, &service).await
            }
        }
    })
}

/// Runs a command about publishers.
pub(crate) fn publisher(command: PublisherCommand) -> Result<()> {
    block_on(publisher::run(command))
}
