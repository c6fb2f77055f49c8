//! The real clients, unpatched: what they can do with Ironic they can do here.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use ironbark_bmc_sim::BmcHandle;
use ironbark_tests::{Service, Setup, Stage, clients, have, rack};
use tokio::process::Command;

/// The CLI takes a second of CPU for a command.
const PATIENCE: Duration = Duration::from_secs(400);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openstack_baremetal_does_the_tour() {
    run("cli.py").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openstacksdk_does_the_tour() {
    run("sdk.py").await;
}

async fn run(script: &str) {
    if !have("clients") {
        return;
    }
    let stage = Stage::shared().await;
    let rack = rack(1).await;
    let bmc = &rack.bmcs()[0];
    let service = Service::start(&stage, Setup::default()).await;
    let said = python(script, &service, bmc).await;
    assert!(said.ends_with("done\n"), "{said}");
    assert!(
        bmc.snapshot().diagnostic_interrupts > 0,
        "the machine was never reached"
    );
}

async fn python(script: &str, service: &Service, bmc: &BmcHandle) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("clients")
        .join(script);
    let user = bmc.credentials();
    let running = Command::new(clients().join("python"))
        .arg(path)
        .arg(service.client().url())
        .args([
            bmc.address().ip().to_string(),
            bmc.address().port().to_string(),
        ])
        .args([user.username, user.password])
        // Nothing of this machine's own cloud configuration.
        .env_clear()
        .env("HOME", service.data())
        .env("PYTHONWARNINGS", "ignore")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, running)
        .await
        .unwrap_or_else(|_| panic!("{script} did not end within {PATIENCE:?}"))
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{script} ended with {}:\n{said}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    said
}
