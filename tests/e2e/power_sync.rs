//! The database and the rack: what drifts is put right, what is silent is left alone.

use std::time::Duration;

use ironbark_bmc_sim::{Answer, BmcHandle, Chance, Command, Faults, PowerFault, Rack};
use ironbark_tests::{Client, Service, Setup, Stage, enrol, eventually, ipmi_node, rack};
use serde_json::Value;

/// Silence is noticed only when a command's time is over, and that several times.
const LONG: Duration = Duration::from_secs(150);

fn watchful() -> Setup {
    Setup::default()
        .set("conductor", "sync_power_state_interval", 0.3)
        .set("conductor", "power_state_sync_max_retries", 2)
        .set("conductor", "power_failure_recovery_interval", 0.3)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_drifts_is_switched_back() {
    let stage = Stage::shared().await;
    let rack = rack(1).await;
    let service = Service::start(&stage, watchful()).await;
    let bmc = running(service.client(), &rack).await.remove(0);
    bmc.set_power(false);
    eventually("the machine to be switched on again", async || {
        bmc.power().then_some(())
    })
    .await;
    let node = service
        .client()
        .wait_for_node("rack-0", "to be on and well", well_and_on)
        .await;
    assert_eq!(node["maintenance"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_machine_is_believed_the_node_follows_it() {
    let stage = Stage::shared().await;
    let rack = rack(1).await;
    let setup = watchful().set("conductor", "force_power_state_during_sync", false);
    let service = Service::start(&stage, setup).await;
    let bmc = running(service.client(), &rack).await.remove(0);
    let sent = bmc.count(Command::CHASSIS_CONTROL);
    bmc.set_power(false);
    service
        .client()
        .wait_for_node("rack-0", "to follow", |node| {
            node["power_state"] == "power off"
        })
        .await;
    assert_eq!(bmc.count(Command::CHASSIS_CONTROL), sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_never_taken_for_off() {
    let stage = Stage::shared().await;
    let rack = rack(1).await;
    let service = Service::start(
        &stage,
        watchful().set("conductor", "power_state_sync_max_retries", 1),
    )
    .await;
    let client = service.client();
    let bmc = running(client, &rack).await.remove(0);
    let sent = bmc.count(Command::CHASSIS_CONTROL);
    bmc.set_faults(Faults {
        silent: true,
        ..Faults::default()
    });
    let node = client
        .wait_for_node_within(LONG, "rack-0", "to be given up", |node| {
            assert_ne!(node["power_state"], "power off", "unknown became off");
            node["maintenance"] == true
        })
        .await;
    assert_eq!(node["power_state"], Value::Null);
    assert_eq!(node["fault"], "power failure");
    assert!(node["maintenance_reason"].is_string(), "{node}");

    bmc.set_faults(Faults::default());
    let node = client
        .wait_for_node_within(LONG, "rack-0", "to recover", |node| {
            assert_ne!(node["power_state"], "power off", "unknown became off");
            node["maintenance"] == false
        })
        .await;
    assert_eq!(node["fault"], Value::Null);
    assert_eq!(node["maintenance_reason"], Value::Null);
    client
        .wait_for_node("rack-0", "to be on", |node| {
            node["power_state"] == "power on"
        })
        .await;
    assert_eq!(
        bmc.count(Command::CHASSIS_CONTROL),
        sent,
        "it was switched though nobody knew"
    );
    assert!(bmc.power());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_can_not_be_put_right_goes_into_maintenance() {
    let stage = Stage::shared().await;
    let rack = rack(1).await;
    let setup = watchful().set("conductor", "power_state_change_timeout", 1);
    let service = Service::start(&stage, setup).await;
    let client = service.client();
    let bmc = running(client, &rack).await.remove(0);
    bmc.set_faults(Faults {
        power: PowerFault::StuckAt(false),
        ..Faults::default()
    });
    let node = client
        .wait_for_node_within(LONG, "rack-0", "to be given up", |node| {
            node["maintenance"] == true
        })
        .await;
    assert_eq!(node["fault"], "power failure");
    assert_eq!(node["power_state"], "power off", "the machine did answer");
    assert!(node["last_error"].is_string(), "{node}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_of_many_machines_at_once_is_not_acted_upon() {
    const MACHINES: usize = 14;
    let stage = Stage::shared().await;
    let rack = rack(MACHINES).await;
    let service = Service::start(&stage, watchful()).await;
    let client = service.client();
    let bmcs = running(client, &rack).await;
    let sent = controls(&bmcs);

    // The power of the hall is gone.
    for bmc in &bmcs {
        bmc.set_power(false);
    }
    passes(&bmcs, 4).await;
    assert_eq!(controls(&bmcs), sent, "machines were switched by the dozen");
    assert!(bmcs.iter().all(|bmc| !bmc.power()));
    assert_eq!(in_maintenance(client).await, 0);
    assert!(
        service
            .log()
            .contains("more than a tenth of this conductor's nodes"),
        "it did not say so"
    );

    // The management network is broken.
    let broken = Faults {
        answers: vec![Answer {
            command: Command::CHASSIS_STATUS,
            code: 0xff,
            chance: Chance::Always,
        }],
        ..Faults::default()
    };
    for bmc in &bmcs {
        bmc.set_faults(broken.clone());
    }
    passes(&bmcs, 5).await;
    assert_eq!(in_maintenance(client).await, 0);

    // Most machines come back by themselves: the rest is few enough to be put right.
    for bmc in bmcs.iter().take(MACHINES - 3) {
        bmc.set_power(true);
    }
    for bmc in &bmcs {
        bmc.set_faults(Faults::default());
    }
    eventually("the rest to be switched on", async || {
        bmcs.iter().all(BmcHandle::power).then_some(())
    })
    .await;
    assert_eq!(in_maintenance(client).await, 0);
}

/// A node for each machine, all of them on; in the order of the rack.
async fn running(client: &Client, rack: &Rack) -> Vec<BmcHandle> {
    for (index, bmc) in rack.bmcs().iter().enumerate() {
        let name = format!("rack-{index}");
        enrol(client, &ipmi_node(&name, bmc)).await;
        client.power(&name, "power on").await.expect(202);
    }
    for index in 0..rack.bmcs().len() {
        client
            .wait_for_node(&format!("rack-{index}"), "to be on", well_and_on)
            .await;
    }
    rack.bmcs().to_vec()
}

fn well_and_on(node: &Value) -> bool {
    node["power_state"] == "power on"
        && node["target_power_state"].is_null()
        && node["reservation"].is_null()
}

/// Waits until each machine's power was asked so many times more.
async fn passes(bmcs: &[BmcHandle], count: u64) {
    let before: Vec<u64> = bmcs
        .iter()
        .map(|bmc| bmc.count(Command::CHASSIS_STATUS))
        .collect();
    eventually("more passes", async || {
        let all = bmcs
            .iter()
            .zip(&before)
            .all(|(bmc, before)| bmc.count(Command::CHASSIS_STATUS) >= before + count);
        all.then_some(())
    })
    .await;
}

fn controls(bmcs: &[BmcHandle]) -> u64 {
    bmcs.iter()
        .map(|bmc| bmc.count(Command::CHASSIS_CONTROL))
        .sum()
}

async fn in_maintenance(client: &Client) -> usize {
    let found = client.get("/v1/nodes?maintenance=true").await.expect(200);
    found["nodes"].as_array().unwrap().len()
}
