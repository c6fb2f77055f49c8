//! Rows of reads.

use std::time::Instant;

use anyhow::Result;

use crate::report::Report;
use crate::service::Service;

/// How often a whole list is read.
const LISTS: usize = 30;

/// `GET /v1`: what a request costs that reads nothing.
pub(crate) async fn root(service: &Service, requests: usize, report: &mut Report) -> Result<()> {
    repeat(
        service,
        "GET /v1",
        0.2,
        requests,
        |_| "/v1".to_owned(),
        report,
    )
    .await
}

/// One node by name.
pub(crate) async fn one_node(
    service: &Service,
    requests: usize,
    report: &mut Report,
) -> Result<()> {
    repeat(
        service,
        "GET one node",
        0.2,
        requests,
        |number| format!("/v1/nodes/bench-{}", number % 50),
        report,
    )
    .await
}

/// 1000 nodes, as a list and in detail.
pub(crate) async fn lists(service: &Service, report: &mut Report) -> Result<()> {
    repeat(
        service,
        "GET 1000 nodes, list",
        6.0,
        LISTS,
        |_| "/v1/nodes?limit=1000".to_owned(),
        report,
    )
    .await?;
    repeat(
        service,
        "GET 1000 nodes, detail",
        12.0,
        LISTS,
        |_| "/v1/nodes/detail?limit=1000".to_owned(),
        report,
    )
    .await
}

pub(crate) async fn repeat(
    service: &Service,
    what: &str,
    must: impl Into<Option<f64>>,
    count: usize,
    path: impl Fn(usize) -> String,
    report: &mut Report,
) -> Result<()> {
    for number in 0..count / 10 {
        service.http().get(&path(number)).await?;
    }
    let mut latencies = Vec::with_capacity(count);
    let (cpu, start) = (service.meter().cpu()?, Instant::now());
    for number in 0..count {
        latencies.push(service.http().get(&path(number)).await?.1);
    }
    let cpu = service.meter().cpu()?.saturating_sub(cpu);
    report.operations(what, must, cpu, count, start.elapsed(), latencies);
    Ok(())
}
