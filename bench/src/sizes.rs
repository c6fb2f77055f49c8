//! Reads and writes at several numbers of nodes: what a page costs must not depend on how long the table is.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use reqwest::Method;
use serde_json::Value;

use crate::Args;
use crate::report::Report;
use crate::service::Service;
use crate::{reads, writes};

/// Nodes of a page.
const PAGE: usize = 100;
/// How often a page is read.
const PAGES: usize = 300;
/// Nodes of the largest page that the service gives.
const LARGEST: usize = 1000;
/// How often the whole table is walked, in pages of that size.
const WALKS: usize = 3;
/// What a page may cost more in a table that is longer, as a factor.
const MUST_GROW: f64 = 1.5;

/// Rows whose cost must not grow with the table.
const PAGE_ROWS: &[&str] = &[FIRST_PAGE, IN_DETAIL, LAST_PAGE];
const FIRST_PAGE: &str = "GET a page of 100";
const IN_DETAIL: &str = "GET a page of 100, detail";
const LAST_PAGE: &str = "GET the last page of 100";

/// All rows at each of these numbers of nodes, each on a service of its own.
pub(crate) async fn sizes(args: &Args, report: &mut Report) -> Result<()> {
    for nodes in &args.sizes {
        let folder = tempfile::tempdir()?;
        let database = args.database.as_deref();
        if database.is_some() && args.sizes.len() > 1 {
            bail!("one database can't be empty for several sizes: give one of --sizes at a time");
        }
        let service =
            Service::start(&args.ironbark, &args.drivers, folder.path(), database, &[]).await?;
        report.remark(said(*nodes));
        rows(&service, *nodes, args.requests, report).await?;
        report.remark("");
        service.stop().await?;
    }
    growth(&args.sizes, report);
    Ok(())
}

fn said(nodes: usize) -> String {
    format!(" ({nodes} nodes)")
}

async fn rows(service: &Service, nodes: usize, requests: usize, report: &mut Report) -> Result<()> {
    writes::fill(service, nodes).await?;
    writes::come_and_go(service, requests / 4, report).await?;
    reads::repeat(
        service,
        "GET one node",
        0.2,
        requests,
        |number| format!("/v1/nodes/bench-{}", number % nodes.max(1)),
        report,
    )
    .await?;
    writes::patch(service, nodes, requests / 4, report).await?;
    let first = format!("/v1/nodes?limit={PAGE}");
    reads::repeat(service, FIRST_PAGE, None, PAGES, |_| first.clone(), report).await?;
    let detail = format!("/v1/nodes/detail?limit={PAGE}");
    reads::repeat(service, IN_DETAIL, None, PAGES, |_| detail.clone(), report).await?;
    if nodes > PAGE {
        let last = last_page(service).await?;
        reads::repeat(service, LAST_PAGE, None, PAGES, |_| last.clone(), report).await?;
    }
    walk(service, nodes, report).await?;
    report.row(
        "resident memory",
        None,
        service.meter().resident_mib()?,
        "MiB",
    );
    Ok(())
}

/// The path of the page with the nodes that were made last.
async fn last_page(service: &Service) -> Result<String> {
    let path = format!("/v1/nodes?limit={}&sort_dir=desc", PAGE + 1);
    let (text, _) = service.http().get(&path).await?;
    let body: Value = serde_json::from_str(&text)?;
    let before = body
        .get("nodes")
        .and_then(|nodes| nodes.get(PAGE))
        .and_then(|node| node.get("uuid"))
        .and_then(Value::as_str)
        .context("there is no page before the last one")?;
    Ok(format!("/v1/nodes?limit={PAGE}&marker={before}"))
}

/// All nodes, in the largest pages that there are: what a node costs in it.
async fn walk(service: &Service, nodes: usize, report: &mut Report) -> Result<()> {
    let mut latencies = Vec::new();
    let mut seen = 0;
    let (cpu, start) = (service.meter().cpu()?, Instant::now());
    for _ in 0..WALKS {
        let mut path = Some(format!("/v1/nodes?limit={LARGEST}"));
        while let Some(next) = path.take() {
            let (text, took) = service.http().timed(Method::GET, &next, None).await?;
            latencies.push(took);
            let body: Value = serde_json::from_str(&text)?;
            seen += body
                .get("nodes")
                .and_then(Value::as_array)
                .map_or(0, Vec::len);
            let url = body.get("next").and_then(Value::as_str);
            path = url.and_then(|url| Some(url.get(url.find("/v1/")?..)?.to_owned()));
        }
    }
    let cpu = service.meter().cpu()?.saturating_sub(cpu);
    if seen != nodes * WALKS {
        bail!("{seen} nodes were seen in {WALKS} walks over {nodes}");
    }
    // Counted by nodes, so that sizes can be compared; the latencies are those of pages.
    report.operations(
        "GET all nodes in pages of 1000, a node",
        None,
        cpu,
        seen,
        start.elapsed(),
        latencies,
    );
    Ok(())
}

/// What a page costs in the longest table over what it costs in the shortest that has a whole page.
fn growth(sizes: &[usize], report: &mut Report) {
    let full = || sizes.iter().copied().filter(|nodes| *nodes > PAGE);
    let (Some(short), Some(long)) = (full().min(), full().max()) else {
        return;
    };
    if short == long {
        return;
    }
    for row in PAGE_ROWS {
        let figure = |nodes: usize| report.figure(&format!("{row}{}", said(nodes)));
        if let (Some(few), Some(many)) = (figure(short), figure(long)) {
            let what = format!("{row}: at {long} nodes over {short}");
            report.row(&what, Some(MUST_GROW), many / few, "×");
        }
    }
}
