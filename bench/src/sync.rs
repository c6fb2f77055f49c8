//! The row of power sync: many simulated BMCs, polled with warm sessions.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ironbark_bmc_sim::{Command, Rack, RackConfig};
use reqwest::Method;
use serde_json::json;

use crate::http::has;
use crate::report::Report;
use crate::service::Service;

/// Passes that are measured.
const PASSES: u64 = 5;
const PATIENCE: Duration = Duration::from_secs(120);

/// Enrols `count` machines, and measures some passes of power sync over all of them.
pub(crate) async fn power_sync(
    ironbark: &Path,
    drivers: &Path,
    count: usize,
    report: &mut Report,
) -> Result<()> {
    // The simulator has threads of its own: it must not wait for this program's one.
    let simulator = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let rack = simulator
        .spawn(Rack::start(RackConfig {
            count,
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            ..RackConfig::default()
        }))
        .await??;
    let folder = tempfile::tempdir()?;
    let service = Service::start(
        ironbark,
        drivers,
        folder.path(),
        None,
        &[("IRONBARK_CONDUCTOR_SYNC_POWER_STATE_INTERVAL", "1")],
    )
    .await?;
    for (number, bmc) in rack.bmcs().iter().enumerate() {
        let credentials = bmc.credentials();
        let body = json!({
            "name": format!("sync-{number}"),
            "driver": "ipmi",
            "driver_info": {
                "ipmi_address": bmc.address().ip().to_string(),
                "ipmi_port": bmc.address().port(),
                "ipmi_username": credentials.username,
                "ipmi_password": credentials.password,
            },
        });
        service
            .http()
            .timed(Method::POST, "/v1/nodes", Some(&body))
            .await?;
        service
            .http()
            .put(
                &format!("/v1/nodes/sync-{number}/states/provision"),
                &json!({"target": "manage"}),
            )
            .await?;
    }
    service
        .http()
        .wait_for("uuid,provision_state", count.min(1000), |node| {
            has(node, "provision_state", "manageable")
        })
        .await?;
    let polls = || {
        rack.bmcs()
            .iter()
            .map(|bmc| bmc.count(Command::CHASSIS_STATUS))
            .sum::<u64>()
    };
    // One pass to warm the sessions.
    wait_for_polls(polls() + count as u64, &polls).await?;
    let (cpu, before, start) = (service.meter().cpu()?, polls(), Instant::now());
    wait_for_polls(before + PASSES * count as u64, &polls).await?;
    let cpu = service.meter().cpu()?.saturating_sub(cpu);
    let done = usize::try_from(polls() - before).context("more polls than can be counted")?;
    report.operations(
        "poll one IPMI BMC's power (sync)",
        0.5,
        cpu,
        done,
        start.elapsed(),
        Vec::new(),
    );
    service.stop().await?;
    simulator.shutdown_background();
    Ok(())
}

async fn wait_for_polls(wanted: u64, polls: &impl Fn() -> u64) -> Result<()> {
    let start = Instant::now();
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    while start.elapsed() < PATIENCE {
        tick.tick().await;
        if polls() >= wanted {
            return Ok(());
        }
    }
    bail!(
        "power sync did not get there within {} s",
        PATIENCE.as_secs()
    )
}
