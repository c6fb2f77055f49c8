//! Measures the rows of bench/README.md: CPU time of the service for each operation, and latency as a client sees it.
//!
//! It starts the service itself, with data of its own, and speaks HTTP to it; what it needs of CPU for that isn't counted.

#![forbid(unsafe_code)]

mod beside;
mod calls;
mod crowd;
mod http;
mod meter;
mod reads;
mod report;
mod service;
mod sizes;
mod soak;
mod sync;
mod work;
mod writes;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};

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
    /// Numbers of nodes at which reads and writes are measured.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 1000, 10_000])]
    sizes: Vec<usize>,
    /// How long the mixed load lasts, in seconds; from 300 on it is held against a bound.
    #[arg(long, default_value_t = 20)]
    soak: u64,
    /// Measures only these parts.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    /// A PostgreSQL URL to measure on, instead of SQLite. The database must be empty, so that only one of the parts `rows`,
    /// `sizes` (of one size) and `load` can be measured on it.
    #[arg(long)]
    database: Option<String>,
    /// Writes the figures to this file as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Calls of a driver.
    Calls,
    /// Start, memory, reads, writes, power, provisioning.
    Rows,
    /// Reads and writes at several numbers of nodes.
    Sizes,
    /// Reads beside writes, many connections, the mixed load.
    Load,
    /// Power sync.
    Sync,
}

impl Args {
    fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
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
    let stored = [Part::Rows, Part::Sizes, Part::Load];
    let on_it = stored.into_iter().filter(|part| args.wants(*part)).count();
    if args.database.is_some() && on_it > 1 {
        bail!("each part needs an empty database: name one of rows, sizes and load with --only");
    }
    let mut report = Report::default();
    if args.wants(Part::Calls) {
        calls::instance_per_call(&args.drivers, args.requests * 5, &mut report).await?;
    }
    if args.wants(Part::Rows) {
        rows(&args, &mut report).await?;
    }
    if args.wants(Part::Sizes) {
        sizes::sizes(&args, &mut report).await?;
    }
    if args.wants(Part::Load) {
        load(&args, &mut report).await?;
    }
    if args.wants(Part::Sync) {
        sync::power_sync(&args.ironbark, &args.drivers, args.bmcs, &mut report).await?;
    }
    report.print();
    if let Some(file) = &args.json {
        std::fs::write(file, report.json()?)
            .with_context(|| format!("{} can't be written", file.display()))?;
    }
    Ok(())
}

/// What an idle service takes, and what each request costs.
async fn rows(args: &Args, report: &mut Report) -> Result<()> {
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

    reads::root(&service, args.requests, report).await?;
    writes::create(&service, args.nodes, report).await?;
    report.row(
        "resident memory, with nodes",
        Some(90.0),
        service.meter().resident_mib()?,
        "MiB",
    );
    reads::one_node(&service, args.requests, report).await?;
    reads::lists(&service, report).await?;
    writes::patch(&service, args.nodes, args.requests / 4, report).await?;
    work::power(&service, report).await?;
    work::provision(&service, report).await?;
    report.row(
        "resident memory, at the end",
        None,
        service.meter().resident_mib()?,
        "MiB",
    );
    service.stop().await
}

/// What it does when many ask at once, and for long.
async fn load(args: &Args, report: &mut Report) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let database = args.database.as_deref();
    let service =
        Service::start(&args.ironbark, &args.drivers, folder.path(), database, &[]).await?;
    writes::fill(&service, args.nodes.max(100)).await?;
    beside::writes(&service, args.requests, report).await?;
    crowd::connections(&service, report).await?;
    soak::mixed_load(&service, Duration::from_secs(args.soak), report).await?;
    service.stop().await
}
