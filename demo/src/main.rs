//! The demo: a service, three simulated machines, and a tour through the public API.
//!
//! It knows nothing of the host's inside: it starts the `ironbark` program and speaks HTTP to it, as any client does.

#![forbid(unsafe_code)]

mod client;
mod service;
mod stopping;
mod tour;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use ironbark_bmc_sim::{Rack, RackConfig};

use crate::client::Client;
use crate::service::Service;
use crate::stopping::Told;

/// Machines in the rack.
const MACHINES: usize = 3;

/// A service and three simulated machines, at work.
#[derive(Debug, Parser)]
#[command(
    name = "ironbark-demo",
    after_help = "Example:\n  cargo xtask demo --once"
)]
struct Args {
    /// The `ironbark` program.
    #[arg(long)]
    ironbark: PathBuf,
    /// Where the API listens.
    #[arg(long, default_value = "127.0.0.1:6385")]
    listen: SocketAddr,
    /// Folder for the service's data.
    #[arg(long, default_value = "ironbark-data")]
    data_dir: PathBuf,
    /// End after the tour.
    #[arg(long)]
    once: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<()> {
    let mut told = Told::listen()?;
    println!("Starting a rack of {MACHINES} simulated machines with IPMI 2.0 BMCs on loopback UDP");
    let rack = Rack::start(RackConfig {
        count: MACHINES,
        bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
        ..RackConfig::default()
    })
    .await
    .context("the simulated machines can't be started")?;
    println!(
        "Starting ironbark on http://{} (data in {}); the first time it compiles the drivers",
        args.listen,
        args.data_dir.display()
    );
    let mut service = tokio::select! {
        started = Service::start(&args.ironbark, args.listen, &args.data_dir) => started?,
        // Nothing is under way yet that could be lost: it ends with its starting.
        () = told.wait() => return Ok(()),
    };
    let client = Client::new(&format!("http://{}", args.listen))?;
    let outcome = tokio::select! {
        outcome = tour::run(&client, &rack) => outcome,
        died = service.died() => Err(died),
        () = told.wait() => return service.stop(&mut told).await,
    };
    if let Err(error) = outcome {
        let log = service.log_tail();
        service.stop(&mut told).await.ok();
        return Err(error.context(format!(
            "the tour failed; the end of the service's log:\n{log}"
        )));
    }
    if !args.once {
        print_what_next(args.listen);
        tokio::select! {
            died = service.died() => return Err(died),
            () = told.wait() => {}
        }
    }
    service.stop(&mut told).await
}

fn print_what_next(listen: SocketAddr) {
    println!(
        "\nThe service stays up; Ctrl-C stops it. Try next, in another terminal:

  curl -s http://{listen}/v1/nodes
  curl -s http://{listen}/v1/drivers
  curl -s http://{listen}/ironbark/v1/packages
  curl -s -X PUT -H 'X-OpenStack-Ironic-API-Version: 1.115' -d '{{\"target\": \"power on\"}}' http://{listen}/v1/nodes/demo-1/states/power

With OpenStack's own client (pip install python-openstackclient python-ironicclient):

  openstack --os-auth-type none --os-endpoint http://{listen} baremetal node list
  openstack --os-auth-type none --os-endpoint http://{listen} baremetal node power on demo-2
  openstack --os-auth-type none --os-endpoint http://{listen} baremetal node show demo-2
  openstack --os-auth-type none --os-endpoint http://{listen} baremetal node undeploy demo-fake
  openstack --os-auth-type none --os-endpoint http://{listen} baremetal driver list"
    );
}
