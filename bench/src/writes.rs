//! Rows of writes.

use std::time::Instant;

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};

use crate::report::Report;
use crate::service::Service;

/// Makes `count` nodes, `bench-0` and on.
pub(crate) async fn create(service: &Service, count: usize, report: &mut Report) -> Result<()> {
    let mut latencies = Vec::with_capacity(count);
    let (cpu, start) = (service.meter().cpu()?, Instant::now());
    for number in 0..count {
        let body = node(&format!("bench-{number}"));
        latencies.push(
            service
                .http()
                .timed(Method::POST, "/v1/nodes", Some(&body))
                .await?
                .1,
        );
    }
    let cpu = service.meter().cpu()?.saturating_sub(cpu);
    report.operations("POST a node", 1.0, cpu, count, start.elapsed(), latencies);
    Ok(())
}

/// Makes `count` nodes, `bench-0` and on, without a row.
pub(crate) async fn fill(service: &Service, count: usize) -> Result<()> {
    for number in 0..count {
        let body = node(&format!("bench-{number}"));
        service
            .http()
            .timed(Method::POST, "/v1/nodes", Some(&body))
            .await?;
    }
    Ok(())
}

/// Makes `count` nodes more and removes them again: what a write costs beside those that are there.
pub(crate) async fn come_and_go(
    service: &Service,
    count: usize,
    report: &mut Report,
) -> Result<()> {
    let mut latencies = Vec::with_capacity(count);
    let (cpu, start) = (service.meter().cpu()?, Instant::now());
    for number in 0..count {
        let body = node(&format!("more-{number}"));
        let posted = service
            .http()
            .timed(Method::POST, "/v1/nodes", Some(&body))
            .await?;
        latencies.push(posted.1);
    }
    let used = service.meter().cpu()?.saturating_sub(cpu);
    report.operations("POST a node", 1.0, used, count, start.elapsed(), latencies);
    let mut latencies = Vec::with_capacity(count);
    let (cpu, start) = (service.meter().cpu()?, Instant::now());
    for number in 0..count {
        let path = format!("/v1/nodes/more-{number}");
        let deleted = service.http().timed(Method::DELETE, &path, None).await?;
        latencies.push(deleted.1);
    }
    let used = service.meter().cpu()?.saturating_sub(cpu);
    report.operations(
        "DELETE a node",
        None,
        used,
        count,
        start.elapsed(),
        latencies,
    );
    Ok(())
}

/// A node like any other.
pub(crate) fn node(name: &str) -> Value {
    json!({
        "name": name,
        "driver": "fake-hardware",
        "automated_clean": false,
        "properties": {"cpus": 8, "memory_mb": 65536, "local_gb": 900, "cpu_arch": "x86_64"},
    })
}

/// Changes one key of `extra` of the first nodes, at most 50.
pub(crate) async fn patch(
    service: &Service,
    nodes: usize,
    count: usize,
    report: &mut Report,
) -> Result<()> {
    let mut latencies = Vec::with_capacity(count);
    let (cpu, start) = (service.meter().cpu()?, Instant::now());
    for number in 0..count {
        let body = json!([{"op": "add", "path": "/extra/note", "value": number}]);
        let path = format!("/v1/nodes/bench-{}", number % nodes.clamp(1, 50));
        latencies.push(
            service
                .http()
                .timed(Method::PATCH, &path, Some(&body))
                .await?
                .1,
        );
    }
    let cpu = service.meter().cpu()?.saturating_sub(cpu);
    report.operations("PATCH a node", 1.5, cpu, count, start.elapsed(), latencies);
    Ok(())
}
