//! Measures the rows of bench/README.md: CPU time of the service for each operation, and latency as a client sees it.
//!
//! It starts the service itself, with data of its own, and speaks HTTP to it; what it needs of CPU for that isn't counted.

#![forbid(unsafe_code)]

mod calls;
mod http;
mod meter;
mod reads;
mod report;
mod service;
mod sync;
mod work;
mod writes;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use crate::report::Report;
use crate::service::Service;

/// Measure Ironbark.
#[derive(Debug, Parser)]
#[command(
    name = "ironbark-bench",
    after_help = "Example:\n  cargo xtask bench -- --json bench.json"
)]
struct Args {
    /// The `ironbark` program, built optimised.
    #[arg(long)]
    ironbark: PathBuf,
    /// Folder of the driver packages.
    #[arg(long)]
    drivers: PathBuf,
    /// Nodes for the list rows.
    #[arg(long, default_value_t = 1000)]
    nodes: usize,
    /// Requests for each row of reads; writes do a quarter of it.
    #[arg(long, default_value_t = 4000)]
    requests: usize,
    /// Simulated BMCs for the power sync row.
    #[arg(long, default_value_t = 1000)]
    bmcs: usize,
    /// A PostgreSQL URL to measure on, instead of SQLite. The database must be empty.
    #[arg(long)]
    database: Option<String>,
    /// Writes the figures to this file as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<()> {
    let mut report = Report::default();
    calls::instance_per_call(&args.drivers, args.requests * 5, &mut report).await?;
    let folder = tempfile::tempdir()?;
    let database = args.database.as_deref();

    // The first start compiles the drivers; the second is what a restart costs.
    Service::start(&args.ironbark, &args.drivers, folder.path(), database, &[])
        .await?
        .stop()
        .await?;
    let service =
        Service::start(&args.ironbark, &args.drivers, folder.path(), database, &[]).await?;
    report.row(
        "start to first answer",
        Some(0.3),
        service.started_in().as_secs_f64(),
        "s",
    );
    report.row(
        "resident memory, idle",
        Some(80.0),
        service.meter().resident_mib()?,
        "MiB",
    );

    reads::root(&service, args.requests, &mut report).await?;
    writes::create(&service, args.nodes, &mut report).await?;
    report.row(
        "resident memory, with nodes",
        Some(90.0),
        service.meter().resident_mib()?,
        "MiB",
    );
    reads::one_node(&service, args.requests, &mut report).await?;
    reads::lists(&service, &mut report).await?;
    writes::patch(&service, args.requests / 4, &mut report).await?;
    work::power(&service, &mut report).await?;
    work::provision(&service, &mut report).await?;
    report.row(
        "resident memory, at the end",
        None,
        service.meter().resident_mib()?,
        "MiB",
    );
    service.stop().await?;

    sync::power_sync(&args.ironbark, &args.drivers, args.bmcs, &mut report).await?;

    report.print();
    if let Some(file) = &args.json {
        std::fs::write(file, report.json()?)
            .with_context(|| format!("{} can't be written", file.display()))?;
    }
    Ok(())
}
