//! Rows of work that goes on after the answer: power and provisioning, 50 nodes at a time.
//!
//! The polls that wait for the nodes are charged to the service, as they are in the figures of Ironic.

use std::time::Instant;

use anyhow::Result;
use serde_json::json;

use crate::http::has;
use crate::report::Report;
use crate::service::Service;

const NODES: usize = 50;
const ROUNDS: usize = 4;

/// Power on until reached.
pub(crate) async fn power(service: &Service, report: &mut Report) -> Result<()> {
    let mut cpu = std::time::Duration::ZERO;
    let mut wall = std::time::Duration::ZERO;
    for _ in 0..ROUNDS {
        switch(service, "power off").await?;
        let (before, start) = (service.meter().cpu()?, Instant::now());
        switch(service, "power on").await?;
        cpu += service.meter().cpu()?.saturating_sub(before);
        wall += start.elapsed();
    }
    report.operations(
        "power on a fake node until reached",
        2.0,
        cpu,
        NODES * ROUNDS,
        wall,
        Vec::new(),
    );
    Ok(())
}

/// enroll → manageable → available → active.
pub(crate) async fn provision(service: &Service, report: &mut Report) -> Result<()> {
    advance(service, "manage", "manageable").await?;
    let (cpu, start) = (service.meter().cpu()?, Instant::now());
    advance(service, "provide", "available").await?;
    advance(service, "active", "active").await?;
    let cpu = service.meter().cpu()?.saturating_sub(cpu);
    report.operations(
        "manageable → available → active, fake",
        8.0,
        cpu,
        NODES,
        start.elapsed(),
        Vec::new(),
    );
    Ok(())
}

async fn switch(service: &Service, target: &str) -> Result<()> {
    for number in 0..NODES {
        service
            .http()
            .put(
                &format!("/v1/nodes/bench-{number}/states/power"),
                &json!({"target": target}),
            )
            .await?;
    }
    service
        .http()
        .wait_for("uuid,power_state,target_power_state", NODES, |node| {
            has(node, "power_state", target)
                && node
                    .get("target_power_state")
                    .is_some_and(serde_json::Value::is_null)
        })
        .await
}

async fn advance(service: &Service, verb: &str, reached: &str) -> Result<()> {
    for number in 0..NODES {
        service
            .http()
            .put(
                &format!("/v1/nodes/bench-{number}/states/provision"),
                &json!({"target": verb}),
            )
            .await?;
    }
    service
        .http()
        .wait_for("uuid,provision_state", NODES, |node| {
            has(node, "provision_state", reached)
        })
        .await
}
